"""One spelling, type, help and environment variable for every shared option.

A command names the groups that it takes; `podid.cli.command` adds them to its signature and hands the values over as
one `Shared`. To add a shared option: a field in `Shared`, an entry in `SHARED`, a place in a group.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Any

import typer

from podid.domain.errors import InvalidInput
from podid.render.formats import Format


class Wait(StrEnum):
    """How long a change is waited for: not at all, until the API says so, until pods are seen to get it."""

    NONE = "none"
    API = "api"
    EFFECT = "effect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """The shared options' values. None means neither the flag nor its environment variable was given."""

    cluster: str | None = None
    region: str | None = None
    profile: str | None = None
    context: str | None = None
    kubeconfig: str | None = None
    namespace: str | None = None
    all_namespaces: bool = False
    output: Format = Format.TABLE
    query: str | None = None
    yes: bool = False
    dry_run: bool = False
    wait: Wait | None = None
    timeout: str | None = None
    expect_account: str | None = None
    journal_dir: str | None = None
    no_color: bool = False
    quiet: bool = False
    verbose: bool = False

    def timeout_seconds(self, default: float) -> float:
        return default if self.timeout is None else parse_duration(self.timeout)


def _option(*names: str, help: str, metavar: str | None = None, panel: str = "Shared options") -> Any:
    return typer.Option(*names, help=help, metavar=metavar, rich_help_panel=panel, show_default=False)


# name in Shared -> (annotation for Typer, default)
SHARED: dict[str, tuple[Any, Any]] = {
    "cluster": (
        Annotated[str | None, _option("--cluster", "-c", metavar="NAME", help="EKS cluster. [env: PODID_CLUSTER]")],
        None,
    ),
    "region": (
        Annotated[
            str | None,
            _option("--region", metavar="REGION", help="AWS region. [env: AWS_REGION, AWS_DEFAULT_REGION]"),
        ],
        None,
    ),
    "profile": (
        Annotated[str | None, _option("--profile", metavar="NAME", help="AWS profile. [env: AWS_PROFILE]")],
        None,
    ),
    "context": (
        Annotated[str | None, _option("--context", metavar="NAME", help="kubeconfig context. [env: PODID_CONTEXT]")],
        None,
    ),
    "kubeconfig": (
        Annotated[str | None, _option("--kubeconfig", metavar="FILE", help="kubeconfig file. [env: KUBECONFIG]")],
        None,
    ),
    "namespace": (
        Annotated[
            str | None, _option("--namespace", "-n", metavar="NS", help="Only this namespace. [env: PODID_NAMESPACE]")
        ],
        None,
    ),
    "all_namespaces": (
        Annotated[bool, _option("--all-namespaces", "-A", help="Every namespace, whatever PODID_NAMESPACE says.")],
        False,
    ),
    "output": (
        Annotated[
            str | None,
            _option("--output", "-o", metavar="FORMAT", help=f"{'|'.join(Format)} [env: PODID_OUTPUT]"),
        ],
        None,
    ),
    "query": (
        Annotated[str | None, _option("--query", metavar="JMESPATH", help="Print only this part of the result.")],
        None,
    ),
    "yes": (Annotated[bool, _option("--yes", "-y", help="Answer yes to every question.")], False),
    "dry_run": (Annotated[bool, _option("--dry-run", help="Show the plan and change nothing.")], False),
    "wait": (
        Annotated[
            str | None,
            _option(
                "--wait",
                metavar="HOW",
                help="none|api|effect: how far to wait for the change. [default: effect where it can be looked at]",
            ),
        ],
        None,
    ),
    "timeout": (
        Annotated[
            str | None,
            _option("--timeout", metavar="TIME", help="Longest wait, such as 90s, 5m, 1h. [env: PODID_TIMEOUT]"),
        ],
        None,
    ),
    "expect_account": (
        Annotated[
            str | None,
            _option(
                "--expect-account",
                metavar="ID",
                help="Do nothing unless the credentials are this account's. [env: PODID_EXPECT_ACCOUNT]",
            ),
        ],
        None,
    ),
    "journal_dir": (
        Annotated[
            str | None,
            _option("--journal-dir", metavar="DIR", help="Where changes are recorded. [env: PODID_JOURNAL_DIR]"),
        ],
        None,
    ),
    "no_color": (Annotated[bool, _option("--no-color", help="No colour. [env: NO_COLOR]")], False),
    "quiet": (Annotated[bool, _option("--quiet", "-q", help="No progress and no notes on stderr.")], False),
    "verbose": (
        Annotated[bool, _option("--verbose", "-v", help="Say where settings came from and which calls are made.")],
        False,
    ),
}

ENVIRONMENT: dict[str, tuple[str, ...]] = {
    "cluster": ("PODID_CLUSTER",),
    "region": ("AWS_REGION", "AWS_DEFAULT_REGION"),
    "profile": ("AWS_PROFILE",),
    "context": ("PODID_CONTEXT",),
    "kubeconfig": ("KUBECONFIG",),
    "namespace": ("PODID_NAMESPACE",),
    "output": ("PODID_OUTPUT",),
    "timeout": ("PODID_TIMEOUT",),
    "expect_account": ("PODID_EXPECT_ACCOUNT",),
    "journal_dir": ("PODID_JOURNAL_DIR",),
}

OUTPUT = ("output", "query", "no_color", "quiet", "verbose")
AWS = ("region", "profile", "expect_account", "show_permissions")
CLUSTER = ("cluster", *AWS)
KUBERNETES = ("context", "kubeconfig")
NAMESPACES = ("namespace", "all_namespaces")
CHANGE = ("yes", "dry_run", "journal_dir")
WAITING = ("wait", "timeout")


def from_values(values: Mapping[str, Any], env: Mapping[str, str]) -> tuple[Shared, dict[str, str]]:
    """The options with the environment filled in, and for each value that was given, where it came from.

    Raises InvalidInput for a value that no command could use.
    """
    chosen: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for name, value in values.items():
        if value is not None and value is not False:
            chosen[name] = value
            sources[name] = f"--{name.replace('_', '-')}"
            continue
        for variable in ENVIRONMENT.get(name, ()):
            if env.get(variable):
                chosen[name] = env[variable]
                sources[name] = variable
                break
    shared = Shared(**{**chosen, "output": _format(chosen.get("output")), "wait": _wait(chosen.get("wait"))})
    if shared.all_namespaces:
        if sources.get("namespace") == "--namespace":
            raise InvalidInput("--namespace and --all-namespaces exclude each other")
        shared = replace(shared, namespace=None)
    if shared.timeout is not None:
        parse_duration(shared.timeout)
    if shared.expect_account is not None and not re.fullmatch(r"\d{12}", shared.expect_account):
        raise InvalidInput(f"--expect-account {shared.expect_account!r} is not a 12-digit account id")
    return shared, sources


def _format(text: str | None) -> Format:
    from podid.render.formats import parse_format

    return Format.TABLE if text is None else parse_format(text)


def _wait(text: str | None) -> Wait | None:
    try:
        return None if text is None else Wait(text)
    except ValueError:
        raise InvalidInput(f"--wait {text!r} is not one of {', '.join(Wait)}", subject=str(text)) from None


def parse_duration(text: str) -> float:
    """Seconds from `90`, `90s`, `5m`, `1h` or `1h30m`; InvalidInput for anything else, zero included."""
    match = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?", text.strip())
    seconds = (
        sum(float(part or 0) * unit for part, unit in zip(match.groups(), (3600, 60, 1), strict=True)) if match else 0
    )
    if seconds <= 0:
        raise InvalidInput(f"{text!r} is not a time: write 90s, 5m or 1h30m", subject=text)
    return seconds
