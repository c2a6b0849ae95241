"""Errors for command lines that cannot be parsed, with the likely correction."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from podid.cli.argv import GivenOption, occurrences, value_of
from podid.cli.options import SHARED
from podid.cli.tree import COMMANDS, options_of, path_of
from podid.domain.errors import Again, Hint, Other, UsageError
from podid.domain.text import meant, nearest

if TYPE_CHECKING:
    import typer

ACCOUNTS = ("--service-account", "--service-account-name", "--serviceaccount", "--sa", "--for")
# options of the AWS CLI, eksctl, kubectl, helm and terraform -> podid's names: the first one that the command has
ELSEWHERE: Mapping[str, tuple[str, ...]] = {
    "--role-arn": ("--role",),
    "--role-name": ("--role",),
    "--cluster-name": ("--cluster",),
    "--target-role-arn": ("--target-role",),
    "--disable-session-tags": ("--no-session-tags",),
    "--no-disable-session-tags": ("--session-tags",),
    "--policy-arn": ("--managed-policy",),
    "--policy-arns": ("--managed-policy",),
    "--permission-policy-arns": ("--managed-policy",),
    "--policy-document": ("--policy-file",),
    "--permissions-boundary-arn": ("--permissions-boundary",),
    "--permission-boundary-arn": ("--permissions-boundary",),
    "--create-sa": ("--create-service-account",),
    "--version": ("--addon-version",),
    "--format": ("--output",),
    "--wide": ("--output=wide",),
    "--all": ("--all-namespaces",),
    "--kube-context": ("--context",),
    "--approve": ("--yes",),
    "--auto-approve": ("--yes",),
    "--assume-yes": ("--yes",),
    "--no-wait": ("--wait=none",),
    **dict.fromkeys(ACCOUNTS, ("--for",)),
}
# commands of the AWS CLI, eksctl, kubectl, helm and terraform -> podid's
COMMANDS_ELSEWHERE: Mapping[str, str] = {
    "get": "list",
    "list-associations": "list",
    "list-pod-identity-associations": "list",
    "describe": "show",
    "describe-pod-identity-association": "show",
    "create": "associate",
    "create-association": "associate",
    "create-pod-identity-association": "associate",
    "update-pod-identity-association": "associate",
    "attach": "associate",
    "delete": "disassociate",
    "remove": "disassociate",
    "delete-association": "disassociate",
    "delete-pod-identity-association": "disassociate",
    "detach": "disassociate",
    "check": "doctor",
    "diagnose": "doctor",
    "debug": "doctor",
    "test": "verify",
    "rollback": "undo",
    "revert": "undo",
    "upgrade": "install-agent",
    "uninstall": "uninstall-agent",
    "logs": "agent logs",
    "nodes": "agent nodes",
}
# a managed policy if the value is an ARN, otherwise one of the others
_POLICIES = ("--managed-policy", "--inline-policy", "--policy-file", "--session-policy")
ROLES = ("--role-name", "--role-arn", "--role", "--name")
# commands that change no existing object: a user may paste a corrected typing error
_CREATING = frozenset({"associate", "install-agent", "role create"})
# prefixes that reverse the meaning of a name
_REVERSED = ("--no-", "--not-", "--disable-", "--without-", "--skip-", "--dont-")
# Typer's messages for a missing option or argument, and for an extra argument
_MISSING = re.compile(r"Missing (?:option|argument) '([^']+)'.*")
_EXTRA = re.compile(r"Got unexpected extra argument(?:s|\(s\))? \((.*)\)")


def usage_error(error: typer.TyperException, argv: Sequence[str]) -> UsageError:
    """Convert Typer's error, with the likely command line or the help of the command as hint."""
    describe = getattr(error, "format_message", None)
    context = getattr(error, "ctx", None)
    path = context.command_path.split()[1:] if context is not None else path_of(argv)
    command = " ".join(("podid", *path))
    message = " ".join((str(describe() if describe else error) or "The command line cannot be read").split())
    typed = str(getattr(error, "option_name", "") or "")
    params = context.command.params if context is not None else ()
    known = [name for param in params for name in (*param.opts, *param.secondary_opts) if name.startswith("--")]
    names = [str(param.metavar) for param in params if param.param_type_name == "argument"]
    if message.startswith("No such option") and (error_here := _elsewhere(typed, known, argv, path, names)):
        return error_here
    near: list[str] = []
    if message.startswith("No such command") and context is not None:
        typed = message.split("'")[1]
        if called := "" if path else _command_called(typed, argv):
            accounts = any("/" in word for word in argv) or len(argv) == 1
            hint = _command_hint(typed, (called,), argv, path) if accounts else Other((*called.split(), "--help"))
            return UsageError(f"Unknown command {typed}; podid calls it {called}", hint=hint)
        near = nearest(typed, context.command.commands, 1)
        return UsageError(f"Unknown command {typed}{meant(near)}", hint=_command_hint(typed, near, argv, path))
    elif context is not None and (extra := _EXTRA.fullmatch(message)):
        limit = "fewer arguments" if names else "no arguments"
        message = f"{command} accepts {limit}: unexpected argument {extra[1]}"
        if "--file" in known and extra[1] in argv:
            return UsageError(message, hint=Again(swap=(extra[1], f"--file={extra[1]}")))
    elif missing := _MISSING.fullmatch(message):
        message = f"{command} requires {missing[1]}"
    elif message.startswith("No such option"):
        message = f"Unknown option {typed}"
        declared = (option for row in COMMANDS for option in options_of(row.path))
        if typed in ACCOUNTS or any(typed in item.spellings for item in (*SHARED.values(), *declared)):
            # other commands have it, so it is not a typing error
            message = f"{command} has no option {typed}"
        else:
            near = _near(typed, known)
    value = value_of(typed, argv)
    # no suggestion of an option that requires a value if the line has none, or of a switch for KEY=VALUE
    is_value = bool(value) and not value.startswith("-")
    fits = near and (is_value if _takes_value(params, near[0]) else "=" not in value)
    return UsageError(
        f"{message}{meant(near)}", hint=Again(swap=(typed, near[0])) if fits else Other((*path, "--help"))
    )


def _command_called(typed: str, argv: Sequence[str]) -> str:
    """Return podid's command for one of another program, or for a command typed as `create role`; "" for neither."""
    nouns = dict.fromkeys(row.path[0] for row in COMMANDS if row.path[1:] == (typed,))
    noun = next((word.removesuffix("s") for word in argv if word.removesuffix("s") in nouns), "")
    return f"{noun} {typed}" if noun else COMMANDS_ELSEWHERE.get(typed, "")


def _command_hint(typed: str, near: Sequence[str], argv: Sequence[str], path: Sequence[str]) -> Hint:
    """Return the command line with the likely command, if that exists and changes nothing; otherwise a page of help. A
    user must not paste a change that was not typed."""
    if not near:
        return Other((*path, "--help"))
    place = list(argv).index(typed) if typed in argv else 0
    corrected = path_of([*argv[:place], near[0], *argv[place + 1 :]])
    row = next((row for row in COMMANDS if row.path == corrected), None)
    if row is None or ("dry_run" in row.load().shared and row.name not in _CREATING):
        return Other((*path, *near[0].split(), "--help"))
    return Again(swap=(typed, near[0]))


def _elsewhere(
    typed: str, known: Sequence[str], argv: Sequence[str], path: Sequence[str], names: Sequence[str]
) -> UsageError | None:
    """Return the error for an option of another program, or None for an unknown name. `names` are the command's
    arguments."""
    account = next((name for name in ACCOUNTS if value_of(name, argv)), "")
    if any("NS/SA" in name for name in names) and (typed in ACCOUNTS or (account and typed in ("--namespace", "-n"))):
        return UsageError(
            f"Unknown option {typed}; the service account is an argument, NAMESPACE/NAME",
            hint=_with_account(account, argv, path) or Other((*path, "--help")),
        )
    if typed in ROLES and path[:1] == ["role"] and names:
        words = list(argv)
        role = _taken(typed, words)
        hint: Hint = Other((*path, "--help"))
        if role:
            command, flags = tuple(words[: len(path)]), tuple(words[len(path) :])
            hint = (
                ("podid", *command, *flags, "--", role) if role.startswith("-") else ("podid", *command, role, *flags)
            )
        return UsageError(f"Unknown option {typed}; the role is an argument", hint=hint)
    if typed == "--policy" and (policies := [name for name in _POLICIES if name in known]):
        if value_of(typed, argv).startswith("arn:"):
            policies = policies[:1]
        fits = Again(swap=(typed, policies[0])) if len(policies) == 1 else Other((*path, "--help"))
        return UsageError(f"Unknown option {typed}{meant(policies)}", hint=fits)
    if not (called := _called(typed, known)):
        return None
    return UsageError(f"Unknown option {typed}; podid calls it {called}", hint=Again(swap=(typed, called)))


def _near(typed: str, known: Sequence[str]) -> list[str]:
    """Return the likely option, by podid's or another program's name, never the reverse one. Leading hyphens do not
    count for likeness."""
    if not typed.startswith("--"):
        return []
    if len(longer := [name for name in known if name.startswith(f"{typed}-")]) == 1:
        return longer
    letters = typed.replace("-", "")
    names = {name: _called(name, known) for name in ELSEWHERE} | {name: name for name in known}
    alike = {
        name.removeprefix("--"): called
        for name, called in names.items()
        if called and (_alike_in_form(typed, name) or name.replace("-", "") == letters)
    }
    return [alike[name] for name in nearest(typed.removeprefix("--"), alike, 1)]


def _alike_in_form(typed: str, name: str) -> bool:
    """Return whether both have as many words and the same direction: --map-namespace is not --namespace."""
    return typed.startswith(_REVERSED) == name.startswith(_REVERSED) and typed.count("-") == name.count("-")


def _called(name: str, known: Sequence[str]) -> str:
    """Return the command's option for an option of another program, or ""."""
    return next((called for called in ELSEWHERE.get(name, ()) if called.partition("=")[0] in known), "")


def _takes_value(params: Iterable[object], option: str) -> bool:
    named = next((param for param in params if option in (*param.opts, *param.secondary_opts)), None)  # type: ignore[attr-defined]
    return named is not None and not getattr(named, "is_flag", False) and not getattr(named, "count", False)


def _with_account(option: str, argv: Sequence[str], path: Sequence[str]) -> Hint:
    """Return the command line with NAMESPACE/NAME from `option`, or from it and --namespace; () if one is missing."""
    words = list(argv)
    name = _taken(option, words)
    namespace = "" if "/" in name else _taken("--namespace", words, short="-n")
    whole = f"{namespace}/{name}" if namespace else name
    return ("podid", *path, whole, *words[len(path) :]) if whole.count("/") == 1 else ()


def _taken(option: str, words: list[str], *, short: str = "") -> str:
    """Remove the option with its value from the words; return the value, or ""."""
    place, size, value = next(reversed(occurrences(option, words, short=short)), GivenOption(0, 0, None))
    if not value or value.startswith("-"):
        return ""
    del words[place : place + size]
    return value
