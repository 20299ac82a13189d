"""The files of `arm simulate`: `prefix<TAB>next_hop` and `address<TAB>weight`, plain or gzip.

Every faulty line of every file is found before anything is done: a file that is wrong in one place is usually
wrong in several, and a choice made from the rest of it would be believed.
"""

from __future__ import annotations

import gzip
import io
import math
import sys
import zlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from arm.log import printable
from arm.model import ArmError, Family
from arm.rib.prefixmap import Key
from arm.simulate_words import NextHops, family_of, read_address, read_prefix, read_weight, shown

SHOWN = 20  # faults that are printed; the rest is counted
STDIN = Path("-")
GZIP = b"\x1f\x8b"

Routes = dict[Key, int]  # number of the next hop by prefix, in the order of the file
Weights = dict[int, float]  # by address


class InputError(ArmError):
    """Files or options that cannot be used; one line for each thing wrong, `count` in all."""

    def __init__(self, lines: Sequence[str], count: int = 1) -> None:
        super().__init__("this cannot be simulated", "correct what the lines say")
        self.lines = [*lines]
        if count > len(lines):
            self.lines.append(f"and {count - len(lines)} more faults")


@dataclass(frozen=True, slots=True)
class Files:
    """What the files say. `table` may have a default route, `fixed` and `previous` have none."""

    family: Family
    next_hops: NextHops
    table: Routes
    weights: Weights
    fixed: Routes
    previous: Routes


def read(
    default: str | None,
    family: Family | None,
    table: Path,
    traffic: Path | None = None,
    fixed: Path | None = None,
    previous: Path | None = None,
) -> Files:
    """Read them all. `default` is the default route's next hop, None if there is no such route; without a
    `family` it is that of the table's first prefix. Raises InputError with everything that is wrong."""
    try:
        next_hops = NextHops(default)
    except ArmError as error:
        raise InputError([f"--default: {error}"]) from None
    if [table, traffic, fixed, previous].count(STDIN) > 1:
        raise InputError(["-: standard input can be read only once: name files for the rest"])
    reader = _Reader(next_hops, family)
    routes = reader.routes(table)
    if reader.count and not routes:
        raise InputError(reader.faults, reader.count)  # nothing tells the family of the other files
    files = Files(
        table=routes,
        family=reader.settled,
        weights=reader.weights(traffic),
        fixed=reader.routes(fixed, in_fib=True),
        previous=reader.routes(previous, in_fib=True),
        next_hops=next_hops,
    )
    if reader.count:
        raise InputError(reader.faults, reader.count)
    return files


class _Reader:
    """Reads files one after the other and keeps what is wrong with them."""

    def __init__(self, next_hops: NextHops, family: Family | None) -> None:
        self.faults: list[str] = []
        self.count = 0
        self._family = family
        self._next_hops = next_hops

    @property
    def settled(self) -> Family:
        """The family of what has been read."""
        return self._family or Family.IPV4

    def routes(self, path: Path | None, in_fib: bool = False) -> Routes:
        """Lines `prefix<TAB>next_hop`. What is `in_fib` has no default route besides --default."""
        found: Routes = {}
        lines = array("Q")  # where each one in `found` stands
        self._each(path, "prefix<TAB>next_hop", partial(self._route, found, lines, in_fib))
        return found

    def weights(self, path: Path | None) -> Weights:
        """Lines `address<TAB>weight`; the weights of a repeated address add up."""
        found: Weights = {}
        self._each(path, "address<TAB>weight", partial(self._weight, found))
        if not math.isfinite(sum(found.values())):
            self._fault(str(path), "the weights add up to more than a number can be", "scale them down")
        return found

    def _each(self, path: Path | None, form: str, take: Callable[[int, str, str], None]) -> None:
        try:
            for number, line in enumerate(() if path is None else _lines(path), 1):
                first, tab, second = line.partition("\t")
                try:
                    if tab and "\t" not in second:
                        take(number, first, second)
                    elif line:  # an empty one does no harm
                        raise ArmError(f"{shown(line)} is not {form}", "put one tab between the two")
                except ArmError as error:
                    self._fault(f"{path}:{number}", error.problem, error.remedy)
        except ArmError as error:  # the file as a whole
            self._fault(str(path), error.problem, error.remedy)

    def _fault(self, place: str, problem: str, remedy: str) -> None:
        self.count += 1
        if len(self.faults) < SHOWN:
            self.faults.append(f"{printable(place)}: {problem}: {remedy}")

    def _route(
        self, found: Routes, lines: array[int], in_fib: bool, line: int, prefix: str, word: str
    ) -> None:
        if self._family is None:
            self._family = family_of(prefix)
        key = read_prefix(prefix, self.settled)
        hop = self._next_hops.number(word)
        if in_fib and key == (0, 0):
            if hop == 0:
                return
            raise ArmError(f"a default route to {shown(word)}", "say with --default where the default goes")
        before = found.setdefault(key, hop)
        if len(lines) < len(found):
            lines.append(line)
        elif before != hop:
            first = lines[list(found).index(key)] if len(self.faults) < SHOWN else 0  # slow
            there = shown(self._next_hops.name(before))
            problem = f"{shown(prefix)} goes to {shown(word)} here and to {there} in line {first}"
            raise ArmError(problem, "keep one of the two lines")

    def _weight(self, found: Weights, _: int, address: str, word: str) -> None:
        key = read_address(address, self.settled)
        found[key] = found.get(key, 0.0) + read_weight(word)


def _lines(path: Path) -> Iterator[str]:
    """The lines of a file without their ends. Raises ArmError if it cannot be read."""
    try:
        # The whole of it: a pipe cannot be asked for its first two octets and then be read again.
        octets = sys.stdin.buffer.read() if path == STDIN else path.read_bytes()
        if octets.startswith(GZIP):
            octets = gzip.decompress(octets)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise ArmError("a damaged gzip file", "make it anew") from None
    except OSError as error:
        reason = (error.strerror or "unknown error").lower()
        raise ArmError(f"cannot be read: {reason}", "name a file that you may read") from None
    # Octets that are no UTF-8 become characters that no address, weight or next hop may have.
    with io.TextIOWrapper(io.BytesIO(octets), "utf-8-sig", "surrogateescape") as lines:
        for line in lines:
            yield line.removesuffix("\n")
