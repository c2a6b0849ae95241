"""Versions as EKS writes them: `v1.3.10-eksbuild.2` of an add-on, `1.35` of Kubernetes, `eks.9` of the platform. And
those of an add-on that EKS offers a cluster, judged for this very cluster.

https://docs.aws.amazon.com/eks/latest/APIReference/API_AddonVersionInfo.html. Lists of them come in no order to
trust.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from podid.domain.aws import AddonVersion, Cluster
from podid.domain.text import short_list

_ADDON = re.compile(r"v?(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:-eksbuild\.(\d{1,9}))?", re.ASCII)
_PLATFORM = re.compile(r"eks\.(\d{1,9})", re.ASCII)
_MINOR = re.compile(r"(\d{1,4})\.(\d{1,4})", re.ASCII)

AddonKey = tuple[int, int, int, int]


def addon_key(version: str) -> AddonKey | None:
    """What add-on versions are ordered by; None for text of another form. Without an eksbuild it is the lowest."""
    match = _ADDON.fullmatch(version)
    if match is None:
        return None
    major, minor, patch, build = (int(part or 0) for part in match.groups())
    return major, minor, patch, build


def older(one: str, other: str) -> bool:
    """Whether `one` comes before `other`; false where either cannot be read."""
    left, permission = addon_key(one), addon_key(other)
    return left is not None and permission is not None and left < permission


def platform_number(version: str) -> int | None:
    """9 of `eks.9`; None for text of another form."""
    match = _PLATFORM.fullmatch(version)
    return int(match[1]) if match else None


def minor_version(version: str) -> tuple[int, int] | None:
    """(1, 35) of `1.35`; None for text of another form."""
    match = _MINOR.fullmatch(version)
    return (int(match[1]), int(match[2])) if match else None


def next_minor(version: str) -> str:
    """1.36 of 1.35; empty for text of another form."""
    version_numbers = minor_version(version)
    return f"{version_numbers[0]}.{version_numbers[1] + 1}" if version_numbers else ""


ANY = "*"
EC2 = "ec2"


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version of the list. `why_not` says why EKS would not take it; empty when it would."""

    version: AddonVersion
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """What EKS offers for the cluster's Kubernetes version, newest first, judged for this very cluster."""

    kubernetes: str
    rows: tuple[VersionRow, ...]

    @property
    def fitting(self) -> tuple[str, ...]:
        return tuple(row.version.version for row in self.rows if not row.why_not)

    @property
    def default(self) -> str:
        """EKS's default where it fits; empty where EKS names none."""
        return next((row.version.version for row in self.rows if row.version.default and not row.why_not), "")

    @property
    def latest(self) -> str:
        return next(iter(self.fitting), "")

    def row(self, version: str) -> VersionRow | None:
        return next((row for row in self.rows if row.version.version == version), None)


def judge(cluster: Cluster, versions: Sequence[AddonVersion], compute: Collection[str] = (EC2,)) -> Offer:
    """Pure. `compute` are the compute types that the add-on has to serve."""
    rows = [VersionRow(version, _why_not(version, cluster, compute)) for version in versions]
    # newest first, whatever the order they came in; what cannot be read comes last
    rows.sort(key=lambda row: (addon_key(row.version.version) or (), row.version.version), reverse=True)
    return Offer(cluster.version, tuple(rows))


def _why_not(version: AddonVersion, cluster: Cluster, compute: Collection[str]) -> str:
    platforms = version.platform_versions
    if platforms and ANY not in platforms and cluster.platform_version and not _fits(platforms, cluster):
        return f"it needs platform version {short_list(platforms)}, the cluster's is {cluster.platform_version}"
    known = {name.lower() for name in version.compute_types}
    if lacking := sorted(set(compute) - known) if known else []:
        return f"it is not for {' and '.join(lacking)} nodes, only for {', '.join(sorted(known))}"
    return ""


def _fits(platforms: Collection[str], cluster: Cluster) -> bool:
    number = platform_number(cluster.platform_version)
    return cluster.platform_version in platforms or (number is not None and number in map(platform_number, platforms))
