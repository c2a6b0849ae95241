"""Finish, status, rollback and cleanup of a migration from kiam and kube2iam."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster_api import Json, injected
from e2e.test_migrate_killed import Killed, dying
from e2e.test_migrate_proxies import CREATE, NODES, PREFIX, Proxies, stage_of
from harness import one_in
from podid.sandbox.faults import Fault
from podid.sandbox.proxy_samples import EXTERNAL_ID, NAMESPACE, ROLE
from worlds import Site

pytestmark = pytest.mark.sampled(5)

AGENT = "DaemonSet/kube-system/kube2iam"
HELM = {"annotations": {"meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": NAMESPACE}}
FINISH = ("migrate", "finish", "-n", NAMESPACE, "--soak", "0")


@pytest.fixture
def proxies(healthy: Site) -> Proxies:
    return Proxies(healthy)


def migrated(proxies: Proxies, *argv: str) -> Proxies:
    proxies.site.must("migrate", "apply", "-n", NAMESPACE, *argv, "--yes")
    return proxies


def annotations(proxies: Proxies, name: str, kind: str = "deployments") -> Json:
    return dict(proxies.template(name, kind)["metadata"].get("annotations") or {})


def names_agent(proxies: Proxies, role: str, principal: str = NODES) -> bool:
    return any(s["Principal"].get("AWS") == principal for s in proxies.trust(role))


def agents(proxies: Proxies) -> list[Json]:
    return list(proxies.site.must("migrate", "status", "-o", "json").json["agents"])


# --- finish -----------------------------------------------------------------------------------------------------------


def test_finish_removes_annotations_then_the_trust(proxies: Proxies) -> None:
    proxies.one("web", annotations={EXTERNAL_ID: "x", "team": "a"})
    migrated(proxies)
    result = proxies.site.must(*FINISH, "--yes", "-o", "json").json
    assert [(action["kind"], action["target"]) for action in result["actions"]] == [
        ("pod-template", "apps/Deployment/web"),
        ("role-trust", "apps-web"),
    ]
    kept = annotations(proxies, "web")
    assert (ROLE in kept, EXTERNAL_ID in kept, kept["team"]) == (False, False, "a")
    assert not names_agent(proxies, "apps-web")
    (pod,) = proxies.site.cluster.pods(NAMESPACE)
    assert (injected(pod), ROLE in pod["metadata"]["annotations"]) == (True, False)
    assert stage_of(proxies, "web") == "finished"
    assert proxies.site.must(*FINISH, "--yes").stdout == "nothing to change\n"


def test_finish_asks_with_the_workloads_that_it_restarts(proxies: Proxies) -> None:
    proxies.one("web")
    proxies.one("nightly", kind="CronJob")
    migrated(proxies)
    outcome = proxies.site(*FINISH)
    assert outcome.code == 2, outcome
    dry = proxies.site.must(*FINISH, "--dry-run")
    assert "update pod template of CronJob apps/nightly" in dry.stdout
    assert "kube2iam (DaemonSet kube-system/kube2iam) no longer serves any workload" in dry.stdout
    assert annotations(proxies, "web")[ROLE] == "apps-web"


def test_finish_waits_for_the_soak_and_for_apply(proxies: Proxies) -> None:
    proxies.one("web")
    proxies.one("late")
    proxies.site.must("migrate", "apply", "apps/web", "--yes")
    outcome = proxies.site("migrate", "finish", "-n", NAMESPACE, "--yes")
    assert outcome.code == 3, outcome
    assert "apps/late: it has no association with its role yet: run podid migrate apply" in outcome.stderr
    assert "--soak requires 24 hours" in outcome.stderr
    outcome = proxies.site(*FINISH, "--yes")
    assert (outcome.code, "service account apps/late: skipped" in outcome.stdout) == (8, True), outcome
    assert "IRSA" not in outcome.stdout + outcome.stderr


def test_the_trust_stays_while_an_annotation_needs_it(proxies: Proxies) -> None:
    role = proxies.samples.role("apps-shared")
    for name in ("first", "second"):
        proxies.one(name, role)
    proxies.site.must("migrate", "apply", "apps/first", "--yes")
    outcome = proxies.site.must("migrate", "finish", "apps/first", "--soak", "0", "--yes")
    assert f"{NODES} stays for apps/second" in outcome.stderr
    assert names_agent(proxies, "apps-shared")
    assert stage_of(proxies, "first") == "finished"
    proxies.site.must("migrate", "apply", "apps/second", "--yes")
    proxies.site.must("migrate", "finish", "apps/second", "--soak", "0", "--yes")
    assert not names_agent(proxies, "apps-shared")


def test_other_principals_stay(proxies: Proxies) -> None:
    proxies.one("web")
    iam = proxies.site.aws("iam")
    other = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    both: Json = {"Effect": "Allow", "Principal": {"AWS": [NODES, f"{PREFIX}ci"]}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName="ci", AssumeRolePolicyDocument=_policy(other))
    iam.update_assume_role_policy(RoleName="apps-web", PolicyDocument=_policy(other, both))
    migrated(proxies)
    proxies.site.must(*FINISH, "--yes")
    left = proxies.trust("apps-web")
    assert left[:2] == [other, {**both, "Principal": {"AWS": [f"{PREFIX}ci"]}}]


def _policy(*statements: Json) -> str:
    import json

    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def test_the_default_role_keeps_its_trust(healthy: Site) -> None:
    proxies = Proxies(healthy, "kube2iam", "--default-role=apps-default")
    proxies.samples.role("apps-default")
    proxies.one("web", "apps-default")
    proxies.site.must("migrate", "apply", "apps/web", "--yes")
    outcome = proxies.site.must("migrate", "finish", "apps/web", "--soak", "0", "--yes")
    assert "stays for payments/billing-worker, pods without an annotation" in outcome.stderr
    assert names_agent(proxies, "apps-default")


def test_kiam_keeps_what_the_nodes_use(healthy: Site) -> None:
    proxies = Proxies(healthy, "kiam")
    proxies.one("web")
    migrated(proxies)
    assert names_agent(proxies, "apps-web", f"{PREFIX}kiam-server")
    proxies.site.must(*FINISH, "--yes")
    assert not names_agent(proxies, "apps-web", f"{PREFIX}kiam-server")
    assert names_agent(proxies, "kiam-server")


def test_a_template_of_helm_gets_the_edit(proxies: Proxies, tmp_path: Path) -> None:
    proxies.one("charted", metadata=HELM, annotations={EXTERNAL_ID: "x"})
    migrated(proxies)
    outcome = proxies.site(*FINISH, "--yes", "--write-manifests", str(tmp_path / "out"))
    assert outcome.code == 3, outcome
    assert (
        f"Helm release shop in namespace apps manages Deployment apps/charted: remove {ROLE}, {EXTERNAL_ID} in the "
        "chart's values, such as podAnnotations"
        in outcome.stderr.replace(f"{EXTERNAL_ID}, {ROLE}", f"{ROLE}, {EXTERNAL_ID}")
    )
    (file,) = (tmp_path / "out").iterdir()
    assert file.name == "apps_deployment_charted.yaml"
    patch = yaml.safe_load(file.read_text())
    assert patch["spec"]["template"] == {"metadata": {"annotations": {EXTERNAL_ID: None, ROLE: None}}}
    assert (annotations(proxies, "charted")[ROLE], names_agent(proxies, "apps-charted")) == ("apps-charted", True)
    # somebody changes the values of the chart
    path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/charted"
    proxies.patch(path, {"spec": patch["spec"]})
    assert stage_of(proxies, "charted") == "moved"
    proxies.site.must(*FINISH, "--yes")
    assert not names_agent(proxies, "apps-charted")
    assert stage_of(proxies, "charted") == "finished"


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


def test_a_role_of_another_account_becomes_the_target_role(proxies: Proxies) -> None:
    far = "arn:aws:iam::444455556666:role/apps-far"
    proxies.one("far", far)
    assert proxies.blockers() == {("far", far): ["cross-account-role-arn"]}
    proxies.site("associate", "apps/far", "--create-role", "--target-role", far)
    proxies.site("restart", "apps/far", "--yes")
    item = proxies.items()["far", far]
    assert (item["stage"], item["blockers"]) == ("moved", [])
    assert [step["action"] for step in item["steps"]] == ["verify", "finish"]
    proxies.site.must(*FINISH, "--yes")
    assert ROLE not in annotations(proxies, "far")
    assert stage_of(proxies, "far") == "finished"


def test_a_finish_that_stopped_is_continued(proxies: Proxies) -> None:
    for name in ("first", "second"):
        proxies.one(name)
    migrated(proxies)
    refused = Fault("fail", operation="PATCH */deployments/second", status=403, message="forbidden")
    proxies.site.kube.faults.add(refused)
    outcome = proxies.site(*FINISH, "--yes")
    assert outcome.code == 8, outcome
    assert names_agent(proxies, "apps-second")
    proxies.site.kube.faults.clear()
    proxies.site.must(*FINISH, "--yes")
    assert not names_agent(proxies, "apps-first")
    assert not names_agent(proxies, "apps-second")
    assert [stage_of(proxies, name) for name in ("first", "second")] == ["finished"] * 2


def test_nodes_whose_roles_cannot_be_read(proxies: Proxies) -> None:
    proxies.one("web")
    migrated(proxies)
    proxies.site.box.world.credentials.deny("eks:DescribeNodegroup")
    outcome = proxies.site(*FINISH, "--yes")
    assert "podid leaves the trust policy of role apps-web unchanged" in outcome.stderr, outcome
    assert names_agent(proxies, "apps-web")


# --- the agent --------------------------------------------------------------------------------------------------------


def test_what_the_agent_serves(proxies: Proxies) -> None:
    proxies.one("web")
    proxies.one("queue", kind="StatefulSet")
    assert agents(proxies) == [
        {
            "source": "kube2iam",
            "workloads": [AGENT],
            "serves": ["Deployment/apps/web", "StatefulSet/apps/queue"],
            "unneeded": [],
        }
    ]
    outcome = proxies.site("migrate", "cleanup", AGENT, "--yes", "-c", "demo")
    assert (outcome.code, "kube2iam still serves Deployment apps/web" in outcome.stderr) == (6, True), outcome
    migrated(proxies)
    outcome = proxies.site.must("migrate", "finish", "apps/web", "--soak", "0", "--yes")
    assert "kube2iam (DaemonSet kube-system/kube2iam) still serves StatefulSet apps/queue" in outcome.stderr
    outcome = proxies.site.must(*FINISH, "--yes")
    assert f"no longer serves any workload; podid migrate cleanup {AGENT} deletes it" in outcome.stderr
    annotation = ["kubectl", "annotate", "namespace", "apps", "iam.amazonaws.com/allowed-roles-"]
    assert " ".join(annotation) in outcome.stderr
    assert agents(proxies)[0]["unneeded"] == [annotation]
    assert " ".join(annotation) in proxies.site.must("migrate", "cleanup", "-c", "demo").stderr
    assert ["podid", "migrate", "cleanup"] in proxies.site.must("migrate", "status", "-o", "json").json["next"]
    items = proxies.site.must("migrate", "cleanup", "-c", "demo", "-o", "json").json["items"]
    assert [item["workload"] for item in items if item["kind"] == "agent"] == [AGENT]
    assert proxies.site("migrate", "cleanup", AGENT).code == 2
    proxies.site.must("migrate", "cleanup", AGENT.lower(), "--yes", "-c", "demo")
    assert agents(proxies) == []


def test_pods_with_the_default_role_need_the_agent(healthy: Site) -> None:
    proxies = Proxies(healthy, "kube2iam", "--default-role=apps-default")
    proxies.samples.role("apps-default")
    proxies.samples.one("plain", "", account="default")
    proxies.site.wait(30)
    assert "Deployment/apps/plain" in agents(proxies)[0]["serves"]
    assert proxies.site("migrate", "cleanup", AGENT, "--yes", "-c", "demo").code == 6


def test_cleanup_refuses_where_a_reading_was_refused(proxies: Proxies) -> None:
    proxies.refuse("GET */deployments*")
    outcome = proxies.site("migrate", "cleanup", "-c", "demo")
    assert (outcome.code, "kiam and kube2iam could not be read" in outcome.stderr) == (9, True), outcome
    assert AGENT not in outcome.stdout
    outcome = proxies.site("migrate", "cleanup", AGENT, "--yes", "-c", "demo")
    assert outcome.code == 6, outcome


def test_both_programs_of_kiam_are_listed(healthy: Site) -> None:
    proxies = Proxies(healthy, "kiam")
    items = proxies.site.must("migrate", "cleanup", "-c", "demo", "-o", "json").json["items"]
    names = [item["workload"] for item in items if item["kind"] == "agent"]
    assert names == ["DaemonSet/kube-system/kiam-agent", "DaemonSet/kube-system/kiam-server"]


# --- rollback ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("until", ["admitted", "associated", "moved", "finished"])
@pytest.mark.parametrize("source", ["kube2iam", "kiam"])
def test_rollback_from_a_stage(healthy: Site, source: str, until: str) -> None:
    proxies = Proxies(healthy, source)
    proxies.one("web", annotations={EXTERNAL_ID: "x"})
    trust, before = proxies.trust("apps-web"), annotations(proxies, "web")
    if until == "finished":
        migrated(proxies).site.must(*FINISH, "--yes")
    else:
        migrated(proxies, "--until", until)
    refs = ("apps/web",) if until == "finished" else ("-n", NAMESPACE)
    outcome = proxies.site.must("migrate", "rollback", *refs, "--yes")
    assert outcome.stdout.splitlines()[-1] == f"✓ new pods of apps/web use {source} again"
    assert (proxies.trust("apps-web"), stage_of(proxies, "web")) == (trust, "old")
    assert annotations(proxies, "web").items() >= before.items()
    assert not any(map(injected, proxies.site.cluster.pods(NAMESPACE)))
    assert proxies.site.must("migrate", "rollback", "apps/web", "--yes").stdout == "nothing to change\n"


@pytest.fixture
def shared(proxies: Proxies) -> Proxies:
    """Two Deployments and a CronJob with three roles, all of the default service account."""
    for name, kind in (("reader", "Deployment"), ("writer", "Deployment"), ("nightly", "CronJob")):
        proxies.one(name, account="default", kind=kind)
    return proxies


def account_of(proxies: Proxies, name: str) -> str:
    kind = "cronjobs" if name == "nightly" else "deployments"
    return str(proxies.template(name, kind)["spec"]["serviceAccountName"])


@pytest.mark.parametrize("finished", [False, True])
def test_rollback_gives_back_the_previous_service_account(shared: Proxies, *, finished: bool) -> None:
    trusts = [shared.trust(f"apps-{name}") for name in ("reader", "writer", "nightly")]
    migrated(shared, CREATE)
    if finished:
        shared.site.must(*FINISH, "--yes")
    refs = ("apps/reader", "apps/writer", "apps/nightly") if finished else ("-n", NAMESPACE)
    shared.site.must("migrate", "rollback", *refs, "--yes")
    assert [account_of(shared, name) for name in ("reader", "writer", "nightly")] == ["default"] * 3
    assert [shared.trust(f"apps-{name}") for name in ("reader", "writer", "nightly")] == trusts
    assert annotations(shared, "reader")[ROLE] == "apps-reader"
    assert shared.site.must("list", "-n", NAMESPACE, "-o", "name").stdout == ""
    assert not any(map(injected, shared.site.cluster.pods(NAMESPACE)))


def test_a_rollback_that_stopped_after_the_templates_is_continued(shared: Proxies) -> None:
    migrated(shared, CREATE)
    path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/reader"
    spec = {"serviceAccountName": "default", "serviceAccount": "default"}
    shared.patch(path, {"spec": {"template": {"spec": spec}}})
    shared.site.must("migrate", "rollback", "-n", NAMESPACE, "--yes")
    assert shared.site.must("list", "-n", NAMESPACE, "-o", "name").stdout == ""


def test_undo_of_apply_gives_back_the_previous_service_account(shared: Proxies) -> None:
    trust = shared.trust("apps-reader")
    migrated(shared, CREATE)
    shared.site.must("undo", "last", "--yes")
    assert [account_of(shared, name) for name in ("reader", "writer", "nightly")] == ["default"] * 3
    assert shared.trust("apps-reader") == trust
    assert not any(map(injected, shared.site.cluster.pods(NAMESPACE)))


def test_undo_of_finish(proxies: Proxies) -> None:
    proxies.one("web")
    migrated(proxies)
    trust = proxies.trust("apps-web")
    proxies.site.must(*FINISH, "--yes")
    proxies.site.must("undo", "last", "--yes")
    assert (proxies.trust("apps-web"), annotations(proxies, "web")[ROLE]) == (trust, "apps-web")
    assert stage_of(proxies, "web") == "moved"


def test_rollback_without_a_journal(proxies: Proxies, tmp_path: Path) -> None:
    proxies.one("web")
    trust = proxies.trust("apps-web")
    migrated(proxies).site.must(*FINISH, "--yes")
    other = ("--journal-dir", str(tmp_path / "other"))
    outcome = proxies.site("migrate", "rollback", "apps/web", "--yes", *other)
    assert (outcome.code, "whether apps/web used IRSA or kube2iam" in outcome.stderr) == (6, True), outcome
    assert "--from kube2iam" in outcome.stderr
    proxies.site.must("migrate", "rollback", "apps/web", "--from", "kube2iam", "--yes", *other)
    assert (annotations(proxies, "web")[ROLE], stage_of(proxies, "web")) == ("apps-web", "old")
    assert sorted(map(str, proxies.trust("apps-web"))) == sorted(map(str, trust))


def test_rollback_without_the_agent(proxies: Proxies) -> None:
    """Pods would be without credentials."""
    proxies.one("web")
    migrated(proxies).site.must(*FINISH, "--yes")
    proxies.site.must("migrate", "cleanup", AGENT, "--yes", "-c", "demo")
    outcome = proxies.site("migrate", "rollback", "apps/web", "--yes")
    assert (outcome.code, "does not run in the cluster" in outcome.stderr) == (6, True), outcome
    assert stage_of(proxies, "web") == "finished"


def test_rollback_does_not_fight_helm(proxies: Proxies) -> None:
    proxies.one("charted", metadata=HELM)
    migrated(proxies)
    path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/charted"
    proxies.patch(path, {"spec": {"template": {"metadata": {"annotations": {ROLE: None}}}}})
    outcome = proxies.site("migrate", "rollback", "apps/charted", "--yes")
    assert (outcome.code, f"first add the annotation {ROLE}: apps-charted in its source" in outcome.stderr) == (
        6,
        True,
    ), outcome


# --- no pod without credentials ---------------------------------------------------------------------------------------


class Watcher:
    """Creates a pod of each workload at every wait, and keeps those that would get no credentials."""

    def __init__(self, proxies: Proxies, *names: str, principal: str = NODES) -> None:
        self.proxies, self.names, self.principal, self.number = proxies, names, principal, 0
        self.without: list[str] = []

    def __call__(self, _: float) -> None:
        for name in self.names:
            template = self.proxies.template(name)
            self.number += 1
            pod = f"watch-{self.number}"
            path = f"/api/v1/namespaces/{NAMESPACE}/pods"
            metadata = {"name": pod, "annotations": template["metadata"].get("annotations") or {}}
            made: Json = self.proxies.site.cluster.post(path, {"metadata": metadata, "spec": template["spec"]})
            self.proxies.site.cluster.delete(f"{path}/{pod}")
            statements = self.proxies.trust(f"apps-{name}")
            by_identity = any(s["Principal"].get("Service") == "pods.eks.amazonaws.com" for s in statements)
            by_agent = ROLE in metadata["annotations"] and names_agent(self.proxies, f"apps-{name}", self.principal)
            # SDKs prefer the variables of Pod Identity to the metadata service
            if not (by_identity if injected(made) else by_agent):
                self.without.append(f"{name}: {sorted(metadata['annotations'])} {injected(made)}")


@pytest.mark.parametrize("create", [False, True])
def test_no_pod_is_without_credentials(proxies: Proxies, *, create: bool) -> None:
    more: dict[str, Any] = {"account": "default"} if create else {}
    for name in ("reader", "writer"):
        proxies.one(name, **more)
    flags = (CREATE,) if create else ()
    watch = proxies.site.on_sleep = Watcher(proxies, "reader", "writer")
    migrated(proxies, *flags)
    proxies.site.must(*FINISH, "--yes")
    proxies.site.must("migrate", "rollback", "apps/reader", "apps/writer", "--yes")
    migrated(proxies, *flags)
    proxies.site.must("migrate", "rollback", "-n", NAMESPACE, "--yes")
    proxies.site.on_sleep = lambda _: None
    assert watch.number > 50
    assert watch.without == []


@pytest.mark.parametrize(
    ("source", "number"), one_in(12, [(source, number) for number in range(10) for source in ("kiam", "kube2iam")])
)
def test_a_killed_run_is_continued(healthy: Site, monkeypatch: pytest.MonkeyPatch, source: str, number: int) -> None:
    """kill -9 at a write of apply, of finish and of rollback: the same command again completes it."""
    proxies = Proxies(healthy, source)
    for name in ("reader", "writer"):
        proxies.one(name)
    roles = ("apps-reader", "apps-writer")
    before = (
        [proxies.trust(role) for role in roles],
        [annotations(proxies, name)[ROLE] for name in ("reader", "writer")],
    )
    principal = f"{PREFIX}kiam-server" if source == "kiam" else NODES
    watch = healthy.on_sleep = Watcher(proxies, "reader", "writer", principal=principal)
    back = ("migrate", "rollback", "apps/reader", "apps/writer", "--yes")
    for argv in (("migrate", "apply", "-n", NAMESPACE, "--yes"), (*FINISH, "--yes"), back):
        with dying(healthy, monkeypatch, number, "after"), suppress(Killed):
            healthy(*argv)
        healthy.wait(5)
        healthy.must(*argv)
    healthy.on_sleep = lambda _: None
    after = [proxies.trust(role) for role in roles], [annotations(proxies, name)[ROLE] for name in ("reader", "writer")]
    assert (after, watch.without) == (before, [])


@pytest.mark.parametrize(
    ("number", "named"),
    one_in(9, [(number, named) for named in (False, True) for number in (4, 5, 3, *range(3), *range(6, 10))]),
)
def test_a_killed_rollback_of_created_service_accounts_is_continued(
    proxies: Proxies, monkeypatch: pytest.MonkeyPatch, number: int, *, named: bool
) -> None:
    for name in ("reader", "writer"):
        proxies.one(name, account="default")
    roles = ("apps-reader", "apps-writer")
    before = [proxies.trust(role) for role in roles]
    watch = proxies.site.on_sleep = Watcher(proxies, "reader", "writer")
    migrated(proxies, CREATE)
    which = ("apps/reader", "apps/writer") if named else ("-n", NAMESPACE)
    back = ("migrate", "rollback", *which, "--yes")
    with dying(proxies.site, monkeypatch, number, "after"), suppress(Killed):
        proxies.site(*back)
    proxies.site.wait(5)
    # without the rest, there is nothing to roll back
    outcome = proxies.site(*back)
    assert outcome.code in (0, 5), outcome
    proxies.site.on_sleep = lambda _: None
    assert ([proxies.trust(role) for role in roles], watch.without) == (before, [])
