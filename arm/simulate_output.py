"""What `arm simulate` writes: JSON and CSV for programs, tables for people. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from arm.model import Family, Kind
from arm.simulate_choice import Outcome
from arm.simulate_replay import Moment, score


def as_json(outcome: Outcome) -> str:
    """The whole outcome; shares are between 0 and 1, and null without traffic."""
    verdict = outcome.verdict
    return json.dumps(
        {
            "entries": [
                {"prefix": each.prefix, "next_hop": each.next_hop, "kind": each.kind.name.lower()}
                for each in outcome.entries
            ],
            "steps": [
                {"action": "withdraw" if hop is None else "announce", "prefix": prefix, "next_hop": hop}
                for prefix, hop in outcome.steps
            ],
            "coverage": verdict.coverage,
            "upper_bound": outcome.upper_bound,
            "misforwarded_addresses": verdict.misforwarded_addresses,
            "misforwarded_share": verdict.misforwarded_share,
            "hidden_prefixes": verdict.hidden_prefixes,
            "seconds": round(outcome.seconds, 6),
        }
    )


def summary(outcome: Outcome, family: Family, strategy: str, capacity: int) -> str:
    """A few lines for people."""
    verdict = outcome.verdict
    kinds = ", ".join(
        f"{sum(each.kind is kind for each in outcome.entries)} {plural}"
        for kind, plural in zip(Kind, ("routes", "guards", "synthesised"), strict=True)
    )
    return "\n".join(
        (
            f"{family.title}, {strategy}: {len(outcome.entries)} of {capacity} entries ({kinds}), "
            f"{len(outcome.steps)} steps, chosen in {outcome.seconds:.2f} s",
            f"coverage      {percent(verdict.coverage)} of the traffic; without misforwarding at most "
            f"{percent(outcome.upper_bound)}",
            f"misforwarded  {percent(verdict.misforwarded_share)} of the traffic, "
            f"{verdict.misforwarded_addresses} addresses, {verdict.hidden_prefixes} hidden prefixes",
        )
    )


def curve(
    capacities: Iterable[int],
    coverages: Mapping[str, Sequence[float | None]],
    bounds: Sequence[float | None],
) -> str:
    """Coverage by strategy against capacity."""
    columns = [
        ["entries", *map(str, capacities)],
        *([strategy, *map(percent, shares)] for strategy, shares in coverages.items()),
        ["upper bound", *map(percent, bounds)],
    ]
    return aligned(columns)


# --- replays ------------------------------------------------------------------------------------------


def replay_summary(moments: Sequence[Moment]) -> str:
    """All of it, and its second half: the first begins with an empty table and nothing measured."""
    rows = [("", "seconds", "coverage", "misforwarded", "changes/s")]
    for name, part in (("all", moments), ("second half", moments[len(moments) // 2 :])):
        total = score(part)
        rows.append(
            (
                name,
                f"{total.seconds:.0f}",
                percent(total.coverage),
                percent(total.misforwarded_share),
                f"{total.changes_per_second:.2f}",
            )
        )
    return aligned(list(zip(*rows, strict=True)))


def replay_json(moments: Sequence[Moment]) -> str:
    """The whole and every interval."""
    total = score(moments)
    return json.dumps({**asdict(total), "intervals": [_row(moment) for moment in moments]})


def replay_csv(moments: Sequence[Moment]) -> str:
    """Every interval, under a line with the names of the columns. A share without traffic is empty."""
    rows = [_row(moment) for moment in moments]
    heads = [",".join(rows[0])] if rows else []
    lines = [",".join("" if value is None else f"{value}" for value in row.values()) for row in rows]
    return "\n".join([*heads, *lines])


def _row(moment: Moment) -> dict[str, float | None]:
    one = score([moment])
    return {
        "time": moment.time,
        "seconds": moment.seconds,
        "coverage": one.coverage,
        "misforwarded_share": one.misforwarded_share,
        "entries": moment.entries,
        "changes": moment.changes,
    }


# --- words --------------------------------------------------------------------------------------------


def aligned(columns: Sequence[Sequence[str]]) -> str:
    """Columns with their heads, right-aligned."""
    widths = [max(map(len, column)) for column in columns]
    rows = zip(*columns, strict=True)
    return "\n".join(
        "  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows
    )


def percent(share: float | None) -> str:
    return "-" if share is None else f"{100.0 * share:.2f} %"
