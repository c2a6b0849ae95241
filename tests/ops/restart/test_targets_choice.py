"""Workloads whose new pods would get no credentials are not restarted."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from checks.builder import NOW, cluster, pod, workload
from checks.builder import healthy as healthy_snapshot
from ops.change.support import writes
from ops.restart.worlds import READ, WEBHOOK, have_fields, new, results, selecting, with_older_pods
from ops.status.outlooks import under_the_plan
from podid.domain.cluster import OwnerRef
from podid.domain.errors import Conflict
from podid.domain.findings import Subject
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Place, Plan
from podid.ops.restart.targets import Target, Tried, choose
from podid.ops.status.diagnose import Diagnosis, diagnose
from podid.ops.status.prediction import Forecast
from podid.sandbox.faults import Fault
from worlds import ORDERS, Site


@pytest.fixture
def associated(site: Site) -> Site:
    return with_older_pods(site)


@pytest.mark.parametrize("gone", [True, False])
def test_pods_are_not_restarted_without_the_webhook(healthy: Site, gone: bool) -> None:
    """The registration of the webhook is enough: no dry run is waited for."""
    healthy.wait(300)
    if gone:
        healthy.cluster.delete(WEBHOOK)
    else:
        selecting(healthy, {"matchLabels": {"app": "cart"}})
    began, writes = healthy.slept, healthy.cluster.pod_names("shop")
    for more in ((), ("--dry-run",)):
        outcome = healthy("restart", "shop/orders", "-o", "json", *more)
        assert (outcome.code, outcome.stdout, healthy.slept) == (6, "", began)
        assert outcome.error["message"].startswith("New pods of shop/orders would get no credentials: ")
        kept = "2 running pods keep theirs. Nothing was changed"
        id_ = "injection-missed-webhook" if gone else "webhook-config-altered"
        assert outcome.error["message"].endswith(f"({id_}). {kept}")
    assert healthy.cluster.pod_names("shop") == writes


def test_dry_runs_show_that_the_webhook_misses_pods(healthy: Site) -> None:
    """The webhook is registered, but does not serve the pods."""
    healthy.wait(300)
    healthy.kube.faults.webhook_misses = 1000
    began = healthy.slept
    outcome = healthy("restart", "shop/orders", "-o", "json")
    assert (outcome.code, outcome.stdout, healthy.slept - began) == (6, "", 15)
    assert "(injection-missed-webhook). 2 running pods keep theirs" in outcome.error["message"]
    forced = healthy("restart", "shop/orders", "--force", "-o", "json")
    assert results(forced.json)["shop/Deployment/orders"][0] == "failed"


@pytest.mark.parametrize("deployments", [1, 2])
def test_no_pods_are_restarted_where_none_can_be_created(associated: Site, deployments: int) -> None:
    """The API server cannot call a webhook with failurePolicy Fail."""
    message = 'Internal error occurred: failed calling webhook "a.example": failed to call webhook: EOF'
    associated.kube.faults.add(Fault("fail", operation="POST */namespaces/shop/pods*", status=500, message=message))
    refs = ("shop/orders", "payments/billing-worker")[:deployments]
    if deployments == 2:
        associated.must("associate", refs[1], "--role", "storefront", "--wait", "none")
    pods = associated.cluster.pod_names("shop")
    outcome = associated("restart", *refs, "--yes", "-o", "json")
    why = f"a webhook of the cluster failed for pods in namespace shop: {message}"
    if deployments == 1:
        assert (outcome.code, outcome.stdout) == (6, "")
        assert outcome.error["message"].endswith(f"no new pods can be created: {why}. Nothing was changed")
        assert outcome.error["hint"] == "podid restart shop/orders --yes -o json --force"
    else:
        status, reason, *_ = results(outcome.json)["shop/Deployment/orders"]
        assert (outcome.code, status, reason) == (8, "blocked", f"no new pods can be created: {why}")
    assert associated.cluster.pod_names("shop") == pods


def test_dry_run_pods_have_the_labels_of_the_workload(healthy: Site) -> None:
    selecting(healthy, {"matchLabels": {"app": "orders"}})
    assert results(healthy.must("restart", "shop/orders", "-o", "json").json)["shop/Deployment/orders"][0] == "done"


def test_a_new_association_is_waited_for(associated: Site) -> None:
    associated.kube.faults.webhook_misses = 3
    outcome = associated.must("restart", "shop/orders", "-o", "json")
    assert results(outcome.json) == {"shop/Deployment/orders": ("done", new(2))}
    assert have_fields(associated, "shop") == [True, True]


def test_without_dry_runs_pods_are_restarted_with_a_note(associated: Site) -> None:
    patch = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["patch"]}
    outcome = associated("restart", "shop/orders", "-o", "json", env=associated.user("restarter", [READ, patch]))
    assert outcome.code == 0
    note = outcome.json["notes"][-1]
    assert note.startswith("the webhook was not checked in a dry run: the caller is not authorized to create pods")
    assert results(outcome.json)["shop/Deployment/orders"][0] == "done"


def pods_of(site: Site) -> set[str]:
    return set(site.cluster.pod_names(ORDERS.namespace, ORDERS.name))


@pytest.fixture
def losing(site: Site) -> Site:
    """Return a cluster whose pods have a role, and whose agent was uninstalled."""
    site.with_agent().with_identity()
    site.must("uninstall-agent", "--yes")
    site.wait(60)
    return site


@pytest.mark.parametrize(
    "argv",
    [
        ("restart", "shop/orders"),
        ("associate", "shop/orders", "--role", "storefront", "--replace", "--restart"),
        ("apply", "-f", "FILE", "--adopt", "--restart"),
    ],
    ids=lambda argv: argv[0],
)
def test_pods_are_not_restarted_without_the_agent(site: Site, argv: tuple[str, ...]) -> None:
    """Running pods use the role of the node; new pods would request credentials from the agent."""
    site.associate("shop", "orders")
    file = site.directory / "shop.json"
    link = {"serviceAccount": "shop/orders", "role": "storefront"}
    head = {"apiVersion": "podid/v1", "kind": "PodIdentity", "metadata": {"name": "shop"}}
    file.write_text(json.dumps({**head, "associations": [link]}))
    argv = tuple(str(file) if word == "FILE" else word for word in argv)
    count, pods = writes(site.box), pods_of(site)
    for quiet in ((), ("-q",), ("--dry-run",)):
        refused = site(*argv, *quiet)
        assert refused.code == 6, refused
        assert "New pods of shop/orders would get no credentials" in refused.stderr
        assert "(agent-not-installed). 2 running pods keep theirs. Nothing was changed." in refused.stderr
        assert "Try:   podid install-agent --cluster demo\n" in refused.stderr
    assert (writes(site.box), pods_of(site)) == (count, pods)
    site(*argv, "--force", "--timeout", "60s")
    assert not pods_of(site) & pods


def test_pods_are_not_restarted_after_the_agent_was_uninstalled(losing: Site) -> None:
    pods = pods_of(losing)
    refused = losing("restart", "shop/orders", "-o", "json")
    assert (refused.code, refused.error["id"], pods_of(losing)) == (6, "agent-not-installed", pods)


def test_workloads_that_keep_their_credentials_are_restarted(site: Site) -> None:
    site.with_agent().with_identity()
    site.cluster.make_workload("Deployment", "shop", "import", "orders")
    site.wait(300)
    selecting(site, {"matchLabels": {"app": "import"}})
    pods = pods_of(site)
    first, *more = under_the_plan(site, "restart", "shop/orders")
    assert first == "After this: ! shop/orders  doubtful at link 3 injection: webhook-config-altered"
    assert not any("broken" in line for line in more)
    outcome = site("restart", "shop/orders", "--yes", "-o", "json")
    became = {item["target"]: item["status"] for item in outcome.json["actions"]}
    assert became == {"shop/Deployment/orders": "blocked", "shop/Deployment/import": "done"}
    assert pods_of(site) & pods == {name for name in pods if name.startswith("orders-")}


IN_VAIN = {
    "webhook-config-altered": "kubectl get mutatingwebhookconfiguration pod-identity-webhook -o yaml",
    "token-audience": "kubectl -n broken set env deployment/token-audience AWS_CONTAINER_CREDENTIALS_FULL_URI- "
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE-",
    "networkpolicy-blocks-agent": "kubectl -n broken patch networkpolicy networkpolicy-blocks-agent",
    "imds-metadata-dependency": "kubectl -n broken edit deployment/imds-metadata-dependency",
    "fargate-pod": "podid disassociate broken/fargate-pod --restart --cluster demo",
    "windows-pod": "podid disassociate broken/windows-pod --restart --cluster demo",
}


@pytest.mark.parametrize(("mode", "fix"), IN_VAIN.items(), ids=IN_VAIN)
def test_pods_are_not_restarted_in_vain(shared: Site, mode: str, fix: str) -> None:
    """New pods have the same failure as the running ones, which therefore lose nothing."""
    shared.box.failures.put(mode)
    name = f"broken/{mode}"
    try:
        outcomes = [shared("restart", name, *more, "--yes") for more in ((), ("--dry-run",), ("--stale",))]
        forced = shared("restart", name, "--dry-run", "--force", "-o", "json")
        change = shared("associate", name, "--role", "storefront", "--replace", "--restart", "--dry-run", "-o", "json")
    finally:
        shared.box.failures.heal()
    for refused in outcomes if mode == "webhook-config-altered" else outcomes[:2]:
        assert (refused.code, refused.stdout) == (6, "")
        assert f"A restart does not fix the pods of {name}: " in refused.stderr
        assert f"({mode}). Nothing was changed." in refused.stderr
        assert f"\nTry:   {fix}" in refused.stderr
    assert (forced.code, forced.stderr) == (0, "")
    assert ([item["id"] for item in forced.json["after"]], forced.json["brings"]) == ([mode], [])
    assert (change.code, [item["id"] for item in change.json["after"]]) == (0, [mode])  # its restart waits for new pods


def test_pods_with_credentials_of_their_own_are_restarted(shared: Site) -> None:
    shared.box.failures.put("static-aws-keys-shadow")
    try:
        outcome = shared("restart", "broken/static-aws-keys-shadow", "--dry-run")
    finally:
        shared.box.failures.heal()
    assert (outcome.code, outcome.stderr) == (0, "")


# --- from a snapshot --------------------------------------------------------------------------------------------------

APP, JOB = (Subject("Deployment", name, "shop") for name in ("orders", "import"))
TWO = healthy_snapshot(
    pods=(pod(), pod("import-1-x", owner=OwnerRef("ReplicaSet", "import-1"), labels={"pod-template-hash": "1"})),
    workloads=(workload(), workload(name="import")),
)
PLACE = Place(account="111122223333", region="eu-west-1", cluster=cluster())
TARGETS = tuple(
    Target(workload=item, refs=(ORDERS,), pods=(name,), live=1, newest=NOW)
    for item, name in ((APP, "orders-5d9c-x1"), (JOB, "import-1-x"))
)


def chosen(*missed: Subject, targets: tuple[Target, ...] = TARGETS, force: bool = False) -> dict[str, str]:
    """Return the obstacle of each target, empty without one; `missed` are not served by the webhook."""

    def forecast(plan: Plan, refs: Sequence[ServiceAccountRef]) -> Forecast:
        snapshot = replace(TWO, targets=tuple(refs))
        return Forecast(Diagnosis(diagnose(snapshot), snapshot), plan, NOW)

    result, plan = choose(
        PLACE, targets, forecast, lambda remaining: Tried(frozenset(missed), notes=("a note",)), force=force
    )
    assert [action.keys["name"] for action in plan.actions] == [t.workload.name for t in result if not t.obstacle]
    assert [(item.reason, item.id) for item in plan.skipped] == [
        (target.obstacle.message, target.obstacle.id) for target in result if target.obstacle
    ]
    assert not targets or all(target.obstacle for target in targets) or "a note" in plan.notes
    return {target.workload.name: target.obstacle.id if target.obstacle else "" for target in result}


def test_workloads_whose_new_pods_get_credentials_are_restarted() -> None:
    assert chosen() == {"orders": "", "import": ""}
    assert chosen(targets=()) == {}


def test_a_workload_that_the_webhook_does_not_serve_is_skipped() -> None:
    assert chosen(JOB) == {"orders": "", "import": "injection-missed-webhook"}
    assert chosen(JOB, force=True) == {"orders": "", "import": ""}


def test_nothing_is_restarted_if_every_restart_would_break_pods() -> None:
    with pytest.raises(Conflict, match="New pods of shop/orders would get no credentials") as refused:
        chosen(APP, JOB)
    assert refused.value.id == "injection-missed-webhook"
    assert refused.value.hint == ()  # not the restart that was just refused


def test_a_workload_with_an_obstacle_keeps_it() -> None:
    paused = replace(TARGETS[0], obstacle=Conflict("its rollout is paused", id="paused"))
    assert chosen(targets=(paused,)) == {"orders": "paused"}
    assert chosen(targets=(paused, TARGETS[1])) == {"orders": "paused", "import": ""}
