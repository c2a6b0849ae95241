"""A migration from kiam and kube2iam carried out."""

import json
from collections.abc import Callable

import pytest

from cluster_api import injected
from ops.migrate.worlds import CREATE, Proxies, stage_of
from podid.sandbox.proxy_samples import NAMESPACE, ROLE


def test_apply_creates_service_accounts(sharing: Proxies) -> None:
    annotations = sharing.template("reader")["metadata"]["annotations"]
    outcome = sharing.site.must("migrate", "apply", "-n", NAMESPACE, CREATE, "--yes", "-o", "json")
    assert [
        (action["kind"], action["target"]) for action in outcome.json["actions"] if "nightly" in action["target"]
    ] == [
        ("service-account", "apps/nightly"),
        ("role-trust", "apps-nightly"),
        ("association", "apps/nightly"),
        ("pod-template", "apps/CronJob/nightly"),
    ]
    account = sharing.site.cluster.get(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/reader")
    assert (account["imagePullSecrets"], account["automountServiceAccountToken"]) == ([{"name": "registry"}], False)
    assert sharing.template("reader")["spec"]["serviceAccountName"] == "reader"
    assert sharing.template("nightly", "cronjobs")["spec"]["serviceAccountName"] == "nightly"
    assert sharing.template("reader")["metadata"]["annotations"].items() >= annotations.items()
    pods = sharing.site.cluster.pods(NAMESPACE)
    assert {pod["spec"]["serviceAccountName"] for pod in pods} == {"reader", "writer"}
    assert all(map(injected, pods))
    assert stage_of(sharing, "reader") == "moved"


def test_apply_keeps_the_annotation_and_the_trust(proxies: Proxies) -> None:
    proxies.one("web")
    before = proxies.trust("apps-web")
    result = proxies.site.must("migrate", "apply", "apps/web", "--yes", "-o", "json").json
    assert [(action["kind"], action["status"]) for action in result["actions"]] == [
        ("role-trust", "done"),
        ("association", "done"),
        ("restart", "done"),
    ]
    assert [status["state"] for status in result["after"]] == ["verified"]
    assert proxies.trust("apps-web")[:1] == before
    assert proxies.template("web")["metadata"]["annotations"][ROLE] == "apps-web"
    assert stage_of(proxies, "web") == "moved"
    again = proxies.site.must("migrate", "apply", "apps/web", "--yes", "-o", "json").json
    assert [action for action in again["actions"] if action["status"] == "done"] == []


def agent_goes(proxies: Proxies, ref: str) -> Callable[[float], None]:
    """Somebody removes the agent of Pod Identity once the association exists."""
    eks, once = proxies.site.aws("eks"), iter([True])
    namespace, name = ref.split("/")

    def remove(_: float) -> None:
        known = eks.list_pod_identity_associations(clusterName="demo", namespace=namespace, serviceAccount=name)
        if known["associations"] and next(once, False):
            eks.delete_addon(clusterName="demo", addonName="eks-pod-identity-agent")

    return remove


def test_failed_items_get_their_service_account_back(sharing: Proxies) -> None:
    sharing.site.on_sleep = agent_goes(sharing, "apps/nightly")
    outcome = sharing.site("migrate", "apply", "-n", NAMESPACE, CREATE, "--yes")
    sharing.site.on_sleep = lambda _: None
    assert outcome.code == 8, outcome
    assert "rolled back to kube2iam" in outcome.stderr
    assert sharing.site.must("list", "-n", NAMESPACE, "-o", "name").stdout == ""
    assert sharing.template("reader")["spec"]["serviceAccountName"] == "default"
    assert not any(map(injected, sharing.site.cluster.pods(NAMESPACE)))


@pytest.mark.parametrize("deadline", [60, 600], ids=["the rollout fails", "podid stops waiting"])
def test_a_pod_template_whose_rollout_fails_is_rolled_back(sharing: Proxies, deadline: int) -> None:
    reader = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/reader"
    sharing.patch(reader, {"spec": {"progressDeadlineSeconds": deadline}})
    pulls = sharing.site.kube.faults.image_pull_failing
    pulls.add(sharing.template("reader")["spec"]["containers"][0]["image"])
    outcome = sharing.site("migrate", "apply", "-n", NAMESPACE, CREATE, "--yes")
    assert (outcome.code, "rolled back to kube2iam" in outcome.stderr) == (8, True), outcome
    assert sharing.template("reader")["spec"]["serviceAccountName"] == "default"
    pulls.clear()
    sharing.site.must("undo", "last", "--yes")
    accounts = sharing.site.cluster.get(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts")["items"]
    assert [account["metadata"]["name"] for account in accounts] == ["default"]


def test_a_failed_item_is_rolled_back(proxies: Proxies) -> None:
    proxies.one("web")
    proxies.site.on_sleep = agent_goes(proxies, "apps/web")
    outcome = proxies.site("migrate", "apply", "apps/web", "--yes")
    proxies.site.on_sleep = lambda _: None
    assert (outcome.code, "rolled back to kube2iam" in outcome.stderr) == (8, True), outcome
    assert proxies.template("web")["metadata"]["annotations"][ROLE] == "apps-web"
    assert not any(map(injected, proxies.site.cluster.pods(NAMESPACE)))
    assert stage_of(proxies, "web") == "admitted"


def test_an_interrupted_run_is_continued(sharing: Proxies) -> None:
    """Everything but the pod template is there already."""
    sharing.site.must("migrate", "apply", "-n", NAMESPACE, CREATE, "--until", "associated", "--yes")
    assert {template["spec"]["serviceAccountName"] for template in map(sharing.template, ("reader", "writer"))} == {
        "default"
    }
    assert json.dumps(sharing.items(CREATE)["reader", "apps-reader"]["stage"]) == '"associated"'
    sharing.site.must("migrate", "apply", "-n", NAMESPACE, CREATE, "--yes")
    assert stage_of(sharing, "reader") == "moved"
