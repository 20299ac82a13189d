"""Generated files for the nodes' BIRD and ExaBGP: the tables, and the limits of the switch.

Attributes that many routes share are functions, called in each route's block: written out in every route
they would cost four times the memory. BIRD looks functions up one by one, so there are only hundreds.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from arm.model import AsPathSegment, Attributes, Family, Prefix
from lab.attributes import AS_SET, Upstreams
from lab.plan import BUNCH_STRIDE, BUNCHES, NEIGHBOURS, SWITCH, TEST_RICH, TRANSIT1, Neighbour
from lab.tables import FamilyTable, Table

AS_SET_SPEAKER = "127.0.0.2"  # ExaBGP's address beside transit1's BIRD
AS_SET_PORT = 1790
_AS_SET_NEXT_HOP = {Family.IPV4: "198.18.0.9", Family.IPV6: "100::9"}

# What the switch receives for TEST_RICH.
TEST_RICH_ATTRIBUTES = Attributes(
    origin="incomplete",
    as_path=(
        AsPathSegment("as-sequence", (TRANSIT1.asn, 64905, 4_200_000_001)),
        AsPathSegment("as-set", (64906, 64907, 64908)),
    ),
    med=77,
    communities=((64501, 100), (64501, 200), (64905, 7)),
    large_communities=((64501, 1, 2), (4_200_000_001, 3, 4)),
    extended_communities=(0x0002_FBF5_0000_0064, 0x0003_FBF5_0000_00C8),  # route target, route origin
)


def write_all(work: Path, table: Table, limits: dict[Family, int]) -> None:
    """Every generated file, in one folder per node below `work`."""
    for neighbour in NEIGHBOURS:
        folder = work / neighbour.name
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "table.conf").open("w") as file:
            for family_table in table:
                file.writelines(_static(family_table, neighbour))
    (work / TRANSIT1.name / "exabgp.conf").write_text(_exabgp(table))
    (work / SWITCH).mkdir(parents=True, exist_ok=True)
    (work / SWITCH / "limits.conf").write_text(
        f"define ARM_LIMIT4 = {limits[Family.IPV4]};\ndefine ARM_LIMIT6 = {limits[Family.IPV6]};\n"
    )


def _static(table: FamilyTable, neighbour: Neighbour) -> Iterator[str]:
    label = table.family.label
    calls = []
    for number, upstreams in enumerate(table.upstreams):
        own = upstreams.as_set and neighbour == TRANSIT1
        if neighbour.name in upstreams.paths and not own:
            yield f"function {label}_{number}() {{ {' '.join(_statements(upstreams, neighbour))} }}\n"
        calls.append(f"{label}_{number}();")
    indices = table.announced(neighbour)
    if neighbour == TRANSIT1:
        indices = indices[table.via[indices] != AS_SET]
    prefixes, origins, via = table.prefixes, table.origins.tolist(), table.via.tolist()
    repeat = [upstreams.repeat for upstreams in table.upstreams]
    for name, members in _protocols(indices):
        yield f"protocol static {name}_{label} {{\n  {label};\n"
        for index in members.tolist():
            which = via[index]
            prepend = f"bgp_path.prepend({origins[index]});" * repeat[which]
            yield f"  route {prefixes[index]} blackhole {{ {prepend}{calls[which]} }};\n"
        yield "}\n"


def _protocols(indices: NDArray[np.intp]) -> Iterator[tuple[str, NDArray[np.intp]]]:
    """The routes by protocol: a bunch has the same prefixes at every neighbour that announces them."""
    place = indices % BUNCH_STRIDE
    yield "table", indices[place >= BUNCHES]
    for number in range(BUNCHES):
        yield f"bunch{number}", indices[place == number]


def _statements(upstreams: Upstreams, neighbour: Neighbour) -> Iterator[str]:
    for asn in reversed(upstreams.paths[neighbour.name]):
        yield f"bgp_path.prepend({asn});"
    yield f"bgp_origin = ORIGIN_{upstreams.origin.upper()};"
    for high, low in upstreams.communities:
        yield f"bgp_community.add(({high},{low}));"
    for first, second, third in upstreams.large_communities:
        yield f"bgp_large_community.add(({first},{second},{third}));"
    for high, low in upstreams.extended_communities:
        yield f"bgp_ext_community.add((rt,{high},{low}));"
    if upstreams.med is not None:
        yield f"bgp_med = {upstreams.med};"


def _exabgp(table: Table) -> str:
    """ExaBGP beside transit1's BIRD, in its AS, with the routes that have an AS_SET."""
    lines = []
    for family in Family:
        lines.append(_announce(TEST_RICH[family].prefix, TEST_RICH_ATTRIBUTES))
        of_family = table[family]
        for index, via in enumerate(of_family.via.tolist()):
            if via == AS_SET:
                origin = int(of_family.origins[index])
                attributes = of_family.upstreams[via].attributes(TRANSIT1, origin)
                lines.append(_announce(of_family.prefixes[index], attributes))
    routes = "\n    ".join(lines)
    return f"""neighbor 127.0.0.1 {{
  local-address {AS_SET_SPEAKER}; router-id 192.0.2.21;
  local-as {TRANSIT1.asn}; peer-as {TRANSIT1.asn}; hold-time 180; passive true;
  family {{ ipv4 unicast; ipv6 unicast; }}
  static {{
    {routes}
  }}
}}
"""


def _announce(prefix: Prefix, attributes: Attributes) -> str:
    first, rest = attributes.as_path
    # transit1 adds its own AS number when it passes the route on.
    path = f"[ {' '.join(map(str, first.numbers[1:]))} ] ( {' '.join(map(str, rest.numbers))} )"
    words = [
        f"route {prefix} next-hop {_AS_SET_NEXT_HOP[Family.of(prefix)]}",
        f"origin {attributes.origin}",
        f"as-path {path}",
    ]
    if attributes.med is not None:
        words.append(f"med {attributes.med}")
    if attributes.communities:
        words.append(f"community [ {' '.join(f'{a}:{b}' for a, b in attributes.communities)} ]")
    if attributes.large_communities:
        texts = (":".join(map(str, community)) for community in attributes.large_communities)
        words.append(f"large-community [ {' '.join(texts)} ]")
    if attributes.extended_communities:
        texts = (f"0x{community:016x}" for community in attributes.extended_communities)
        words.append(f"extended-community [ {' '.join(texts)} ]")
    return " ".join(words) + ";"
