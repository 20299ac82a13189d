"""Completion of arm's commands, as bash itself does it."""

from __future__ import annotations

import subprocess

import pytest

from arm.cli import main
from arm.cli_orders import COMMANDS

TELLING = ["-h", "--help", "--url", "--json", "--token-file", "--reason"]
CASES = [
    (["arm", "st"], ["status"]),
    (["arm", "ex"], ["explain"]),
    (["arm", "--v"], ["--version"]),
    (["arm", "status", "--"], ["--help", "--url", "--json"]),
    (["arm", "routes", "--st"], ["--state"]),
    (["arm", "routes", "--state", ""], ["all", "installed", "active", "missing", "different"]),
    (["arm", "mode", ""], ["active", "observe", "withdraw", *TELLING]),
    (["arm", "plan", "--family", ""], ["ipv4", "ipv6"]),
    (["arm", "pin", "--f"], ["--for"]),
    (["arm", "un"], ["unpin", "undeny"]),
    (["arm", "routes", "--state", "all", "--kind", "g"], ["guard"]),
    (["arm", "routes", "--limit", ""], []),
    (["arm", "top", "--once", "--j"], ["--json"]),
    (["arm", "completion", ""], ["bash", "-h", "--help"]),
    (["arm", "simulate", "--strategy", "s"], ["safe"]),
    (["arm", "check", "some/fi"], []),
    (["arm", "dance", ""], []),
]


@pytest.mark.parametrize(("words", "expected"), CASES, ids=lambda value: " ".join(value))
def test_words(words: list[str], expected: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "bash"]) == 0
    line = " ".join(f"'{word}'" for word in words)
    show = f'COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _arm; printf "%s\\n" "${{COMPREPLY[@]}}"'
    program = f"{capsys.readouterr().out}\n{show}"
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True)
    assert (done.stdout.split(), done.stderr) == (expected, "")


def test_every_command_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    listed = capsys.readouterr().out.split("COMMAND")[-1]
    main(["completion", "bash"])
    script = capsys.readouterr().out
    for command in (
        "check",
        "run",
        "decode",
        "simulate",
        "status",
        "top",
        "explain",
        "routes",
        "completion",
        *COMMANDS,
    ):
        assert command in listed
        assert f"{command}) words=" in script
