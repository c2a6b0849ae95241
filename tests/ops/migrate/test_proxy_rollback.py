"""Service accounts return to kiam and kube2iam."""

from dataclasses import replace
from pathlib import Path

import pytest

from checks import builder
from cluster_api import injected
from ops.migrate.worlds import AGENT, CREATE, FINISH, HELM, Proxies, account_of, annotations, migrated, stage_of
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Done, Place, Status
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ANNOTATIONS, ROLE_TRUST
from podid.ops.migrate.proxy_rollback import recorded_actions
from podid.sandbox.proxy_samples import EXTERNAL_ID, NAMESPACE, ROLE
from worlds import ACCOUNT, Site


@pytest.mark.parametrize(
    ("source", "until"),
    [
        ("kube2iam", "moved"),
        ("kiam", "finished"),
        *(pytest.param("kube2iam", stage, marks=pytest.mark.rare) for stage in ("admitted", "associated", "finished")),
        *(pytest.param("kiam", stage, marks=pytest.mark.rare) for stage in ("admitted", "associated", "moved")),
    ],
)
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


@pytest.mark.parametrize("finished", [pytest.param(False, marks=pytest.mark.rare), True])
def test_rollback_gives_back_the_previous_service_account(sharing: Proxies, *, finished: bool) -> None:
    trusts = [sharing.trust(f"apps-{name}") for name in ("reader", "writer", "nightly")]
    migrated(sharing, CREATE)
    if finished:
        sharing.site.must(*FINISH, "--yes")
    refs = ("apps/reader", "apps/writer", "apps/nightly") if finished else ("-n", NAMESPACE)
    sharing.site.must("migrate", "rollback", *refs, "--yes")
    assert [account_of(sharing, name) for name in ("reader", "writer", "nightly")] == ["default"] * 3
    assert [sharing.trust(f"apps-{name}") for name in ("reader", "writer", "nightly")] == trusts
    assert annotations(sharing, "reader")[ROLE] == "apps-reader"
    assert sharing.site.must("list", "-n", NAMESPACE, "-o", "name").stdout == ""
    assert not any(map(injected, sharing.site.cluster.pods(NAMESPACE)))


def test_a_rollback_that_stopped_after_the_templates_is_continued(sharing: Proxies) -> None:
    migrated(sharing, CREATE)
    path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/reader"
    spec = {"serviceAccountName": "default", "serviceAccount": "default"}
    sharing.patch(path, {"spec": {"template": {"spec": spec}}})
    sharing.site.must("migrate", "rollback", "-n", NAMESPACE, "--yes")
    assert sharing.site.must("list", "-n", NAMESPACE, "-o", "name").stdout == ""


def test_undo_of_apply_gives_back_the_previous_service_account(sharing: Proxies) -> None:
    trust = sharing.trust("apps-reader")
    migrated(sharing, CREATE)
    sharing.site.must("undo", "last", "--yes")
    assert [account_of(sharing, name) for name in ("reader", "writer", "nightly")] == ["default"] * 3
    assert sharing.trust("apps-reader") == trust
    assert not any(map(injected, sharing.site.cluster.pods(NAMESPACE)))


def test_rollback_of_a_service_account_that_somebody_else_finished(proxies: Proxies, tmp_path: Path) -> None:
    """The journal contains only the changes of another workload of the namespace."""
    for name in ("web", "queue"):
        proxies.one(name)
    migrated(proxies)
    finish = ("migrate", "finish", "--soak", "0", "--yes")
    proxies.site.must(*finish, "apps/web", "--journal-dir", str(tmp_path / "theirs"))
    proxies.site.must(*finish, "apps/queue")
    proxies.site.must("migrate", "rollback", "apps/web", "--from", "kube2iam", "--yes")
    assert (annotations(proxies, "web")[ROLE], stage_of(proxies, "web")) == ("apps-web", "old")


def test_rollback_without_the_agent(proxies: Proxies) -> None:
    """Pods would be without credentials."""
    proxies.one("web")
    migrated(proxies).site.must(*FINISH, "--yes")
    proxies.site.must("migrate", "cleanup", AGENT, "--yes", "-c", "demo")
    outcome = proxies.site("migrate", "rollback", "apps/web", "--yes")
    assert (outcome.code, "does not run in the cluster" in outcome.stderr) == (6, True), outcome
    assert stage_of(proxies, "web") == "finished"


def test_rollback_changes_no_template_of_helm(proxies: Proxies) -> None:
    proxies.one("charted", metadata=HELM)
    migrated(proxies)
    path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/charted"
    proxies.patch(path, {"spec": {"template": {"metadata": {"annotations": {ROLE: None}}}}})
    outcome = proxies.site("migrate", "rollback", "apps/charted", "--yes")
    assert (outcome.code, f"first add the annotation {ROLE}: apps-charted in its source" in outcome.stderr) == (
        6,
        True,
    ), outcome


def test_changes_in_another_cluster_do_not_count(tmp_path: Path) -> None:
    """Clusters have service accounts of the same names, but share their roles."""
    journal, ref = Journal(tmp_path / "journal"), ServiceAccountRef("shop", "orders")
    place = Place(account=ACCOUNT, region="eu-west-1", cluster=builder.cluster())
    annotation = ANNOTATIONS.action(ANNOTATIONS.state_of(ref, {"a": "b"}), ANNOTATIONS.state_of(ref, {}))
    trust = ROLE_TRUST.action({"roleName": "r", "policyDocument": {}}, {"roleName": "r", "policyDocument": {"Id": "x"}})
    for header in (place.header, replace(place.header, cluster="blue"), replace(place.header, region="us-east-1")):
        with journal.begin(("migrate", "finish"), header, builder.NOW) as recorder:
            for number, action in enumerate((annotation, trust)):
                recorder.intent(number, action)
                recorder.outcome(number, Done(action, Status.DONE, action.after), builder.NOW)
    counts = [len(recorded_actions(journal, place, kind.name)) for kind in (ANNOTATIONS, ROLE_TRUST)]
    assert counts == [1, 3]
