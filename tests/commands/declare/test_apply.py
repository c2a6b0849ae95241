"""podid apply: creation, failures in the middle, and reruns."""

import pytest

from ops.declare.worlds import ARN, LINK, READ, ROLE, Filed, denying
from permissions_support import limited
from worlds import Site


def test_service_accounts_are_created_and_pods_restarted(healthy: Site) -> None:
    filed = Filed(healthy)
    filed.write(associations=[{"serviceAccount": "shop/new", "role": "storefront", "createServiceAccount": True}])
    outcome = filed("apply")
    assert outcome.code == 0, outcome
    assert healthy.cluster.get("/api/v1/namespaces/shop/serviceaccounts/new")["metadata"]["name"] == "new"
    filed.write(associations=[{"serviceAccount": "payments/billing-worker", "role": "storefront"}])
    outcome = filed("apply", "--restart", "-o", "json")
    assert outcome.code == 0, outcome
    assert [item["verb"] for item in outcome.json["actions"]] == ["create", "restart"]
    assert outcome.json["after"][0]["state"] in ("ready", "verified")
    filed.settled()


def test_a_failed_change_blocks_only_its_dependents(filed: Filed) -> None:
    names = ("one", "two", "three")
    roles = [{"name": name, "policies": [{"name": "read", "document": READ}]} for name in names]
    filed.write(roles=roles, associations=[{"serviceAccount": f"shop/{name}", "role": name} for name in names])
    deny = {"Effect": "Deny", "Action": "iam:PutRolePolicy", "Resource": f"{ARN}one"}
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}, deny]}
    env = limited(filed.site.box, filed.site.directory, policy)
    outcome = filed.site("apply", "-f", str(filed.path), "--wait", "none", "-o", "json", env=env)
    assert outcome.code == 8, outcome
    statuses = {(item["kind"], item["target"]): item["status"] for item in outcome.json["actions"]}
    assert statuses["role-policy", "one/read"] == "failed"
    assert statuses["association", "shop/one"] == "blocked"
    assert statuses["association", "shop/two"] == statuses["association", "shop/three"] == "done"
    filed.apply()
    filed.settled()


def test_a_trust_policy_loses_a_statement_only_after_the_association_that_used_it(filed: Filed) -> None:
    api, roles = {"serviceAccount": "shop/api", "role": "web"}, [ROLE, {"name": "other"}]
    filed.write(roles=roles, associations=[LINK, api])
    filed.apply()
    before = filed.role("web")
    filed.write(roles=roles, associations=[{**LINK, "role": "other"}, api])
    env = denying(filed, "iam:PassRole", f"{ARN}other")
    outcome = filed.site("apply", "-f", str(filed.path), "--wait", "none", "-o", "json", env=env)
    statuses = {(item["kind"], item["target"]): item["status"] for item in outcome.json["actions"]}
    assert (outcome.code, statuses["association", "shop/web"], statuses["role-trust", "web"]) == (
        8,
        "failed",
        "blocked",
    )
    assert filed.role("web") == before
    filed.apply()
    filed.settled()
    role = filed.role("web")
    assert role is not None
    assert len(role["trust"]["Statement"]) == 1


def test_a_trust_policy_that_gains_a_statement_loses_another_only_after_its_association(filed: Filed) -> None:
    api, roles = {"serviceAccount": "shop/api", "role": "web"}, [ROLE, {"name": "other"}]
    filed.write(roles=roles, associations=[LINK])
    filed.apply()
    before = filed.role("web")
    assert before is not None
    filed.write(roles=roles, associations=[{**LINK, "role": "other"}, api])
    env = denying(filed, "iam:PassRole", f"{ARN}other")
    outcome = filed.site("apply", "-f", str(filed.path), "--wait", "none", "-o", "json", env=env)
    assert outcome.code == 8, outcome
    role = filed.role("web")
    assert role is not None
    assert len(role["trust"]["Statement"]) == 2
    assert before["trust"]["Statement"][0] in role["trust"]["Statement"]
    filed.apply()
    filed.settled()
    role = filed.role("web")
    assert role is not None
    assert len(role["trust"]["Statement"]) == 1


@pytest.mark.parametrize("operation", ["CreateRole", "PutRolePolicy", "CreatePodIdentityAssociation"])
def test_a_lost_answer_is_settled_by_a_rerun(filed: Filed, operation: str) -> None:
    filed.write(roles=[ROLE], associations=[LINK, {**LINK, "serviceAccount": "shop/api"}])
    service = "eks" if "Association" in operation else "iam"
    filed.site.box.faults.lose_answer(service, operation, times=20)
    filed("apply", "--wait", "none", "--timeout", "5s")
    filed.site.box.faults.clear()
    filed.site.wait(30)
    filed.apply()
    filed.settled()


WRITES = (("iam", "CreateRole"), ("iam", "AttachRolePolicy"), ("eks", "CreatePodIdentityAssociation"))


@pytest.mark.usefixtures("own_threads")
@pytest.mark.parametrize("count", [50, pytest.param(1000, marks=pytest.mark.rare)])
def test_many_associations_despite_failures(filed: Filed, count: int) -> None:
    """A throttled account, lost answers, closed connections and failures of the service: each declared association is
    created once in the end, and nothing else changes."""
    filed.site.associate("other", "one", "storefront")
    foreign = filed.associations()
    names = [f"team-{number}" for number in range(count // 10)]
    roles = [
        {"name": name, "scope": "namespace", "policies": [{"managed": "AmazonS3ReadOnlyAccess"}]} for name in names
    ]
    links = [{"serviceAccount": f"{name}/sa-{number}", "role": name} for name in names for number in range(10)]
    filed.write(roles=roles, associations=links)
    faults, failures = filed.site.box.faults, count // 50
    for service, operation in WRITES:
        faults.lose_answer(service, operation, times=failures)
        faults.reset(service, operation, times=failures)
        faults.fail(service, operation, times=failures)
    faults.throttle(200, 20, "eks")
    faults.calls.clear()
    outcome = filed("apply", "--wait", "none")
    faults.clear()
    created = faults.calls["eks", "CreatePodIdentityAssociation"]
    if outcome.code != 0:
        assert outcome.code in (7, 8), outcome
        filed.apply()
    assert created <= count + 3 * failures + count // 5  # retries of failed calls, and of throttled ones
    filed.settled()
    live = filed.associations()
    assert set(live) == {*foreign, *(str(link["serviceAccount"]) for link in links)}
    assert {name: live[name] for name in foreign} == foreign
    filed.write(roles=roles[1:], associations=links[10:])
    filed.apply("--prune", "--yes")
    assert len(filed.associations()) == len(foreign) + count - 10
    assert filed.role("team-0") is None
    filed.site.must("undo", "last", "--yes", "--wait", "none")
    assert filed.associations() == live


def test_a_dry_run_ends_with_the_code_of_the_refusal(filed: Filed) -> None:
    """It shows the plan and its conflicts all the same."""
    filed.site.associate("shop", "web", "storefront")
    filed.write(associations=[{"serviceAccount": "shop/web", "role": "storefront", "sessionTags": False}])
    dry, done = filed("apply", "--dry-run", "-o", "json"), filed("apply", "-o", "json")
    assert (dry.code, dry.error["message"]) == (done.code, done.error["message"]) == (6, done.error["message"])
    assert [item["target"] for item in dry.json["conflicts"]] == ["shop/web"]
    assert filed("apply", "--adopt", "--dry-run").code == 0
