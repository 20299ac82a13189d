"""How much ExaBGP is given at a time."""

from __future__ import annotations

import pytest

from arm.announce import speaker as rules
from arm.announce.commands import SETS_PER_COMMAND
from arm.model import NO_ATTRIBUTES, Entry, Family, Prefix
from tests.announce.daemon import HOPS, PLACES, started
from tests.announce.test_company import wanted

families = pytest.mark.parametrize("family", Family)
FULL = 20


@pytest.fixture
def _little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "OUTSTANDING", FULL)
    monkeypatch.setattr(rules, "REFILL", FULL // 2)


@families
@pytest.mark.usefixtures("_little")
def test_answers_do_not_make_the_queue_grow(family: Family) -> None:
    """ExaBGP answers when it has read a command, and writes to the wire at its leisure."""
    daemon = started(family)
    entries = wanted(family, 40)
    daemon.speaker.want(family, entries)
    deepest = 0
    for _ in range(200):
        daemon.now += 0.1
        daemon.says()
        while daemon.pipe:
            daemon.exabgp_reads()
        deepest = max(deepest, len(daemon.queue))
        daemon.exabgp_writes()
        daemon.kernel_follows()
    assert SETS_PER_COMMAND < deepest < FULL + SETS_PER_COMMAND
    assert {*daemon.kernel} == {*entries}


@families
@pytest.mark.usefixtures("_little")
def test_a_repair_goes_before_the_rest(family: Family) -> None:
    daemon = started(family, [39])
    where = Prefix(PLACES[family][39])
    daemon.speaker.want(family, wanted(family, 40))
    daemon.says()
    moved = Entry(where, HOPS[family][1], NO_ATTRIBUTES)
    daemon.speaker.correct(where, moved)
    daemon.speaker.amend(where, moved)
    for _ in range(FULL):
        while daemon.pipe:
            daemon.exabgp_reads()
        daemon.exabgp_writes()
        told = daemon.says()
        if told:
            assert told == {where: moved.next_hop}, "before any step, though there are many"
            return
    raise AssertionError("never")
