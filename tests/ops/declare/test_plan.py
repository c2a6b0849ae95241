"""Plans of files: created, changed and missing resources."""

import json

import pytest

from cluster_api import Json
from harness import table
from ops.declare.worlds import ARN, LINK, READ, ROLE, Filed
from podid.sandbox.baseline import add_association
from worlds import Site


def test_roles_and_associations_are_created_in_one_run(filed: Filed) -> None:
    filed.write(roles=[ROLE], associations=[LINK])
    document = filed.plan(code=3)
    assert [item["kind"] for item in document["created"]] == ["role", "role-policy", "association"]
    assert (document["files"], document["cluster"], document["unchanged"]) == (["shop"], "demo", 0)
    filed.apply()
    assert filed.associations()["shop/web"] == {
        "role": f"{ARN}web",
        "target": None,
        "untagged": False,
        "policy": None,
        "tags": {"podid:owner": "shop", "team": "a"},
    }
    role = filed.role("web")
    assert role is not None
    assert role["tags"] == {"managed-by": "podid", "podid:owner": "shop", "team": "a"}
    assert role["inline"] == {"read": READ}
    filed.settled()
    assert filed.plan()["unchanged"] == 2


def test_changes_are_listed_field_by_field(filed: Filed) -> None:
    filed.write(roles=[ROLE], associations=[LINK])
    filed.apply()
    filed.write(
        roles=[{**ROLE, "maxSessionDuration": "2h", "description": "for web", "tags": {"team": "b"}, "policies": []}],
        associations=[{**LINK, "sessionTags": False, "sessionPolicy": READ, "tags": {"env": "prod"}}],
    )
    changed = {item["kind"]: item for item in filed.plan(code=3)["changed"]}
    fields = {
        kind: {item["field"]: (item["before"], item["after"]) for item in one["fields"]}
        for kind, one in changed.items()
    }
    assert fields["role-settings"] == {
        "description": ("", "for web"),
        "maxSessionDuration": (3600, 7200),
        "tags.team": ("a", "b"),
    }
    assert fields["association"] == {
        "disableSessionTags": (False, True),
        "policy": (None, json.dumps(READ, separators=(",", ":"))),
        "tags.env": (None, "prod"),
        "tags.team": ("a", None),
    }
    assert "role-policy" in changed
    filed.apply()
    role, association = filed.role("web"), filed.associations()["shop/web"]
    assert role is not None
    assert (role["inline"], role["seconds"], role["tags"]["team"]) == ({}, 7200, "b")
    assert (association["untagged"], association["policy"]) == (True, READ)
    assert association["tags"] == {"env": "prod", "podid:owner": "shop"}
    filed.settled()


def test_a_missing_role_or_policy_is_reported_with_its_line(filed: Filed) -> None:
    filed.write(associations=[{"serviceAccount": "shop/web", "role": "storefrnt"}])
    outcome = filed("plan")
    assert (outcome.code, outcome.stdout) == (5, "")
    assert f"{filed.path}:7:9: role: Role storefrnt does not exist; did you mean storefront?" in outcome.stderr
    filed.write(roles=[{**ROLE, "policies": [{"managed": "AmazonS3ReadOnly"}]}], associations=[LINK])
    outcome = filed("apply")
    assert outcome.code == 5
    assert f"{filed.path}:8:5: policies: Managed policy" in outcome.stderr
    assert filed.role("web") is None


def test_an_agent_is_installed(site: Site) -> None:
    filed = Filed(site)
    filed.write(agent={"configuration": {"agent": {"probePort": 2704}}})
    assert [item["kind"] for item in filed.plan(code=3)["created"]] == ["addon"]
    filed.apply()
    site.wait(60)
    filed.settled()


def test_two_files_that_declare_different_agents_are_a_conflict(site: Site) -> None:
    filed = Filed(site)
    filed.write(agent={"version": "latest"})
    second = filed.write(name="web", path=filed.path.with_name("second.yaml"), agent={"version": "default"})
    (conflict,) = filed.plan("-f", str(second), code=6)["conflicts"]
    message = f"agent is already declared with other settings at {filed.path}:6:3"
    assert (conflict["at"], conflict["message"]) == (f"{second}:6:3", message)
    filed.write(name="web", path=second, agent={"version": "latest"})
    assert [item["kind"] for item in filed.plan("-f", str(second), code=3)["created"]] == ["addon"]


@pytest.mark.parametrize("count", [200, pytest.param(1000, marks=pytest.mark.rare)])
def test_unchanged_associations_cost_no_more_than_a_list(account: Site, count: int) -> None:
    filed = Filed(account)
    accounts = [f"shop/sa-{number}" for number in range(count)]
    for name in accounts:
        add_association(account.box.world, "shop", name.partition("/")[2], "storefront")
    filed.write(associations=[{"serviceAccount": name, "role": "storefront"} for name in accounts])
    account.box.faults.calls.clear()
    account.must("list", "-o", "json")
    listed = account.box.faults.calls.total()
    account.box.faults.calls.clear()
    assert filed.plan()["unchanged"] == count
    assert account.box.faults.calls.total() <= 1.2 * listed


@table(
    ("agent", "code", "message"),
    [
        ({"version": "v0.0.1-eksbuild.1"}, 5, "6:12: agent.version: "),
        ({"configuration": {"agnet": {}}}, 2, "7:5: agent.configuration: "),
    ],
)
def test_an_agent_that_eks_does_not_offer_has_its_line(site: Site, agent: Json, code: int, message: str) -> None:
    filed = Filed(site)
    filed.write(agent=agent)
    outcome = filed("plan")
    assert (outcome.code, outcome.stdout) == (code, ""), outcome
    assert f"{filed.path}:{message}" in outcome.stderr
