"""The versions of an add-on that EKS offers a cluster, judged for this very cluster."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from podid.domain.addons import AddonVersion
from podid.domain.model import Cluster
from podid.domain.versions import addon_key, platform_number
from podid.domain.words import short_list

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
