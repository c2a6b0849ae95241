"""A migration from kiam and kube2iam: planned, applied, finished and rolled back."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from cluster_api import Json, injected
from podid.sandbox import proxy_samples
from podid.sandbox.faults import Fault
from podid.sandbox.proxy_samples import NAMESPACE, ROLE, ProxySamples
from worlds import ACCOUNT, Site

pytestmark = pytest.mark.sampled(5)

PREFIX = f"arn:aws:iam::{ACCOUNT}:role/"
NODES = f"{PREFIX}demo-node-role"
Item = tuple[str, str]


class Proxies:
    """A cluster with kube2iam or kiam, and the workloads that a test adds."""

    def __init__(self, site: Site, source: str = "kube2iam", *flags: str) -> None:
        self.site = site
        self.samples = ProxySamples(site.box.reach(), source)
        self.samples.agent(*flags)
        site.wait(30)

    def one(self, name: str, role: str = "", **more: Any) -> None:
        """A workload with its role, `apps-NAME` by default."""
        self.samples.one(name, role or self.samples.role(f"apps-{name}"), **more)
        self.site.wait(30)

    def items(self, *argv: str) -> dict[Item, Json]:
        """By service account and the role's ARN without its prefix."""
        listed = self.site.must("migrate", "plan", "-n", NAMESPACE, *argv, "-o", "json").json["items"]
        return {(item["serviceAccount"], item["roleArn"].removeprefix(PREFIX)): item for item in listed}

    def blockers(self, *argv: str) -> dict[Item, list[str]]:
        return {key: [blocker["id"] for blocker in item["blockers"]] for key, item in self.items(*argv).items()}

    def template(self, name: str, kind: str = "deployments") -> Json:
        path = f"/apis/{'batch' if kind == 'cronjobs' else 'apps'}/v1/namespaces/{NAMESPACE}/{kind}/{name}"
        spec = self.site.cluster.get(path)["spec"]
        template: Json = spec["jobTemplate"]["spec"]["template"] if kind == "cronjobs" else spec["template"]
        return template

    def trust(self, role: str) -> list[Json]:
        document = self.site.aws("iam").get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
        return list(document["Statement"])

    def patch(self, path: str, patch: Json) -> None:
        self.site.cluster.merge(path, patch)
        self.site.wait(30)

    def refuse(self, operation: str) -> None:
        self.site.kube.faults.add(Fault("fail", operation=operation, status=403, message="forbidden"))


@pytest.fixture
def proxies(healthy: Site) -> Proxies:
    return Proxies(healthy)


def stage_of(proxies: Proxies, name: str) -> str:
    items = proxies.site.must("migrate", "status", "-n", NAMESPACE, "-o", "json").json["items"]
    return next(str(item["stage"]) for item in items if item["serviceAccount"] == name)


# --- plan -------------------------------------------------------------------------------------------------------------


def test_an_item_says_where_the_role_comes_from(proxies: Proxies) -> None:
    proxies.one("web")
    item = proxies.items()["web", "apps-web"]
    assert (item["source"], item["stage"], item["blockers"], item["warnings"]) == ("kube2iam", "old", [], [])
    assert item["pods"] == {"total": 1, "podIdentity": 0, "irsa": 0, "other": 1}
    assert item["workloads"] == ["Deployment/apps/web"]
    assert item["evidence"] == [
        "annotation iam.amazonaws.com/role: apps-web of Deployment apps/web",
        f"base role ARN {PREFIX} (--base-role-arn of DaemonSet kube-system/kube2iam)",
    ]
    assert [step["action"] for step in item["steps"]] == ["allow", "associate", "restart", "verify", "finish"]
    assert item["state"]["annotations"] == {ROLE: "apps-web"}


@pytest.mark.parametrize("source", ["kube2iam", "kiam"])
def test_the_samples_have_every_kind(healthy: Site, source: str) -> None:
    """What `podid sandbox start --samples kube2iam` adds."""
    proxy_samples.load(healthy.box.reach(), source)
    healthy.wait(60)
    listed = healthy.must("migrate", "plan", "--from", source, "-o", "json").json["items"]
    blockers = {(item["serviceAccount"], item["roleArn"].rpartition("/")[2]): item["blockers"] for item in listed}
    assert {key: [blocker["id"] for blocker in found] for key, found in blockers.items()} == {
        ("admin", "administration"): ["role-not-permitted"],
        ("default", "apps-charted"): ["needs-service-account"],
        ("default", "apps-nightly"): ["needs-service-account"],
        ("default", "apps-reader"): ["needs-service-account"],
        ("default", "apps-writer"): ["needs-service-account"],
        ("far", "apps-far"): ["cross-account-role-arn"],
        ("gone", "apps-gone"): ["role-not-found"],
        ("partner", "apps-partner"): [],
        ("queue", "apps-queue"): [],
        ("web", "apps-web"): [],
    }
    assert {item["source"] for item in listed} == {source}
    warnings = {item["serviceAccount"]: [w["id"] for w in item["warnings"]] for item in listed if item["warnings"]}
    assert warnings == {"partner": ["external-id-mismatch"]}


def test_without_an_agent_annotations_mean_nothing(healthy: Site) -> None:
    samples = ProxySamples(healthy.box.reach(), "kube2iam")
    healthy.cluster.make_namespace(NAMESPACE)
    samples.one("web", samples.role("apps-web"))
    healthy.wait(30)
    assert healthy.must("migrate", "plan", "-n", NAMESPACE, "-o", "json").json["items"] == []


def test_one_source(proxies: Proxies) -> None:
    proxies.one("web")
    everything = proxies.site.must("migrate", "plan", "-o", "json").json["items"]
    assert sorted(item["source"] for item in everything) == ["irsa", "kube2iam"]
    for source in ("irsa", "kube2iam"):
        only = proxies.site.must("migrate", "plan", "--from", source, "-o", "json").json["items"]
        assert [item["source"] for item in only] == [source]
    assert proxies.site.must("migrate", "plan", "--from", "kiam", "-o", "json").json["items"] == []


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
def test_what_a_namespace_permits(
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


def test_a_reading_that_is_refused(proxies: Proxies) -> None:
    proxies.one("web")
    proxies.refuse("GET */daemonsets*")
    outcome = proxies.site("migrate", "plan", "-n", NAMESPACE)
    assert outcome.code == 9, outcome
    assert "kiam and kube2iam could not be read" in outcome.stderr


# --- service accounts of their own ------------------------------------------------------------------------------------

CREATE = "--create-service-accounts"


@pytest.fixture
def shared(proxies: Proxies) -> Proxies:
    """Two Deployments and a CronJob with three roles, all of the default service account."""
    for name, kind in (("reader", "Deployment"), ("writer", "Deployment"), ("nightly", "CronJob")):
        proxies.one(name, account="default", kind=kind)
    settings: Json = {"imagePullSecrets": [{"name": "registry"}], "automountServiceAccountToken": False}
    proxies.patch(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/default", settings)
    return proxies


def test_each_workload_gets_one(shared: Proxies) -> None:
    assert shared.blockers(CREATE) == {
        ("nightly", "apps-nightly"): [],
        ("reader", "apps-reader"): [],
        ("writer", "apps-writer"): [],
    }
    item = shared.items(CREATE)["reader", "apps-reader"]
    assert (item["copyOf"], item["warnings"]) == ("default", [])
    actions = [step["action"] for step in item["steps"]]
    assert actions == ["create", "allow", "associate", "patch", "verify", "finish"]


def test_role_bindings_are_named_and_not_copied(shared: Proxies) -> None:
    subject = {"kind": "ServiceAccount", "name": "default", "namespace": NAMESPACE}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}/rolebindings"
    shared.site.cluster.post(path, {"metadata": {"name": "viewers"}, "subjects": [subject], "roleRef": role})
    (warning,) = shared.items(CREATE)["reader", "apps-reader"]["warnings"]
    assert "podid does not copy RoleBinding apps/viewers" in warning["message"]
    shared.refuse("GET */rolebindings*")
    item = shared.items(CREATE)["reader", "apps-reader"]
    assert (item["warnings"], "RoleBindings of apps/default" in item["unknown"][0]) == ([], True)


def test_a_template_that_helm_manages(shared: Proxies) -> None:
    release = {"meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": NAMESPACE}
    path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/writer"
    shared.patch(path, {"metadata": {"annotations": release}})
    items = shared.items(CREATE)
    assert sorted(items) == [("default", "apps-writer"), ("nightly", "apps-nightly"), ("reader", "apps-reader")]
    (blocker,) = items["default", "apps-writer"]["blockers"]
    assert blocker["id"] == "needs-service-account"
    assert "Helm release shop in namespace apps manages Deployment apps/writer" in blocker["message"]


def test_a_name_that_is_taken(shared: Proxies) -> None:
    shared.site.cluster.make_account(NAMESPACE, "reader")
    shared.samples.one("other", "", account="reader")
    shared.site.wait(30)
    (blocker,) = shared.items(CREATE)["default", "apps-reader"]["blockers"]
    assert "service account apps/reader already belongs to Deployment apps/other" in blocker["message"]


def test_workloads_that_podid_does_not_change(shared: Proxies) -> None:
    pod = {"metadata": {"name": "bare", "annotations": {ROLE: shared.samples.role("apps-bare")}}}
    spec = {"serviceAccountName": "default", "containers": [{"name": "app", "image": "busybox"}]}
    shared.site.cluster.post(f"/api/v1/namespaces/{NAMESPACE}/pods", {**pod, "spec": spec})
    shared.site.wait(30)
    (blocker,) = shared.items(CREATE)["default", "apps-bare"]["blockers"]
    assert "podid does not change Pod apps/bare" in blocker["message"]


def test_apply_creates_them(shared: Proxies) -> None:
    annotations = shared.template("reader")["metadata"]["annotations"]
    outcome = shared.site.must("migrate", "apply", "-n", NAMESPACE, CREATE, "--yes", "-o", "json")
    assert [
        (action["kind"], action["target"]) for action in outcome.json["actions"] if "nightly" in action["target"]
    ] == [
        ("service-account", "apps/nightly"),
        ("role-trust", "apps-nightly"),
        ("association", "apps/nightly"),
        ("pod-template", "apps/CronJob/nightly"),
    ]
    account = shared.site.cluster.get(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/reader")
    assert (account["imagePullSecrets"], account["automountServiceAccountToken"]) == ([{"name": "registry"}], False)
    assert shared.template("reader")["spec"]["serviceAccountName"] == "reader"
    assert shared.template("nightly", "cronjobs")["spec"]["serviceAccountName"] == "nightly"
    assert shared.template("reader")["metadata"]["annotations"].items() >= annotations.items()
    pods = shared.site.cluster.pods(NAMESPACE)
    assert {pod["spec"]["serviceAccountName"] for pod in pods} == {"reader", "writer"}
    assert all(map(injected, pods))
    assert stage_of(shared, "reader") == "moved"


# --- apply ------------------------------------------------------------------------------------------------------------


def test_apply_leaves_the_older_way(proxies: Proxies) -> None:
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


def test_a_saved_plan_keeps_the_service_accounts(shared: Proxies, tmp_path: Any) -> None:
    file = str(tmp_path / "plan.json")
    shared.site.must("migrate", "plan", "-n", NAMESPACE, CREATE, "--save", file)
    shared.site.must("migrate", "apply", "--plan", file)
    assert stage_of(shared, "writer") == "moved"


def agent_goes(proxies: Proxies, ref: str) -> Callable[[float], None]:
    """Somebody removes the agent of Pod Identity once the association exists."""
    eks, once = proxies.site.aws("eks"), iter([True])
    namespace, name = ref.split("/")

    def remove(_: float) -> None:
        made = eks.list_pod_identity_associations(clusterName="demo", namespace=namespace, serviceAccount=name)
        if made["associations"] and next(once, False):
            eks.delete_addon(clusterName="demo", addonName="eks-pod-identity-agent")

    return remove


def test_what_fails_is_taken_back(shared: Proxies) -> None:
    shared.site.on_sleep = agent_goes(shared, "apps/nightly")
    outcome = shared.site("migrate", "apply", "-n", NAMESPACE, CREATE, "--yes")
    shared.site.on_sleep = lambda _: None
    assert outcome.code == 8, outcome
    assert "rolled back to kube2iam" in outcome.stderr
    assert shared.site.must("list", "-n", NAMESPACE, "-o", "name").stdout == ""
    assert shared.template("reader")["spec"]["serviceAccountName"] == "default"
    assert not any(map(injected, shared.site.cluster.pods(NAMESPACE)))


def test_a_service_account_that_fails_is_taken_back(proxies: Proxies) -> None:
    proxies.one("web")
    proxies.site.on_sleep = agent_goes(proxies, "apps/web")
    outcome = proxies.site("migrate", "apply", "apps/web", "--yes")
    proxies.site.on_sleep = lambda _: None
    assert (outcome.code, "rolled back to kube2iam" in outcome.stderr) == (8, True), outcome
    assert proxies.template("web")["metadata"]["annotations"][ROLE] == "apps-web"
    assert not any(map(injected, proxies.site.cluster.pods(NAMESPACE)))
    assert stage_of(proxies, "web") == "admitted"


def test_an_interrupted_run_is_continued(shared: Proxies) -> None:
    """Everything but the pod template is there already."""
    shared.site.must("migrate", "apply", "-n", NAMESPACE, CREATE, "--until", "associated", "--yes")
    assert {template["spec"]["serviceAccountName"] for template in map(shared.template, ("reader", "writer"))} == {
        "default"
    }
    assert json.dumps(shared.items(CREATE)["reader", "apps-reader"]["stage"]) == '"associated"'
    shared.site.must("migrate", "apply", "-n", NAMESPACE, CREATE, "--yes")
    assert stage_of(shared, "reader") == "moved"
