"""The record of restarts in the journal: a restart that was begun is a change, also if its end was not observed."""

from collections.abc import Callable

import pytest

from ops.restart.worlds import with_older_pods
from worlds import Site

IMAGE = "public.ecr.aws/docker/library/busybox:1.37"
RESTART = ("restart", "shop/orders", "--timeout", "60s")


def never_ready(site: Site) -> None:
    site.kube.faults.image_pull_failing.add(IMAGE)


def paused(site: Site) -> None:
    site.cluster.merge("/apis/apps/v1/namespaces/shop/deployments/orders", {"spec": {"paused": True}})


def denied(site: Site) -> None:
    site.env |= site.user("reader", [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list"]}])


def interrupted(site: Site) -> None:
    def interrupt(seconds: float) -> None:
        if any(pod["status"]["phase"] == "Pending" for pod in site.cluster.pods("shop", "orders")):
            site.on_sleep = lambda seconds: None
            raise KeyboardInterrupt

    never_ready(site)
    site.on_sleep = interrupt


# obstacle -> exit code, and the last run's status and number of changes in the history
CASES: dict[Callable[[Site], None], tuple[int, list[str]]] = {
    never_ready: (7, ["partial", "1"]),
    paused: (6, ["failed", "0"]),
    denied: (4, ["failed", "0"]),
    interrupted: (130, ["interrupted", "0"]),
}


@pytest.mark.parametrize("obstacle", CASES, ids=lambda obstacle: obstacle.__name__)
def test_a_restart_that_was_begun_is_a_change(site: Site, obstacle: Callable[[Site], None]) -> None:
    associated = with_older_pods(site)
    obstacle(associated)
    outcome = associated(*RESTART)
    run = associated.must("history").stdout.splitlines()[0].split("\t")
    assert (outcome.code, run[1:3]) == CASES[obstacle], outcome
    if obstacle is interrupted:
        associated.must("disassociate", "payments/billing-worker", "--yes", "--wait", "none")
        runs = associated.must("history").stdout.splitlines()
        assert [run.split("\t")[1:3] for run in runs[:2]] == [["done", "1"], ["interrupted", "1"]]
