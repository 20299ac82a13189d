"""The past goes on over restarts; what cannot be used begins anew."""

from __future__ import annotations

import numpy as np
import pytest

from arm.history_figures import Totals
from arm.history_file import SECTION
from arm.history_log import SECTION as EVENTS
from arm.history_record import Record
from arm.history_shares_file import SECTION as SHARES
from arm.model import Family, Ranking
from arm.state.encoding import decode, encode
from arm.state.saved import Saved
from tests.web.picture import NOW, make_status

TOTALS = Totals(dict.fromkeys(Family, 0), dict.fromkeys(Family, 0), 0.0, None)


def a_run(sections: dict[str, bytes], start: float) -> Record:
    record = Record(sections)
    record.log.started(start, "0.1.0")
    for second in range(5):
        split = {Family.IPV4: {"peer_as": Ranking(("AS1",), (3.0,), 5.0)}}
        record.take(make_status(time=start + second), TOTALS, split, 100.0 + second)
    return record


def test_the_next_run_goes_on() -> None:
    first = a_run({}, NOW)
    saving = first.sections()
    first.take(make_status(time=NOW + 9), TOTALS, {}, 200.0)  # while the file is being written
    second = a_run({"somebody else's": b"1", **saving()}, NOW + 60)
    assert second.faults == []
    assert [event.number for event in second.log.latest()] == [2, 1]
    installed = second.history.read("5m", ["ipv4.installed"])
    known = installed.starts[~np.isnan(installed.mean["ipv4.installed"])] - int(NOW)
    assert known.tolist() == [*range(5), *range(60, 65)]
    shares = second.shares.read(Family.IPV4, "peer_as", "5m")
    assert [name for name, _ in shares.parts] == ["AS1", "other"]
    assert np.nansum(shares.parts[0][1]) == 30.0


def test_the_file_that_survives_takes_both() -> None:
    sections = a_run({}, NOW).sections()()
    assert decode(encode(Saved(NOW, {}, sections))).sections == sections


@pytest.mark.parametrize(("name", "kept"), [(SECTION, EVENTS), (EVENTS, SHARES), (SHARES, SECTION)])
def test_what_cannot_be_used_begins_anew_and_the_other_stays(name: str, kept: str) -> None:
    saved = a_run({}, NOW).sections()()
    record = Record({**saved, name: b"\x07 damaged"})
    assert len(record.faults) == 1
    assert (record.sections()()[kept]) == saved[kept]
    assert (record.sections()()[name]) == Record({}).sections()()[name]
