"""The shared options, each with one spelling, type, help and environment variable; and `Command`, the declaration of a
module under `podid.commands`.

A command names its groups of shared options; `podid.cli.command` adds them to its signature and passes the values as
one `Shared`.
"""

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from podid.domain.errors import Again, InvalidInput, PodidError
from podid.domain.option import (
    NOT_STORED,
    OptionField,
    Stored,
    filled,
    option,
    options,
    options_in,
    refuse_blank,
    seconds,
    switch,
)
from podid.domain.permissions import CommandPermissions, OptionalNeed, Permissions, permissions_of
from podid.domain.plan import Wait
from podid.render.formats import Drawing, Format, OutputFormat, Report, has_use, parse_format


@options
class Shared:
    """The shared options. None means that neither the flag nor its environment variable is set.

    To add one: a field here, and its name in a group below or in a command's `shared`.
    """

    cluster: str | None = option(
        *("NAME", "EKS cluster."), short="-c", env=("PODID_CLUSTER",), where=True, source="clusters"
    )
    region: str | None = option(
        "REGION", "AWS region.", env=("AWS_REGION", "AWS_DEFAULT_REGION"), where=True, source="regions"
    )
    profile: str | None = option("NAME", "AWS profile.", env=("AWS_PROFILE",), where=True, source="profiles")
    context: str | None = option("NAME", "kubeconfig context.", env=("PODID_CONTEXT",), where=True, source="contexts")
    kubeconfig: str | None = option("FILE", "kubeconfig file.", env=("KUBECONFIG",), where=True)
    namespace: str | None = option("NS", "Only this namespace.", short="-n", env=("PODID_NAMESPACE",))
    all_namespaces: bool = switch("All namespaces, even if PODID_NAMESPACE is set.", short="-A")
    output: OutputFormat = option(
        *("FORMAT", "|".join(Format)), short="-o", env=("PODID_OUTPUT",), default=Format.TABLE
    )
    query: str | None = option("JMESPATH", "Print only the part of the result that this expression selects.")
    yes: bool = switch("Skip the confirmation prompt.", short="-y", consent=True)
    take_over: bool = switch("Also change resources of another tool, such as Terraform or CloudFormation.")
    accept_unread: bool = switch(
        "Delete or narrow a resource even if podid could not read everything that may use it.", consent=True
    )
    dry_run: bool = switch("Show the plan and change nothing.")
    wait: Wait | None = option(
        "HOW",
        f"{'|'.join(Wait)}: the state to wait for. [default: ready if it can be checked, else api]",
        values=tuple(Wait),
        read=Wait,
    )
    timeout: str | None = option(
        "TIME",
        "Time limit, such as 90s, 5m or 1h. [default: 10m for commands that only read]",
        env=("PODID_TIMEOUT",),
    )
    expect_account: str | None = option(
        "ID", "Fail unless the credentials are for this account.", env=("PODID_EXPECT_ACCOUNT",), where=True
    )
    journal_dir: str | None = option(
        "DIR", "Directory in which podid records changes.", env=("PODID_JOURNAL_DIR",), where=True
    )
    no_headers: bool = switch("Omit column titles in tables and CSV.")
    no_color: bool = switch("Print without colour, as with NO_COLOR.")
    quiet: bool = switch("Omit progress and notes on stderr.", short="-q")
    verbose: bool = switch("Print the source of each setting, and each call.", short="-v")
    show_permissions: bool = switch("Print the IAM policy and the Kubernetes Role that this command needs, and exit.")

    # all values of a repeated option by its name; the field has the first one
    several: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # whether a variable or the settings file sets the format: a command that cannot write it prints its table
    default_output: bool = False


# a setting without an option: a command line should not widen what may be changed
GUARD: OptionField = option(
    "FILE", "File with a guard, which limits every change.", env=("PODID_GUARD",), name="--guard"
)
SHARED: dict[str, OptionField] = {item.field: item for item in options_in(Shared)}

# the reason of permissions that only questions need
GUIDED = "guided mode: listing the choices"
OUTPUT = ("output", "query", "no_headers", "no_color", "quiet", "verbose")
AWS = ("region", "profile", "expect_account", "timeout", "show_permissions")
CLUSTER = ("cluster", *AWS)
# those that a command for several clusters can repeat
SEVERAL = ("cluster", "region", "profile")
KUBERNETES = ("context", "kubeconfig")
NAMESPACES = ("namespace", "all_namespaces")
CONFIRM = ("yes", "dry_run", "journal_dir")
CHANGE = (*CONFIRM, "take_over")
# for commands that delete or narrow resources
NARROW = (*CHANGE, "accept_unread")
# option -> options and variables for the same choice, before which its value in the settings file yields
YIELDS: Mapping[str, frozenset[str]] = {
    "cluster": frozenset({"context"}),
    "context": frozenset({"cluster"}),
    "profile": frozenset({"AWS_ACCESS_KEY_ID", "AWS_DEFAULT_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE"}),
}


def from_values(
    values: Mapping[str, Any],
    env: Mapping[str, str],
    further: Iterable[Report | Drawing] = (),
    *,
    stored: Stored = NOT_STORED,
) -> tuple[Shared, dict[str, str]]:
    """Return the options with the environment and then the settings file (`stored`) filled in, and the source of each
    given value. `further` are the formats that only this command writes.

    Raise InvalidInput for a value that no command accepts.
    """
    chosen: dict[str, Any] = {}
    sources: dict[str, str] = {}
    several: dict[str, tuple[str, ...]] = {}
    for name, value in values.items():
        declared = SHARED[name]
        if isinstance(value, list):
            several[name] = tuple(dict.fromkeys(value))
            value = value[0] if value else None
        for text in several.get(name, (value,)):
            if isinstance(text, str) and name != "query":
                refuse_blank(declared.long, text)
        if value is not None and value is not False:
            chosen[name] = value
            sources[name] = declared.long
            continue
        if default := declared.default_from(env, stored):
            chosen[name], sources[name] = default
            refuse_blank(sources[name], chosen[name])
    for name in _yielding(sources, env, stored):
        del chosen[name], sources[name]
    for name in chosen:
        with _naming_source(sources, name):
            chosen[name] = SHARED[name].value(chosen[name])
    default_output = sources.get("output") != SHARED["output"].long
    if default_output and not has_use(chosen.get("output", ""), chosen.get("query"), further):
        del chosen["output"]
    with _naming_source(sources, "output"):
        output = parse_format(chosen.get("output", Format.TABLE), further)
    lists = {name: texts for name, texts in several.items() if len(texts) > 1}
    shared = Shared(**{**chosen, "output": output, "several": lists, "default_output": default_output})
    if shared.all_namespaces:
        if sources.get("namespace") == "--namespace":
            raise InvalidInput("--namespace and --all-namespaces cannot be used together")
        shared = replace(shared, namespace=None)
    if shared.timeout is not None:
        with _naming_source(sources, "timeout"):
            seconds(shared.timeout)
    if shared.expect_account is not None and not re.fullmatch(r"\d{12}", shared.expect_account):
        message = f"{sources['expect_account']} {shared.expect_account!r} is not a 12-digit account id"
        raise InvalidInput(message, subject=shared.expect_account)
    return shared, sources


def _yielding(sources: Mapping[str, str], env: Mapping[str, str], stored: Stored) -> list[str]:
    """Return the options from the settings file that contradict a flag or a variable for the same choice."""
    stored_sources = {source for _, source in stored.values()}
    filed = {name for name, source in sources.items() if source in stored_sources}
    chosen = {*(sources.keys() - filed), *(name for name in env if env[name])}
    return [name for name in filed if chosen & YIELDS.get(name, frozenset())]


@contextmanager
def _naming_source(sources: Mapping[str, str], name: str) -> Iterator[None]:
    """Add the source of the value to an InvalidInput about this option."""
    try:
        yield
    except InvalidInput as error:
        tell_source(error, error.subject, sources.get(name, ""))
        raise


def tell_source(error: PodidError, value: str, source: str) -> None:
    """Add the source of the value to the error, unless it is the command line or already named."""
    if source and not source.startswith("-") and source not in f"{error.message} {error.advice}":
        error.advise(f"{value!r} comes from {source}.")


def override(error: PodidError, name: str, source: str) -> None:
    """Change a hint that replaces a value: if the value comes from a variable, the option overrides it."""
    if isinstance(error.hint, Again) and error.hint.swap and not source.startswith("-"):
        error.hint = Again(add=(f"--{name}", error.hint.swap[1]))


_EXAMPLE = "Example: "


def _lines(paragraph: str) -> list[str]:
    """Return a line for each item of a list, whose items begin with a word and a colon; otherwise one line."""
    lines = paragraph.splitlines()
    is_list = len(lines) > 1 and all(re.match(r"[\w-]+: ", line) for line in lines)
    return lines if is_list else [" ".join(lines)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command as its module declares it, and the decorator of its function, the `body`. The first parameter of the
    body is the `Access`, all others are options or groups of options. Its docstring is the help."""

    body: Callable[..., None] = lambda access: None
    shared: tuple[str, ...] = ()
    # the operations that it may call, by name, and those that only some of its options need, as
    # `podid.cli.permissions.declared` reads them
    needs: str = ""
    optional: tuple[OptionalNeed, ...] = ()
    # the formats that it writes in addition to the common ones
    formats: tuple[Report | Drawing, ...] = ()
    # the shared options that may be repeated
    several: tuple[str, ...] = ()
    # the permissions for option values, namespace and `access`, if these decide which data is read
    permissions_for: Callable[..., Permissions | CommandPermissions] | None = None
    # whether the settings file has an effect
    settings: bool = True

    def __call__(self, body: Callable[..., None]) -> "Command":
        return replace(self, body=body)

    @property
    def help(self) -> str:
        return inspect.cleandoc(self.body.__doc__ or "")

    @property
    def paragraphs(self) -> list[list[str]]:
        """Return the help without its examples: paragraphs of lines, each line of one a sentence or of a list."""
        return [_lines(part) for part in self.help.split("\n\n") if not part.startswith(_EXAMPLE)]

    @property
    def examples(self) -> list[str]:
        """Return the example command lines of the help."""
        parts = self.help.split("\n\n")
        return [" ".join(part.removeprefix(_EXAMPLE).split()) for part in parts if part.startswith(_EXAMPLE)]

    @property
    def _parameters(self) -> Iterable[tuple[str, inspect.Parameter]]:
        _, *own = inspect.signature(self.body, eval_str=True).parameters.items()
        return own

    @property
    def own(self) -> tuple[OptionField, ...]:
        declared: list[OptionField] = []
        for name, parameter in self._parameters:
            if isinstance(parameter.default, OptionField):
                declared.append(parameter.default.at(name, parameter.annotation))
            else:
                declared += options_in(parameter.annotation)
        return tuple(declared)

    @property
    def options(self) -> tuple[OptionField, ...]:
        """Return all its options, the shared ones last."""
        return (*self.own, *self.common)

    @property
    def common(self) -> Iterator[OptionField]:
        """Yield its shared options: the output with its formats, and those that may be repeated as such."""
        for name in (*self.shared, *OUTPUT):
            item = SHARED[name]
            if name == "output":
                item = replace(item, help="|".join((*Format, *self.formats)))
            yield replace(item, kind="texts") if name in self.several else item

    def run(self, access: Any, typed: Mapping[str, Any]) -> None:
        """Run the body with typed values. Raise InvalidInput."""
        self.body(access, **self.values(typed))

    def values(self, typed: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments of the body for typed values. Raise InvalidInput."""
        values: dict[str, Any] = {}
        for name, parameter in self._parameters:
            if isinstance(parameter.default, OptionField):
                declared, value = parameter.default.at(name, parameter.annotation), typed[name]
                values[name] = declared.default if value in (None, []) else declared.value(value)
            else:
                values[name] = filled(parameter.annotation, typed)
        return values

    @property
    def permissions(self) -> CommandPermissions:
        if not self.needs and not self.optional:
            return CommandPermissions()
        from podid.cli.permissions import declared

        return declared(self.needs, self.optional)

    def all_permissions(self, **values: object) -> CommandPermissions:
        """Return the permissions of the body, for `values` of its options if specified, plus those for choosing the
        cluster and identifying the caller."""
        permissions = self.permissions
        if values and self.permissions_for is not None:
            chosen = self.permissions_for(**values)
            permissions = chosen if isinstance(chosen, CommandPermissions) else replace(permissions, always=chosen)
        if not self.shared or "show_permissions" not in self.shared:
            return permissions
        from podid.aws.eks import Eks
        from podid.aws.sts import Sts
        from podid.cli.permissions import OWNERS, STACKS

        if "take_over" in self.shared:
            permissions = replace(permissions, optional=(*permissions.optional, STACKS))
        if {"take_over", "context"} <= {*self.shared}:
            permissions = replace(permissions, optional=(*permissions.optional, OWNERS))
        place = permissions_of((Eks.get_cluster, Eks.list_clusters)) if "cluster" in self.shared else Permissions()
        return replace(permissions, always=permissions.always | place | permissions_of((Sts.get_caller,)))
