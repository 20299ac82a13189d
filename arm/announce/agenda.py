"""What is still to be done, and what of it may be done now. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from arm.model import Entry, Prefix
from arm.selection.steps import Step


class Agenda:
    """Steps in their order (selection/steps.py). A prefix may have two: withdrawn, then set anew."""

    def __init__(self, steps: Iterable[Step[Entry]] = ()) -> None:
        self._steps = dict(enumerate(steps))
        self._turns: dict[Prefix, deque[int]] = {}  # numbers of the steps on a prefix
        for number, step in self._steps.items():
            self._turns.setdefault(step.prefix, deque()).append(number)

    def __len__(self) -> int:
        return len(self._steps)

    def ready(
        self, moving: Callable[[Prefix], bool], without_effect: Callable[[Prefix], bool]
    ) -> Iterator[Step[Entry]]:
        """Steps that wait for nothing. `moving`: the last change of a prefix is on its way; `without_effect`:
        it has not reached the kernel."""
        for number, step in self._steps.items():
            if not (moving(step.prefix) or self._before(number, step.prefix)) and not any(
                without_effect(each) or self._before(number, each) for each in step.after
            ):
                yield step

    def done(self, prefix: Prefix) -> None:
        """The first step on a prefix has been made."""
        turns = self._turns.get(prefix)
        if turns is None:
            return
        del self._steps[turns.popleft()]
        if not turns:
            del self._turns[prefix]

    def _before(self, number: int, prefix: Prefix) -> bool:
        """Is there an earlier step on a prefix?"""
        turns = self._turns.get(prefix)
        return turns is not None and turns[0] < number


class Pace:
    """At most so many changes in any second."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._spent: deque[tuple[float, int]] = deque()  # when, and how many changes: of the last second

    def allowed(self, now: float) -> int:
        """How many changes may be made at this moment."""
        while self._spent and self._spent[0][0] <= now - 1.0:
            self._spent.popleft()
        return max(0, int(self.rate) - sum(changes for _, changes in self._spent))

    def spend(self, changes: int, now: float) -> None:
        """So many are being made."""
        self._spent.append((now, changes))
