"""What sFlow agents count themselves, as Prometheus metrics. The names of kinds and fields: arm/model.py."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from arm.model import AgentCounters

_Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Figure:
    """Which fields of one kind of record are the samples of one metric."""

    kind: str  # of the record
    name: str
    help: str
    fields: Mapping[_Labels, str]  # by the values of `labels`
    labels: _Labels = ()  # besides the agent and, where it has many, the data source
    divisor: int = 1  # from the record's unit to the metric's
    counter: bool = False

    @property
    def origin(self) -> _Labels:
        """An agent is one host with many interfaces."""
        return ("agent", "source") if self.kind == "interface" else ("agent",)


_WAYS = ("in", "out")
_CASTS: dict[_Labels, str] = {
    (way, cast): f"{way}_{cast}" for way, cast in product(_WAYS, ("unicast", "multicast", "broadcast"))
}
_TIMES = ("user", "nice", "system", "idle", "waiting", "interrupt", "soft_interrupt")
_MODES: dict[_Labels, str] = {(mode,): mode for mode in (*_TIMES, "steal", "guest", "guest_nice")}


def _both(what: str) -> dict[_Labels, str]:
    return {(way,): f"{way}_{what}" for way in _WAYS}


def _counter(kind: str, name: str, text: str, fields: Mapping[_Labels, str], *labels: str) -> _Figure:
    return _Figure(kind, name, text, fields, labels, counter=True)


def _gauge(kind: str, name: str, text: str, field: str, divisor: int = 1) -> _Figure:
    return _Figure(kind, name, text, {(): field}, divisor=divisor)


_FIGURES = (
    _counter("interface", "interface_octets", "Octets through the port.", _both("octets"), "direction"),
    _counter("interface", "interface_packets", "Packets through the port.", _CASTS, "direction", "cast"),
    _counter("interface", "interface_errors", "Packets with errors.", _both("errors"), "direction"),
    _counter("interface", "interface_discards", "Packets discarded.", _both("discards"), "direction"),
    _gauge("interface", "interface_speed_bytes_per_second", "Speed of the port.", "speed", 8),
    _gauge("host_cpu", "host_load1", "Load average of 1 minute.", "load_1"),
    _gauge("host_cpu", "host_load5", "Load average of 5 minutes.", "load_5"),
    _gauge("host_cpu", "host_load15", "Load average of 15 minutes.", "load_15"),
    _gauge("host_cpu", "host_cpus", "Processors that share the load.", "cpus"),
    _gauge("host_cpu", "host_uptime_seconds", "Time since the host's start.", "uptime"),
    _Figure(
        "host_cpu",
        "host_cpu_seconds",
        "Time that the processors spent in each mode.",
        _MODES,
        ("mode",),
        1000,
        counter=True,
    ),
    _gauge("host_memory", "host_memory_size_bytes", "Memory of the host.", "total"),
    _gauge("host_memory", "host_memory_free_bytes", "Memory that holds nothing.", "free"),
    _gauge("host_memory", "host_memory_buffers_bytes", "Memory that holds buffers.", "buffers"),
    _gauge("host_memory", "host_memory_cached_bytes", "Memory that holds cached files.", "cached"),
    _gauge("host_memory", "host_swap_size_bytes", "Swap space of the host.", "swap_total"),
    _gauge("host_memory", "host_swap_free_bytes", "Swap space that is free.", "swap_free"),
    _gauge("host_disk", "host_disk_size_bytes", "Disk space of the host.", "total"),
    _gauge("host_disk", "host_disk_free_bytes", "Disk space that is free.", "free"),
    _gauge(
        "host_disk",
        "host_disk_fullest_ratio",
        "Share used of the fullest partition, 0 to 1.",
        "fullest",
        10_000,
    ),
)
_TABLES = "broadcom_tables"

_Samples = Iterable[tuple[_Labels, object]]


class AgentCollector(Collector):
    """Gives the metric families of what sFlow agents count themselves."""

    def __init__(self, agents: Sequence[AgentCounters]) -> None:
        self._agents = sorted(agents, key=lambda each: (each.agent, len(each.source), each.source, each.kind))

    def collect(self) -> Iterator[Metric]:
        kinds: dict[str, list[AgentCounters]] = {}
        for each in self._agents:
            kinds.setdefault(each.kind, []).append(each)
        for figure in _FIGURES:
            yield _figure(figure, kinds.get(figure.kind, ()))
        names = ((each.agent, each.source, str(each.values["name"])) for each in kinds.get("port_name", ()))
        text = "What the operator calls the port."
        yield _metric("interface_info", text, ("agent", "source", "name"), ((labels, 1) for labels in names))
        tables = kinds.get(_TABLES, ())
        for name, key, text in (
            ("table_used_entries", "used", "Entries used in a table of the ASIC."),
            ("table_max_entries", "maximum", "Entries that fit into a table of the ASIC."),
        ):
            yield _metric(name, text, ("agent", "table"), _table_samples(tables, key))
        ages = (((each.agent, each.source, each.kind), each.age) for each in self._agents)
        text = "Time since the agent sent its latest counters."
        yield _metric("counters_age_seconds", text, ("agent", "source", "kind"), ages)


def _figure(figure: _Figure, records: Iterable[AgentCounters]) -> Metric:
    samples = (
        ((*(getattr(each, label) for label in figure.origin), *labels), each.values.get(field))
        for each in records
        for labels, field in figure.fields.items()
    )
    labels = (*figure.origin, *figure.labels)
    return _metric(figure.name, figure.help, labels, samples, figure.divisor, figure.counter)


def _table_samples(records: Iterable[AgentCounters], key: str) -> _Samples:
    """A plain number in a record of tables is how many entries are used; how many fit is not told."""
    for each in records:
        for table, value in each.values.items():
            usage = value if isinstance(value, dict) else {"used": value}
            yield (each.agent, table), usage.get(key)


def _metric(
    name: str, text: str, labels: Sequence[str], samples: _Samples, divisor: int = 1, counter: bool = False
) -> Metric:
    """Only numbers become samples: what the agent does not know is left out.

    Of two data sources that tell the same of one agent the first counts: Prometheus refuses a page on which
    one series stands twice.
    """
    family = CounterMetricFamily if counter else GaugeMetricFamily
    metric = family(f"arm_agent_{name}", text, labels=labels)
    known: set[_Labels] = set()
    for values, figure in samples:
        if isinstance(figure, int | float) and values not in known:
            known.add(values)
            metric.add_metric(values, figure / divisor)
    return metric
