"""What the platform says of single prefixes stands for the kernel's own flags."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from arm.fib.compare import OFFLOAD_GRACE, Books, Fault, Reconciler
from arm.fib.kernelpicture import KernelPicture, Routes
from arm.fib.routemessage import RTPROT_BIRD, RouteMessage
from arm.model import NO_ATTRIBUTES, Entry, Family, KernelRoute, Prefix

FAMILY = Family.IPV4
P = [Prefix(f"20.{n}.0.0/16") for n in range(4)]
HOP = "10.0.0.2"


def message(prefix: Prefix, new: bool = True) -> RouteMessage:
    return RouteMessage(new, FAMILY, KernelRoute(prefix, (HOP,), RTPROT_BIRD), 512, True, False)


class Listening:
    """A picture, and what it told last of each prefix."""

    def __init__(self) -> None:
        self.offloaded: dict[Prefix, bool] = {}
        self.picture = KernelPicture(lambda *_: None, self._route)
        self.shown = self.picture.routes[FAMILY]

    def _route(self, family: Family, prefix: Prefix, route: KernelRoute | None) -> None:
        assert family is FAMILY
        self.offloaded.pop(prefix, None)
        if route is not None:
            self.offloaded[prefix] = route.offloaded

    def dump(self, prefixes: Iterable[Prefix]) -> int:
        return self.picture.replace(FAMILY, Routes.of(map(message, prefixes)))


@st.composite
def actions(draw: st.DrawFn) -> tuple[str, list[Prefix]]:
    verbs = ["come", "go", "held", "lost", "dump", "unknown"]
    return draw(st.sampled_from(verbs)), draw(st.lists(st.sampled_from(P), unique=True))


@given(st.lists(actions(), max_size=20))
def test_a_route_is_in_the_hardware_when_the_platform_says_so(steps: list[tuple[str, list[Prefix]]]) -> None:
    listening = Listening()
    picture, kernel, held = listening.picture, set[Prefix](), set[Prefix]()
    for verb, prefixes in steps:
        if verb == "come":
            kernel |= set(prefixes)
            for prefix in prefixes:
                picture.apply(message(prefix))
        elif verb == "go":
            for prefix in kernel & set(prefixes):
                picture.apply(message(prefix, new=False))
            kernel -= set(prefixes)
        elif verb == "held":
            held |= set(prefixes)
            picture.hardware(FAMILY, prefixes)
        elif verb == "lost":
            held -= set(prefixes)
            picture.hardware(FAMILY, (), prefixes)
        elif verb == "dump":
            assert listening.dump(kernel) == 0, "what the platform says is no difference"
        else:
            held = set()
            picture.hardware_unknown()
        expected = {prefix: prefix in held for prefix in kernel}
        assert {prefix: route.offloaded for prefix, route in listening.shown.items()} == expected
        assert listening.offloaded == expected


def test_routes_of_others_are_shown_as_the_kernel_has_them() -> None:
    listening = Listening()
    listening.picture.hardware(FAMILY, P)
    static = message(P[0])._replace(route=KernelRoute(P[0], (HOP,), 4), metric=0)
    listening.picture.apply(static)
    assert listening.offloaded == {P[0]: False}
    assert listening.picture.replace(FAMILY, Routes.of([static])) == 0


def test_nothing_is_said_of_the_hardware_once_nobody_tells() -> None:
    """What was offloaded is not known to be; that is no difference, and nothing that came later is one."""
    listening, reconciler = Listening(), Reconciler()
    told = {prefix: Entry(prefix, HOP, NO_ATTRIBUTES) for prefix in P}

    def faults(now: float) -> list[Prefix]:
        touched = listening.picture.touched[FAMILY]
        books = Books(told, (), listening.shown, lambda hop: (hop,), set(touched))
        touched.clear()
        return reconciler.compare(books, now).of(Fault.NOT_OFFLOADED)

    for prefix in P[:3]:
        listening.picture.apply(message(prefix))
    listening.picture.hardware(FAMILY, P[:2])
    assert faults(0) == []
    assert faults(OFFLOAD_GRACE) == [P[2]]
    listening.picture.hardware_unknown()
    reconciler.hardware_unknown()
    listening.picture.apply(message(P[3]))
    for now in (OFFLOAD_GRACE + 1, 3 * OFFLOAD_GRACE):
        assert faults(now) == []
    listening.picture.hardware(FAMILY, P[1:])
    faults(3 * OFFLOAD_GRACE)
    assert faults(4 * OFFLOAD_GRACE) == [P[0]]
