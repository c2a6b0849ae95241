"""Shell completion: the script for each shell, and podid's answer to the script at every TAB.

The script sets `_PODID_COMPLETE` to the shell and passes the words up to the cursor after `--`; podid prints one
candidate a line. Typer's own answer for zsh and fish imports rich, which is too slow for a key press.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from podid.cli.argv import to_complete
from podid.cli.options import Command
from podid.cli.tree import COMMANDS, GROUPS, path_of
from podid.domain.option import OptionField
from podid.render import sanitize

# the only answer if a file is possible here: the shell completes files
FILES = ":files"

# bash inserts candidates unquoted: %q quotes them.
# ${COMP_WORDS[@]:1:COMP_CWORD}: the words after the program up to the cursor, the last one incomplete
_BASH = r"""_podid_completion() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        if [[ $line == :files ]]; then
            compopt -o default 2>/dev/null
            return
        fi
        printf -v line %q "$line"
        COMPREPLY+=("$line")
    done < <(_PODID_COMPLETE=bash "$1" -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _podid_completion podid
"""

_ZSH = r"""#compdef podid

_podid_completion() {
    local -a found
    found=("${(@f)$(_PODID_COMPLETE=zsh "${words[1]}" -- "${(@)words[2,$CURRENT]}" 2>/dev/null)}")
    if [[ "${found[1]}" == ":files" ]]; then
        _files
    elif [[ -n "${found[1]}" ]]; then
        _describe -V podid found
    fi
}

compdef _podid_completion podid
"""

_FISH = r"""function __podid_completion
    set -l words (commandline -opc) (commandline -ct)
    set -l found (_PODID_COMPLETE=fish command $words[1] -- $words[2..-1] 2>/dev/null)
    if test "$found[1]" = ":files"
        __fish_complete_path (commandline -ct)
    else if set -q found[1]
        printf '%s\n' $found
    end
end
complete --command podid --no-files --arguments '(__podid_completion)'
"""

SCRIPTS: dict[str, str] = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}

# placeholder in help -> source of values in podid.cli.suggestions
PLACEHOLDERS: dict[str, str] = {
    "NS/SA": "service-accounts",
    "TARGET": "targets",
    "NS": "namespaces",
    "ROLE": "roles",
    "PRESET": "presets",
    "RUN": "runs",
    "ID": "checks",
    "ID|TEXT": "pages",
    "VERSION": "versions",
    "bash|zsh|fish": "shells",
    "KEY": "settings",
    "FILE": FILES,
    "FILE|-": FILES,
    "DIR": FILES,
}


# sources with several values in one word, separated by commas
LISTS = frozenset({"list-columns"})


@dataclass(frozen=True, slots=True)
class Candidate:
    """A value with its meaning, or a `source` of values."""

    value: str
    summary: str = ""
    source: str = ""


Suggest = Callable[[str, Sequence[str]], Iterable[str]]


def words_of(argv: Sequence[str]) -> list[str]:
    """Return the words up to the cursor in the order of parsing; in `argv` they follow `--`."""
    words = list(argv[1:] if argv[:1] == ["--"] else argv)
    return to_complete(_joined(words) or [""])


def answer(shell: str, words: Sequence[str], suggest: Suggest) -> str:
    """Return the lines for the shell's script: candidates for the last of `words`. `suggest` returns the values of a
    source for the earlier words."""
    candidates = _candidates(words, suggest)
    if shell == "kubectl":
        return _cobra(candidates)
    # fish does not quote a tilde and would expand it
    return "".join(f"{_line(shell, item)}\n" for item in candidates if shell != "fish" or item.value[:1] != "~")


def _cobra(candidates: Sequence[Candidate]) -> str:
    """Return the answer of a command that uses the Go library cobra: a candidate a line, then a directive: 0 if the
    shell should complete files, 4 if not."""
    if [item.value for item in candidates] == [FILES]:
        return ":0\n"
    lines = (f"{item.value}\t{item.summary}" if item.summary else item.value for item in candidates)
    return "".join(f"{line}\n" for line in (*lines, ":4"))


def _line(shell: str, item: Candidate) -> str:
    if shell == "fish":
        return f"{item.value}\t{item.summary}"
    if shell == "zsh" and item.value != FILES:
        # _describe splits at the first colon
        value = item.value.replace("\\", "\\\\").replace(":", r"\:")
        return f"{value}:{item.summary}" if item.summary else value
    return item.value


def _candidates(words: Sequence[str], suggest: Suggest) -> tuple[Candidate, ...]:
    """Return the candidates for the last word; FILES alone for a file; nothing for a new name or a number."""
    *before, prefix = words
    if before[:1] == ["help"]:
        names = (*_names(before[1:]), *(("options",) if not before[1:] else ()))
        return tuple(Candidate(name) for name in names if name.startswith(prefix))
    path = path_of(before)
    command, following = next((row.load() for row in COMMANDS if row.path == path), None), before[len(path) :]
    candidates = list(_possible(command, following, prefix))
    source = candidates[0].source if candidates else ""
    if source == FILES:
        return (Candidate(FILES),)
    if source:
        head = f"{prefix.rpartition(',')[0]}," if source in LISTS and "," in prefix else ""
        candidates = [Candidate(f"{head}{value}") for value in suggest(source, before) if _is_word(value, following)]
    return tuple(item for item in candidates if item.value.startswith(prefix))


def _names(words: Sequence[str]) -> dict[str, str]:
    """Return the commands and nouns, or the verbs of a noun, with their summaries; none after other words."""
    if not words:
        return {row.path[0]: GROUPS.get(row.path[0], row.summary) for row in COMMANDS}
    return {row.path[1]: row.summary for row in COMMANDS if [row.path[0]] == [*words] and len(row.path) > 1}


def _is_word(value: str, following: Sequence[str]) -> bool:
    """Return whether a name is safe to offer: one line, and not an option. Names of roles and contexts may be
    hostile."""
    return value.strip() == sanitize.line(value) != "" and (not value.startswith("-") or "--" in following)


def _joined(words: Sequence[str]) -> list[str]:
    """Split `--output=js` into `--output js`: it is one word in zsh and fish and three in bash, which splits at `=`."""
    joined: list[str] = []
    for word in words:
        if word == "=" and joined and joined[-1].startswith("--"):
            joined.append("=")
        elif joined and joined[-1] == "=":
            joined[-1] = word
        elif word.startswith("--") and "=" in word:
            joined += word.split("=", 1)
        else:
            joined.append(word)
    if joined and joined[-1] == "=":
        joined[-1] = ""
    return joined


def _possible(command: Command | None, following: Sequence[str], prefix: str) -> Iterator[Candidate]:
    """Yield the candidates after the words `following` the command; without a command, all of them."""
    own: tuple[OptionField, ...] = () if command is None else command.options
    # for a person it is the last one
    options = sorted((item for item in own if not item.argument), key=lambda item: item.field == "show_permissions")
    valued = {name: item for item in options if item.kind != "switch" for name in item.spellings}
    if following and following[-1] in valued:
        yield from _values(valued[following[-1]])
    elif prefix.startswith("-") and "--" not in following:
        if not following and command is None:
            yield Candidate("--version", "Print the version and exit.")
        for item in options:
            names = [name for name in item.spellings if name.startswith("--")]
            if item.kind == "texts" or not any(name in following for name in item.spellings):
                yield from (Candidate(name, item.help) for name in names)
        yield Candidate("--help", "Show this message and exit.")
    elif command is None:
        yield from (Candidate(name, summary) for name, summary in _names(following).items())
        if not following:
            yield Candidate("help", "Show the help of a command.")
    else:
        argument = _open_argument([item for item in own if item.argument], valued, following)
        if argument == "VALUE":
            from podid.cli.settings import keys

            if option := keys().get(following[0]):  # a key of the settings file has the values of its option
                yield from _values(option)
        elif argument is not None and (source := PLACEHOLDERS.get(argument)):
            yield Candidate("", source=source)


def _values(option: OptionField) -> Iterator[Candidate]:
    known: Iterable[str] = option.values or option.suggests
    if option.field == "output":
        known = option.help.split("|")
    elif "|" in option.metavar and option.metavar.islower():  # values that differ by command
        known = option.metavar.split("|")
    yield from (Candidate(value) for value in known)
    if source := option.source or PLACEHOLDERS.get(option.metavar):
        yield Candidate("", source=source)


def _open_argument(
    arguments: Sequence[OptionField], valued: Mapping[str, OptionField], following: Sequence[str]
) -> str | None:
    """Return the placeholder of the next argument, without brackets and dots."""
    count = sum(
        not word.startswith("-") and (place == 0 or following[place - 1] not in valued)
        for place, word in enumerate(following)
    )
    for place, item in enumerate(arguments):
        if place == count or (item.kind == "texts" and place <= count):
            return item.metavar.strip("[]").removesuffix("...")
    return None
