"""The daemon's answers as plain text for a terminal. Pure.

Answers are what the API gives (arm/web/schemas.py), read from JSON. Words in them may come from the network,
so no line leaves before `printable` has seen it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from arm.log import printable

Answer = Mapping[str, Any]

TITLES = {"ipv4": "IPv4", "ipv6": "IPv6"}
_VERDICTS = {
    "served": "in hardware: an entry sends it where the full table says",
    "default": "not in hardware, and needs no entry: the default leads where the full table says",
    "detour": "not in hardware: it follows the default, though the full table says otherwise",
    "astray": "misforwarded: it goes neither where the full table says nor to the default",
    "several": "not all of its addresses go the same way",
}


def status(answer: Answer) -> Iterator[str]:
    """Health, families, and every concern with what to do about it."""
    age = duration(answer["time"] - answer["started"])
    down = [name for name, up in answer["sessions"].items() if not up]
    yield printable(
        f"{answer['health'].upper()}  arm {answer['version']}, strategy {answer['strategy']}, running {age}"
        + (f", sessions down: {', '.join(down)}" if down else "")
    )
    if operated := _operated(answer["operated"]):
        yield operated
    yield ""
    head = (
        "family", "state", "routes", "active", "installed", "capacity", "coverage", "misforwarded", "traffic"
    )  # fmt: skip
    yield from table(
        head,
        (
            (
                TITLES[each["family"]],
                each["state"],
                str(each["rib_routes"]),
                str(each["active"]),
                str(each["installed"]),
                str(each["capacity"]),
                share(each["coverage"], each["coverage_error"]),
                share(each["misforwarded"]),
                rate(each["bits_per_second"]),
            )
            for each in answer["families"]
        ),
    )
    for concern in sorted(answer["concerns"], key=lambda each: not each["critical"]):
        family = f" {TITLES[concern['family']]}" if concern["family"] else ""
        since = duration(answer["time"] - concern["since"])
        severity = "critical" if concern["critical"] else "warning"
        yield ""
        yield printable(f"{severity}{family} {concern['name']}, for {since}: {concern['text']}")
        yield printable(f"  {concern['remedy']}")


def _operated(answer: Answer) -> str:
    """What operators want besides traffic; empty if that is nothing."""
    words = []
    if answer["mode"] != "active" or answer["mode_given"]:
        words.append(f"mode {answer['mode']}{' (set at run time)' if answer['mode_given'] else ''}")
    for name, title in (("pins", "pins"), ("denials", "denials")):
        number, given = answer[name], answer[f"{name}_given"]
        if number:
            words.append(f"{title} {number}{f' ({given} at run time)' if given else ''}")
    return ", ".join(words)


def routes(rows: Iterable[Answer], now: float) -> Iterator[str]:
    """Lines of the route table. `now` in Unix seconds."""
    head = ("rank", "prefix", "traffic", "packets/s", "next hop", "installed", "kind", "as path")
    yield from table(
        head,
        (
            (
                str(row["rank"]),
                row["prefix"],
                rate(row["bits_per_second"]),
                f"{row['packets_per_second']:.0f}",
                row["next_hop"] or "-",
                _installed(row, now),
                row["kind"] or "-",
                row["as_path"],
            )
            for row in rows
        ),
    )


def explanation(answer: Answer, now: float) -> Iterator[str]:
    """What becomes of traffic to an address or prefix, and why."""
    entry = answer["entry"]
    verdict = _VERDICTS[answer["verdict"]]
    if answer["verdict"] == "served" and entry is not None and entry["hardware"] in ("no", "refused"):
        verdict = "not in hardware: only the kernel has the entry that sends it where the full table says"
    yield printable(f"{answer['asked']}: {verdict}")
    for reason in answer["reasons"]:
        yield printable(f"  {reason['name']}: {reason['text']}")
    yield ""
    yield from table((), _facts(answer, now))


def _facts(answer: Answer, now: float) -> Iterator[tuple[str, str]]:
    route, entry, here, own = (answer[name] for name in ("route", "entry", "here", "of_route"))
    yield "full table", _way(answer["full"])
    yield "kernel", _way(answer["kernel"])
    if route is None:
        yield "route", "none but the default"
    else:
        yield "route", f"{route['prefix']} by {route['next_hop']}, AS path {route['as_path'] or '-'}"
        if route["communities"]:
            yield "communities", " ".join(route["communities"])
    yield "covered by", " ".join(answer["covering"]) or "-"
    if answer["hidden"]:
        first = answer["hidden_first"]
        more = ", …" if answer["hidden"] > len(first) else ""
        yield "inside", f"{answer['hidden']} more-specific routes: {', '.join(first)}{more}"
    for title, each in (("entry", entry), ("coming", answer["coming"])):
        if each is not None:
            yield title, _entry(each, now)
    yield "block" if answer["block"] else "blocks", f"{answer['block'] or here['blocks']}: {_measured(here)}"
    if own is not None:
        yield "route's own", _measured(own)
    rank = f"{answer['rank']} of {answer['active']}" if answer["rank"] else f"none of {answer['active']}"
    yield "rank", f"{rank} with traffic; {answer['chosen']} entries chosen, capacity {answer['capacity']}"


def _entry(entry: Answer, now: float) -> str:
    words = [entry["prefix"], entry["kind"]]
    if entry["gateways"] or entry["next_hop"]:
        words.append("by " + ", ".join(entry["gateways"] or [entry["next_hop"]]))
    words.append("in the kernel" if entry["in_kernel"] else "not in the kernel")
    if entry["since"] is not None:
        words.append(f"for {duration(now - entry['since'])}")
    if entry["hardware"] != "unknown":
        words.append(f"(hardware: {entry['hardware']})")
    return " ".join(words)


def _measured(measured: Answer) -> str:
    bits, error = rate(measured["bits_per_second"]), rate(measured["error"])
    return f"{bits} ± {error} from {measured['samples']:.1f} samples"


def _way(way: Answer) -> str:
    gateways = ", ".join(way["gateways"])
    if way["kind"] == "next hop":
        return gateways
    return f"{way['kind']} ({gateways})" if gateways else str(way["kind"])


def _installed(row: Answer, now: float) -> str:
    if row["in_kernel"]:
        return duration(now - row["since"]) if row["since"] is not None else "yes"
    return "missing" if row["announced"] else "chosen" if row["wanted"] else "-"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as their widest cell, the last one as it is. An empty head is left out."""
    lines = [list(map(printable, row)) for row in (*([head] if head else []), *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        yield "  ".join(map(str.ljust, line, widths)).rstrip()


def rate(bits: float) -> str:
    """Bits per second with three digits or so: 12.4 Gbit/s."""
    for unit in ("", "k", "M", "G"):
        if bits < 999.5:
            return f"{bits:.3g} {unit}bit/s"
        bits /= 1000.0
    return f"{bits:.4g} Tbit/s"


def share(part: float | None, error: float | None = None) -> str:
    """As per cent; - if it is not known."""
    if part is None:
        return "-"
    return f"{part:.2%}" + (f" ± {error:.2%}" if error is not None else "")


def duration(seconds: float) -> str:
    """In the two largest units."""
    seconds = max(0, int(seconds))
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min {seconds % 60} s" if minutes else f"{seconds} s"
