"""Clean Debian systems in folders, made by debootstrap, and processes in them as if they were machines.

A new system comes from the mirror that this machine's apt uses. Systems are kept in ~/.cache/arm-chroots, one
per release and purpose, and copied for each use.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

RELEASES = {12: "bookworm", 13: "trixie"}
CACHE = Path.home() / ".cache" / "arm-chroots"
BUILDER = ("gcc", "python3-dev", "python3-venv")
_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
_PASSED_ON = ("PIP_INDEX_URL", "http_proxy", "https_proxy", "no_proxy")


def clean(release: int) -> Path:
    """The system that debootstrap makes of Debian `release`, and nothing else; to be copied, not used."""
    kept = CACHE / f"{RELEASES[release]}-{_checked('dpkg', '--print-architecture').strip()}"
    if not kept.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        unfinished = kept.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        mirrors = _checked("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages")
        _checked("debootstrap", "--variant=minbase", RELEASES[release], str(unfinished), mirrors.split()[0])
        unfinished.rename(kept)
    return kept


def builder(release: int) -> Path:
    """A clean system with what packaging/deb/build needs; to be copied, not used."""
    base = clean(release)
    kept = base.with_name(f"{base.name}-builder")
    if not kept.exists():
        unfinished = kept.with_suffix(".unfinished")
        with Chroot(base, unfinished) as system:
            system.install(*BUILDER)
        unfinished.rename(kept)
    return kept


class Chroot:
    """A copy of `system` at `root`, with processes of its own.

    `binds`: folders of this machine, by their place in it. `alone`: with a network of its own, that leads
    nowhere. What runs in it ends with the `with` block; the folder stays.
    """

    def __init__(
        self, system: Path, root: Path, *, binds: Mapping[str, Path] | None = None, alone: bool = False
    ) -> None:
        self.root = root
        self._binds = binds or {}
        self._alone = alone
        if system != root:
            shutil.rmtree(root, ignore_errors=True)
            _checked("cp", "-a", "--reflink=auto", str(system), str(root))

    def __enter__(self) -> Self:
        mounts = [
            f"mount --bind {self.root} {self.root}",
            f"mount -t proc proc {self.root}/proc",
            f"mount --rbind /dev {self.root}/dev",
        ]
        for inside, folder in self._binds.items():
            (self.root / inside.lstrip("/")).mkdir(parents=True, exist_ok=True)
            mounts.append(f"mount --bind {folder} {self.root}{inside}")
        shutil.copy("/etc/resolv.conf", self.root / "etc" / "resolv.conf")
        # As Debian's images for containers do it: packages start nothing.
        policy = self.root / "usr" / "sbin" / "policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
        script = " && ".join([*mounts, f"exec chroot {self.root} sleep infinity"])
        unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child", *["--net"] * self._alone]
        self._keeper = subprocess.Popen([*unshare, "sh", "-c", script])
        children = Path(f"/proc/{self._keeper.pid}/task/{self._keeper.pid}/children")
        deadline = time.monotonic() + 20
        while not (found := children.read_text().split()) or _program(found[0]) != "sleep":
            if self._keeper.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{self.root} could not be entered")
            time.sleep(0.02)
        self._pid = found[0]
        self._enter = ["nsenter", "--target", self._pid, "--mount", "--pid", "--root", "--wd"]
        self._enter += ["--net"] * self._alone
        return self

    def __exit__(self, *_: object) -> None:
        self._keeper.kill()
        self._keeper.wait()

    def popen(
        self, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a program that goes on; `log` takes what it prints."""
        with log.open("ab") as file:
            return subprocess.Popen(
                [*self._enter, *command], stdout=file, stderr=file, env=self._environment(environment)
            )

    def run(
        self, *command: str, environment: Mapping[str, str] | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; with `check`, another exit code than 0 is an error with its words."""
        done = subprocess.run(
            [*self._enter, *command],
            capture_output=True,
            text=True,
            env=self._environment(environment),
            timeout=1200,
        )
        assert not check or done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done

    def host(self, *command: str) -> None:
        """Run a command of this machine in the network that is alone."""
        assert self._alone
        _checked("nsenter", "--target", self._pid, "--net", *command)

    def install(self, *packages: str, recommended: bool = False) -> None:
        """Install packages by name or path."""
        self.run("apt-get", "update", "-qq")
        options = ["-y", "-qq", *([] if recommended else ["--no-install-recommends"])]
        self.run("apt-get", "install", *options, *packages)

    def _environment(self, more: Mapping[str, str] | None) -> dict[str, str]:
        """What a clean system sets, and how this machine reaches package indexes, certificates included."""
        passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        if _BUNDLE.exists():
            inside = self.root / "tmp" / "bundle.crt"
            if not inside.exists():
                shutil.copy(_BUNDLE, inside)
            passed["PIP_CERT"] = "/tmp/bundle.crt"
        return {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LC_ALL": "C.UTF-8",
            "DEBIAN_FRONTEND": "noninteractive",
            **passed,
            **(more or {}),
        }


def _checked(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


def _program(pid: str) -> str:
    """The name of a process, empty if it has ended."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
