"""The package in clean Debian 12 and 13: built there, installed as documented, run, upgraded, purged.

The tests of this file are steps, each in the state that the one before has left. They take minutes and need
debootstrap and the mirror of this machine's apt; therefore only with ARM_PACKAGES=1.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from arm import __version__
from tests.packaging.chroot import RELEASES, Chroot, builder, clean
from tests.packaging.installed import ROOT, Service, bird, documented, paths, until

pytestmark = [
    pytest.mark.skipif(
        not os.environ.get("ARM_PACKAGES"),
        reason="takes minutes, needs debootstrap: sudo ARM_PACKAGES=1 ./tests/run tests/packaging",
    ),
    pytest.mark.timeout(2400),
]
PACKAGE = "active-route-manager"


@dataclass(frozen=True, slots=True)
class Site:
    """`package`: the .deb; `before`: the paths of the system before it was installed."""

    release: int
    root: Path
    package: Path
    before: set[str]
    log: Path

    def system(self, *, alone: bool = False) -> Chroot:
        return Chroot(self.root, self.root, alone=alone)


@pytest.fixture(scope="module", params=RELEASES, ids=lambda release: f"debian{release}")
def site(
    request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    release = request.param
    place = tmp_path_factory.mktemp(f"debian{release}")
    out = place / "out"
    out.mkdir()
    shutil.copy(wheel, out)
    with Chroot(builder(release), place / "builder", binds={"/src": ROOT, "/out": out}) as system:
        # Uncompressed: xz alone would take longer than all the rest.
        quick = {"DPKG_DEB_COMPRESSOR_TYPE": "none"}
        system.run("/src/packaging/deb/build", "--wheel", f"/out/{wheel.name}", "/out", environment=quick)
    shutil.rmtree(place / "builder")
    (package,) = out.glob("*.deb")
    with Chroot(clean(release), place / "root") as system:
        # What apt would install along, so that afterwards only what ARM itself brings is new.
        shutil.copy(package, system.root / "root")
        system.run("apt-get", "update", "-qq")
        plan = system.run("apt-get", "install", "-s", f"/root/{package.name}").stdout
        system.install(*(set(re.findall(r"^Inst (\S+)", plan, re.MULTILINE)) - {PACKAGE}))
        before = paths(system.root)
    yield Site(release, place / "root", package, before, place / "log")
    shutil.rmtree(place / "root")


def test_what_the_package_says_and_holds(site: Site) -> None:
    fields = subprocess.run(
        ["dpkg-deb", "-f", site.package], capture_output=True, text=True, check=True
    ).stdout
    assert f"\nVersion: {__version__}" in fields
    assert f"+deb{site.release}\n" in fields
    assert "@" not in fields.replace("<arm@localhost>", "")
    python = {12: 11, 13: 13}[site.release]
    assert f"python3 (>= 3.{python}~), python3 (<< 3.{python + 1}~)" in fields
    assert re.search(r"Depends: bird2 \(>= 2.0.12\)", fields)
    listed = subprocess.run(
        ["dpkg-deb", "-c", site.package], capture_output=True, text=True, check=True
    ).stdout
    places = r"\./(opt/arm|etc/arm/arm\.toml|usr/bin/arm|usr/lib/(systemd/system|sysusers\.d|tmpfiles\.d|"
    places += r"sysctl\.d)/|usr/share/((doc/)?active-route-manager|bash-completion/completions)/)"
    for line in listed.splitlines():
        mode, owner, _, _, _, path = line.split(maxsplit=5)
        assert owner == "root/root", line
        assert mode in ("-rw-r--r--", "-rwxr-xr-x", "drwxr-xr-x", "lrwxrwxrwx"), line
        assert mode[0] == "d" or re.match(places, path), line
    # Python's packages: the pinned ones, none for developers.
    names = set(re.findall(r"/([a-z0-9_]+)-[0-9][^/]*\.dist-info/METADATA", listed))
    assert names >= {"active_route_manager", "exabgp", "numpy", "pydantic", "pyroute2", "pytricia", "redis"}
    assert not names & {"hypothesis", "mypy", "pip", "playwright", "pytest", "ruff", "setuptools"}
    assert "/web/static/vendor/" in listed


def test_it_installs_by_the_documented_commands(site: Site) -> None:
    with site.system() as system:
        system.run("rm", "/root/" + site.package.name)
        shutil.copy(site.package, system.root / "root")
        for command in documented("Debian"):
            if command.startswith("editor"):
                assert all((system.root / file[1:]).exists() for file in command.split()[1:])
            elif not command.startswith(("systemctl", "arm status")):  # the next test's
                system.run("sh", "-c", f"cd /root && {command.replace('apt install', 'apt-get install -y')}")
        assert system.run("arm", "--version").stdout == f"arm {__version__}\n"
        account = system.run("id", "arm").stdout
        assert "(bird)" in account
        for folder in ("/var/lib/arm", "/var/log/arm"):
            assert system.run("stat", "-c", "%U:%G %a", folder).stdout == "arm:arm 750\n"
        status = system.run("systemctl", "is-enabled", "arm.service", check=False).stdout
        assert status == "enabled\n"


def test_every_library_is_there(site: Site) -> None:
    with site.system() as system:
        found = system.run("sh", "-c", "find /opt/arm -name '*.so*' -type f -exec ldd {} + 2>&1").stdout
        assert "libpython" not in found
        assert "not found" not in found
        assert found.count("=>") > 20


def test_it_runs_by_the_command_line_of_its_unit(site: Site) -> None:
    with site.system(alone=True) as system:
        system.host("ip", "link", "set", "lo", "up")
        service = Service(system, site.log)
        assert service.check() == "/etc/arm/arm.toml: ok\n"
        with bird(system, site.log), service.running() as told:
            status = {}

            def connected() -> bool:
                done = system.run("arm", "status", "--json", check=False)
                status.update(json.loads(done.stdout or "{}"))
                sessions = status.get("sessions", {})
                return bool(sessions) and all(sessions.values())

            until(connected, 60, site.log)
            # The last documented command; 3: critical, for there is neither a default route nor sFlow here.
            assert documented("Debian")[-1] == "arm status"
            assert system.run("arm", "status", check=False).returncode == 3
            page = served(system, "/")
            assert page.startswith("<!doctype html>")
            for path in sorted(set(re.findall(r'(?:src|href)="(static/[^"]+|/static/[^"]+)"', page))):
                assert served(system, "/" + path.lstrip("/"))
            assert json.loads(served(system, "/api/v1/status"))["health"] == "critical"
            assert "\narm_" in served(system, "/metrics")
            programs = system.run("sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' '\\n'").stdout.splitlines()
            assert any(program.endswith("pypy3") for program in programs), "recommended, and installed"
            assert told.count("READY=1") == 1
        assert "Traceback" not in site.log.read_text()


def served(system: Chroot, path: str) -> str:
    """What ARM answers to a GET."""
    script = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=10).read().decode())"
    return system.run("/opt/arm/bin/python3", "-c", script, f"http://127.0.0.1:8008{path}").stdout


def test_an_upgrade_keeps_what_the_operator_wrote(site: Site, tmp_path: Path) -> None:
    """The next version has another arm.toml; and one that the operator's is wrong for does no harm either."""
    configuration = site.root / "etc" / "arm" / "arm.toml"
    written = configuration.read_text().replace("as = 65000", "as = 64999")
    configuration.write_text(written)
    newer = tmp_path / "newer"
    subprocess.run(["dpkg-deb", "-R", site.package, newer], check=True)
    control = newer / "DEBIAN" / "control"
    control.write_text(re.sub(r"(?m)^Version: .*", "Version: 99", control.read_text()))
    (newer / "etc" / "arm" / "arm.toml").write_text("# new\n" + written)
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Znone", "-b", newer, site.root / "root" / "newer.deb"],
        check=True,
    )
    with site.system() as system:
        done = system.run("dpkg", "--force-confold", "-i", "/root/newer.deb")
        assert configuration.read_text() == written
        assert "/etc/arm/arm.toml: ok" in done.stdout
        configuration.write_text("[bgp]\nport = -1\n")
        done = system.run("dpkg", "--force-confold", "-i", "/root/newer.deb")
        assert "bgp.port" in done.stderr
        assert "systemctl restart arm" in done.stderr
        assert system.run("dpkg-query", "-W", "-f=${db:Status-Status}", PACKAGE).stdout == "installed"


def test_removal_keeps_what_is_the_operators_and_purge_nothing(site: Site) -> None:
    remove, purge = documented("Upgrade, removal")[1:]
    with site.system() as system:
        system.run(
            "sh", "-c", "arm --version; pypy3 -m compileall -q /opt/arm/lib/python3*/site-packages/exabgp"
        )
        system.run("touch", "/var/lib/arm/state", "/var/log/arm/traffic")
        system.run("sh", "-c", remove.replace("apt", "apt-get -y"))
        left = paths(system.root) - site.before
        assert {path for path in left if path.startswith(("opt", "usr/"))} == set()
        assert {"etc/arm/arm.toml", "var/lib/arm/state", "var/log/arm/traffic"} <= left
        system.run("sh", "-c", purge.replace("apt", "apt-get -y"))
        # What the test itself has put there, by the documented commands and else.
        own = {f"root/{site.package.name}", "root/newer.deb", "etc/bird/local.conf", "etc/bird/peers.d"}
        assert paths(system.root) - site.before - own == {"etc/bird/peers.d/README.md"}
        assert site.before - paths(system.root) == set()
        for file in ("passwd", "group", "shadow", "gshadow"):
            assert not re.search(r"^arm:|:arm$", (system.root / "etc" / file).read_text(), re.MULTILINE)
