"""The version of the Debian package, from pyproject.toml and the newest heading of CHANGELOG.md.

    version.py ROOT DEBIAN    for the tree ROOT and Debian's release DEBIAN, as 12

A released version, whose heading is `## 0.1.0 (2026-12-01)`, becomes 0.1.0+deb12. Before that the heading
says `(unreleased)`, and the package is 0.1.0~unreleased+deb12, which the release replaces. By the suffix, the
package of Debian 13 is newer than that of Debian 12: they differ in the Python that they need.
"""

import re
import sys
import tomllib
from pathlib import Path

HEADING = re.compile(r"^## (?P<version>\d\S*) \((?P<date>unreleased|\d{4}-\d\d-\d\d)\)$", re.MULTILINE)
MODULE = re.compile(r'^__version__ = "(?P<version>[^"]+)"$', re.MULTILINE)


def version(pyproject: str, module: str, changelog: str, debian: int) -> str:
    """The package's version, from the text of the three files. SystemExit if they disagree."""
    released = tomllib.loads(pyproject)["project"]["version"]
    if (found := MODULE.search(module)) is None or found["version"] != released:
        raise SystemExit(f"pyproject.toml says {released}, arm/__init__.py does not")
    if (heading := HEADING.search(changelog)) is None or heading["version"] != released:
        raise SystemExit(
            f"CHANGELOG.md must begin with '## {released} (unreleased)' or the date of its release"
        )
    unreleased = "~unreleased" if heading["date"] == "unreleased" else ""
    return f"{released}{unreleased}+deb{debian}"


if __name__ == "__main__":
    root = Path(sys.argv[1])
    texts = [(root / name).read_text() for name in ("pyproject.toml", "arm/__init__.py", "CHANGELOG.md")]
    print(version(*texts, debian=int(sys.argv[2])))
