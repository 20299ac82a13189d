#!/bin/bash
# Builds the images of arm.clab.yml and writes what its nodes start from into work/ beside it. Arguments are sizes,
# for example --routes 20000 --routes6 5000 (lab/README.md). ENGINE chooses between docker and podman.
set -euo pipefail
cd "$(dirname "$0")/../.."

if [ -z "${ENGINE:-}" ]; then
    ENGINE=$(command -v docker || command -v podman) || { echo "build.sh: needs docker or podman" >&2; exit 1; }
fi
# A context of its own: whatever else lies in the checkout is neither sent nor copied.
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
tar -c --exclude=__pycache__ --exclude=lab/containerlab/work --exclude=lab/containerlab/clab-arm \
    arm lab constraints.txt hatch_build.py pyproject.toml README.md LICENSE | tar -x -C "$context"
for target in switch neighbour source; do
    "$ENGINE" build --target "$target" -t "arm-lab/$target" \
        -f "$context/lab/containerlab/Dockerfile" "$context"
done

work=$(realpath -m "${ARM_LAB_WORK:-lab/containerlab/work}")
mkdir -p "$work"
"$ENGINE" run --rm --network none -v "$work:/work" arm-lab/source \
    python3 -m lab files --workdir /work --strategy safe "$@"
