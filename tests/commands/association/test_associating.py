"""Notes on service accounts and pods before and after associations are created."""

import pytest

from cluster_api import Json, injected
from harness import Answers
from ops.change.support import writes
from ops.restart.worlds import READ
from worlds import Site

ASSOCIATE = ("associate", "--role", "storefront")


LEFT = "2 running pods still have no credentials: podid restart shop/orders --stale --cluster demo"


HOLDING = "running pods keep the injected variables, and their next refresh fails: restart them"


def test_a_namespace_that_is_being_deleted_is_refused(healthy: Site) -> None:
    """Running pods keep the namespace for their grace period, and Kubernetes deletes its service accounts earlier."""
    healthy.cluster.delete("/api/v1/namespaces/payments")
    count = writes(healthy.box)
    refused = healthy("associate", "payments/new", "--role", "shop-orders", "--update-trust", "--yes")
    assert (refused.code, writes(healthy.box)) == (6, count), refused
    assert "Namespace payments of payments/new is being deleted" in refused.stderr
    # its service accounts are deleted last
    assert healthy("associate", "payments/default", "--role", "shop-orders", "--update-trust", "--yes").code == 6
    assert healthy("associate", "future/new", "--role", "shop-orders", "--update-trust", "--yes").code == 0


def test_a_service_account_that_does_not_exist(site: Site) -> None:
    created = site(*ASSOCIATE, "shop/orderz", "-o", "json")
    assert (created.code, created.json["notes"]) == (
        0,
        ["service account shop/orderz does not exist; did you mean shop/orders?"],
    )
    count = writes(site.box)
    strict = site(*ASSOCIATE, "shop/order", "--strict", "-o", "json")
    assert (strict.code, writes(site.box)) == (5, count)
    assert strict.error["message"] == "service account shop/order does not exist; did you mean shop/orders?"
    assert strict.error["hint"] == "podid associate --role storefront shop/orders --strict -o json"
    other = site(*ASSOCIATE, "shop/zzz", "--strict", "-o", "json")
    assert other.error["hint"].endswith("shop/zzz --strict -o json --create-service-account")


@pytest.mark.parametrize("wait", ["none", "api"])
def test_the_cluster_is_checked_without_waiting(site: Site, wait: str) -> None:
    site.with_agent()
    created = site.must(*ASSOCIATE, "shop/orders", "shop/orderz", "--wait", wait, "-o", "json")
    assert created.json["notes"] == ["service account shop/orderz does not exist; did you mean shop/orders?", LEFT]
    site.must("restart", "shop/orders")
    gone = site.must("disassociate", "shop/orders", "--yes", "--wait", wait, "-o", "json")
    assert any("running pods of shop/orders lose the role" in note for note in gone.json["notes"])


def test_unchecked_service_accounts_are_noted_with_verbose(site: Site) -> None:
    blind = site.user("blind", [])
    created = site(*ASSOCIATE, "shop/orders", "--wait", "none", "-v", env=blind)
    assert created.code == 0
    assert "not checked: whether the service accounts exist" in created.stderr
    wrong = site(*ASSOCIATE, "shop/orders", "--wait", "none", "--tag", "a=b", "--replace", "--context", "nosuch")
    assert (wrong.code, "no context 'nosuch'" in wrong.stderr, "Plan as" in wrong.stderr) == (5, True, False)


def test_a_terminal_confirms_an_absent_service_account(site: Site) -> None:
    site.with_agent()
    site.podid.tty, site.podid.answers = True, Answers(False)
    assert site(*ASSOCIATE, "shop/orderz").code == 2
    assert site.podid.answers.questions == ["Associate anyway?"]
    site.podid.answers = Answers()
    assert site(*ASSOCIATE, "shop/orders").code == 0


def test_a_namespace_that_does_not_exist(site: Site) -> None:
    count = writes(site.box)
    for more in ((), ("--dry-run",)):
        refused = site(*ASSOCIATE, "shopp/orders", "--create-service-account", *more)
        assert (refused.code, writes(site.box)) == (5, count)
        assert "Namespace shopp does not exist; did you mean shop?" in refused.stderr


def test_pods_that_a_change_does_not_reach(site: Site) -> None:
    site.with_agent()
    created = site(*ASSOCIATE, "shop/orders", "-o", "json")
    (after,) = created.json["after"]
    assert (created.code, created.json["notes"], after["state"], len(after["pods"])) == (0, [], "stale", 2)
    with_restart = site(*ASSOCIATE, "shop/orders", "--restart", "-o", "json")
    assert (with_restart.code, with_restart.json["notes"]) == (0, [])

    first = site.must("history", "-o", "json").json["items"][-1]["runId"]
    taken_back = site("undo", first, "--yes", "--restart", "-o", "json")
    assert (taken_back.code, [i["status"] for i in taken_back.json["actions"]]) == (0, ["done", "done"])
    assert HOLDING in taken_back.json["notes"]
    assert taken_back.json["awaited"]["reached"] is True
    assert not any(injected(pod) for pod in site.cluster.pods("shop", "orders"))


@pytest.mark.parametrize("command", ["associate", "disassociate", "undo"])
def test_restart_requires_its_permissions_before_the_first_write(site: Site, command: str) -> None:
    no_pods: Json = {"apiGroups": ["", "apps"], "resources": ["serviceaccounts", "deployments"], "verbs": ["*"]}
    caller = site.user("blind", [no_pods])
    argv = {"associate": (*ASSOCIATE, "shop/orders"), "disassociate": ("disassociate", "shop/orders", "--yes")}
    if command != "associate":
        site.must(*ASSOCIATE, "shop/orders", "--wait", "api")
    count = writes(site.box)
    refused = site(*argv.get(command, ("undo", "last", "--yes")), "--restart", "-o", "json", env=caller)
    assert (refused.code, refused.error["code"], writes(site.box)) == (4, "AccessDenied", count)
    assert "list pods" in refused.error["message"]


def test_associate_with_restart_and_no_permission_to_patch(site: Site) -> None:
    """The association stays, and the failed restart is reported."""
    site.with_agent()
    site.must("role", "create", "shop-orders", "--for", "shop/orders")
    create = {"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]}
    caller = site.user("viewer", [READ, create])
    outcome = site("associate", "shop/orders", "--role", "shop-orders", "--restart", "-o", "json", env=caller)
    assert [(item["kind"], item["status"]) for item in outcome.json["actions"]] == [
        ("association", "done"),
        ("restart", "failed"),
    ]
    assert "patch deployments.apps in namespace shop" in outcome.json["actions"][1]["reason"]
    assert outcome.code == 8


PREVIOUS = (
    "2 running pods may keep the previous role for up to 6 hours: podid restart shop/orders --stale --cluster demo"
)


def test_pods_keep_an_earlier_role_through_changes_without_effect(healthy: Site) -> None:
    """A change of tags, or the same association once more, does not end the effect of an earlier change."""

    def associate(*more: str) -> list[str]:
        argv = ("associate", "shop/orders", "--role", "storefront", "--wait", "none", "-o", "json", *more)
        notes: list[str] = healthy.must(*argv).json["notes"]
        return notes

    def stale() -> tuple[bool, bool]:
        restart = healthy.must("restart", "shop/orders", "--stale", "--dry-run", "-o", "json").json
        return healthy("status", "shop/orders", "-o", "json").json["state"] == "stale", bool(restart["actions"])

    assert (associate("--replace"), stale()) == ([PREVIOUS], (True, True))
    assert (associate("--replace", "--tag", "team=blue"), stale()) == ([], (True, True))
    healthy.must("disassociate", "shop/orders", "--yes", "--wait", "none")
    assert (associate(), stale()) == ([PREVIOUS], (True, True))
    healthy.must("restart", "shop/orders", "--stale", "--yes")
    assert (associate("--replace", "--tag", "team=red"), stale()) == ([], (False, False))
