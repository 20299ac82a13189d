"""A bounded fuzz run: no input may raise anything but the decoder's own error, nor make it invent octets.

ARM_FUZZ_SECONDS lengthens the run, ARM_FUZZ_SEED starts it elsewhere.
"""

from __future__ import annotations

import os
import random
import struct
import time
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arm.model import ArmError
from arm.sflow.capture import datagrams
from tests.fuzz.decoder import check, inputs, seeds
from tests.sflow.build import ethernet, ipv4

SEED = int(os.environ.get("ARM_FUZZ_SEED", "5"))
SECONDS = float(os.environ.get("ARM_FUZZ_SECONDS", "8"))
HEADED = struct.pack("!II4s4I", 5, 1, bytes(4), 0, 1, 1, 3)


def test_the_seeds_are_good() -> None:
    """Else the fuzzer would never get past the first check."""
    decoded = [check(seed) for seed in seeds()]
    assert sum(each is not None and each.fault is None for each in decoded) >= len(decoded) - 1


def test_damaged_datagrams() -> None:
    end = time.monotonic() + SECONDS
    kept = faults = 0
    for number, data in enumerate(inputs(random.Random(SEED))):
        if time.monotonic() > end:
            break
        try:
            decoded = check(data)
        except Exception as error:
            error.add_note(f"input {number} of seed {SEED}: {data.hex()}")
            raise
        kept += decoded is not None and bool(decoded.samples)
        faults += decoded is not None and decoded.fault is not None
    assert min(kept, faults) > number / 20, "the damage must leave something to decode, and break something"


@given(st.binary(max_size=400), st.booleans())
def test_no_octets_at_all_raise(data: bytes, headed: bool) -> None:
    check(HEADED + data if headed else data)


def test_damaged_captures(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    path = tmp_path / "capture"
    for data in islice(inputs(chance), 1000):
        packet = ethernet(ipv4("10.0.0.9", payload=struct.pack("!4H", 1, 6343, 8 + len(data), 0) + data))
        capture = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, chance.choice((1, 101, 113, 276)))
        capture += struct.pack("<4I", 0, 0, len(packet), len(packet)) + packet
        damaged = bytearray(capture)
        for _ in range(chance.randrange(4)):
            damaged[chance.randrange(24, min(90, len(damaged)))] = chance.randrange(256)
        path.write_bytes(damaged[: chance.randrange(1, len(damaged) + 1)])
        try:
            for found in datagrams(path):
                if isinstance(found, bytes):
                    check(found)
        except ArmError:
            pass


def test_the_fuzzer_itself_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a bounds check gone, it finds the input within a moment."""
    monkeypatch.setattr("arm.sflow.records._require", lambda record, length: None)

    def run() -> None:
        for data in islice(inputs(random.Random(SEED)), 20_000):
            check(data)

    with pytest.raises((struct.error, AssertionError)):
        run()
