"""Options of podid install-agent."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from podid.domain.errors import InvalidInput
from podid.domain.option import one_of, option, options, repeatable, switch

if TYPE_CHECKING:
    from podid.aws.addon_values import Path, Values
    from podid.ops.change.kinds.addon import ResolveConflicts

_CONFLICTS: dict[str, ResolveConflicts] = {"none": "NONE", "preserve": "PRESERVE", "overwrite": "OVERWRITE"}
# a dot in a name is escaped as in Helm's --set
_DOT = re.compile(r"(?<!\\)\.")


@dataclass(frozen=True, slots=True)
class Assignment:
    """KEY=VALUE as typed: `path` is the key's parts, `text` the value."""

    path: Path
    text: str

    @property
    def key(self) -> str:
        return ".".join(self.path)


def parse_assignments(texts: Iterable[str]) -> tuple[Assignment, ...]:
    """Raise InvalidInput for a text that is not KEY=VALUE. A value of `null` removes the key."""
    assignments = []
    for typed in texts:
        key, equals, value = typed.partition("=")
        path = tuple(part.replace("\\.", ".") for part in _DOT.split(key))
        if not equals or not all(path):
            example = "such as agent.probePort=2704, with dots between the parts of the key"
            raise InvalidInput(f"{typed!r} is not KEY=VALUE, {example}", subject=typed)
        assignments.append(Assignment(path, value))
    return tuple(assignments)


@options
class AddonSettings:
    """The settings of an add-on that is installed or changed. `values` are those of the configuration file."""

    addon_version: str = option(
        "VERSION", "default, latest or vX.Y.Z-eksbuild.N. [default: the installed version, else EKS's default]"
    )
    allow_downgrade: bool = switch("Allow a version that is older than the installed one.")
    config: tuple[Assignment, ...] = repeatable(
        "KEY=VALUE",
        "Set one configuration value, such as agent.probePort=2704; null removes it.",
        read=parse_assignments,
    )
    config_file: str | None = option(
        "FILE", "Configuration values as JSON or YAML ('-' is stdin), merged with the installed values."
    )
    resolve_conflicts: str = option(
        "HOW",
        "none|preserve|overwrite: how EKS resolves conflicts with fields that you or another tool changed.",
        default="none",
        suggests=tuple(_CONFLICTS),
        read=lambda text: one_of("--resolve-conflicts", text.lower(), tuple(_CONFLICTS)),
    )
    values: Values = field(default_factory=dict)

    @property
    def configures(self) -> bool:
        return bool(self.values or self.config)

    @property
    def conflicts(self) -> ResolveConflicts:
        return _CONFLICTS[self.resolve_conflicts]


@options
class InstallRequest(AddonSettings):
    fix_node_role: bool = switch(
        "Attach AmazonEKSWorkerNodeMinimalPolicy to node roles that are not authorized to redeem tokens."
    )
    force: bool = switch("Install even if a check of the cluster fails.", consent=True)
