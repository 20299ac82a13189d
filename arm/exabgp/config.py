"""ExaBGP's two files, generated: the neighbours, and the environment that makes it fit for a full table.

ExaBGP opens both sessions and listens nowhere: else it would try to accept() after each message that it
handles, a fifth of its time while it learns. Both end at the same BIRD, which tells them apart by our address
(`local_ip`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Session:
    """One iBGP session as ExaBGP sees it: `peer_ip` is BIRD, `local_ip` is ours."""

    name: str
    peer_ip: str
    local_ip: str
    asn: int
    router_id: str

    @property
    def selector(self) -> str:
        """How an API command names this session."""
        return f"neighbor {self.peer_ip} local-ip {self.local_ip}"


@dataclass(frozen=True, slots=True)
class Speaker:
    """Everything ExaBGP has to know. Times in seconds."""

    reflector: Session
    target: Session
    port: int  # BIRD's
    hold_time: int
    restart_time: int
    user: str  # the account ExaBGP runs under: ours, or it would change to "nobody"


_NEIGHBOUR = """\
neighbor {peer_ip} {{
    description "{name}";
    local-address {local_ip};
    router-id {router_id};
    local-as {asn};
    peer-as {asn};
    hold-time {hold_time};
    passive false;
    connect {port};
    # No copy of either table inside ExaBGP: ARM holds both, and sends again what a new session needs.
    adj-rib-in false;
    adj-rib-out {adj_rib_out};
    # BIRD keeps the previous routes until ARM says, family by family, that its first choice is complete.
    manual-eor true;
    capability {{
        route-refresh {route_refresh};
        graceful-restart {graceful_restart};
        asn4 enable;
        extended-message enable;
        add-path disable;
        multi-session disable;
    }}
    family {{ ipv4 unicast; ipv6 unicast; }}
    api {{ processes [ arm ]; neighbor-changes; {messages} }}
}}
"""


def configuration(speaker: Speaker, pipe_command: str) -> str:
    """The text of exabgp.conf. `pipe_command` is the program that hands ExaBGP's pipe to ARM."""
    neighbours = [
        # Whole table in; a restart of this session is a fresh start, nothing is kept on either side.
        # Route refresh is there to ask BIRD for everything again; ExaBGP ties it to adj-rib-out (empty here).
        _neighbour(speaker, speaker.reflector, "disable", "enable", "receive { parsed; update; }"),
        # Chosen entries out. `send` echoes each UPDATE when it is written to the wire: the only proof
        # that a change has left ExaBGP's queue, where two changes of one prefix could pass each other.
        # No route refresh: answering one would make ExaBGP keep a copy of everything.
        _neighbour(speaker, speaker.target, str(speaker.restart_time), "disable", "send { parsed; update; }"),
    ]
    process = f"process arm {{\n    run {pipe_command};\n    encoder json;\n    respawn false;\n}}\n"
    return process + "".join(neighbours)


def _neighbour(
    speaker: Speaker, session: Session, graceful_restart: str, route_refresh: str, messages: str
) -> str:
    return _NEIGHBOUR.format(
        peer_ip=session.peer_ip,
        port=speaker.port,
        name=session.name,
        local_ip=session.local_ip,
        router_id=session.router_id,
        asn=session.asn,
        hold_time=speaker.hold_time,
        graceful_restart=graceful_restart,
        route_refresh=route_refresh,
        adj_rib_out="true" if route_refresh == "enable" else "false",
        messages=messages,
    )


def environment(speaker: Speaker) -> str:
    """The text of exabgp.env."""
    return f"""\
[exabgp.daemon]
user = '{speaker.user}'
daemonize = false
drop = false
[exabgp.api]
ack = true
cli = false
compact = true
respawn = false
terminate = true
[exabgp.log]
level = WARNING
destination = 'stderr'
short = true
"""
