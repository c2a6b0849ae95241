"""Plans of `uninstall-agent`, and the wait until the agent is gone."""

from dataclasses import replace
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from checks.builder import NOW, daemon_set
from harness import table
from ops.agent.support import installed
from ops.change.support import account_state
from podid.calls.patience import Clock, Patience
from podid.domain.aws import Addon
from podid.domain.cluster import DaemonSet
from podid.domain.errors import Unreachable
from podid.domain.plan import Header
from podid.domain.workloads import of_the_addon
from podid.ops.agent.uninstall import UninstallFacts, plan_uninstall, pods_gone
from worlds import AGENT, Site

if TYPE_CHECKING:
    from podid.ops.clients import KubeAccess


def test_uninstall_and_undo(healthy: Site) -> None:
    before = account_state(healthy.box)
    done = healthy.must("uninstall-agent", "--yes", "-o", "json").json
    assert (done["awaited"]["reached"], installed(healthy)) == (True, False)
    assert healthy.cluster.pods("kube-system") == []
    assert account_state(healthy.box)["associations"] == before["associations"]
    again = healthy.must("uninstall-agent", "--yes")
    assert "is not installed" in again.stderr
    healthy.must("undo", "last", "--yes")
    healthy.wait(30)
    assert account_state(healthy.box) == before


def test_an_unknown_number_of_affected_accounts_requires_the_confirmation_of_several() -> None:
    one = UninstallFacts(current=None, nodes=("node-1",))
    assert (one.several, replace(one, unread=("the pods could not be read",)).several) == (False, True)


def test_an_agent_of_another_owner_is_not_deleted(site: Site) -> None:
    site.cluster.make_workload("DaemonSet", "kube-system", AGENT, "default")
    refused = site("uninstall-agent", "--yes", "-o", "json")
    assert (refused.code, refused.error["code"]) == (6, "Conflict")


@pytest.mark.parametrize("action", ["eks:ListPodIdentityAssociations", "eks:DeleteAddon"])
def test_the_agent_stays_if_a_permission_is_missing(healthy: Site, action: str) -> None:
    healthy.box.world.credentials.deny(action)
    refused = healthy("uninstall-agent", "--yes")
    assert (refused.code, installed(healthy)) == (4 if action == "eks:DeleteAddon" else 9, True), refused
    assert action in refused.stderr


def test_unread_associations_are_accepted_by_name(healthy: Site) -> None:
    healthy.box.world.credentials.deny("eks:ListPodIdentityAssociations")
    done = healthy("uninstall-agent", "--yes", "--accept-unread")
    assert (done.code, installed(healthy)) == (0, False), done
    assert "eks:ListPodIdentityAssociations" in done.stderr


def test_a_deletion_that_fails_is_not_waited_for(healthy: Site) -> None:
    healthy.box.world.delays.addon = 600.0

    def fail(_: float) -> None:
        addon = healthy.box.world.clusters["demo"].addons[AGENT]
        addon.status, addon.due = "DELETE_FAILED", None
        addon.issues = [{"code": "ClusterUnreachable", "message": "no way", "resourceIds": []}]

    healthy.on_sleep = fail
    slept = healthy.slept
    failed = healthy("uninstall-agent", "--yes")
    assert (failed.code, healthy.slept - slept < 60) == (8, True)
    assert "ClusterUnreachable, EKS cannot reach the cluster's API server: no way" in failed.stderr


def test_pods_that_outlive_their_daemon_set_are_awaited() -> None:
    """Kubernetes deletes the DaemonSet before its pods."""
    reader = SimpleNamespace(list_agent_daemon_sets=tuple, list_pods_of=lambda sets: ["pod"] * len(sets))
    kube, seconds = cast("KubeAccess", SimpleNamespace(reader=reader)), count()
    patience = Patience(3, Clock(lambda: NOW, lambda: next(seconds), lambda _: None), lambda _: None)
    assert pods_gone(kube, (daemon_set(),), patience).reached is False
    assert pods_gone(kube, (), patience).reached is True


def test_an_unreachable_api_server_does_not_end_the_wait() -> None:
    answers = iter([Unreachable("out of reach"), ["pod"], Unreachable("out of reach"), []])

    def list_pods(_: object) -> list[str]:
        if isinstance(answer := next(answers), Unreachable):
            raise answer
        return cast("list[str]", answer)

    reader = SimpleNamespace(list_agent_daemon_sets=tuple, list_pods_of=list_pods)
    kube, seconds = cast("KubeAccess", SimpleNamespace(reader=reader)), count()
    patience = Patience(9, Clock(lambda: NOW, lambda: next(seconds), lambda _: None), lambda _: None)
    assert pods_gone(kube, (daemon_set(),), patience).reached is True


def test_an_agent_of_another_owner_is_not_awaited(healthy: Site) -> None:
    healthy.box.failures.put("addon-config-conflict")
    healthy.wait(30)
    done = healthy("uninstall-agent", "--yes", "--timeout", "60s", "-o", "json")
    assert (done.code, done.json["awaited"]["reached"], installed(healthy)) == (0, True, False)
    assert "DaemonSet kube-system/pod-identity does not belong to the add-on and stays" in done.json["notes"]
    assert not any("will be without the agent" in note for note in done.json["notes"])


def test_a_pod_that_waits_for_a_node_does_not_hide_its_service_account(healthy: Site) -> None:
    """New pods of its service account get no credentials without the agent."""
    healthy.must("associate", "shop/late", "--role", "storefront", "--create-service-account", "--wait", "api")
    healthy.cluster.make_pod("shop", "late", "late", nodeSelector={"disk": "none"})
    healthy.wait(10)
    (waiting,) = healthy.cluster.pods("shop", "late")
    assert not waiting["spec"].get("nodeName")
    notes = healthy.must("uninstall-agent", "--dry-run", "-o", "json").json["notes"]
    assert any("shop/late (0 pods)" in note for note in notes), notes


def helm_agent(name: str = AGENT, **changes: Any) -> DaemonSet:
    """The labels are those of AWS's chart."""
    labels = {"app.kubernetes.io/managed-by": "Helm", "helm.sh/chart": "eks-pod-identity-agent-1.3.10"}
    return daemon_set(name=name, labels=labels, **changes)


EKS = {"eks": ("spec.template",), "kube-controller-manager": ("metadata.annotations",)}


@table(
    ("agent", "its"),
    [
        (helm_agent(set_by=EKS), True),
        (helm_agent(f"{AGENT}-hybrid", set_by=EKS), True),
        # EKS took it over from Helm, or somebody edited it since
        (helm_agent(set_by={**EKS, "helm": ("spec.template",)}), True),
        # field managers are not told to everybody
        (helm_agent(), True),
        (helm_agent(set_by={"helm": ("spec.template",)}), False),
        (daemon_set(set_by={"kubectl-client-side-apply": ("spec.template",)}), False),
        (helm_agent("pod-identity", set_by={"helm": ("spec.template",)}), False),
        (replace(helm_agent(), namespace="agents"), False),
    ],
)
def test_field_managers_decide_the_owner_of_a_daemon_set(agent: DaemonSet, its: bool) -> None:
    assert of_the_addon(agent) is its
    addon = Addon(
        name=AGENT, version="v1.3.10-eksbuild.3", status="ACTIVE", arn="arn:aws:eks:us-west-2:111122223333:addon/a"
    )
    header = Header(
        caller_arn="arn:aws:iam::111122223333:user/a", account="111122223333", region="us-west-2", cluster="demo"
    )
    plan = plan_uninstall(header, UninstallFacts(current=addon, agents=(agent,)), preserve=False)
    assert any("does not belong to the add-on and stays" in note for note in plan.notes) is not its


def test_the_sandbox_labels_the_addons_agent_as_aws_does(healthy: Site) -> None:
    (result,) = (item for item in healthy.cluster.items("/apis/apps/v1/daemonsets"))
    labels = result["metadata"]["labels"]
    assert (labels["app.kubernetes.io/managed-by"], labels["helm.sh/chart"][:23]) == ("Helm", f"{AGENT}-")
    assert [entry["manager"] for entry in result["metadata"]["managedFields"]] == ["eks"]
    healthy.cluster.merge(
        f"/apis/apps/v1/namespaces/kube-system/daemonsets/{AGENT}", {"metadata": {"labels": {"a": "b"}}}
    )
    (changed,) = (item for item in healthy.cluster.items("/apis/apps/v1/daemonsets"))
    assert changed["metadata"]["managedFields"] == result["metadata"]["managedFields"]
