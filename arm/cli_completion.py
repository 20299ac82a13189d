"""Completion for bash, written from the command line's own definition: nothing to keep in step by hand."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

_SCRIPT = """\
# bash completion for arm. Load it with: source <(arm completion bash)
_arm() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}}
    local command=${{COMP_WORDS[1]}} words=
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        words="{commands}"
    else
        case "$command $before" in
{choices}
            *)
                case $command in
{options}
                esac
                ;;
        esac
    fi
    [[ $words == - ]] || COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _arm arm
"""


def bash(parser: argparse.ArgumentParser) -> str:
    """The script. A word that is neither an option nor one of a few choices is left to bash: files."""
    found = dict(_commands(parser))
    choices, options = [], []
    for name, command in found.items():
        flags: list[str] = []
        words: list[str] = []
        for action in command._actions:
            values = [str(each) for each in action.choices or ()]
            flags += action.option_strings
            if not action.option_strings:
                words += values
            elif action.nargs != 0:  # it takes a value
                places = " | ".join(f'"{name} {flag}"' for flag in action.option_strings)
                choices.append(f'            {places}) words="{" ".join(values) or "-"}" ;;')
        options.append(f'                    {name}) words="{" ".join(words + flags)}" ;;')
    top = [flag for action in parser._actions for flag in action.option_strings]
    return _SCRIPT.format(
        commands=" ".join([*found, *top]), choices="\n".join(choices), options="\n".join(options)
    )


def _commands(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()
