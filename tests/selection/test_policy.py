"""Pins and denials against a plain twin, their end, and what is remembered of attribute sets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arm.config import parse
from arm.model import AsPathSegment, Attributes, Prefix, Route
from arm.selection.policy import Policy, Rule, Verdict

PREFIXES = [Prefix("20.0.0.0/8"), Prefix("20.1.0.0/16"), Prefix("2a00::/16")]


def plain(pins: list[Rule], denials: list[Rule], route: Route, now: float) -> Verdict:
    """What it means, rule by rule."""

    def applies(rule: Rule) -> bool:
        if rule.until is not None and now >= rule.until:
            return False
        path = [segment for segment in route.attributes.as_path if segment.numbers]
        origins: list[int] = []
        while path and path[-1].kind == "as-set":
            origins += path.pop().numbers
        origins += [segment.numbers[-1] for segment in path[-1:]]
        communities = [*route.attributes.communities, *route.attributes.large_communities]
        return rule.prefix == route.prefix or rule.asn in origins or rule.community in communities

    if any(map(applies, denials)):
        return Verdict.DENY
    return Verdict.PIN if any(map(applies, pins)) else Verdict.NONE


ases = st.integers(1, 4)
pairs = st.tuples(st.just(9), st.integers(0, 2))
triples = st.tuples(st.just(9), st.integers(0, 2), st.just(0))
times = st.sampled_from([0.0, 1.0, 2.0, 3.0])
until = st.none() | times
rules = st.one_of(
    st.builds(Rule, prefix=st.sampled_from(PREFIXES), until=until),
    st.builds(Rule, asn=ases, until=until),
    st.builds(Rule, community=pairs | triples, until=until),
)
segments = st.builds(
    AsPathSegment, st.sampled_from(["as-sequence", "as-set"]), st.lists(ases, max_size=3).map(tuple)
)
attribute_sets = st.builds(
    Attributes,
    as_path=st.lists(segments, max_size=3).map(tuple),
    communities=st.lists(pairs, max_size=2).map(tuple),
    large_communities=st.lists(triples, max_size=2).map(tuple),
)


@given(
    st.lists(rules, max_size=4),
    st.lists(rules, max_size=3),
    st.lists(attribute_sets, min_size=1, max_size=4),
    st.lists(st.tuples(st.sampled_from(PREFIXES), st.integers(0, 3), times), max_size=20),
)
def test_equals_the_plain_twin(
    pins: list[Rule],
    denials: list[Rule],
    sets: list[Attributes],
    asked: list[tuple[Prefix, int, float]],
) -> None:
    """At times in any order: what was remembered of one moment must not serve another."""
    policy = Policy(pins, denials)
    for prefix, index, now in asked:
        route = Route(prefix, "192.0.2.1", sets[index % len(sets)])
        assert policy.judge(route, now) is plain(pins, denials, route, now)


def route(*path: AsPathSegment, **attributes: tuple[tuple[int, ...], ...]) -> Route:
    return Route(PREFIXES[0], "192.0.2.1", Attributes(as_path=path, **attributes))  # type: ignore[arg-type]


def sequence(*numbers: int) -> AsPathSegment:
    return AsPathSegment("as-sequence", numbers)


def as_set(*numbers: int) -> AsPathSegment:
    return AsPathSegment("as-set", numbers)


@pytest.mark.parametrize(
    ("path", "origins"),
    [
        ((), set()),
        ((sequence(1, 2, 3),), {3}),
        ((sequence(1, 2), sequence(3, 4)), {4}),
        ((sequence(1, 2), as_set(3, 4)), {2, 3, 4}),
        ((as_set(1, 2), sequence(3)), {3}),
        ((as_set(1, 2),), {1, 2}),
    ],
)
def test_origin(path: tuple[AsPathSegment, ...], origins: set[int]) -> None:
    pinned = {asn for asn in range(1, 6) if Policy([Rule(asn=asn)]).judge(route(*path), 0.0) is Verdict.PIN}
    assert pinned == origins


def test_a_community_and_a_large_one_are_different() -> None:
    policy = Policy([Rule(community=(1, 2))], [Rule(community=(1, 2, 3))])
    assert policy.judge(route(communities=((1, 2),)), 0.0) is Verdict.PIN
    assert policy.judge(route(large_communities=((1, 2, 3),)), 0.0) is Verdict.DENY
    assert policy.judge(route(large_communities=((1, 2, 4),)), 0.0) is Verdict.NONE


def test_a_rule_is_about_its_prefix_only() -> None:
    policy = Policy([Rule(prefix=PREFIXES[0])])
    told = [policy.judge(Route(prefix, "192.0.2.1", Attributes()), 0.0) for prefix in PREFIXES]
    assert told == [Verdict.PIN, Verdict.NONE, Verdict.NONE]


def test_a_denial_ends_and_the_pin_below_it_shows() -> None:
    policy = Policy([Rule(asn=3, until=20.0)], [Rule(prefix=PREFIXES[0], until=10.0)])
    asked = route(sequence(3))
    assert [policy.judge(asked, now) for now in (9.99, 10.0, 19.99, 20.0)] == [
        Verdict.DENY,
        Verdict.PIN,
        Verdict.PIN,
        Verdict.NONE,
    ]
    assert [policy.next_expiry(now) for now in (0.0, 9.99, 10.0, 20.0)] == [10.0, 10.0, 20.0, None]


def test_what_was_remembered_ends_with_its_rule() -> None:
    policy = Policy([Rule(asn=3, until=1.0), Rule(asn=4)])
    asked = route(sequence(3))
    told = [policy.judge(asked, now) for now in (0.0, 0.5, 1.0, 1.5, 0.0)]
    assert told == [Verdict.PIN, Verdict.PIN, Verdict.NONE, Verdict.NONE, Verdict.PIN]


def test_expiry_at_the_epoch_is_one() -> None:
    policy = Policy([Rule(asn=3, until=0.0)])
    assert [policy.judge(route(sequence(3)), now) for now in (-1.0, 0.0)] == [Verdict.PIN, Verdict.NONE]
    assert policy.next_expiry(-1.0) == 0.0


def test_empty() -> None:
    assert Policy().empty
    assert not Policy([Rule(asn=1, until=1.0)]).empty
    assert Policy().next_expiry(0.0) is None
    assert Policy().judge(route(sequence(1)), 0.0) is Verdict.NONE


# --- what is remembered -------------------------------------------------------------------------------


def test_nothing_is_remembered_of_attribute_sets_that_are_gone() -> None:
    """A new set often takes the place in memory of one that has just gone."""
    policy = Policy([Rule(asn=1)], [Rule(asn=2)])
    expected = {1: Verdict.PIN, 2: Verdict.DENY, 3: Verdict.NONE}
    places = set()
    for asn in [1, 2, 3] * 50:
        asked = route(sequence(asn))
        places.add(id(asked.attributes))
        assert policy.judge(asked, 0.0) is expected[asn]
        assert policy.judge(asked, 0.0) is expected[asn]
        assert policy.remembered == 1
        del asked
        assert policy.remembered == 0
    assert len(places) < 150  # else this test has shown nothing


def test_only_attribute_sets_are_remembered() -> None:
    kept = route(sequence(1))
    by_prefix = Policy([Rule(prefix=PREFIXES[0])])
    by_prefix.judge(kept, 0.0)
    assert by_prefix.remembered == 0
    by_attributes = Policy([Rule(asn=1)])
    for _ in range(3):
        by_attributes.judge(Route(PREFIXES[1], "192.0.2.2", kept.attributes), 0.0)
    assert by_attributes.remembered == 1


# --- where rules come from ----------------------------------------------------------------------------


def test_rules_of_the_configuration_fit() -> None:
    session = {"as": 65000, "id": "192.0.2.254"}
    pins = [{"prefix": "20.0.0.0/8", "note": "why"}, {"as": 3}, {"community": "65000:1:2"}]
    config = parse({"reflector": session, "target": session, "selection": {"pins": pins}})
    assert [Rule(**dict(rule)) for rule in config.selection.pins] == [
        Rule(prefix=PREFIXES[0], note="why"),
        Rule(asn=3),
        Rule(community=(65000, 1, 2)),
    ]


@pytest.mark.parametrize("targets", [{}, {"asn": 1, "community": (1, 2)}])
def test_a_rule_about_nothing_or_two_things_is_refused(targets: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="exactly one"):
        Rule(**targets)  # type: ignore[arg-type]
