"""No pod is without credentials while service accounts leave kiam and kube2iam and return, also after kill -9."""

from contextlib import suppress
from typing import Any

import pytest

from harness import one_in
from ops.migrate.killed import Killed, Watcher, dying
from ops.migrate.worlds import CREATE, FINISH, NODES, PREFIX, Proxies, annotations, migrated
from podid.sandbox.proxy_samples import NAMESPACE, ROLE
from worlds import Site


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
