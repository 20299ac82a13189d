"""Which of the pinned packages a program needs, and no others: constraints.txt also pins what developers use.

    pins.py bare CONSTRAINTS             the pins without their hashes, for pip's resolver
    pins.py needed CONSTRAINTS REPORT    the pins, with hashes, of the packages in pip's report

pip resolves against pins without hashes (`pip install --dry-run --report`), for with one hash it wants one of
everything, also of ARM itself. What it then installs has them all (`--require-hashes`).
"""

import json
import re
import sys
from pathlib import Path


def blocks(constraints: str) -> list[list[str]]:
    """The pins of a constraints file, each as its lines: `name==version ; marker \\` and then its hashes."""
    found: list[list[str]] = []
    for line in constraints.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line[0].isspace():
            found[-1].append(line)
        else:
            found.append([line])
    return found


def canonical(name: str) -> str:
    """A package's name as it is compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def bare(constraints: str) -> str:
    """The pins alone, one a line."""
    return "".join(f"{block[0].removesuffix(chr(92)).rstrip()}\n" for block in blocks(constraints))


def needed(constraints: str, report: str) -> str:
    """The pins of the packages in `report` (JSON of pip), but not of ARM, which pip was given as a file.

    SystemExit names those that are not pinned.
    """
    wanted = {
        canonical(item["metadata"]["name"]): item["metadata"]["version"]
        for item in json.loads(report)["install"]
        if not item["is_direct"]
    }
    kept: list[str] = []
    pinned: set[str] = set()
    for block in blocks(constraints):
        name, _, version = block[0].split()[0].partition("==")
        if wanted.get(canonical(name)):
            kept += block
            if wanted[canonical(name)] == version:
                pinned.add(canonical(name))
    if missing := wanted.keys() - pinned:
        raise SystemExit(f"not pinned in constraints.txt: {', '.join(sorted(missing))}")
    return "\n".join(kept) + "\n"


if __name__ == "__main__":
    task, constraints, *report = sys.argv[1:]
    texts = [Path(file).read_text() for file in (constraints, *report)]
    print({"bare": bare, "needed": needed}[task](*texts), end="")
