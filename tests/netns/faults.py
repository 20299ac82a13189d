"""The faults: what is done, and what is done about it by whoever looks after the broken part."""

from __future__ import annotations

import signal

from arm.model import Family
from lab.plan import NEIGHBOURS, SWITCH
from tests.netns.faults_arm import (
    break_configuration,
    corrupt_state,
    empty_disk,
    fill_disk,
    flush_burst,
    hit_import_limit,
    jump,
    lift_import_limit,
    lower_capacity,
    overrun,
    raise_capacity,
    repair_configuration,
)
from tests.netns.faults_network import defaults, link_down, link_up, sessions
from tests.netns.faults_outcome import Fault, nothing, several
from tests.netns.faults_processes import (
    kill_agent,
    signal_exabgp,
    silence_agent,
    start_agent,
    start_arm,
    start_bird,
    stop_arm,
    stop_bird,
    wake_agent,
)

KILL, TERM = signal.SIGKILL, signal.SIGTERM

FAULTS = (
    Fault("nothing", nothing, lasts=10),
    Fault("ARM killed", stop_arm(KILL), start_arm),
    Fault("ARM restarted", stop_arm(TERM), start_arm, lasts=0),
    Fault("ExaBGP killed", signal_exabgp(KILL)),
    Fault("ExaBGP ended", signal_exabgp(TERM), slow=True),
    Fault(
        "ExaBGP stopped 60 s",
        signal_exabgp(signal.SIGSTOP),
        signal_exabgp(signal.SIGCONT),
        60,
        60,
        slow=True,
    ),
    Fault("BIRD killed", stop_bird(SWITCH, KILL), start_bird(SWITCH)),
    Fault("BIRD restarted", stop_bird(SWITCH, TERM), start_bird(SWITCH), lasts=0, slow=True),
    Fault("sFlow silent", silence_agent, wake_agent, lasts=15),
    Fault("sFlow agent killed", kill_agent, start_agent, keeps_packets=False),
    Fault(
        "transit session down",
        sessions("disable", "transit1"),
        sessions("enable", "transit1"),
        lasts=6,
        keeps_routes=False,
        keeps_packets=False,
    ),
    Fault(
        "exchange session down",
        sessions("disable", "exchange"),
        sessions("enable", "exchange"),
        lasts=6,
        keeps_routes=False,
        keeps_packets=False,
        slow=True,
    ),
    Fault(
        "transit's BIRD killed",
        stop_bird("transit2", KILL),
        start_bird("transit2"),
        lasts=6,
        keeps_routes=False,
        keeps_packets=False,
        slow=True,
    ),
    Fault(
        "link down",
        link_down("transit1"),
        link_up("transit1"),
        lasts=6,
        keeps_routes=False,
        keeps_packets=False,
        slow=True,
    ),
    Fault(
        "default moved",
        defaults("disable", "transit1"),
        defaults("enable", "transit1"),
        lasts=6,
        keeps_routes=False,
        slow=True,
    ),
    Fault(
        "default withdrawn",
        defaults("disable", "transit1", "transit2"),
        defaults("enable", "transit1", "transit2"),
        lasts=6,
        keeps_packets=False,
    ),
    Fault("import limit hit", hit_import_limit, lift_import_limit, lasts=6, keeps_routes=False, slow=True),
    Fault("capacity lowered", lower_capacity, raise_capacity, lasts=8, keeps_routes=False),
    Fault(
        "broken configuration",
        break_configuration,
        repair_configuration,
    ),
    Fault(
        "family vanished",
        several(*(sessions("disable", each.name, (Family.IPV6,)) for each in NEIGHBOURS)),
        several(*(sessions("enable", each.name, (Family.IPV6,)) for each in NEIGHBOURS)),
        lasts=6,
        keeps_routes=False,
        keeps_packets=False,
        slow=True,
    ),
    Fault(
        "state corrupt",
        corrupt_state,
        start_arm,
        lasts=0,
        slow=True,
    ),
    Fault("clock jumped", jump(36_000.0), jump(-3_600.0), lasts=6, slow=True),
    Fault("disk full", fill_disk, empty_disk, lasts=10, slow=True),
    Fault(
        "disk full, ExaBGP killed",
        several(fill_disk, signal_exabgp(KILL)),
        empty_disk,
        lasts=6,
        slow=True,
    ),
    Fault("kernel events lost", overrun, flush_burst, lasts=6, keeps_packets=False, slow=True),
)
