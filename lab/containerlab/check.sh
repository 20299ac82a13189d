#!/bin/bash
# Says whether a running lab works: a line per question, exit code 0 only if every answer is yes. It changes
# nothing but the neighbours' counters. The strategy has to be one that never misforwards: safe or optimal.
#
#   ARM_LAB_EXEC  how a command is run in a node, whose name goes where NODE stands
#                 ("docker exec -i clab-arm-NODE"; with the namespace runner: "lab/run NODE")
#   ARM_LAB_WAIT  seconds that may pass until sessions are up and entries are installed (120)
set -uo pipefail
here=$(dirname "$(realpath "$0")")
deadline=$((SECONDS + ${ARM_LAB_WAIT:-120}))
neighbours=(transit1 transit2 exchange) # neighbour N is behind the switch's ethN: 10.0.N.2, 2001:db8:N::2
FINAL=2                                 # the exit code of a no that waiting does not mend

in_node() {
    local node=$1 words
    shift
    read -ra words <<<"${ARM_LAB_EXEC:-docker exec -i clab-arm-NODE}"
    "${words[@]//NODE/$node}" "$@"
}

# --- ARM's own figures, the page's: lines `FAMILY NAME VALUE`

figures() {
    in_node switch python3 -c '
import json, urllib.request
with urllib.request.urlopen("http://127.0.0.1:8008/api/v1/status", timeout=10) as answer:
    for family in json.load(answer)["families"]:
        for name, value in family.items():
            print(family["family"], name, value)'
}

figure() { awk -v family="ipv$1" -v name="$2" '$1 == family && $2 == name {print $3}' <<<"$shown"; }

# --- the questions: each prints what it found

sessions() {
    local listed down
    listed=$(in_node switch birdc show protocols | awk '$2 == "BGP"')
    down=$(awk '$6 != "Established" {print $1}' <<<"$listed" | xargs)
    echo "$(wc -l <<<"$listed") of the switch, down: ${down:-none}"
    [ -z "$down" ] && grep -q '^arm_reflector ' <<<"$listed" && grep -q '^arm_target ' <<<"$listed"
}

# Every network of BIRD's full table but the default.
tables() {
    local version networks learned failed=0
    for version in 4 6; do
        networks=$(in_node switch birdc show route table "full$version" count |
            sed -n "s/.* for \([0-9]*\) networks in table full$version\$/\1/p")
        learned=$(figure $version rib_routes)
        echo -n "IPv$version ${networks:-no} networks in BIRD, ${learned:-no} routes and the default in ARM. "
        [ "${networks:-0}" -gt 1 ] && [ "$learned" = $((networks - 1)) ] || failed=1
    done
    return $failed
}

active() {
    echo "IPv4 $(figure 4 state), IPv6 $(figure 6 state)"
    [ "$(figure 4 state)" = active ] && [ "$(figure 6 state)" = active ]
}

entries() {
    local version kernel before=$shown failed=0
    local -A in_kernel
    for version in 4 6; do
        in_kernel[$version]=$(in_node switch ip "-$version" route show proto bird | grep -c '^[^d[:space:]]')
    done
    shown=$(figures)
    for version in 4 6; do
        kernel=${in_kernel[$version]}
        echo -n "IPv$version $kernel in the kernel, $(figure $version installed) on the page, "
        echo -n "missing $(figure $version missing), unexpected $(figure $version unexpected). "
        [ "$kernel" -gt 0 ] && [ "$(figure $version missing) $(figure $version unexpected)" = "0 0" ] &&
            [ "$(figure $version installed)" = "$kernel" ] && [ "$(shown=$before figure $version installed)" = "$kernel" ] ||
            failed=1
    done
    return $failed
}

# By the kernel's routes, none of all addresses; by samples, no byte, but for what fades of those that came while
# the tables were being learned.
misforwarded() {
    local version bytes failed=0
    for version in 4 6; do
        bytes=$(figure $version misforwarded)
        echo -n "IPv$version $(figure $version misforwarded_addresses) addresses, ${bytes:-none} of the bytes. "
        [ "$(figure $version misforwarded_addresses)" = 0 ] &&
            awk -v bytes="${bytes:-none}" 'BEGIN { exit !(bytes ~ /^[0-9.e-]+$/ && bytes < 0.0001) }' || failed=1
    done
    return $failed
}

# Packets, not words: where the busiest destinations really arrived, against the kernel and BIRD's full table.
traffic() {
    local node version
    for node in "${neighbours[@]}"; do
        in_node "$node" nft 'flush set netdev lab seen4; flush set netdev lab seen6' || return
    done
    sleep 2
    for version in 4 6; do
        for node in "${!neighbours[@]}"; do
            in_node "${neighbours[node]}" nft list set netdev lab "seen$version" |
                grep -oE '[0-9a-f.:]+ counter packets [0-9]+' | sort -k4nr | sed -n 1,25p |
                awk -v link=$((node + 1)) -v version=$version \
                    '{print version == 4 ? "10.0." link ".2" : "2001:db8:" link "::2", $1, $4}'
        done
    done | in_node switch python3 -c "$(<"$here/arrivals.py")"
}

# --- asking them

failures=0
ask() {
    local question=$1 answer code
    while :; do
    shown=$(figures 2>/dev/null)
        answer=$($question 2>&1)
        code=$?
        [ $code = 0 ] || [ $code = $FINAL ] || [ $SECONDS -ge $deadline ] || { sleep 1 && continue; }
        break
    done
    [ $code = 0 ] && echo "ok    $question: $answer" && return
    echo "FAIL  $question: $answer"
    failures=$((failures + 1))
}

for question in sessions tables active entries misforwarded traffic; do
    ask $question
done
[ $failures = 0 ]
