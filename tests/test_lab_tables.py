"""The lab's full tables: like the Internet's, the same from the same seed, and true about themselves."""

import gzip
import ipaddress
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from arm.model import AsPathSegment, Family
from lab.active import choose_active, load, save
from lab.attributes import AS_SET, make_upstreams, preferred
from lab.birdfiles import write_all
from lab.generate import from_file, generated
from lab.plan import EXCHANGE, KEPT_OUT, NEIGHBOURS, TEST_RICH, TEST_SINGLE, TRANSIT1, TRANSIT2, LabError
from lab.tables import FamilyTable, Table


@pytest.fixture(scope="module")
def table() -> Table:
    return generated(20_000, 5_000, seed=1)


def covered(table: FamilyTable) -> float:
    """The share of prefixes that lie inside another."""
    ends: list[int] = []
    count = 0
    for key, length in zip(table.keys.tolist(), table.lengths.tolist(), strict=True):
        while ends and ends[-1] < key:
            ends.pop()
        count += bool(ends)
        ends.append(key + (1 << (64 - length)) - 1)
    return count / len(table)


def test_equal_seeds_give_equal_tables(table: Table) -> None:
    again, other = generated(20_000, 5_000, seed=1), generated(20_000, 5_000, seed=2)
    for family in Family:
        assert again[family].prefixes == table[family].prefixes
        assert [again[family].route(at) for at in range(50)] == [table[family].route(at) for at in range(50)]
        assert other[family].prefixes != table[family].prefixes


def test_it_has_the_size_the_mix_and_the_nesting_of_the_internet(table: Table) -> None:
    for family, size, length, share, nested in (
        (Family.IPV4, 20_000, 24, 0.63, 0.51),
        (Family.IPV6, 5_000, 48, 0.45, 0.56),
    ):
        lengths = Counter(table[family].lengths.tolist())
        assert len(set(table[family].prefixes)) == size
        assert lengths[length] / size == pytest.approx(share, abs=0.01)
        assert covered(table[family]) == pytest.approx(nested, abs=0.03)
        best = Counter(table[family].route(at).best.name for at in range(0, size, 5))
        assert best[EXCHANGE.name] / best.total() == pytest.approx(0.25, abs=0.1)
        assert best[TRANSIT1.name] / best.total() > 0.2
        assert best[TRANSIT2.name] / best.total() > 0.2
    attributes = {table[Family.IPV4].route(at).attributes[TRANSIT1.name] for at in range(20_000)}
    assert 2_000 < len(attributes) < 10_000  # shared by several prefixes each


def test_special_and_steered_space_stays_free(table: Table) -> None:
    for family in Family:
        networks = [ipaddress.ip_network(prefix) for prefix in table[family].prefixes]  # strict: canonical
        first = [int(network.network_address) for network in networks]
        last = [int(network.broadcast_address) for network in networks]
        for kept in KEPT_OUT[family]:
            low, high = int(kept.network_address), int(kept.broadcast_address)
            assert not any(a <= high and b >= low for a, b in zip(first, last, strict=True))
        for steered in (TEST_SINGLE[family], TEST_RICH[family]):
            assert ipaddress.ip_address(steered.address) in ipaddress.ip_network(steered.prefix)
            assert table.match(steered.address) is None


def test_lookup_is_the_longest_match(table: Table) -> None:
    chance = random.Random(3)
    for family in Family:
        networks = [ipaddress.ip_network(prefix) for prefix in table[family].prefixes]
        for network in chance.sample(networks, 20):
            value = int(network.network_address) + chance.randrange(network.num_addresses)
            address = ipaddress.ip_address(value.to_bytes(family.bits // 8, "big"))
            matches = [at for at, other in enumerate(networks) if address in other]
            assert table[family].lookup(str(address)) == max(matches, key=lambda at: networks[at].prefixlen)
    assert table.match("10.1.2.3") is None
    assert table.get("203.0.113.0/24") is None


def test_pure_addresses_match_their_own_prefix(table: Table) -> None:
    chance = random.Random(1)
    for family in Family:
        without = 0
        for index in range(0, len(table[family]), 7):
            addresses = table[family].pure_addresses(index, 3, chance)
            without += not addresses
            assert all(table[family].lookup(address) == index for address in addresses)
        assert without < len(table[family]) / 7 / 20


def test_a_prefix_that_is_all_covered_has_no_pure_address() -> None:
    halves = FamilyTable(
        Family.IPV4,
        np.array([20 << 56, 20 << 56, 20 << 56 | 1 << 55], np.uint64),
        np.array([8, 9, 9], np.uint8),
        np.array([1, 2, 3], np.uint32),
        np.array([0, 0, 0], np.uint16),
        make_upstreams(1, 0.0, np.random.default_rng(1)),
    )
    assert halves.prefixes == ["20.0.0.0/8", "20.0.0.0/9", "20.128.0.0/9"]
    chance = random.Random(1)
    assert halves.pure_addresses(0, 3, chance) == []
    assert len(halves.pure_addresses(2, 3, chance)) == 3


def test_the_best_neighbour_is_birds_choice() -> None:
    assert preferred({"transit1": (1, 2), "transit2": (1,)}) == "transit2"
    assert preferred({"transit1": (1,), "transit2": (2,)}) == "transit1"  # lower router id
    assert preferred({"transit1": (), "transit2": (2,), "exchange": (1, 2, 3)}) == "exchange"


def test_some_routes_have_an_as_set_at_transit1(table: Table) -> None:
    index = int(np.flatnonzero(table[Family.IPV4].via == AS_SET)[0])
    route = table[Family.IPV4].route(index)
    path = route.attributes[TRANSIT1.name].as_path
    assert [segment.kind for segment in path] == ["as-sequence", "as-set"]
    assert route.best == TRANSIT1
    assert route.attributes[TRANSIT2.name].as_path[0] == AsPathSegment(
        "as-sequence", (TRANSIT2.asn, *path_of(table, TRANSIT2.name), int(table[Family.IPV4].origins[index]))
    )


def path_of(table: Table, neighbour: str) -> tuple[int, ...]:
    return table[Family.IPV4].upstreams[AS_SET].paths[neighbour]


def test_bird_gets_every_route_once(table: Table, tmp_path: Path) -> None:
    write_all(tmp_path, table, {Family.IPV4: 10, Family.IPV6: 20})
    for neighbour in NEIGHBOURS:
        written = (tmp_path / neighbour.name / "table.conf").read_text()
        if neighbour == TRANSIT1:
            written += (tmp_path / neighbour.name / "exabgp.conf").read_text()
        prefixes = [
            line.split()[1] for line in written.splitlines() if line.startswith(("  route", "    route"))
        ]
        wanted = [family.prefixes[at] for family in table for at in family.announced(neighbour).tolist()]
        steered = [TEST_RICH[family].prefix for family in Family] if neighbour == TRANSIT1 else []
        assert sorted(prefixes) == sorted([*wanted, *steered])
    assert "ARM_LIMIT6 = 20;" in (tmp_path / "switch" / "limits.conf").read_text()


@pytest.mark.parametrize("packed", [False, True])
def test_a_table_from_a_file(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / ("table.tsv.gz" if packed else "table.tsv")
    text = "# a comment\n1.0.0.0/24\t13335\n1.0.0.0/16 64.1.2.3\n2a00:1450::/32\t15169\n"
    text += "0.0.0.0/0 1\n10.1.0.0/16 1\n203.0.0.0/16 1\n2a00::/65 1\n\n"
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    table = from_file(path, seed=1)
    assert table[Family.IPV4].prefixes == ["1.0.0.0/16", "1.0.0.0/24"]
    assert table[Family.IPV6].prefixes == ["2a00:1450::/32"]
    found = table.match("1.0.0.9")
    assert found is not None
    assert found.attributes[TRANSIT1.name].as_path[0].numbers[-1] == 13335


def test_a_bad_table_file_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "table"
    path.write_text("1.0.0.0/24 1\n1.0.0.0/33 1\n")
    with pytest.raises(LabError, match=r"table:2: .*1\.0\.0\.0/33"):
        from_file(path, seed=1)
    with pytest.raises(LabError, match="cannot read"):
        from_file(tmp_path / "absent", seed=1)


def test_active_prefixes(table: Table, tmp_path: Path) -> None:
    counts = {Family.IPV4: 500, Family.IPV6: 100}
    active = choose_active(table, counts, share6=0.2, alpha=1.0, seed=1)
    assert active == choose_active(table, counts, share6=0.2, alpha=1.0, seed=1)
    assert Counter(Family.of(prefix.prefix) for prefix in active) == counts
    assert sum(prefix.weight for prefix in active) == pytest.approx(1.0)
    assert sum(prefix.weight for prefix in active if ":" in prefix.prefix) == pytest.approx(0.2)
    for prefix in active:
        assert 1 <= len(prefix.addresses) <= 3
        for address in prefix.addresses:
            found = table.match(address)
            assert found is not None
            assert found.prefix == prefix.prefix
    save(tmp_path / "active.json", active)
    assert load(tmp_path / "active.json") == active


def test_tiny_and_empty_tables() -> None:
    table = generated(1, 0, seed=1)
    assert len(table[Family.IPV4]) == 1
    active = choose_active(table, {Family.IPV4: 10, Family.IPV6: 10}, share6=0.2, alpha=1.0, seed=1)
    assert [prefix.weight for prefix in active] == [1.0]
