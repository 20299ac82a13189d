"""Sections about the daemon itself: whether it speaks, when it holds still, what it keeps, what it logs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from arm.config_values import AbsolutePath, Meant, Seconds, Section, Share


class Announce(Section):
    """Whether ARM acts on what it chooses."""

    mode: Annotated[Literal["active", "observe", "withdraw"], Meant("a known mode")] = Field(
        default="active",
        description="`active`: entries are announced to BIRD. `observe`: everything but that; what was "
        "announced before stays, and only routing changes correct it. `withdraw`: all that was announced is "
        "taken back, in safe order, and everything follows the default.",
    )


class Freeze(Section):
    """When what ARM knows has become too doubtful to choose by: the choice holds still, repairs go on."""

    sflow_silence: Seconds = Field(
        default=15.0, ge=1, le=86400, description="Seconds without any sample after which the choice freezes."
    )
    traffic_drop: Share = Field(
        default=0.9,
        ge=0.1,
        le=1,
        description="The choice freezes when traffic falls by more than this share of what was usual; "
        "1: never.",
    )
    table_drop: Share = Field(
        default=0.5,
        ge=0.01,
        le=1,
        description="A family freezes when its BGP table loses more than this share of its routes; 1: never.",
    )
    choice_drop: Share = Field(
        default=0.5,
        ge=0.01,
        le=1,
        description="A family freezes when a new choice lacks this share of its last entries; 1: never.",
    )
    patience: Seconds = Field(
        default=300.0,
        ge=1,
        le=86400,
        description="Seconds after which a drop that lasts is taken for the new normal; silence never is.",
    )


class State(Section):
    """Files that ARM writes while it runs."""

    directory: AbsolutePath = Field(
        default=Path("/var/lib/arm"),
        description="Directory of what a restart begins with, of the generated ExaBGP configuration and of "
        "its socket.",
    )
    save_interval: Seconds = Field(
        default=10.0,
        ge=1,
        le=3600,
        description="Seconds from one save of what a restart begins with to the next.",
    )


class Log(Section):
    """What ARM writes to stderr."""

    level: Annotated[Literal["debug", "info", "warning", "error"], Meant("a known level")] = Field(
        default="info", description="Least important events to log; `arm run --log-level` beats it."
    )
