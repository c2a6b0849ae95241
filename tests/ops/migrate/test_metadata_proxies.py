"""Service accounts whose pods get credentials from kiam or kube2iam."""

import pytest

from cluster_api import Json
from ops.migrate.worlds import CREATE, FINISH, PREFIX, Proxies, agents, names_agent
from podid.sandbox.proxy_samples import NAMESPACE, ROLE, ProxySamples
from worlds import Site


def test_without_an_agent_annotations_have_no_effect(healthy: Site) -> None:
    samples = ProxySamples(healthy.box.reach(), "kube2iam")
    healthy.cluster.make_namespace(NAMESPACE)
    samples.one("web", samples.role("apps-web"))
    healthy.wait(30)
    assert healthy.must("migrate", "plan", "-n", NAMESPACE, "-o", "json").json["items"] == []


@pytest.mark.parametrize(
    ("text", "arn"),
    [
        ("apps-web", f"{PREFIX}apps-web"),
        (f"{PREFIX}apps-web", f"{PREFIX}apps-web"),
        (" apps-web ", f"{PREFIX}apps-web"),
    ],
)
def test_names_and_arns(proxies: Proxies, text: str, arn: str) -> None:
    proxies.samples.role("apps-web")
    proxies.one("web", text)
    assert [item["roleArn"] for item in proxies.items().values()] == [arn]


def test_a_base_role_arn_that_is_detected(healthy: Site) -> None:
    proxies = Proxies(healthy, "kiam")
    proxies.one("web")
    evidence = proxies.items()["web", "apps-web"]["evidence"]
    assert evidence[1] == (
        f"base role ARN {PREFIX} (detected by DaemonSet kube-system/kiam-server from the instance profile)"
    )


def test_a_role_under_a_path(healthy: Site) -> None:
    proxies = Proxies(healthy, "kiam")
    proxies.one("web", "/team/apps-web")
    assert [item["roleArn"] for item in proxies.items().values()] == [f"{PREFIX}team/apps-web"]


def test_renamed_annotations(healthy: Site) -> None:
    proxies = Proxies(healthy, "kube2iam", "--iam-role-key=example.com/role", "--namespace-key", "example.com/roles")
    proxies.samples.role("apps-web")
    proxies.samples.one("web", "", annotations={"example.com/role": "apps-web"})
    healthy.wait(30)
    assert proxies.blockers() == {("web", "apps-web"): ["role-not-permitted"]}
    permitted = {"metadata": {"annotations": {"example.com/roles": '["apps-*"]'}}}
    proxies.patch(f"/api/v1/namespaces/{NAMESPACE}", permitted)
    assert proxies.blockers() == {("web", "apps-web"): []}


@pytest.mark.parametrize(
    ("source", "flags", "text", "permitted"),
    [
        ("kube2iam", (), '["apps-*"]', True),
        ("kube2iam", (), '["other-*"]', False),
        ("kube2iam", (), "", False),
        ("kube2iam", (), f'["{PREFIX}apps-web"]', True),
        ("kube2iam", (), '["apps-we?"]', False),
        ("kube2iam", ("--namespace-restriction-format=regexp",), '["apps-we."]', True),
        ("kube2iam", ("--namespace-restrictions=false",), '["other-*"]', True),
        ("kube2iam", (), "{", None),
        ("kiam", (), ".*:role/apps-.*", True),
        ("kiam", (), "apps-.*", False),
        ("kiam", ("--disable-strict-namespace-regexp",), "apps-.*", True),
        ("kiam", (), "", False),
        ("kiam", (), "(", None),
    ],
)
def test_roles_that_a_namespace_permits(
    healthy: Site, source: str, flags: tuple[str, ...], text: str, permitted: bool | None
) -> None:
    proxies = Proxies(healthy, source, *flags)
    key = "iam.amazonaws.com/permitted" if source == "kiam" else "iam.amazonaws.com/allowed-roles"
    proxies.patch(f"/api/v1/namespaces/{NAMESPACE}", {"metadata": {"annotations": {key: text}}})
    proxies.one("web")
    item = proxies.items()["web", "apps-web"]
    assert [blocker["id"] for blocker in item["blockers"]] == (["role-not-permitted"] if permitted is False else [])
    unknown = [words for words in item["unknown"] if key in words]
    assert bool(unknown) is (permitted is None)


def test_the_default_role(healthy: Site) -> None:
    proxies = Proxies(healthy, "kube2iam", "--default-role=apps-base")
    proxies.samples.role("apps-base")
    proxies.samples.one("plain", "")
    proxies.one("web")
    assert proxies.blockers() == {("plain", "apps-base"): ["default-role"], ("web", "apps-web"): []}
    assert proxies.items()["plain", "apps-base"]["evidence"] == ["default role of kube2iam: Deployment apps/plain"]
    outcome = healthy("migrate", "apply", "apps/plain", "--accept", "default-role", "--yes")
    assert outcome.code == 0, outcome
    assert ("plain", "apps-base") not in proxies.items()


def test_a_workload_without_a_role_beside_one_with(proxies: Proxies) -> None:
    proxies.one("web")
    proxies.samples.one("quiet", "", account="web")
    proxies.site.wait(30)
    (warning,) = proxies.items()["web", "apps-web"]["warnings"]
    assert warning["id"] == "needs-service-account"
    assert warning["message"].startswith("Deployment apps/quiet also runs as apps/web")


def test_roles_of_one_service_account(proxies: Proxies) -> None:
    proxies.one("web")
    proxies.one("other", account="web")
    assert proxies.blockers() == {
        ("web", "apps-other"): ["needs-service-account"],
        ("web", "apps-web"): ["needs-service-account"],
    }
    outcome = proxies.site("migrate", "apply", "-n", NAMESPACE, "--accept", "needs-service-account", "--yes")
    assert outcome.code == 6, outcome


def test_each_workload_gets_a_service_account(sharing: Proxies) -> None:
    assert sharing.blockers(CREATE) == {
        ("nightly", "apps-nightly"): [],
        ("reader", "apps-reader"): [],
        ("writer", "apps-writer"): [],
    }
    item = sharing.items(CREATE)["reader", "apps-reader"]
    assert (item["copyOf"], item["warnings"]) == ("default", [])
    actions = [step["action"] for step in item["steps"]]
    assert actions == ["create", "allow", "associate", "patch", "verify", "finish"]


def test_role_bindings_are_named_and_not_copied(sharing: Proxies) -> None:
    subject = {"kind": "ServiceAccount", "name": "default", "namespace": NAMESPACE}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}/rolebindings"
    sharing.site.cluster.post(path, {"metadata": {"name": "viewers"}, "subjects": [subject], "roleRef": role})
    (warning,) = sharing.items(CREATE)["reader", "apps-reader"]["warnings"]
    assert "podid does not copy RoleBinding apps/viewers" in warning["message"]
    sharing.refuse("GET */rolebindings*")
    item = sharing.items(CREATE)["reader", "apps-reader"]
    assert (item["warnings"], "RoleBindings of apps/default" in item["unknown"][0]) == ([], True)


def test_a_template_that_helm_manages(sharing: Proxies) -> None:
    release = {"meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": NAMESPACE}
    path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/writer"
    sharing.patch(path, {"metadata": {"annotations": release}})
    items = sharing.items(CREATE)
    assert sorted(items) == [("default", "apps-writer"), ("nightly", "apps-nightly"), ("reader", "apps-reader")]
    (blocker,) = items["default", "apps-writer"]["blockers"]
    assert blocker["id"] == "needs-service-account"
    assert "Helm release shop in namespace apps manages Deployment apps/writer" in blocker["message"]


def test_a_name_that_is_taken(sharing: Proxies) -> None:
    sharing.site.cluster.make_account(NAMESPACE, "reader")
    sharing.samples.one("other", "", account="reader")
    sharing.site.wait(30)
    (blocker,) = sharing.items(CREATE)["default", "apps-reader"]["blockers"]
    assert "service account apps/reader already belongs to Deployment apps/other" in blocker["message"]


def test_workloads_that_podid_does_not_change(sharing: Proxies) -> None:
    pod = {"metadata": {"name": "bare", "annotations": {ROLE: sharing.samples.role("apps-bare")}}}
    spec = {"serviceAccountName": "default", "containers": [{"name": "app", "image": "busybox"}]}
    sharing.site.cluster.post(f"/api/v1/namespaces/{NAMESPACE}/pods", {**pod, "spec": spec})
    sharing.site.wait(30)
    (blocker,) = sharing.items(CREATE)["default", "apps-bare"]["blockers"]
    assert "podid does not change Pod apps/bare" in blocker["message"]


def test_a_bare_pod_keeps_its_annotation(proxies: Proxies) -> None:
    proxies.site.cluster.make_account(NAMESPACE, "bare")
    metadata = {"name": "bare", "annotations": {ROLE: proxies.samples.role("apps-bare")}}
    pod: Json = {"serviceAccountName": "bare", "containers": [{"name": "app", "image": "busybox"}]}
    path = f"/api/v1/namespaces/{NAMESPACE}/pods"
    proxies.site.cluster.post(path, {"metadata": metadata, "spec": pod})
    proxies.site.wait(30)
    accept = ("--accept", "pod-predates-association")
    proxies.site.must("migrate", "apply", "apps/bare", "--until", "associated", *accept, "--yes")
    assert agents(proxies)[0]["serves"] == ["Pod/apps/bare"]
    assert proxies.site(*FINISH, "--yes").code == 3
    proxies.site.cluster.delete(f"{path}/bare")
    proxies.site.wait(60)
    proxies.site.cluster.post(path, {"metadata": metadata, "spec": pod})
    proxies.site.wait(30)
    assert agents(proxies)[0]["serves"] == []
    proxies.site.must(*FINISH, "--yes")
    assert not names_agent(proxies, "apps-bare")
