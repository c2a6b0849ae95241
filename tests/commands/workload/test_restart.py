"""Options and confirmation of `podid restart`."""

import pytest

from ops.restart.worlds import READ, have_fields, new, results, with_older_pods
from worlds import Site


@pytest.fixture
def associated(site: Site) -> Site:
    return with_older_pods(site)


def test_the_workload_of_a_service_account_is_restarted(associated: Site) -> None:
    outcome = associated("restart", "shop/orders", "-o", "json")
    assert (outcome.code, results(outcome.json)) == (
        0,
        {"shop/Deployment/orders": ("done", new(2))},
    )
    assert (have_fields(associated, "shop"), have_fields(associated, "payments")) == ([True, True], [False])
    pods = associated.cluster.pod_names("shop")
    associated.must("restart", "shop/orders")  # by name, pods are replaced whether they need it or not
    assert not set(pods) & set(associated.cluster.pod_names("shop"))


def test_a_namespace(associated: Site) -> None:
    assert associated("restart", "-n", "shop").code == 0
    assert (have_fields(associated, "shop"), have_fields(associated, "payments")) == ([True, True], [False])


def test_a_namespace_without_associations_is_an_error(associated: Site) -> None:
    refused = associated("restart", "-n", "default", "-o", "json")
    assert (refused.code, refused.error["message"]) == (5, "No association in namespace default of cluster demo")
    listed = associated("list", "-n", "default")
    assert (listed.code, listed.stderr) == (0, "no pod identity associations in namespace default of cluster demo\n")


def test_stale_workloads_are_restarted_once(associated: Site) -> None:
    pods = associated.cluster.pod_names("shop")
    refused = associated("restart", "-A", "--stale", "-o", "json")
    assert (refused.code, refused.error["code"]) == (2, "ConsentNeeded")
    assert refused.error["hint"] == "podid restart -A --stale -o json --yes"
    assert associated.cluster.pod_names("shop") == pods
    outcome = associated("restart", "-A", "--stale", "--yes", "-o", "json")
    assert (outcome.code, set(results(outcome.json))) == (
        0,
        {"shop/Deployment/orders", "payments/Deployment/billing-worker"},
    )
    assert (have_fields(associated, "shop"), have_fields(associated, "payments")) == ([True, True], [True])
    pods = associated.cluster.pod_names("shop")
    again = associated("restart", "-A", "--stale", "-o", "json")
    assert (again.code, again.json["actions"], associated.cluster.pod_names("shop")) == (0, [], pods)
    text = associated.must("restart", "-A", "--stale")
    assert (text.stdout, text.stderr) == ("nothing to restart: no pod is stale\n", "")


def test_a_restart_cannot_be_undone(associated: Site) -> None:
    associated.must("restart", "shop/orders")
    run = associated.must("history", "-o", "json").json["items"][0]["runId"]
    undone = associated.must("undo", run, "--yes")
    assert (
        "the restart of Deployment shop/orders cannot be undone; it did not change the workload's settings"
        in undone.stderr
    )
    assert f"run {run} has nothing left to undo" in undone.stderr
    none = associated("undo", "last", "--yes")
    assert (none.code, none.stderr) == (5, "Error: The journal has no run that can be undone.\n")


def test_an_undo_again_changes_nothing(associated: Site) -> None:
    associated.must("disassociate", "shop/orders", "--yes", "--wait", "api")
    associated.must("undo", "last", "--yes", "--wait", "api")
    again = associated("undo", "last", "--yes", "--wait", "api", "-o", "json")
    undo, run = (item["runId"] for item in associated.must("history", "-o", "json").json["items"])
    assert (again.code, again.json["notes"]) == (0, [f"run {run} is already undone, by run {undo}"])


def test_pods_that_still_carry_an_association_that_is_gone(healthy: Site) -> None:
    pods = healthy.cluster.pod_names("shop")
    healthy.must("disassociate", "shop/orders", "--yes")
    outcome = healthy("restart", "shop/orders", "-o", "json")
    assert (outcome.code, results(outcome.json)) == (
        0,
        {"shop/Deployment/orders": ("done", "2 of 2 pods are updated and have no injected fields")},
    )
    assert not set(pods) & set(healthy.cluster.pod_names("shop"))
    assert have_fields(healthy, "shop") == [False, False]
    again = healthy("restart", "shop/orders", "-o", "json")
    assert (again.code, again.error["code"]) == (5, "NotFound")


def test_a_dry_run_restarts_nothing(associated: Site) -> None:
    pods = associated.cluster.pod_names("shop")
    outcome = associated("restart", "-A", "--stale", "--dry-run", "-o", "json")
    assert (outcome.code, outcome.json["kind"], len(outcome.json["actions"])) == (0, "Plan", 2)
    associated.wait(10)
    assert associated.cluster.pod_names("shop") == pods


def test_the_pods_must_be_specified(associated: Site) -> None:
    assert associated("restart").code == 2
    assert associated("restart", "shop/orders", "-n", "web").code == 2
    missing = associated("restart", "shop/order", "-o", "json")
    assert (missing.code, missing.error["code"]) == (5, "NotFound")


def test_without_the_permission_to_patch(associated: Site) -> None:
    caller = associated.user("viewer", [READ])
    outcome = associated("restart", "shop/orders", "-o", "json", env=caller)
    (target,) = outcome.json["actions"]
    assert (outcome.code, target["status"]) == (4, "failed")
    assert "patch deployments.apps in namespace shop" in target["reason"]


def test_the_last_run_is_the_change_and_not_its_restarts(site: Site) -> None:
    site.with_agent()
    site.must("role", "create", "shop-orders", "--for", "shop/orders")
    site.must("associate", "shop/orders", "--role", "shop-orders", "--restart")
    marked = [line.split("\t")[1] for line in site.must("history").stdout.splitlines()]
    assert marked == ["done", "done"]
    steps = site.must("history", "last", "-o", "json").json["items"][0]["actions"]
    assert [(step["kind"], step["status"]) for step in steps] == [("association", "done"), ("restart", "done")]
    site.must("restart", "shop/orders")  # which there is nothing of to undo
    undone = site.must("undo", "last", "--yes", "--restart")
    assert undone.stdout.startswith("✓ association shop/orders: deleted\n✓ Deployment shop/orders"), undone
    assert "cannot be undone" not in undone.stderr
    # nor an undo
    assert "podid associate" in site.must("history", "last").stdout
