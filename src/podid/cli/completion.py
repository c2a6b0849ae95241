"""Shell completion: the script for each shell, and the answer that the script asks podid for on every TAB.

The script runs podid with `_PODID_COMPLETE` naming the shell and the words up to the cursor behind `--`; podid prints
one candidate a line. Typer's own answer for zsh and fish imports rich, which is too slow for a key press.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from podid.domain.plan import Wait
from podid.render.formats import Format

if TYPE_CHECKING:
    from typer.core import TyperGroup


# ${COMP_WORDS[@]:1:COMP_CWORD} is every word after the program's name up to the cursor's, the last one cut short
_BASH = r"""_podid_completion() {
    local IFS=$'\n'
    COMPREPLY=($(_PODID_COMPLETE=bash "$1" -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _podid_completion podid
"""

_ZSH = r"""#compdef podid

_podid_completion() {
    local -a found
    found=("${(@f)$(_PODID_COMPLETE=zsh ${words[1]} -- "${(@)words[2,$CURRENT]}" 2>/dev/null)}")
    if [[ -n "${found[1]}" ]]; then
        _describe -V podid found
    else
        _files
    fi
}

compdef _podid_completion podid
"""

_FISH = r"""function __podid_completion
    set -l words (commandline -opc) (commandline -ct)
    set -l found (_PODID_COMPLETE=fish command $words[1] -- $words[2..-1] 2>/dev/null)
    if set -q found[1]
        printf '%s\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete --command podid --no-files --arguments '(__podid_completion)'
"""

SCRIPTS: dict[str, str] = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}

# options whose values are few and known without asking anybody
VALUES: dict[str, tuple[str, ...]] = {
    "--output": tuple(Format),
    "--wait": tuple(Wait),
    "--scope": ("service-account", "namespace", "cluster", "account"),
    "--fail-on": ("error", "warn", "info", "never"),
}
ARGUMENTS: dict[tuple[str, ...], tuple[str, ...]] = {("completion",): tuple(SCRIPTS)}


@dataclass(frozen=True, slots=True)
class Candidate:
    value: str
    summary: str = ""


def answer(tree: TyperGroup, shell: str, argv: Sequence[str]) -> str:
    """What the shell's script reads: candidates for the last word of `argv`, which starts with `--`."""
    words = list(argv[1:] if argv[:1] == ["--"] else argv)
    return "".join(f"{_line(shell, item)}\n" for item in candidates(tree, words))


def _line(shell: str, item: Candidate) -> str:
    if shell == "fish":
        return f"{item.value}\t{item.summary}"
    if shell == "zsh":
        # _describe parts value and summary at the first colon
        value = item.value.replace(":", r"\:")
        return f"{value}:{item.summary}" if item.summary else value
    return item.value


def candidates(tree: TyperGroup, words: Sequence[str]) -> tuple[Candidate, ...]:
    """All that could stand in place of the last word. Nothing where only the user knows: a name, a file, a number."""
    *before, prefix = _joined(words) or [""]
    node, path, rest = _descend(tree, before)
    found = tuple(_possible(node, path, rest, prefix))
    return tuple(item for item in found if item.value.startswith(prefix))


def _joined(words: Sequence[str]) -> list[str]:
    """`--output=js` as `--output js`, in one word (zsh, fish) or in three (bash breaks words at `=`)."""
    found: list[str] = []
    for word in words:
        if word == "=" and found and found[-1].startswith("--"):
            found.append("=")
        elif found and found[-1] == "=":
            found[-1] = word
        elif word.startswith("--") and "=" in word:
            found += word.split("=", 1)
        else:
            found.append(word)
    if found and found[-1] == "=":
        found[-1] = ""
    return found


def _descend(tree: TyperGroup, words: Sequence[str]) -> tuple[Any, tuple[str, ...], list[str]]:
    """The command that the words lead to, its path, and the words that are left for it."""
    node: Any = tree
    path: tuple[str, ...] = ()
    rest = list(words)
    while rest and rest[0] in getattr(node, "commands", {}):
        node = node.commands[rest[0]]
        path = (*path, rest.pop(0))
    return node, path, rest


def _possible(node: Any, path: tuple[str, ...], rest: Sequence[str], prefix: str) -> Iterator[Candidate]:
    options = [param for param in node.params if param.param_type_name == "option"]
    open_option = next((param for param in options if rest and _takes_value(param) and rest[-1] in param.opts), None)
    if open_option is not None:
        for name in open_option.opts:
            yield from (Candidate(value) for value in VALUES.get(name, ()))
    elif prefix.startswith("-") and "--" not in rest:
        for param in options:
            names = [*param.opts, *param.secondary_opts]
            if param.multiple or not any(name in rest for name in names):
                yield from (Candidate(name, _first_sentence(param.help)) for name in names if name.startswith("--"))
        yield Candidate("--help", "Show this message and exit.")
    elif hasattr(node, "commands"):
        if not rest:
            for name, command in node.commands.items():
                yield Candidate(name, _first_sentence(command.help))
    else:
        yield from (Candidate(value) for value in ARGUMENTS.get(path, ()))


def _takes_value(param: Any) -> bool:
    return not (param.is_flag or param.count)


def _first_sentence(text: str | None) -> str:
    first = " ".join((text or "").split("\n\n")[0].split())
    return first.split(" [env:")[0]
