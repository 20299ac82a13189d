"""What goes into the package is pinned, and nothing that only developers need."""

from __future__ import annotations

import json
import runpy
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]
PINS = runpy.run_path(str(ROOT / "packaging" / "deb" / "pins.py"))
REAL = (ROOT / "constraints.txt").read_text()

NAMES = st.integers(0, 999).map(lambda number: f"package-{number}")
VERSIONS = st.integers(0, 999).map(lambda number: f"{number % 7}.{number}")


def line(name: str, version: str) -> str:
    """A pin as uv writes it."""
    hashes = "".join(f" \\\n    --hash=sha256:{digits}" for digits in ("aa", "bb"))
    return f"{name}=={version} ; python_full_version < '3.12'{hashes}\n"


def report(packages: dict[str, str], wheel: str = "") -> str:
    """What pip says it would install; `wheel`: a package that it was given as a file."""
    items = [
        {"metadata": {"name": name, "version": version}, "is_direct": False}
        for name, version in packages.items()
    ]
    own = [{"metadata": {"name": wheel, "version": "1"}, "is_direct": True}] if wheel else []
    return json.dumps({"install": own + items})


@given(st.dictionaries(NAMES, VERSIONS, min_size=1), st.data())
def test_what_is_needed_is_kept_with_its_hashes_and_nothing_else(
    pinned: dict[str, str], data: st.DataObject
) -> None:
    wanted = data.draw(st.sets(st.sampled_from(sorted(pinned))))
    constraints = "# a comment\n" + "".join(line(*pin) for pin in pinned.items())
    asked = {name.replace("-", "_").title(): pinned[name] for name in wanted}
    kept = PINS["needed"](constraints, report(asked, wheel="not-pinned"))
    assert kept.strip() == "".join(line(name, pinned[name]) for name in pinned if name in wanted).strip()
    assert PINS["bare"](constraints) == "".join(
        f"{name}=={version} ; python_full_version < '3.12'\n" for name, version in pinned.items()
    )


@given(st.dictionaries(NAMES, VERSIONS, min_size=1), st.data())
def test_another_version_than_the_pinned_is_refused(pinned: dict[str, str], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(pinned)))
    constraints = "".join(line(*pin) for pin in pinned.items())
    with pytest.raises(SystemExit, match=name):
        PINS["needed"](constraints, report({name: pinned[name] + ".1"}))
    with pytest.raises(SystemExit, match="x-unknown"):
        PINS["needed"](constraints, report({"x_Unknown": "1"}))


def test_a_package_with_a_pin_for_each_python_keeps_both() -> None:
    """pip takes the one whose marker holds."""
    both = "numpy==1 ; python_full_version < '3.12' \\\n    --hash=sha256:aa\n"
    both += "numpy==2 ; python_full_version >= '3.12' \\\n    --hash=sha256:bb\n"
    assert PINS["needed"](both, report({"numpy": "2"})) == both


def test_every_package_that_arm_names_is_pinned_with_a_hash() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = project["dependencies"] + project["optional-dependencies"]["sonic"]
    pins = {block[0].partition("==")[0]: block for block in PINS["blocks"](REAL)}
    for requirement in named:
        name = requirement.partition(">")[0]
        assert any("--hash=sha256:" in part for part in pins[name][1:]), name
    assert "--hash" not in PINS["bare"](REAL)
    assert PINS["bare"](REAL).count("\n") == REAL.count("==") - REAL.count("sys_platform ==")
