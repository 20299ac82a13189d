"""A meter and its entries through a restart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from arm.model import Attributes, Entry, Family, Kind, Prefix
from arm.rib.hoptable import key_bits
from arm.state.file import load, save
from arm.state.saved import Saved, SavedEntry, SavedFamily
from arm.traffic.blocks import BlockMeter


@pytest.mark.parametrize("family", Family)
def test_the_next_run_knows_what_the_last_one_knew(family: Family, tmp_path: Path) -> None:
    bits = key_bits(family)
    meter, ones = BlockMeter(bits, None), np.ones(1000)
    keys = np.random.default_rng(7).integers(0, 1 << bits, 1000, np.uint64, endpoint=False)
    for second in range(60):
        meter.add(keys, ones * 900.0, ones, ones, None, 1000.0, float(second))
    entry = Entry(Prefix("20.0.0.0/16"), "192.0.2.1", Attributes(med=5), Kind.SYNTHESISED)
    entries = [SavedEntry.of(entry)] if family is Family.IPV4 else []
    saved = Saved(5000.0, {family: SavedFamily(entries, meter.dump(), 1_000_000)})
    assert save(tmp_path, saved) is None

    found, _ = load(tmp_path)
    assert found is not None
    then = found.families[family]
    assert (list(then.entries), then.routes) == (entries, 1_000_000)
    assert then.memory is not None
    other = BlockMeter(bits, None)
    other.restore(then.memory, found.age(5060.0), 3.0)
    assert other.keys().tolist() == meter.keys().tolist()
    assert other.rate_of(other.octets()) == pytest.approx(meter.rate_of(meter.octets()))
    other.add(keys, ones * 900.0, ones, ones, None, 1000.0, 4.0)
    assert len(other) == len(meter)
