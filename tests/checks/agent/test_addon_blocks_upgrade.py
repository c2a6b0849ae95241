from typing import Any

from checks.builder import DENIED, addon, cluster, healthy
from checks.grid import answers, only
from harness import table
from podid.domain.aws import AddonVersion, UpgradeInsight

ID = "addon-blocks-upgrade"
FAILS = healthy(agent_next_versions=(AddonVersion(version="v9.0.0-eksbuild.1", default=True),))
UNKNOWN = healthy(upgrade_insights=DENIED)
FINDINGS = [("fail", "warn", "Addon eks-pod-identity-agent")]
UNKNOWNS = [("unknown", "warn", "Addon eks-pod-identity-agent")]


def insight(name: str, *versions: str, kubernetes: str = "1.36") -> UpgradeInsight:
    return UpgradeInsight(
        name="add-on versions", kubernetes_version=kubernetes, status="ERROR", addons={name: versions}
    )


@table(
    ("sections", "expected"),
    [
        ({}, "pass"),
        # EKS does not offer the next Kubernetes version yet
        ({"agent_next_versions": ()}, "pass"),
        ({"agent_next_versions": (AddonVersion(version="v1.4.0-eksbuild.1", default=True),)}, "fail"),
        ({"agent_next_versions": DENIED}, "unknown"),
        ({"upgrade_insights": DENIED}, "unknown"),
        ({"upgrade_insights": (insight("eks-pod-identity-agent", "v1.4.0-eksbuild.1"),)}, "fail"),
        ({"upgrade_insights": (insight("eks-pod-identity-agent"),)}, "fail"),
        ({"upgrade_insights": (insight("eks-pod-identity-agent", addon().version),)}, "pass"),
        ({"upgrade_insights": (insight("coredns", "v1.4.0-eksbuild.1"),)}, "pass"),
        # about an upgrade that comes later
        ({"upgrade_insights": (insight("eks-pod-identity-agent", "v1.4.0", kubernetes="1.39"),)}, "pass"),
        # one known reason is enough
        (
            {"agent_next_versions": DENIED, "upgrade_insights": (insight("eks-pod-identity-agent", "v1.4.0"),)},
            "fail",
        ),
    ],
)
def test_add_ons_and_the_next_kubernetes_version(sections: dict[str, Any], expected: str) -> None:
    snapshot = healthy(**sections, cluster=cluster(version="1.35"))
    assert [answer[0] for answer in answers(ID, snapshot)] == [expected]


def test_the_command_names_a_version_for_both_kubernetes_versions() -> None:
    offered = tuple(AddonVersion(version=f"v1.{n}.0-eksbuild.1", default=False) for n in (9, 10, 11))
    snapshot = healthy(agent_versions=offered[:2], agent_next_versions=offered)
    verdict = only(ID, snapshot)
    assert verdict.fix is not None
    assert verdict.fix.commands[0][:4] == ("podid", "install-agent", "--addon-version", "v1.10.0-eksbuild.1")
