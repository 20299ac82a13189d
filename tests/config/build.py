"""Sound configurations, as they come from TOML: whatever the options admit."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
SESSION = {"as": 65000, "id": "192.0.2.254"}
REQUIRED: dict[str, Any] = {"reflector": SESSION, "target": SESSION}


def option(**values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A section, or a table in one, with any of these keys."""
    return st.fixed_dictionaries({}, optional=values)


seconds = st.integers(5, 86400) | st.floats(5, 86400)
shares = st.floats(0.1, 0.5)
listed_rules = st.lists(
    st.tuples(
        st.sampled_from(
            [
                {"prefix": "203.0.113.0/24"},
                {"prefix": "2001:DB8::/32"},
                {"as": 64500},
                {"community": "65000:666"},
                {"community": "65000:0:4294967295"},
            ]
        ),
        option(
            until=st.integers(-(2**50), 2**51).map(lambda us: EPOCH + timedelta(microseconds=us)),
            note=st.sampled_from(["", "why", 'a "quote" and \\', "für später", "it's # not a comment"]),
        ),
    ).map(lambda both: both[0] | both[1]),
    max_size=3,
    unique_by=lambda rule: str(sorted((k, v) for k, v in rule.items() if k in ("prefix", "as", "community"))),
)
pools = st.sampled_from(
    [
        [],
        [{"name": "lpm", "slots": 32768, "holds": ["ipv4", "ipv6 0-64: 2 slots", "ipv6 65-128: 4 slots"]}],
        [
            {"name": "short", "slots": 1, "holds": ["ipv4 1-24", "ipv6 0-64"]},
            {"name": "long", "slots": 1, "holds": ["ipv4 25-32", "ipv6 65-128: 4 slots"]},
        ],
    ]
)
configurations = st.fixed_dictionaries(
    {
        "reflector": option(ip=st.sampled_from(["127.0.0.1", "192.0.2.1"])).map(lambda it: it | SESSION),
        "target": st.just(SESSION),
    },
    optional={
        "bgp": option(
            port=st.integers(1, 65535), python=st.sampled_from(["auto", "/usr/bin/pypy3", "/opt/a+b"])
        ),
        "sflow": option(
            listen=st.sampled_from([["[::]:6343"], ["192.0.2.1:1", "[2001:db8::1]:2"]]),
            agents=st.sampled_from([[], ["192.0.2.1", "2001:DB8::1"]]),
            sources=st.sampled_from([[], ["192.0.2.0/24", "2001:db8::/32"]]),
            direction=st.sampled_from(["auto", "egress"]),
        ),
        "capacity": option(
            ipv4=st.integers(1, 10**7), ipv6=st.integers(0, 10**7), reserve=shares, pools=pools
        ),
        "selection": option(
            window=st.just("auto") | seconds,
            hysteresis=shares,
            minimum_rate=st.integers(0, 10**12) | st.floats(0, 1e12),
            factors=st.dictionaries(
                st.sampled_from(["192.0.2.1", "2001:db8::1"]), st.floats(0, 1000) | st.integers(0, 9)
            ),
            pins=listed_rules,
            denials=listed_rules,
            record=st.sampled_from(["", "/var/lib/arm/traffic"]),
        ),
        "announce": option(mode=st.sampled_from(["active", "observe", "withdraw"])),
        "freeze": option(sflow_silence=seconds, table_drop=shares),
        "web": option(
            hosts=st.sampled_from([["Switch1.example.net"], ["a", "b"]]),
            token_file=st.sampled_from(["", "/etc/arm/token"]),
            write_from=st.sampled_from([[], ["192.0.2.0/24", "2001:db8::/32"]]),
        ),
        "log": option(level=st.sampled_from(["info", "debug"])),
    },
)
