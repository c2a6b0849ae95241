"""Versions of EKS: `v1.3.10-eksbuild.2` of an add-on, `1.35` of Kubernetes, `eks.9` of the platform. And the versions
of an add-on that are compatible with a cluster.

https://docs.aws.amazon.com/eks/latest/APIReference/API_AddonVersionInfo.html. The order of its
lists is not documented.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from podid.domain.aws import AddonVersion, Cluster
from podid.domain.text import short_list

_ADDON = re.compile(r"v?(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:-eksbuild\.(\d{1,9}))?", re.ASCII)
_PLATFORM = re.compile(r"eks\.(\d{1,9})", re.ASCII)
_MINOR = re.compile(r"(\d{1,4})\.(\d{1,4})", re.ASCII)

EC2 = "ec2"
_ANY_PLATFORM = "*"

AddonKey = tuple[int, int, int, int]


def addon_key(version: str) -> AddonKey | None:
    """Return the sort key of an add-on version; None for other text. A version without eksbuild comes first."""
    match = _ADDON.fullmatch(version)
    if match is None:
        return None
    major, minor, patch, build = (int(part or 0) for part in match.groups())
    return major, minor, patch, build


def older(one: str, other: str) -> bool:
    """Return whether `one` is older than `other`; False if either cannot be parsed."""
    left, right = addon_key(one), addon_key(other)
    return left is not None and right is not None and left < right


def platform_number(version: str) -> int | None:
    """Return 9 for `eks.9`; None for other text."""
    match = _PLATFORM.fullmatch(version)
    return int(match[1]) if match else None


def minor_version(version: str) -> tuple[int, int] | None:
    """Return (1, 35) for `1.35`; None for other text."""
    match = _MINOR.fullmatch(version)
    return (int(match[1]), int(match[2])) if match else None


def next_minor(version: str) -> str:
    """Return 1.36 for 1.35; empty for other text."""
    version_numbers = minor_version(version)
    return f"{version_numbers[0]}.{version_numbers[1] + 1}" if version_numbers else ""


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version of the list. `why_not` is why EKS would reject it; empty if it would accept it."""

    version: AddonVersion
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """The versions that EKS offers for the cluster's Kubernetes version, newest first, checked for this cluster."""

    kubernetes: str
    rows: tuple[VersionRow, ...]

    @property
    def fitting(self) -> tuple[str, ...]:
        return tuple(row.version.version for row in self.rows if not row.why_not)

    @property
    def default(self) -> str:
        """Return EKS's default if it is compatible; otherwise empty."""
        return next((row.version.version for row in self.rows if row.version.default and not row.why_not), "")

    @property
    def latest(self) -> str:
        return next(iter(self.fitting), "")

    def row(self, version: str) -> VersionRow | None:
        return next((row for row in self.rows if row.version.version == version), None)


def offer_of(cluster: Cluster, versions: Sequence[AddonVersion], compute: Collection[str] = (EC2,)) -> Offer:
    """Check the versions for the cluster. `compute` are the compute types that the add-on must support."""
    rows = [VersionRow(version, _why_not(version, cluster, compute)) for version in versions]
    # newest first; versions that cannot be parsed come last
    rows.sort(key=lambda row: (addon_key(row.version.version) or (), row.version.version), reverse=True)
    return Offer(cluster.version, tuple(rows))


def _why_not(version: AddonVersion, cluster: Cluster, compute: Collection[str]) -> str:
    platforms = version.platform_versions
    if platforms and _ANY_PLATFORM not in platforms and cluster.platform_version and not _fits(platforms, cluster):
        return f"it requires platform version {short_list(platforms)}, and the cluster has {cluster.platform_version}"
    known = {name.lower() for name in version.compute_types}
    if lacking := sorted(set(compute) - known) if known else []:
        return f"it does not support {' and '.join(lacking)} nodes, only {', '.join(sorted(known))}"
    return ""


def _fits(platforms: Collection[str], cluster: Cluster) -> bool:
    number = platform_number(cluster.platform_version)
    return cluster.platform_version in platforms or (number is not None and number in map(platform_number, platforms))
