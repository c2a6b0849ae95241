"""Service accounts return to kiam and kube2iam."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from cluster_api import injected
from harness import one_in
from ops.migrate.killed import Killed, Watcher, dying
from ops.migrate.worlds import (
    AGENT,
    CREATE,
    FINISH,
    HELM,
    NODES,
    PREFIX,
    Proxies,
    account_of,
    annotations,
    migrated,
    stage_of,
)
from podid.sandbox.proxy_samples import EXTERNAL_ID, NAMESPACE, ROLE
from worlds import Site


@pytest.mark.parametrize(
    ("source", "until"),
    [
        ("kube2iam", "moved"),
        ("kiam", "clean"),
        *(pytest.param("kube2iam", stage, marks=pytest.mark.rare) for stage in ("admitted", "associated", "clean")),
        *(pytest.param("kiam", stage, marks=pytest.mark.rare) for stage in ("admitted", "associated", "moved")),
    ],
)
def test_rollback_from_a_stage(healthy: Site, source: str, until: str) -> None:
    proxies = Proxies(healthy, source)
    proxies.one("web", annotations={EXTERNAL_ID: "x"})
    trust, before = proxies.trust("apps-web"), annotations(proxies, "web")
    if until == "clean":
        migrated(proxies).site.must(*FINISH, "--yes")
    else:
        migrated(proxies, "--until", until)
    refs = ("apps/web",) if until == "clean" else ("-n", NAMESPACE)
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
    assert stage_of(proxies, "web") == "clean"


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


@pytest.mark.parametrize("create", one_in(2, [True, False]))
def test_no_pod_is_without_credentials(proxies: Proxies, *, create: bool) -> None:
    more: dict[str, Any] = {"account": "default"} if create else {}
    for name in ("reader", "writer"):
        proxies.one(name, **more)
    flags = (CREATE,) if create else ()
    watch = proxies.site.on_sleep = Watcher(proxies, "reader", "writer")
    migrated(proxies, *flags)
    proxies.site.must(*FINISH, "--yes")
    proxies.site.must("migrate", "rollback", "apps/reader", "apps/writer", "--yes")
    proxies.site.on_sleep = lambda _: None
    assert watch.number > 50
    assert watch.without == []


@pytest.mark.rare
@pytest.mark.parametrize(
    ("source", "number"), [(source, number) for number in range(10) for source in ("kiam", "kube2iam")]
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
    one_in(20, [(number, named) for named in (False, True) for number in (4, 5, 3, *range(3), *range(6, 10))]),
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
