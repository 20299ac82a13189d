"""The wheel without the package, by the commands of docs/install.md, in a Debian 13 that has a compiler."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from arm import __version__
from tests.packaging.chroot import Chroot, builder
from tests.packaging.installed import ROOT, documented


@pytest.mark.skipif(
    not os.environ.get("ARM_PACKAGES"),
    reason="takes minutes, needs debootstrap: sudo ARM_PACKAGES=1 ./tests/run tests/packaging",
)
@pytest.mark.timeout(2400)
def test_the_wheel_installs_by_the_documented_commands(wheel: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for folder in ("conf", "packaging"):
        shutil.copytree(ROOT / folder, tree / folder)
    shutil.copy(ROOT / "constraints.txt", tree)
    (tree / "dist").mkdir()
    shutil.copy(wheel, tree / "dist")
    with Chroot(builder(13), tmp_path / "root", binds={"/tree": tree}) as system:
        system.install("procps", "systemd")
        for command in documented("Anything else with Python 3.11 and systemd"):
            system.run("sh", "-c", f"cd /tree && {command}")
        assert system.run("arm", "--version").stdout == f"arm {__version__}\n"
        assert system.run("arm", "check", "/etc/arm/arm.toml").stdout == "/etc/arm/arm.toml: ok\n"
        for folder in ("/var/lib/arm", "/var/log/arm"):
            assert system.run("stat", "-c", "%U:%G %a", folder).stdout == "arm:arm 750\n"
        assert "(bird)" in system.run("id", "arm").stdout
        system.run("systemd-analyze", "verify", "--man=no", "/etc/systemd/system/arm.service")
    shutil.rmtree(tmp_path / "root")
