"""The direction of imports: a room never imports a later one (CONTRIBUTING.md has the map)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ARM = Path(__file__).parent.parent / "arm"

# For each room, what it may import besides itself. What is not listed may be imported by nobody but app.
ALLOWED: dict[str, set[str]] = {
    "model": set(),
    "log": set(),
    "config": {"model", "log"},
    "reload": {"config", "log"},
    "systemd": set(),
    "token": {"model"},
    "orders": {"model", "state"},
    "plan": {"model", "rib", "selection", "family", "chooser", "lifecycle"},
    "operating": {"model", "config", "history", "orders", "reload"},
    "health": {"model"},
    "history": {"model"},
    "allocator": set(),
    "beside": set(),
    "rhythm": set(),
    "stalls": set(),
    "freeze": set(),
    "lifecycle": {"model", "freeze"},
    "exabgp": {"model"},
    "sflow": {"model"},
    "rib": {"model"},
    "traffic": {"model", "rib"},
    "state": {"model", "rib", "traffic"},
    "selection": {"model", "rib", "traffic"},
    "announce": {"model", "rib", "exabgp", "selection"},
    "fib": {"model"},
    "family": {"model", "sflow", "rib", "traffic", "selection"},
    "chooser": {"model", "rib", "traffic", "selection", "family"},
    "picture": {
        "model",
        "exabgp",
        "sflow",
        "rib",
        "traffic",
        "selection",
        "fib",
        "family",
        "freeze",
        "health",
        "lifecycle",
    },
    "explain": {
        "model",
        "rib",
        "traffic",
        "family",
        "picture",
        "lifecycle",
    },
    "board": {
        "model",
        "explain",
        "freeze",
        "history",
        "sflow",
        "rib",
        "exabgp",
        "announce",
        "fib",
        "family",
        "picture",
        "health",
        "stalls",
        "lifecycle",
        "plan",
    },
    "routing": {"model", "log", "rib", "selection", "announce", "family"},
    "choosing": {
        "model",
        "config",
        "rib",
        "selection",
        "state",
        "chooser",
        "lifecycle",
        "plan",
        "rhythm",
        "routing",
    },
    "keeping": {"model", "history", "state", "routing"},
    "metrics": {"model"},
    "web": {"model", "log", "metrics", "history", "orders", "token"},
    "decode": {"model", "log", "sflow"},
    "simulate": {"model", "log", "rib", "traffic", "selection"},
    "client": {"model", "token"},
    "cli": {"model", "client", "token", "config", "log", "app", "decode", "simulate"},
}
EVERYTHING = {"app", "assembly"}  # wire the rooms


def room(module: str) -> str:
    """The room of a module: "arm.rib.table" is in "rib", "arm.config_checks" in "config"."""
    name = module.split(".")[1]
    stem = name.partition("_")[0]
    if stem in ("cli", "config", "explain", "family", "history", "orders", "picture", "simulate"):
        return stem
    return "cli" if name == "__main__" else name


def imports(path: Path) -> set[str]:
    """The rooms that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            assert node.level == 0, f"{path}: relative import"
            names = [node.module]
            if node.module in (
                "arm",
                "arm.fib",
                "arm.selection",
                "arm.announce",
            ):  # `from arm.fib import bird`
                names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            if name.startswith("arm.") and not name.startswith("arm.__"):
                found.add(room(name))
    return found


def files() -> list[Path]:
    return sorted(path for path in ARM.rglob("*.py") if path != ARM / "__init__.py")


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ARM)))
def test_imports_run_one_way(path: Path) -> None:
    own = room(".".join(("arm", *path.relative_to(ARM).with_suffix("").parts)))
    if own in EVERYTHING:
        return
    assert own in ALLOWED, f"room {own} is not on the map: add it to CONTRIBUTING.md and here"
    assert imports(path) - {own} <= ALLOWED[own]


def test_a_backward_import_is_seen(tmp_path: Path) -> None:
    """The check itself can fail."""
    path = tmp_path / "wrong.py"
    path.write_text("def f() -> None:\n    from arm.web.server import serve\n    from arm import family\n")
    assert imports(path) == {"web", "family"}
    assert not imports(path) <= ALLOWED["rib"]
