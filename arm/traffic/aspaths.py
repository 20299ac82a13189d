"""AS paths as small numbers, with the AS at either end of each. Pure.

Far fewer than routes, and each is read once: traffic is counted by number, and the names are looked at when
somebody wants to see them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from arm.model import AsPathSegment

Numbers = NDArray[np.int32]

OTHER, NOT_ROUTED, LOCAL = range(3)  # what is no AS path has the same number in all columns
NAMES = ("other", "not-routed", "local")
LIMIT = 65_536  # paths
LONGEST = 100  # characters of a name; a path may be made as long as somebody likes


class AsPaths:
    """At most LIMIT of them. Columns have shape (count,), by number."""

    def __init__(self) -> None:
        self.names = list(NAMES)  # of the paths
        self.as_names = list(NAMES)
        self._known: dict[str, int] = {}  # by their text, which most names are
        self._as_known: dict[str, int] = {}
        self._ends = np.zeros((2, LIMIT), np.int32)
        self._ends[:, : len(NAMES)] = range(len(NAMES))

    def __len__(self) -> int:
        return len(self.names)

    @property
    def destinations(self) -> Numbers:
        """The number of each path's last AS."""
        return self._ends[0, : len(self)]

    @property
    def peers(self) -> Numbers:
        """The number of each path's first AS."""
        return self._ends[1, : len(self)]

    def number(self, path: tuple[AsPathSegment, ...]) -> int:
        """Of a path. An empty one is that of networks of one's own AS. What is beyond the limit is OTHER."""
        if not path:
            return LOCAL
        text = " ".join(map(str, path))
        number = self._known.get(text)
        if number is None:
            if len(self) == LIMIT:
                return OTHER
            number = self._known[text] = len(self)
            self.names.append(_short(text))
            self._ends[:, number] = self._as_number(path[-1], -1), self._as_number(path[0], 0)
        return number

    def keep(self, numbers: Sequence[int]) -> NDArray[np.int32]:
        """Forget all paths but these, ascending; what is no path stays anyway. Gives the new number of each
        old one, or -1."""
        fixed = len(NAMES)
        renumbered = np.full(len(self), -1, np.int32)
        renumbered[:fixed] = range(fixed)
        renumbered[list(numbers)] = range(fixed, fixed + len(numbers))
        ends = self._ends[:, list(numbers)]
        used = sorted(set(ends.ravel().tolist()) - set(range(fixed)))
        as_renumbered = dict(zip((*range(fixed), *used), range(fixed + len(used)), strict=True))
        self.names = [*NAMES, *(self.names[number] for number in numbers)]
        self.as_names = [*NAMES, *(self.as_names[number] for number in used)]
        self._known = {text: int(renumbered[n]) for text, n in self._known.items() if renumbered[n] >= 0}
        self._as_known = {name: number for number, name in enumerate(self.as_names) if number >= fixed}
        for row, column in zip(self._ends, ends.tolist(), strict=True):
            row[fixed : len(self)] = [as_renumbered[each] for each in column]
        return renumbered

    def _as_number(self, segment: AsPathSegment, place: int) -> int:
        """Of a name. A set has no first or last AS (RFC 6811 2: such an origin is none): it is its own."""
        if segment.kind != "as-sequence" or not segment.numbers:
            name = _short(str(segment))
        else:
            name = f"AS{segment.numbers[place]}"
        number = self._as_known.get(name)
        if number is None:
            number = self._as_known[name] = len(self.as_names)
            self.as_names.append(name)
        return number


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"
