"""The log's lines and the limit on repeated events."""

import io
import logging
import re
from collections.abc import Iterator

import pytest
import structlog

from arm import log
from arm.log import RateLimit, printable


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level


def configured(monkeypatch: pytest.MonkeyPatch, level: str = "info", journal: bool = True) -> io.StringIO:
    if journal:
        monkeypatch.setenv("JOURNAL_STREAM", "8:1234")
    else:
        monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    stream = io.StringIO()
    log.configure(level, stream)
    return stream


def test_one_line_of_keys_and_values(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = configured(monkeypatch)
    structlog.get_logger().info(
        "session up", session="reflector", routes=3, reason="hold time over", none=None
    )
    assert stream.getvalue() == (
        '[info     ] session up session=reflector routes=3 reason="hold time over" none=None\n'
    )


def test_time_is_utc_outside_the_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = configured(monkeypatch, journal=False)
    structlog.get_logger().warning("late")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z \[warning  \] late\n", stream.getvalue())


@pytest.mark.parametrize(("level", "count"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_level(monkeypatch: pytest.MonkeyPatch, level: str, count: int) -> None:
    stream = configured(monkeypatch, level)
    own, library = structlog.get_logger(), logging.getLogger("aiohttp")
    for name in log.LEVELS:
        getattr(own, name)("event")
        getattr(library, name)("event")
    assert len(stream.getvalue().splitlines()) == 2 * count


def test_libraries_use_the_same_form(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = configured(monkeypatch)
    logging.getLogger("asyncio").error("Task %s\nwas destroyed", "x")
    assert stream.getvalue() == "[error    ] Task x\\nwas destroyed\n"


def test_values_from_the_network_stay_in_their_place(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = configured(monkeypatch)
    structlog.get_logger().info("agent\x1b[2J", name='x\n[error] forged a="b"', empty="")
    assert stream.getvalue() == ('[info     ] agent\\x1b[2J name="x\\n[error] forged a=\\"b\\"" empty=""\n')


def test_a_fault_in_arm_leaves_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = configured(monkeypatch)
    for logger in (structlog.get_logger(), logging.getLogger("asyncio")):
        try:
            raise ZeroDivisionError("oops")
        except ZeroDivisionError:
            logger.exception("failed")
    assert stream.getvalue().count("[error    ] failed\nTraceback") == 2
    assert stream.getvalue().count("ZeroDivisionError: oops") == 2


def test_printable() -> None:
    assert printable("Zürich, 東京") == "Zürich, 東京"
    assert printable("a\nb\u202e\ud800\x7f") == "a\\nb\\u202e\\ud800\\x7f"


# --- RateLimit ----------------------------------------------------------------------------------------


def test_first_passes_and_the_rest_are_counted() -> None:
    limit = RateLimit(10)
    assert limit.allow("malformed", 100.0) == 0
    assert [limit.allow("malformed", now) for now in (100.0, 105.0, 109.9)] == [None, None, None]
    assert limit.allow("malformed", 110.0) == 3
    assert limit.allow("malformed", 111.0) is None
    assert limit.allow("malformed", 120.0) == 1


def test_keys_are_apart() -> None:
    limit = RateLimit(10)
    assert limit.allow("a", 0.0) == 0
    assert limit.allow("b", 0.0) == 0
    assert limit.allow("a", 1.0) is None


def test_oldest_keys_are_forgotten() -> None:
    limit = RateLimit(10, keys=2)
    for key in "abc":
        assert limit.allow(key, 0.0) == 0
    assert limit.allow("c", 1.0) is None
    assert limit.allow("b", 1.0) is None
    assert limit.allow("a", 1.0) == 0  # forgotten, so it passes as if new


def test_memory_is_bounded() -> None:
    limit = RateLimit(1e9, keys=10)
    for number in range(1000):
        limit.allow(number, 0.0)
    assert sum(limit.allow(number, 0.0) is None for number in range(990, 1000)) == 10
    assert len(limit) == 10


def test_a_clock_that_goes_back_does_not_silence() -> None:
    limit = RateLimit(10)
    assert limit.allow("a", 1000.0) == 0
    assert limit.allow("a", 5.0) == 0
    assert limit.allow("a", 6.0) is None
