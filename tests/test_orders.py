"""Orders as values and as a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arm import orders_file
from arm.model import ArmError, Prefix
from arm.orders import MOST, ModeOrder, Order, Orders, from_bytes, prefix_of, to_bytes

prefixes = st.sampled_from(["20.0.0.0/16", "20.0.1.0/24", "2001:db8::/32", "0.0.0.0/1", "192.0.2.1/32"]).map(
    Prefix
)
times = st.floats(0, 4e9) | st.integers(0, 2**32).map(float)
words = st.text(max_size=40)
rules = st.builds(Order, st.sampled_from(["pin", "denial"]), prefixes, st.none() | times, words, words, times)
modes = st.builds(ModeOrder, st.sampled_from(["active", "observe", "withdraw"]), words, words, times)
everything = st.builds(
    Orders,
    st.lists(rules, unique_by=lambda each: each.prefix).map(tuple),
    st.none() | modes,
)


@given(everything)
def test_what_is_read_is_what_was_written(orders: Orders) -> None:
    assert from_bytes(to_bytes(orders)) == orders


@given(everything, rules)
def test_the_last_word_about_a_prefix_counts(orders: Orders, order: Order) -> None:
    after = orders.given(order)
    assert after.rule(order.prefix) == order
    others = [each for each in orders.rules if each.prefix != order.prefix]
    assert [each for each in after.rules if each is not order] == others
    assert after.taken_back(order.prefix).rules == tuple(others)
    assert after.mode == orders.mode


@given(everything, times)
def test_what_is_over_goes_and_nothing_else(orders: Orders, now: float) -> None:
    over = orders.over(now)
    left = orders.without(over)
    assert all(each.until is None or each.until > now for each in left.rules)
    assert {*over, *left.rules} == {*orders.rules}


def test_there_is_an_end_of_rules() -> None:
    def order(number: int) -> Order:
        return Order("pin", Prefix(f"20.{number >> 8}.{number & 255}.0/24"), None, "", "::1", 0.0)

    full = Orders(tuple(map(order, range(MOST))))
    assert full.given(order(7)) == Orders((*map(order, [*range(7), *range(8, MOST)]), order(7)))
    with pytest.raises(ValueError, match="1000 rules already"):
        full.given(order(MOST))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("20.0.0.0/16", "20.0.0.0/16"),
        ("2001:DB8:0::/32", "2001:db8::/32"),
        ("::ffff:1.2.3.4/128", "::ffff:1.2.3.4/128"),
    ],
)
def test_a_prefix_as_the_table_has_it(written: str, meant: str) -> None:
    assert prefix_of(written) == meant


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("20.0.0.1", "not a prefix"),
        ("20.0.0.0/33", "not a prefix"),
        ("20.0.0.0/016 ", "not a prefix"),
        ("fe80::%lo/64", "not a prefix"),
        ("20.0.1.0/16", "it has host bits: is 20.0.0.0/16 meant"),
        ("::/0", "the default route is never chosen"),
    ],
)
def test_what_is_no_prefix(written: str, why: str) -> None:
    with pytest.raises(ValueError, match=why.replace(".", "\\.")):
        prefix_of(written)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"version": 2, "rules": [], "mode": null}',
        b'{"version": 1, "rules": [], "mode": {"mode": "faster", "reason": "", "who": "", "since": 0}}',
        b'{"version": 1, "rules": [{"verdict": "pin", "prefix": "20.0.0.1/16", "until": null, '
        b'"reason": "", "who": "", "since": 0}], "mode": null}',
        b'{"version": 1, "rules": [{"verdict": "pin", "prefix": "20.0.0.0/16", "until": NaN, '
        b'"reason": "", "who": "", "since": 0}], "mode": null}',
        b"[" * 100_000,
    ],
)
def test_what_ARM_has_not_written_is_set_aside(content: bytes, tmp_path: Path) -> None:  # noqa: N802
    (tmp_path / "orders.json").write_bytes(content)
    found, error = orders_file.load(tmp_path)
    assert found == Orders()
    assert error is not None
    assert (tmp_path / "orders.json.bad").read_bytes() == content


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    orders_file.save(tmp_path, Orders())
    assert orders_file.load(tmp_path) == (Orders(), None)
    with pytest.raises(ArmError, match="cannot write"):
        orders_file.save(tmp_path / "gone", Orders())
