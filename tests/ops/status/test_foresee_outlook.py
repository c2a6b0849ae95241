"""The outlook of each changing command."""

import pytest

from ops.change.support import writes
from ops.status.outlooks import foreseen, ids, under_the_plan
from worlds import ACCOUNT, ORDERS, Site, trust_for

ASSOCIATE = ("associate", "shop/orders", "--role", "storefront")
ROLE = f"arn:aws:iam::{ACCOUNT}:role"
NO_AGENT = "After this: ✗ shop/orders  broken at link 6 agent: agent-not-installed\n"


# --- associations -----------------------------------------------------------------------------------------------------


def test_without_an_agent_pods_get_nothing(site: Site) -> None:
    assert NO_AGENT in site.must(*ASSOCIATE, "--dry-run", "-q").stdout
    (after,) = foreseen(site, *ASSOCIATE)["after"]
    assert (after["state"], after["roleArn"]) == ("broken", f"{ROLE}/storefront")
    new = after["newPod"]
    assert (new["state"], new["link"], new["id"]) == ("broken", 6, "agent-not-installed")


def test_the_outlook_of_a_healthy_change_is_ready(site: Site) -> None:
    site.with_agent()
    assert under_the_plan(site, *ASSOCIATE, "--restart") == [
        "After this: ✓ shop/orders  ready, role storefront",
        "  2 running pods change from the node role (if reachable) to storefront (Pod Identity)",
    ]
    plan = foreseen(site, *ASSOCIATE)
    (after,) = plan["after"]
    assert (after["newPod"]["state"], after["notChecked"]) == ("ready", [])
    # until they are restarted, pods are from before
    assert ids(plan["brings"]) == {"pod-predates-association"}
    (use,) = plan["uses"]
    assert (use["pods"], use["restart"], use["before"]["uses"], use["after"]) == (
        *(2, True, "node-role"),
        {"uses": "pod-identity", "roleArn": f"{ROLE}/storefront"},
    )
    assert not foreseen(site, *ASSOCIATE, "--restart")["brings"]


def test_an_account_that_uses_irsa(site: Site) -> None:
    site.with_agent()
    argv = ("associate", "legacy/reports", "--role", "storefront")
    assert under_the_plan(site, *argv, "--restart") == [
        "After this: ✓ legacy/reports  ready, role storefront",
        "  1 running pod changes from irsa-reports (IRSA) to storefront (Pod Identity)",
    ]
    assert under_the_plan(site, *argv)[1:] == [
        "  ↻ 1 of 1 running pod stale: irsa-env-still-active",
        "  1 running pod changes from irsa-reports (IRSA) to storefront (Pod Identity) when restarted",
    ]
    site.must(*argv, "--restart")
    site.wait(60)
    assert under_the_plan(site, "disassociate", "legacy/reports", "--restart") == [
        "After this: - legacy/reports  no association",
        "  1 running pod changes from storefront (Pod Identity) to irsa-reports (IRSA)",
    ]


def test_the_outlook_has_the_findings_of_doctor(site: Site) -> None:
    """The association is of a default service account, and the role allows every cluster."""
    argv = ("associate", "payments/default", "--role", "orders-dynamodb")
    plan = foreseen(site, *argv)
    assert {"default-sa-association", "trust-too-broad"} <= ids(plan["brings"])
    text = "\n".join(under_the_plan(site, *argv))
    assert "✗ payments/default  broken at link 6 agent: agent-not-installed" in text
    assert "! default-sa-association" in text
    assert "! trust-too-broad" in text
    site.with_agent()
    site.must(*argv)
    assert {"default-sa-association", "trust-too-broad"} <= ids(site("doctor", "-o", "json").json["findings"])


def test_a_target_role_that_does_not_exist(site: Site) -> None:
    site.with_agent()
    argv = (*ASSOCIATE, "--target-role", f"{ROLE}/nosuch")
    assert under_the_plan(site, *argv)[0] == "After this: ✗ shop/orders  broken at link 9 trust: role-not-found"
    count = writes(site.box)
    refused = site(*argv, "--restart", "-o", "json")
    assert (refused.code, refused.error["id"], writes(site.box)) == (6, "role-not-found", count)


def test_a_trust_policy_that_podid_cannot_judge(site: Site) -> None:
    site.with_agent()
    document = trust_for(ORDERS)
    document["Statement"][0]["Principal"] = "*"
    site.trust("storefront", document)
    first, *more = under_the_plan(site, *ASSOCIATE, "--restart")
    assert first.startswith("After this: ? shop/orders  unknown at link 9 trust: sts:AssumeRole: Statement[0] may")
    assert not any("not checked" in line for line in more)


def test_an_earlier_failure_is_shown_and_does_not_refuse_the_change(site: Site) -> None:
    """The trust policy does not allow pods that have the role already, and a tag of the association changes."""
    site.with_agent()
    site.trust("storefront", trust_for(ORDERS))
    site.associate("shop", "cart")
    (first,) = under_the_plan(site, "associate", "shop/cart", "--tag", "a=b", "--replace")
    assert first == "After this: ✗ shop/cart  broken at link 9 trust: trust-condition-never-matches"


def test_a_move_changes_the_credentials_of_running_pods(site: Site) -> None:
    site.with_agent().with_identity()
    plan = foreseen(site, "move", "shop/orders", "shop/moved", "--update-trust")
    states = {item["serviceAccount"]: item["newPod"]["state"] for item in plan["after"]}
    assert states["orders"] == "no-association"
    (use,) = plan["uses"]
    assert (use["serviceAccount"], use["before"]["uses"], use["after"]["uses"]) == (
        *("orders", "pod-identity"),
        "node-role",
    )


def test_many_identities_are_counts(site: Site) -> None:
    site.with_agent()
    names = [f"shop/account-{number}" for number in range(40)]
    lines = under_the_plan(site, "associate", *names, "shop/orders", "--role", "storefront")
    assert len(lines) < 8
    assert "41 identities" in lines[0]
    assert len(foreseen(site, "associate", *names, "--role", "storefront")["after"]) == 40


# --- what is read -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wait", ["none", "api"])
def test_without_waiting_the_cluster_is_not_read(site: Site, wait: str) -> None:
    (after,) = foreseen(site, *ASSOCIATE, "--wait", wait)["after"]
    assert (after["newPod"]["state"], after["pods"]) == ("configured", None)
    assert under_the_plan(site, *ASSOCIATE, "--wait", wait) == [
        "After this: · shop/orders  configured, role storefront",
        "  not checked: links 1-8",
    ]


def test_unread_parts_are_one_line(site: Site) -> None:
    site.with_agent()
    few = site.user("few", [{"apiGroups": [""], "resources": ["serviceaccounts", "namespaces"], "verbs": ["get"]}])
    lines = site(*ASSOCIATE, "--dry-run", env=few).stdout.splitlines()
    (unchecked,) = [line for line in lines if "not checked" in line]
    assert "list pods" in unchecked
    assert sum(line.startswith("After this") for line in lines) == 1
    # the change itself needs none of that
    assert site(*ASSOCIATE, env=few).code in (0, 9)


# --- restarts ---------------------------------------------------------------------------------------------------------


# --- agents, trust and roles ------------------------------------------------------------------------------------------


def test_installing_and_removing_the_agent(site: Site) -> None:
    site.associate("shop", "orders")
    plan = foreseen(site, "install-agent")
    assert (plan["after"], plan["brings"]) == ([], [])  # roles are not read for it, so that nobody is found ready
    assert "agent-not-installed" in ids(plan["ends"])
    site.must("install-agent")
    site.wait(60)
    plan = foreseen(site, "uninstall-agent")
    assert {item["newPod"]["state"] for item in plan["after"]} == {"broken"}
    assert "agent-not-installed" in ids(plan["brings"])


def test_a_role_without_permissions_or_trust_breaks_its_users(site: Site) -> None:
    site.with_agent().with_identity()
    site.trust("storefront", trust_for(ORDERS))
    plan = foreseen(site, "role", "detach", "shop-orders", "--inline-policy", "dynamodb-read", "--adopt")
    assert ids(plan["brings"]) == {"role-no-permissions"}
    site.must("trust", "add", "--role", "shop-orders", "--for", "shop/cart")
    plan = foreseen(site, "trust", "remove", "--role", "shop-orders", "--for", "shop/orders")
    (after,) = plan["after"]
    assert after["newPod"]["state"] == "broken"
    assert plan["brings"]
    # nobody uses it: nothing comes of it
    assert foreseen(site, "trust", "add", "--role", "irsa-reports", "--for", "shop/cart")["after"] is None
