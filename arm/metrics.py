"""A Status as Prometheus metrics, built anew for each scrape so that nothing stale can stay behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from arm.model import FamilyStatus, Status

# Name, help, value of one family. None leaves the sample out: no figure is not the figure 0.
_FAMILY_GAUGES: tuple[tuple[str, str, Callable[[FamilyStatus], float | None]], ...] = (
    ("rib_routes", "Routes in the full table.", lambda f: f.rib_routes),
    (
        "rib_memory_bytes",
        "Memory that the routes of the full table take, their paths not counted.",
        lambda f: f.rib_octets,
    ),
    ("default_route", "Whether the kernel has a default route (1) or not (0).", lambda f: f.default_route),
    ("capacity_entries", "Entries that the hardware has room for.", lambda f: f.capacity),
    ("active_prefixes", "Prefixes with traffic inside the measuring window.", lambda f: f.active),
    ("entries_wanted", "Entries chosen for the FIB.", lambda f: f.wanted),
    ("entries_announced", "Entries announced to BIRD.", lambda f: f.announced),
    ("entries_installed", "Entries of ARM that the kernel holds.", lambda f: f.installed),
    (
        "entries_missing",
        "Entries announced for longer than a moment but not in the kernel.",
        lambda f: f.missing,
    ),
    (
        "entries_unexpected",
        "Entries in the kernel through BIRD that ARM does not want.",
        lambda f: f.unexpected,
    ),
    ("traffic_bytes_per_second", "Measured traffic.", lambda f: f.bits_per_second / 8),
    (
        "traffic_samples_per_second",
        "sFlow packet samples behind the measurement.",
        lambda f: f.samples_per_second,
    ),
    (
        "coverage_ratio",
        "Share of the bytes that go where the full table says, 0 to 1.",
        lambda f: f.coverage,
    ),
    (
        "coverage_error_ratio",
        "Half-width of the 95 % sampling interval of arm_coverage_ratio.",
        lambda f: f.coverage_error,
    ),
    (
        "hit_ratio",
        "Share of the bytes that an entry sends to a next hop of its own, right or wrong, 0 to 1.",
        lambda f: f.hit_rate,
    ),
    (
        "misforwarded_ratio",
        "Share of the bytes that go neither where the full table says nor to the default, 0 to 1.",
        lambda f: f.misforwarded,
    ),
    (
        "misforwarded_addresses",
        "Addresses (IPv6: /64 networks) that the kernel sends neither where the full table says nor to the "
        "default.",
        lambda f: f.misforwarded_addresses,
    ),
    (
        "hardware_used_entries",
        "Entries in the hardware's table, whoever's, as the platform says.",
        lambda f: f.hardware.used if f.hardware is not None else None,
    ),
    (
        "hardware_available_entries",
        "Further entries that fit into the hardware's table, as the platform says.",
        lambda f: f.hardware.available if f.hardware is not None else None,
    ),
    (
        "hardware_age_seconds",
        "Time since the platform was last asked with success.",
        lambda f: f.hardware.age if f.hardware is not None else None,
    ),
)


class StatusCollector(Collector):
    """Gives the metric families of one status."""

    def __init__(self, status: Status) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        status = self._status
        about = {"version": status.version, "strategy": status.strategy, "config": status.config}
        yield InfoMetricFamily("arm", "The running Active Route Manager.", value=about)
        yield GaugeMetricFamily("arm_start_time_seconds", "Unix time of the start.", value=status.started)
        yield GaugeMetricFamily(
            "arm_status_time_seconds", "Unix time at which these figures were taken.", value=status.time
        )
        yield GaugeMetricFamily(
            "arm_config_last_reload_successful",
            "Whether the last reading of the configuration file took effect (1) or had faults (0).",
            value=not status.reload_failed,
        )
        yield self._concerns()
        yield from self._families()
        sessions = GaugeMetricFamily(
            "arm_session_up", "Whether the BGP session is established (1) or not (0).", labels=["session"]
        )
        for session, established in sorted(status.sessions.items()):
            sessions.add_metric([session], established)
        yield sessions
        yield CounterMetricFamily(
            "arm_sflow_datagrams", "sFlow datagrams received since the start.", value=status.datagrams
        )
        malformed = CounterMetricFamily(
            "arm_sflow_malformed", "Faults in sFlow datagrams since the start.", labels=["kind"]
        )
        for kind, faults in sorted(status.malformed.items()):
            malformed.add_metric([kind], faults)
        yield malformed
        yield GaugeMetricFamily(
            "arm_sflow_unseen_ratio",
            "Share of the traffic that no sample told of lately, 0 to 1.",
            value=status.unseen,
        )
        yield GaugeMetricFamily(
            "arm_loop_stall_seconds",
            "Longest time of the last minute that ARM did not look at its sockets.",
            value=status.stall,
        )
        for name, total in sorted(status.counters.items()):
            words = name.removesuffix("_total").replace("_", " ")
            yield CounterMetricFamily(f"arm_{name}", f"Since the start: {words}.", value=total)

    def _concerns(self) -> Metric:
        metric = GaugeMetricFamily(
            "arm_concern", "1 for each reason why health is not good.", labels=["name", "family", "severity"]
        )
        # A set, because Prometheus refuses a page on which one series stands twice.
        for labels in sorted(
            {
                (c.name, c.family.label if c.family else "", "critical" if c.critical else "warning")
                for c in self._status.concerns
            }
        ):
            metric.add_metric(labels, 1)
        return metric

    def _families(self) -> Iterator[Metric]:
        state = GaugeMetricFamily(
            "arm_state", "1 for the state that the family is in.", labels=["family", "state"]
        )
        for family in self._status.families:
            state.add_metric([family.family.label, family.state], 1)
        yield state
        for name, text, value_of in _FAMILY_GAUGES:
            metric = GaugeMetricFamily(f"arm_{name}", text, labels=["family"])
            for family in self._status.families:
                value = value_of(family)
                if value is not None:
                    metric.add_metric([family.family.label], value)
            yield metric
        misses = GaugeMetricFamily(
            "arm_miss_ratio",
            "Share of the bytes that no entry sends to a next hop of its own, by reason; with arm_hit_ratio "
            "they add up to 1.",
            labels=["family", "reason"],
        )
        for family in self._status.families:
            for reason, share in (family.misses or {}).items():
                misses.add_metric([family.family.label, reason], share)
        yield misses


def page(*collectors: Collector) -> bytes:
    """The whole metrics page in the Prometheus text format."""
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    return generate_latest(registry)
