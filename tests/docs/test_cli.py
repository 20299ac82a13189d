"""What the documents say about the command line is what `arm --help` says."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from arm.cli import _parser
from tests.docs.commands import commands
from tests.docs.pages import PAGES, ROOT, prose

CLI = ROOT / "docs" / "cli.md"
COMMANDS: dict[str, argparse.ArgumentParser] = next(
    dict(action.choices) for action in _parser()._actions if isinstance(action, argparse._SubParsersAction)
)
# Asked of the running daemon: cli.md is about these.
LIVE = {name: command for name, command in COMMANDS.items() if "--url" in command.format_help()}


def options(command: argparse.ArgumentParser) -> set[str]:
    return {option for action in command._actions for option in action.option_strings} - {"-h", "--help"}


def shown(text: str) -> list[list[str]]:
    """The words of every `arm …` that a document shows, in its blocks and between backticks."""
    inline = re.findall(r"`arm ([^`]*)`", prose(text))
    blocks = [each.text.removeprefix("arm ") for each in commands(text) if each.text.startswith("arm ")]
    return [words.split("|")[0].split() for words in (*inline, *blocks)]


def test_every_command_is_described() -> None:
    named = {words[0] for words in shown(CLI.read_text())}
    listed = set(re.findall(r"`(\w+)`", CLI.read_text().split("\n\n")[1]))
    assert set(COMMANDS) <= named | listed


@pytest.mark.parametrize("name", LIVE)
def test_every_option_is_described(name: str) -> None:
    text = CLI.read_text()
    assert [option for option in options(LIVE[name]) if not re.search(rf"{option}(?![\w-])", text)] == []


def test_every_option_described_exists() -> None:
    every = {option for command in COMMANDS.values() for option in options(command)}
    assert {*re.findall(r"`(--[\w-]+)", CLI.read_text())} <= every


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_is_shown_would_be_understood(page: Path) -> None:
    """The command exists, and has the options that it is shown with."""
    for words in shown(page.read_text()):
        name = words[0] if words else ""
        if not name.islower() or not name.isalpha():
            continue  # `arm --help`, `arm COMMAND`
        assert name in COMMANDS, words
        used = {word.partition("=")[0] for word in words if word.startswith("--")} - {"--help"}
        assert used <= options(COMMANDS[name]), words


def test_a_wrong_command_is_seen() -> None:
    text = "`arm stat --all`, `arm top --once`\n```\narm routes --colour=red | head\n```\n"
    assert shown(text) == [["stat", "--all"], ["top", "--once"], ["routes", "--colour=red"]]
