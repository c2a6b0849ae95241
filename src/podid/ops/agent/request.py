"""What an installation of the agent is to be, as options of podid install-agent."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from podid.domain.errors import InvalidInput
from podid.domain.option import one_of, option, options, several, switch

if TYPE_CHECKING:
    from podid.aws.addon_values import Path, Values
    from podid.ops.change.kinds.addon import ResolveConflicts

# EKS's word for it
_CONFLICTS: dict[str, ResolveConflicts] = {"none": "NONE", "preserve": "PRESERVE", "overwrite": "OVERWRITE"}
# a dot that is part of a name is written \. as in Helm's --set
_DOT = re.compile(r"(?<!\\)\.")


@dataclass(frozen=True, slots=True)
class Assignment:
    """KEY=VALUE as it was typed: `path` is the key's parts, `text` the value."""

    path: Path
    text: str

    @property
    def key(self) -> str:
        return ".".join(self.path)


def parse_assignments(texts: Iterable[str]) -> tuple[Assignment, ...]:
    """Raises InvalidInput for what is no KEY=VALUE. A value of `null` takes the key away."""
    return tuple(map(_assignment, texts))


def _assignment(given: str) -> Assignment:
    key, equals, value = given.partition("=")
    path = tuple(part.replace("\\.", ".") for part in _DOT.split(key))
    if not equals or not all(path):
        message = f"{given!r} is not KEY=VALUE: write agent.probePort=2704, with dots between the parts of the key"
        raise InvalidInput(message, subject=given)
    return Assignment(path, value)


@options
class InstallRequest:
    """`values` are those of the configuration file."""

    addon_version: str = option(
        "VERSION", "default, latest or vX.Y.Z-eksbuild.N. [default: what is installed, else EKS's default]", default=""
    )
    allow_downgrade: bool = switch("Take a version that is older than the installed one.")
    config: tuple[Assignment, ...] = several(
        "KEY=VALUE",
        "Set one configuration value, as in agent.probePort=2704; null takes it away. Repeatable.",
        read=parse_assignments,
    )
    config_file: str | None = option(
        "FILE", "Configuration values as JSON or YAML ('-' is stdin), merged over those that are installed."
    )
    resolve_conflicts: str = option(
        "HOW",
        "none|preserve|overwrite: what EKS does with fields that somebody else has set.",
        default="none",
        suggests=tuple(_CONFLICTS),
        read=lambda text: one_of("--resolve-conflicts", text.lower(), tuple(_CONFLICTS)),
    )
    fix_node_role: bool = switch("Attach AmazonEKSWorkerNodeMinimalPolicy to node roles that may not redeem tokens.")
    force: bool = switch("Install although a check of the cluster refuses it.", consent=True)
    values: Values = field(default_factory=dict)

    @property
    def configures(self) -> bool:
        return bool(self.values or self.config)

    @property
    def conflicts(self) -> ResolveConflicts:
        return _CONFLICTS[self.resolve_conflicts]
