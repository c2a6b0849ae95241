"""Associations and service accounts by name, pattern and selector."""

from pathlib import Path

import pytest

from checks.builder import cluster, healthy
from harness import Podid, table
from ops.association.worlds import WAIT, roles, statuses
from podid.domain.errors import AccessDenied, Again, NotFound, Other
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Place
from podid.domain.snapshot import Missing
from podid.ops.association.read import Selection, check_identities, without_association
from podid.ops.reading.scope import DoctorScope
from podid.ops.status.diagnose import diagnose
from podid.sandbox.box import Sandbox
from worlds import ORDERS, Site


def test_the_quota_is_warned_of(box: Sandbox, podid: Podid, journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podid.ops.association.read.ASSOCIATION_QUOTA", 5)
    monkeypatch.setattr("podid.ops.association.read.NEAR_ASSOCIATION_QUOTA", 4)
    command = ("associate", "--role", "storefront", *WAIT, "--dry-run", "-o", "json")
    assert podid(*command, *(f"a/b{n}" for n in range(3))).json["notes"] == []
    at_80 = podid(*command, *(f"a/b{n}" for n in range(4))).json["notes"]
    near = podid(*command, *(f"a/b{n}" for n in range(5))).json["notes"]
    over = podid(*command, *(f"a/b{n}" for n in range(6))).json["notes"]
    assert at_80 == ["cluster demo would have 4 associations, 80 % of the 5 that EKS allows"]
    assert near == ["cluster demo would have 5 associations, 100 % of the 5 that EKS allows"]
    assert over == ["cluster demo would have 6 associations, more than the 5 that EKS allows"]


def test_patterns_and_labels_select_service_accounts_of_the_cluster(site: Site) -> None:
    for namespace in ("team-a", "team-b", "other"):
        site.cluster.post("/api/v1/namespaces", {"metadata": {"name": namespace}})
        for name in ("app", "job"):
            body = {"metadata": {"name": name, "labels": {"tier": name}}}
            site.cluster.post(f"/api/v1/namespaces/{namespace}/serviceaccounts", body)
    command = ("associate", "--role", "storefront", "--wait", "api", "-o", "json")
    planned = site.must(*command, "-n", "team-*", "--service-account", "app", "--dry-run")
    assert [item["target"] for item in planned.json["actions"]] == ["team-a/app", "team-b/app"]
    assert roles(site.box) == {}
    outcome = site.must(*command, "-n", "team-*", "--service-account", "app")
    assert statuses(outcome) == [("team-a/app", "done"), ("team-b/app", "done")]
    labelled = site.must(*command, "-A", "--selector", "tier in (job)")
    assert [target for target, _ in statuses(labelled)] == ["other/job", "team-a/job", "team-b/job"]
    messages = site("associate", "--role", "storefront", "--wait", "api", "-n", "other", "--service-account", "a*")
    assert "other/a* matches other/app\n" in messages.stderr
    none = site(*command, "-n", "team-*", "--service-account", "ap")
    assert (none.code, none.error["message"]) == (
        5,
        "The cluster has no service account team-*/ap; did you mean app?",
    )
    none = site(*command, "-A", "--selector", "tier=nosuch")
    assert (none.code, none.error["message"]) == (5, "The cluster has no service account */* with labels tier=nosuch")


@pytest.mark.parametrize("selector", [",", "a,,b", "a=b,", "!", "!,a", "=", "a b", "a notin", "()"])
def test_an_invalid_selector_selects_nothing(site: Site, selector: str) -> None:
    refused = site("associate", "-A", "--selector", selector, "--role", "storefront", "-o", "json")
    assert (refused.code, refused.stdout, roles(site.box)) == (2, "", {})
    assert refused.error["message"].startswith(f"--selector {selector!r} is not valid: the API server of cluster demo")


# --- without a call ---------------------------------------------------------------------------------------------------


@table(
    ("selection", "exact", "words"),
    [
        (Selection("shop", "orders"), True, "shop/orders"),
        (Selection("shop", "o*"), False, "shop/o*"),
        (Selection("team-?", "app"), False, "team-?/app"),
        (Selection("shop", "orders", "app=x"), False, "shop/orders with labels app=x"),
    ],
)
def test_a_selection_without_a_pattern_is_one_service_account(selection: Selection, exact: bool, words: str) -> None:
    assert (selection.exact, str(selection)) == (exact, words)


def test_the_error_names_the_nearest_association() -> None:
    associated = (ServiceAccountRef("shop", "orders"), ServiceAccountRef("pay", "api"))
    near = without_association("demo", ServiceAccountRef("shop", "order"), associated)
    assert near.message == "shop/order has no association in cluster demo; did you mean shop/orders?"
    assert near.hint == Again(swap=("shop/order", "shop/orders"))
    # EKS accepts the name, and no command of podid does
    assert without_association(
        "demo", ServiceAccountRef("shop", "web"), [ServiceAccountRef("Shop", "web")]
    ).hint == Other(("list",))
    far = without_association("demo", ServiceAccountRef("x", "y"), associated, exists=True)
    assert (far.message, far.hint) == ("x/y has no association in cluster demo", Other(("list",)))
    assert far.advice == "podid associate x/y gives it a role."


def test_an_identity_without_an_association_is_an_error_only_if_it_was_specified() -> None:
    snapshot = healthy(associations=())
    (status,) = diagnose(snapshot, scope=DoctorScope.of((ORDERS,))).identities
    place = Place(account="111122223333", region="eu-west-1", cluster=cluster())
    check_identities(snapshot, (status,), place, ())
    with pytest.raises(NotFound, match="shop/orders has no association in cluster prod"):
        check_identities(snapshot, (status,), place, (ORDERS,))
    denied = healthy(associations=Missing("denied", "eks:ListPodIdentityAssociations", "AccessDenied"))
    with pytest.raises(AccessDenied):
        check_identities(denied, (), place, ())
