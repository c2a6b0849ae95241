"""`podid agent nodes`."""

from typing import Any

from worlds import Site


def listed(site: Site) -> dict[str, Any]:
    return {item["node"]: item for item in site("agent", "nodes", "-o", "json").json["items"]}


def names(site: Site) -> list[str]:
    return [node["metadata"]["name"] for node in site.cluster.items("/api/v1/nodes")]


def test_nodes_name_the_service_accounts_that_need_the_agent(healthy: Site) -> None:
    healthy.kube.faults.agent_crashing[names(healthy)[0]] = "x"
    healthy.wait(150)
    result = listed(healthy)
    crashing = result[names(healthy)[0]]
    assert (crashing["kind"], crashing["eligible"], crashing["ready"], crashing["state"]) == (
        "managed",
        True,
        False,
        "not-ready",
    )
    assert crashing["restarts"] > 0
    assert {name for item in result.values() for name in item["needy"]} == {"shop/orders"}


def test_without_associations_the_needing_service_accounts_are_unknown(healthy: Site) -> None:
    healthy.box.world.credentials.deny("eks:ListPodIdentityAssociations")
    outcome = healthy("agent", "nodes", "-o", "json")
    assert (outcome.code, {str(item["needy"]) for item in outcome.json["items"]}) == (0, {"None"})
    assert [item["permission"] for item in outcome.json["unread"]] == ["eks:ListPodIdentityAssociations"]
    note = "note: not checked: the pods that need the agent: requires eks:ListPodIdentityAssociations\n"
    assert healthy("agent", "nodes").stderr == note
    assert "needed by      not checked: " in healthy.must("agent", "status").stdout
