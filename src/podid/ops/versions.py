"""`podid version`: the versions that a report of a problem needs. No call is made."""

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Annotated

from podid.checks.agent.agent_outdated import NO_KNOWN_DEFECT_SINCE
from podid.domain.members import OR_NULL, About, kind
from podid.ops.permissions.actions import action_table
from podid.ops.role.presets import list_presets
from podid.pages.index import ENTRIES

# libraries whose versions affect podid's features, then those of its extras
_LIBRARIES = ("boto3", "botocore", "kubernetes", "typer", "rich", "moto", "mcp")


@dataclass(frozen=True, slots=True)
class LibraryVersion:
    name: str
    version: Annotated[str, OR_NULL, About("null if the library is not installed: an extra of podid requires it.")]


@kind("Version", "`podid version`.")
@dataclass(frozen=True, slots=True)
class Versions:
    podid: str
    python: str
    platform: str
    libraries: tuple[LibraryVersion, ...]
    agent_since: Annotated[str, About("The oldest version of the agent add-on without a known defect.")]
    action_table: Annotated[str, About("The date of the table of AWS's actions.", format="date")]
    presets: Annotated[str, About("The date on which the newest preset was compared with its source.", format="date")]
    failure_modes: int


def read_versions(podid: str) -> Versions:
    return Versions(
        podid,
        platform.python_version(),
        f"{platform.system()} {platform.release()} {platform.machine()}",
        tuple(_libraries()),
        NO_KNOWN_DEFECT_SINCE,
        action_table().date,
        max(preset.checked for preset in list_presets()),
        len(ENTRIES),
    )


def _libraries() -> Iterator[LibraryVersion]:
    for name in _LIBRARIES:
        try:
            yield LibraryVersion(name, metadata.version(name))
        except metadata.PackageNotFoundError:
            yield LibraryVersion(name, "")
