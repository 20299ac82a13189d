"""GET /api/v1/curve and /simulate, and how seldom the work for them is done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from arm.model import Family
from arm.picture_curve import CurveSeen
from arm.web.answers import AnswerThread
from arm.web.curve import Kept
from tests.explaining import ExplainingDaemon
from tests.web.test_map import ask, busy


def test_a_curve() -> None:
    [(code, body), (_, six)] = ask(busy(), "curve?family=ipv4", "curve?family=ipv6")
    assert (code, body["family"], body["capacity"]) == (200, "ipv4", 10)
    assert body["entries"] == [1, 2, 5, 10]
    shares = body["strategies"]
    assert all(len(shares[name]) == 4 for name in ("top", "safe", "optimal"))
    # One entry for the /16 would hide the /24 inside: `safe` cannot have it without a second one.
    assert shares["top"][0] == pytest.approx(0.6)
    assert body["astray"][0] == pytest.approx(0.3)
    assert shares["safe"] == [pytest.approx(share) for share in (0.3, 0.9, 1.0, 1.0)]
    assert all(a <= b + 1e-9 for a, b in zip(shares["optimal"], body["bound"], strict=True))
    assert body["made"] > 1e9
    assert (six["entries"], six["made"], six["strategies"]["top"]) == ([], None, [])


def test_a_simulation() -> None:
    [(code, body), (bad, fault), (_, six)] = ask(
        busy(), "simulate?family=ipv4&entries=2", "simulate?entries=0", "simulate?family=ipv6&entries=2"
    )
    assert (code, body["entries"]) == (200, 2)
    assert body["strategies"]["safe"] == {"coverage": pytest.approx(0.9), "misforwarded": 0.0}
    assert body["strategies"]["top"]["coverage"] == pytest.approx(0.9)
    assert body["bound"] >= body["strategies"]["optimal"]["coverage"]
    assert (bad, fault["parameters"][0]["parameter"]) == (400, "entries")
    assert (six["strategies"], six["bound"], six["made"]) == ({}, None, None)


def test_nothing_is_known_before_the_table_is() -> None:
    daemon = ExplainingDaemon()
    daemon.tick()
    seen: CurveSeen = daemon.board.curve(Family.IPV4, None)()
    assert (seen.entries, seen.made) == ((), None)


class Counted:
    """Work that fails as often as it is told to."""

    def __init__(self, faults: int = 0) -> None:
        self.looks = self.faults = 0
        self.to_fail = faults

    def look(self) -> Callable[[], str]:
        self.looks += 1
        number = self.looks

        def make() -> str:
            if number <= self.to_fail:
                raise RuntimeError("as told")
            return str(number)

        return make


def test_the_work_is_done_once_for_all_who_ask() -> None:
    async def asking() -> None:
        work, kept = Counted(), Kept(AnswerThread("test"))
        answers = await asyncio.gather(*(kept.get("one", work.look) for _ in range(50)))
        assert {*answers, await kept.get("one", work.look)} == {"1"}
        assert await kept.get("other", work.look) == "2"
        for number in range(100):
            await kept.get(number, work.look)
        assert await kept.get("one", work.look) == "103"  # it was forgotten: there is no end of names

    asyncio.run(asking())


def test_old_answers_are_made_anew_and_failed_ones_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def asking() -> None:
        work, kept = Counted(faults=1), Kept(AnswerThread("test"))
        with pytest.raises(RuntimeError):
            await kept.get("one", work.look)
        assert await kept.get("one", work.look) == "2"
        loop = asyncio.get_running_loop()
        now = loop.time()
        monkeypatch.setattr(loop, "time", lambda: now + 59.0)
        assert await kept.get("one", work.look) == "2"
        monkeypatch.setattr(loop, "time", lambda: now + 61.0)
        assert await kept.get("one", work.look) == "3"

    asyncio.run(asking())
