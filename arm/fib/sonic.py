"""SONiC's databases: how full the ASIC is (CRM), and which routes it has. Read only.

| database      | key                                            | says                                     |
|---------------|------------------------------------------------|------------------------------------------|
| COUNTERS_DB   | CRM:STATS                                      | entries used and free, when CRM looked   |
| APPL_STATE_DB | ROUTE_TABLE:PREFIX (of a host: its address)    | orchagent has programmed the route       |
| ASIC_DB       | ASIC_STATE:SAI_OBJECT_TYPE_ROUTE_ENTRY:{"dest" | syncd has; asked if there are none above |

Routes of other VRFs do not count. In APPL_STATE_DB their keys begin with the VRF's name; in ASIC_DB a number
tells routers apart, but not which is the default one, so with several nothing is known. SONiC has redis tell
of each change of a key; whether one was lost is looked at once in a while.
"""

from __future__ import annotations

import importlib.util
import json
import math
import socket
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arm.fib.hardware import Reading, Usage, by_family, number, usage_of
from arm.model import ArmError, Family, Prefix

if TYPE_CHECKING:
    from redis import Redis
    from redis.client import PubSub

DATABASES = Path("/var/run/redis/sonic-db/database_config.json")
SOCKET = "/var/run/redis/redis.sock"
NUMBERS = {"ASIC_DB": 1, "COUNTERS_DB": 2, "APPL_STATE_DB": 14}  # where the file does not say

TIMEOUT = 5.0  # seconds for one answer
AGAIN = 60.0  # seconds after which all keys are listed again
UNTOLD = 10.0  # seconds after which they are if there were none
SCAN = 1000  # keys that redis looks at in one step, while all else waits
BURST = 100_000  # changes taken at once
_ROUTES = {"APPL_STATE_DB": "ROUTE_TABLE:", "ASIC_DB": "ASIC_STATE:SAI_OBJECT_TYPE_ROUTE_ENTRY:"}


class Sonic:
    """One switch with one ASIC. `databases`: the file that says where they are; without it, where they
    usually are."""

    name = "sonic"
    interval = 0.5  # seconds: entries wait for their guards to be in the hardware

    def __init__(self, databases: Path = DATABASES) -> None:
        if importlib.util.find_spec("redis") is None:
            raise ArmError(
                "reading SONiC's databases needs the Python package redis",
                "install active-route-manager[sonic], or set fib.hardware to none",
            )
        self._file = databases
        self._clients: dict[str, Redis] = {}
        self._changes: PubSub | None = None
        self._told_by = ""  # the database that tells of routes
        self._keys: dict[str, tuple[str, Prefix]] = {}  # its keys: router and prefix
        self._held: frozenset[Prefix] = frozenset()
        self._listed_at = -math.inf

    def read(self) -> Reading:
        """See `Platform`."""
        from redis import RedisError

        try:
            usage = crm_usage(self._stats())
            held = self._routes(time.monotonic())
        except (RedisError, OSError) as error:
            self.close()
            raise ArmError(
                f"SONiC's databases do not answer ({error})",
                "see docs/sonic.md: the socket must be mounted, and ARM allowed to open it",
            ) from None
        before, self._held = self._held, held
        if held is before:  # as nearly always
            return Reading(usage, bool(held))
        return Reading(usage, bool(held), by_family(held - before), by_family(before - held))

    def close(self) -> None:
        """Forget everything; the next reading starts anew."""
        for client in self._clients.values():
            client.close()
        if self._changes is not None:
            self._changes.close()
        self._clients, self._changes = {}, None
        self._keys, self._held, self._listed_at = {}, frozenset(), -math.inf

    def _client(self, database: str) -> Redis:
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        if database not in self._clients:
            path, number_ = place(self._file, database)
            self._clients[database] = Redis(
                unix_socket_path=path,
                db=number_,
                socket_timeout=TIMEOUT,
                retry=Retry(NoBackoff(), 0),  # the next reading is soon
                decode_responses=True,
                encoding_errors="replace",
            )
        return self._clients[database]

    def _stats(self) -> Mapping[str, str]:
        from redis import ResponseError

        try:
            stats: Any = self._client("COUNTERS_DB").hgetall("CRM:STATS")
        except ResponseError:  # something else has that name
            return {}
        return dict(stats)

    # --- routes -------------------------------------------------------------------------------------

    def _routes(self, now: float) -> frozenset[Prefix]:
        if now - self._listed_at >= (AGAIN if self._keys else UNTOLD):
            self._listed_at = now
            self._list()
        elif not self._follow():
            return self._held
        routers = {router for router, _ in self._keys.values()}
        return frozenset(prefix for _, prefix in self._keys.values()) if len(routers) == 1 else frozenset()

    def _list(self) -> None:
        """Read all keys, of the first database that has any."""
        for self._told_by, start in _ROUTES.items():
            client: Any = self._client(self._told_by)
            changes = client.pubsub(ignore_subscribe_messages=True)
            # First this: a change is heard of twice rather than never.
            changes.psubscribe(f"{_channel(client)}{start}*")
            self._keys = {}
            self._take(client.scan_iter(match=f"{start}*", count=SCAN))
            if self._changes is not None:
                self._changes.close()
            self._changes = changes
            if self._keys:
                return

    def _follow(self) -> bool:
        """Take what has changed; whether there was something."""
        if self._changes is None:
            return False
        client, changed = self._client(self._told_by), set[str]()
        while len(changed) < BURST and (message := self._changes.get_message()) is not None:
            changed.add(message["channel"].removeprefix(_channel(client)))
        keys = list(changed)
        for some in (keys[at : at + SCAN] for at in range(0, len(keys), SCAN)):
            pipeline = client.pipeline(transaction=False)
            for key in some:
                pipeline.exists(key)
            there = pipeline.execute()
            for key in some:
                self._keys.pop(key, None)
            self._take(key for key, exists in zip(some, there, strict=True) if exists)
        return bool(changed)

    def _take(self, keys: Iterable[str]) -> None:
        start = len(_ROUTES[self._told_by])
        parse = _asic_route if self._told_by == "ASIC_DB" else _application_route
        for key in keys:
            route = parse(key[start:])
            if route is not None:
                self._keys[key] = route


def _channel(client: Redis) -> str:
    return f"__keyspace@{client.get_connection_kwargs()['db']}__:"


# --- what is written there ----------------------------------------------------------------------------


def crm_usage(stats: Mapping[str, str]) -> dict[Family, Usage]:
    """The fields of CRM:STATS."""
    return {
        family: usage_of(
            number(stats.get(f"crm_stats_{family.label}_route_used")),
            number(stats.get(f"crm_stats_{family.label}_route_available")),
        )
        for family in Family
    }


def place(file: Path, database: str) -> tuple[str, int]:
    """Socket and number of a database. ArmError if the file is there and makes no sense."""
    try:
        written = json.loads(file.read_text())
        about = written["DATABASES"].get(database, {})
        instance = written["INSTANCES"][about.get("instance", "redis")]
        path, number_ = instance.get("unix_socket_path", SOCKET), about.get("id", NUMBERS[database])
    except FileNotFoundError:
        return SOCKET, NUMBERS[database]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArmError(f"cannot make sense of {file} ({error!r})", "see docs/sonic.md") from None
    if not isinstance(path, str) or number(number_) is None:
        raise ArmError(f"cannot make sense of {database} in {file}", "see docs/sonic.md")
    return path, int(number_)


def _application_route(text: str) -> tuple[str, Prefix] | None:
    prefix = _prefix(text)
    return ("", prefix) if prefix is not None else None


def _asic_route(text: str) -> tuple[str, Prefix] | None:
    try:
        key = json.loads(text)
        prefix, router = _prefix(str(key["dest"])), str(key["vr"])
    except (ValueError, KeyError, TypeError):
        return None
    return (router, prefix) if prefix is not None else None


def _prefix(text: str) -> Prefix | None:
    """In the kernel's form; None for what is none, such as a route of a VRF."""
    address, slash, length = text.partition("/")
    family = Family.of(address)
    try:
        shown = socket.inet_ntop(family.af, socket.inet_pton(family.af, address))
    except (OSError, ValueError):
        return None
    bits = number(length) if slash else family.bits
    return Prefix(f"{shown}/{bits}") if bits is not None and bits <= family.bits else None
