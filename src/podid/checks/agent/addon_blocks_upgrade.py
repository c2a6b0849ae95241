"""EKS leaves add-ons at their versions when it upgrades a cluster, and an incompatible one may stop working:
https://docs.aws.amazon.com/eks/latest/userguide/cluster-insights.html.
"""

from collections.abc import Iterator

from podid.checks.base import Check, Known, Missing, Snapshot, Subject, Verdicts, known, rule, short_list
from podid.domain.aws import Addon
from podid.domain.names import AGENT_ADDON
from podid.domain.snapshot import NOT_READ
from podid.domain.versions import addon_key, next_minor
from podid.facts.index import podid_command


@rule(needs=("cluster", "addons"), wants=("agent_versions", "agent_next_versions", "upgrade_insights"))
def addon_blocks_upgrade(check: Check, snapshot: Snapshot) -> Verdicts:
    if NOT_READ in (snapshot.upgrade_insights, snapshot.agent_next_versions):
        return
    following = next_minor(known(snapshot.cluster).version)
    if not known(snapshot.addons):
        yield check.of_cluster(snapshot).skip("no add-on is installed")
    for addon in known(snapshot.addons):
        case = check.case(Subject("Addon", addon.name))
        sections = (snapshot.upgrade_insights, *((snapshot.agent_next_versions,) if addon.name == AGENT_ADDON else ()))
        gaps = [section for section in sections if isinstance(section, Missing)]
        reasons = list(_reasons(snapshot, addon, following))
        if reasons:
            compatible = {version for _, versions in reasons for version in versions}
            yield case.fail(
                f"add-on {addon.name} {addon.version} does not support Kubernetes {following}, the next version of the "
                "cluster",
                *(f"{source}: {short_list(versions, 3) or 'no version is compatible'}" for source, versions in reasons),
                commands=_update(snapshot, addon, compatible),
            )
        elif gaps:
            yield case.unknown(gaps[0])
        else:
            yield case.ok(f"EKS reports nothing against Kubernetes {following}")


def _reasons(snapshot: Snapshot, addon: Addon, following: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the source and the compatible versions."""
    offered = snapshot.agent_next_versions
    # an empty list is that of a Kubernetes version that EKS does not offer yet
    if addon.name == AGENT_ADDON and isinstance(offered, Known) and offered.value:
        versions = tuple(item.version for item in offered.value)
        if addon.version not in versions:
            yield f"versions that EKS offers for Kubernetes {following}", versions
    if isinstance(snapshot.upgrade_insights, Known):
        for insight in snapshot.upgrade_insights.value:
            versions = insight.addons.get(addon.name, (addon.version,))
            if insight.kubernetes_version in ("", following) and addon.version not in versions:
                yield f"EKS insight {insight.name} ({insight.status})", versions


def _update(snapshot: Snapshot, addon: Addon, compatible: set[str]) -> tuple[tuple[str, ...], ...]:
    """Return the command for a version that the current Kubernetes version supports too."""
    if addon.name != AGENT_ADDON or not isinstance(snapshot.agent_versions, Known):
        return ()
    both = [item.version for item in snapshot.agent_versions.value if item.version in compatible]
    newest = max(both, key=lambda version: addon_key(version) or (0, 0, 0, 0), default="")
    return (podid_command(snapshot, "install-agent", "--addon-version", newest),) if newest else ()
