"""Values that matter for a while, however many keys a hostile sender makes up."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


class Latest(Generic[_Key, _Value]):
    """Remembers values by key for `hold` seconds after they were put, the latest `most` of them."""

    def __init__(self, hold: float, most: int) -> None:
        self._hold = hold
        self._most = most
        self._values: OrderedDict[_Key, tuple[_Value, float]] = OrderedDict()  # the oldest first

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: _Key, now: float) -> _Value | None:
        """The value, None if it is forgotten."""
        known = self._values.get(key)
        return known[0] if known is not None and known[1] > now - self._hold else None

    def put(self, key: _Key, value: _Value, now: float) -> None:
        """Remember the value from now on; `now` never goes back."""
        values = self._values
        values[key] = (value, now)
        values.move_to_end(key)
        while len(values) > self._most or next(iter(values.values()))[1] <= now - self._hold:
            values.popitem(last=False)
