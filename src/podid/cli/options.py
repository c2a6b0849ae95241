"""One spelling, type, help and environment variable for every shared option.

A command names the groups that it takes; `podid.cli.command` adds them to its signature and hands the values over as
one `Shared`.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field, fields, replace
from inspect import Parameter
from typing import Annotated, Any

import typer

from podid.domain.errors import InvalidInput, PodidError
from podid.domain.findings import LINKS
from podid.domain.plan import Wait
from podid.render.formats import Format, Report, parse_format

_PANEL = "Shared options"


def _flag(*names: str, help: str, metavar: str = "", env: tuple[str, ...] = (), default: Any = None) -> Any:
    """A field that is also a command-line option. `env` are the variables that stand in for it, first one first."""
    shown = f"{help} [env: {', '.join(env)}]" if env else help
    option = typer.Option(*names, help=shown, metavar=metavar or None, rich_help_panel=_PANEL, show_default=False)
    return field(default=default, metadata={"option": option, "env": env})


def _switch(*names: str, help: str) -> Any:
    return _flag(*names, help=help, default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """The shared options, each written once. None means neither the flag nor its environment variable was given.

    To add one: a field here, and its name in a group below or in a command's `shared`.
    """

    cluster: str | None = _flag("--cluster", "-c", metavar="NAME", help="EKS cluster.", env=("PODID_CLUSTER",))
    region: str | None = _flag(
        "--region", metavar="REGION", help="AWS region.", env=("AWS_REGION", "AWS_DEFAULT_REGION")
    )
    profile: str | None = _flag("--profile", metavar="NAME", help="AWS profile.", env=("AWS_PROFILE",))
    context: str | None = _flag("--context", metavar="NAME", help="kubeconfig context.", env=("PODID_CONTEXT",))
    kubeconfig: str | None = _flag("--kubeconfig", metavar="FILE", help="kubeconfig file.", env=("KUBECONFIG",))
    namespace: str | None = _flag(
        "--namespace", "-n", metavar="NS", help="Only this namespace.", env=("PODID_NAMESPACE",)
    )
    all_namespaces: bool = _switch("--all-namespaces", "-A", help="Every namespace, whatever PODID_NAMESPACE says.")
    output: Format | Report = _flag(
        *("--output", "-o"), metavar="FORMAT", help="|".join(Format), env=("PODID_OUTPUT",), default=Format.TABLE
    )
    query: str | None = _flag("--query", metavar="JMESPATH", help="Print only this part of the result.")
    yes: bool = _switch("--yes", "-y", help="Answer yes to every question.")
    dry_run: bool = _switch("--dry-run", help="Show the plan and change nothing.")
    wait: Wait | None = _flag(
        "--wait",
        metavar="HOW",
        help=f"{'|'.join(Wait)}: how far to wait for the change. [default: ready where it can be checked, else api]",
    )
    timeout: str | None = _flag(
        "--timeout",
        metavar="TIME",
        help="How long the command may take, such as 90s, 5m, 1h. [default: 10m for what only reads]",
        env=("PODID_TIMEOUT",),
    )
    expect_account: str | None = _flag(
        "--expect-account",
        metavar="ID",
        help="Do nothing unless the credentials are this account's.",
        env=("PODID_EXPECT_ACCOUNT",),
    )
    journal_dir: str | None = _flag(
        "--journal-dir", metavar="DIR", help="Where changes are recorded.", env=("PODID_JOURNAL_DIR",)
    )
    no_color: bool = _switch("--no-color", help="No colour. [env: NO_COLOR]")
    quiet: bool = _switch("--quiet", "-q", help="No progress and no notes on stderr.")
    verbose: bool = _switch("--verbose", "-v", help="Say where settings came from and which calls are made.")

    # every value of an option that was given several, by its name; the field itself has the first
    several: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def timeout_seconds(self, default: float) -> float:
        return default if self.timeout is None else parse_duration(self.timeout)


# the values that an option takes, where they are few and known without asking anybody
VALUES: dict[str, tuple[str, ...]] = {
    "--wait": tuple(Wait),
    "--scope": ("service-account", "namespace", "cluster", "account"),
    "--resolve-conflicts": ("none", "preserve", "overwrite"),
    "--link": LINKS,
    "--fail-on": ("error", "warn", "info", "never"),
    "--fix-level": ("error", "warn", "info"),
}
FLAGS = {flag.name: flag for flag in fields(Shared) if flag.metadata}

OUTPUT = ("output", "query", "no_color", "quiet", "verbose")
AWS = ("region", "profile", "expect_account", "timeout", "show_permissions")
CLUSTER = ("cluster", *AWS)
KUBERNETES = ("context", "kubeconfig")
NAMESPACES = ("namespace", "all_namespaces")
CHANGE = ("yes", "dry_run", "journal_dir")


def spellings(name: str) -> tuple[str, ...]:
    """How the shared option is typed, the long form first."""
    short = FLAGS[name].metadata["option"].param_decls
    return tuple(dict.fromkeys((f"--{name.replace('_', '-')}", *short)))


def parameter(name: str, *, reports: bool = False, several: bool = False) -> Parameter:
    """The shared option as a parameter that Typer reads: text as it was typed, or a switch. `reports` is for a command
    that writes the formats of a doctor's report too, `several` for one that takes the option more than once."""
    flag = FLAGS[name]
    switch = flag.default is False
    option = flag.metadata["option"]
    if reports and name == "output":
        option = copy(option)
        option.help = option.help.replace("|".join(Format), "|".join((*Format, *Report)))
    annotation: Any = Annotated[bool, option] if switch else Annotated[str | None, option]
    if several:
        annotation = Annotated[list[str] | None, option]
    return Parameter(name, Parameter.KEYWORD_ONLY, default=False if switch else None, annotation=annotation)


def from_values(
    values: Mapping[str, Any], env: Mapping[str, str], *, reports: bool = False
) -> tuple[Shared, dict[str, str]]:
    """The options with the environment filled in, and for each value that was given, where it came from. `reports` as
    in `parameter`.

    Raises InvalidInput for a value that no command could use.
    """
    chosen: dict[str, Any] = {}
    sources: dict[str, str] = {}
    several: dict[str, tuple[str, ...]] = {}
    for name, value in values.items():
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, list):
            several[name] = tuple(dict.fromkeys(value))
            value = value[0] if value else None
        for text in several.get(name, (value,)):
            if isinstance(text, str) and name != "query":
                refuse_blank(option, text)
        if value is not None and value is not False:
            chosen[name] = value
            sources[name] = option
            continue
        for variable in FLAGS[name].metadata["env"]:
            if env.get(variable):
                refuse_blank(variable, env[variable])
                chosen[name] = env[variable]
                sources[name] = variable
                break
    for option in VALUES:
        name = option.removeprefix("--").replace("-", "_")
        if name in chosen:
            with _told_of(sources, name):
                choice(option, chosen[name])
    with _told_of(sources, "output"):
        output = parse_format(chosen.get("output", Format.TABLE), reports=reports)
    lists = {name: found for name, found in several.items() if len(found) > 1}
    wait = Wait(chosen["wait"]) if "wait" in chosen else None
    shared = Shared(**{**chosen, "output": output, "wait": wait, "several": lists})
    if shared.all_namespaces:
        if sources.get("namespace") == "--namespace":
            raise InvalidInput("--namespace and --all-namespaces exclude each other")
        shared = replace(shared, namespace=None)
    if shared.timeout is not None:
        with _told_of(sources, "timeout"):
            parse_duration(shared.timeout)
    if shared.expect_account is not None and not re.fullmatch(r"\d{12}", shared.expect_account):
        what = f"{sources['expect_account']} {shared.expect_account!r} is not a 12-digit account id"
        raise InvalidInput(what, subject=shared.expect_account)
    return shared, sources


def refuse_blank(name: str, text: str) -> None:
    """Raises InvalidInput for the value of an option, an argument or a variable that has nothing but white space."""
    if not text.strip():
        raise InvalidInput(f"{name} is empty: give a value, or leave it out")


@contextmanager
def _told_of(sources: Mapping[str, str], name: str) -> Iterator[None]:
    """What is wrong with the value of this option is said with the variable that it comes from."""
    try:
        yield
    except InvalidInput as error:
        tell_source(error, error.subject, sources.get(name, ""))
        raise


def tell_source(error: PodidError, value: str, source: str) -> None:
    """Adds where the value comes from that the error is about, unless it stands on the command line or is said."""
    if source and not source.startswith("-") and source not in f"{error.what} {error.advice}":
        error.advise(f"{value!r} comes from {source}.")


def choice(option: str, text: str) -> str:
    """One of the values that the option takes. Raises InvalidInput for any other."""
    if text not in VALUES[option]:
        raise InvalidInput(f"{option} {text!r} is not one of {', '.join(VALUES[option])}", subject=text)
    return text


def parse_duration(text: str) -> float:
    """Seconds from `90`, `90s`, `5m`, `1h30m` or `2d`; InvalidInput for anything else, zero included."""
    match = re.fullmatch(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?", text.strip())
    units = (86400, 3600, 60, 1)
    seconds = sum(float(part or 0) * unit for part, unit in zip(match.groups(), units, strict=True)) if match else 0
    if seconds <= 0:
        raise InvalidInput(f"{text!r} is not a time: write 90s, 5m, 1h30m or 2d", subject=text)
    return seconds
