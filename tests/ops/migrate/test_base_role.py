"""A role of another account: a base role of the cluster's account assumes it."""

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from checks import builder
from harness import one_in
from irsa import ANNOTATION, Irsa, irsa_statement, ways
from ops.role.support import profile
from podid.domain.aws import Listed, Role
from podid.domain.plan import Action, Header, State
from podid.ops.change.kinds import ASSOCIATION, ROLE, ROLE_POLICY
from podid.ops.migrate.base_role import base_role_back
from worlds import ACCOUNT, Site

if TYPE_CHECKING:
    from podid.aws.iam import Iam
    from podid.ops.change.journal import Journal

OTHER = "444455556666"


FAR = f"arn:aws:iam::{OTHER}:role/far"


ONE = "shop/one"


BASE = f"arn:aws:iam::{ACCOUNT}:role/shop-one"


APPLY = ("migrate", "apply", ONE, "--base-role", "shop-one", "--yes")


ACCEPT = ("--accept", "target-role-trust-broken")


@pytest.fixture
def irsa(healthy: Site) -> Irsa:
    """Return a cluster with a role of another account, which trusts the OIDC provider, as it does with IRSA."""
    trust = {"Version": "2012-10-17", "Statement": [irsa_statement(ONE)]}
    healthy.box.iam.make_role(OTHER, "far", json.dumps(trust))
    irsa = Irsa(healthy)
    irsa.account(ONE, FAR)
    return irsa


@pytest.fixture
def theirs(irsa: Irsa, monkeypatch: pytest.MonkeyPatch) -> str:
    return profile(irsa.site.box, irsa.site.directory, OTHER, monkeypatch)


def allow(irsa: Irsa) -> None:
    """The owner of the role allows the base role to assume it."""
    statement = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:*"}
    role = next(role for role in irsa.site.box.iam.backend(OTHER).roles.values() if role.name == "far")
    role.assume_role_policy_document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_the_way_out_is_the_command(irsa: Irsa) -> None:
    item = irsa.items()[ONE]
    (blocker,) = item["blockers"]
    assert blocker["wayOut"] == [["podid", "migrate", "apply", ONE, "--base-role", "shop-one"]]
    # not of a role with this name in the cluster's account
    commands = {step["action"]: step["commands"] for step in item["steps"]}
    assert commands["allow"] == [["podid", "role", "create", "shop-one", "--for", ONE, "--target-role", FAR]]
    assert commands["associate"] == [["podid", "associate", ONE, "--role", "shop-one", "--target-role", FAR]]


def test_with_credentials_of_the_other_account(irsa: Irsa, theirs: str) -> None:
    roles, trust = _roles(irsa), _theirs(irsa)
    result = irsa.site.must(*APPLY, "--target-profile", theirs, "-o", "json").json
    kinds = [(action["kind"], action["status"]) for action in result["actions"]]
    assert kinds == [
        ("role", "done"),
        ("role-policy", "done"),
        ("target-trust", "done"),
        ("association", "done"),
        ("restart", "done"),
    ]
    association = irsa.site.reading("show", ONE, "-o", "json").json
    assert (association["roleArn"], association["targetRoleArn"]) == (BASE, FAR)
    assert all(ways(pod) == {"AWS_CONTAINER_CREDENTIALS_FULL_URI"} for pod in irsa.site.cluster.pods("shop", "one"))
    assert irsa.stages()[ONE] == "moved"
    again = irsa.site.must(*APPLY, "--target-profile", theirs, "-o", "json").json
    assert [action for action in again["actions"] if action["status"] == "done"] == []
    returns(irsa, ("migrate", "rollback", ONE, "--yes"), roles, trust)


def test_undo(irsa: Irsa, theirs: str) -> None:
    roles, trust = _roles(irsa), _theirs(irsa)
    irsa.site.must(*APPLY, "--target-profile", theirs)
    assert "shop-one" in _roles(irsa)
    returns(irsa, ("undo", "last", "--yes"), roles, trust)


def returns(irsa: Irsa, argv: tuple[str, ...], roles: set[str], trust: object) -> None:
    """Assert that the base role and the statement in the trust policy of the old role go last, when pods use IRSA
    again."""
    result = irsa.site.must(*argv, "-o", "json").json["actions"]
    kinds = [action["kind"] for action in result]
    assert kinds == ["association", "restart", "target-trust", "role-policy", "role"]
    assert (_roles(irsa), _theirs(irsa)) == (roles, trust)
    assert all(ways(pod) == {"AWS_WEB_IDENTITY_TOKEN_FILE"} for pod in irsa.site.cluster.pods("shop", "one"))
    assert irsa.stages()[ONE] == "old"


def test_a_role_whose_owner_has_allowed_it(irsa: Irsa) -> None:
    allow(irsa)
    outcome = irsa.site(*APPLY)
    assert (outcome.code, "Pass --target-profile with credentials" in outcome.stderr) == (6, True), outcome
    assert f"the owner of target role {FAR} must add to its trust policy: " in outcome.stderr
    irsa.site.must("migrate", "apply", "-A", "--base-role", "shop-one", "--yes", *ACCEPT)
    assert irsa.stages()[ONE] == "moved"
    associations = irsa.site.must("list", "-o", "json").json["items"]
    roles = {f"{i['namespace']}/{i['serviceAccount']}": (i["roleArn"], i["targetRoleArn"]) for i in associations}
    assert roles[ONE] == (BASE, FAR)
    # a role of the cluster's account gets no base role
    assert roles["legacy/reports"] == (f"arn:aws:iam::{ACCOUNT}:role/irsa-reports", None)


def test_a_role_of_the_same_name_in_the_account_of_the_cluster(irsa: Irsa) -> None:
    """Its failure is not one of the role of the other account."""
    allow(irsa)
    near = irsa.role("far", irsa_statement("shop/near"))
    irsa.account("shop/near", near)
    irsa.site.box.world.credentials.deny("iam:UpdateAssumeRolePolicy", resource=near)
    outcome = irsa.site("migrate", "apply", ONE, "shop/near", "--base-role", "shop-one", "--yes", *ACCEPT)
    assert (outcome.code, "1 service account did not reach the stage" in outcome.stderr) == (8, True), outcome
    stages = irsa.stages()
    assert (stages[ONE], stages["shop/near"]) == ("moved", "old")


def test_a_role_whose_owner_has_not(irsa: Irsa) -> None:
    outcome = irsa.site(*APPLY, *ACCEPT)
    assert (outcome.code, "rolled back to IRSA" in outcome.stderr) == (8, True), outcome
    assert irsa.site.must("list", "-n", "shop", "-o", "name").stdout == "shop/orders\n"
    assert all(ways(pod) == {"AWS_WEB_IDENTITY_TOKEN_FILE"} for pod in irsa.site.cluster.pods("shop", "one"))
    allow(irsa)
    irsa.site.must(*APPLY, *ACCEPT)


def test_a_dry_run_creates_nothing(irsa: Irsa) -> None:
    plan = irsa.site.must(*APPLY, *ACCEPT, "--dry-run", "-o", "json").json
    assert [action["kind"] for action in plan["actions"]] == ["role", "role-policy", "association"]
    assert irsa.site.must("history").stdout == ""


def _theirs(irsa: Irsa) -> Any:
    role = next(role for role in irsa.site.box.iam.backend(OTHER).roles.values() if role.name == "far")
    return json.loads(role.assume_role_policy_document)


def _roles(irsa: Irsa) -> set[str]:
    return {role["RoleName"] for role in irsa.site.aws("iam").list_roles()["Roles"]}


def test_a_base_role_that_another_association_uses_stays(irsa: Irsa, theirs: str) -> None:
    irsa.account("shop/two", FAR)
    both = (ONE, "shop/two", "--base-role", "shop-one", "--target-profile", theirs, "--yes")
    irsa.site.must("migrate", "apply", *both)
    outcome = irsa.site.must("migrate", "rollback", ONE, "--yes")
    assert "base role shop-one stays, because other associations use it" in outcome.stderr
    assert irsa.stages()["shop/two"] == "moved"
    irsa.site.must("migrate", "rollback", "shop/two", "--yes")
    assert "shop-one" not in _roles(irsa)


def test_a_target_role_in_the_account_of_the_cluster(irsa: Irsa) -> None:
    role = irsa.role("own", irsa_statement("shop/near"))
    irsa.account("shop/near", role)
    chain = ("--target-role", role, "--update-trust", "--yes")
    irsa.site.must("role", "create", "base", "--for", "shop/near", *chain)
    irsa.site.must("associate", "shop/near", "--role", "base", *chain)
    item, before = irsa.items()["shop/near"], irsa.trust("own")
    assert (item["stage"], item["blockers"], item["warnings"]) == ("associated", [], [])
    assert [step["action"] for step in item["steps"]] == ["restart", "verify", "finish"]
    irsa.site.must("migrate", "apply", "shop/near", "--yes")
    assert (irsa.stages()["shop/near"], irsa.trust("own")) == ("moved", before)
    # a finish that stopped after the annotation is continued
    path = "/api/v1/namespaces/shop/serviceaccounts/near"
    irsa.site.cluster.merge(path, {"metadata": {"annotations": {ANNOTATION: None}}})
    assert irsa.stages()["shop/near"] == "moved"
    irsa.site.must("migrate", "finish", "shop/near", "--soak", "0", "--yes")
    assert irsa.stages()["shop/near"] == "clean"
    assert (irsa.annotations("shop/near"), len(irsa.trust("own")["Statement"])) == ({}, 1)
    irsa.site.must("migrate", "rollback", "shop/near", "--yes")
    assert (irsa.stages()["shop/near"], irsa.trust("own")) == ("old", before)


def test_of_each_policy_the_newest_change_counts() -> None:
    """An earlier migration with the same base role had another target role, and was rolled back."""
    association = builder.association("shop", "one", role_arn=BASE, target_role_arn=FAR)
    header = Header(caller_arn="", account=ACCOUNT, region="us-west-2", cluster="demo")

    def policy(name: str, number: int) -> State:
        return {"roleName": "shop-one", "policyName": name, "policyDocument": {"Id": str(number)}}

    base = builder.role(BASE)
    role = ROLE.state_of(base)
    changes = [
        *(ROLE_POLICY.action(None, policy("assume-far", 2)), ROLE.action(None, role), ROLE.action(role, None)),
        *(ROLE_POLICY.action(policy("assume-gone", 1), None), ROLE_POLICY.action(policy("assume-far", 1), None)),
        *(ROLE_POLICY.action(None, policy("assume-gone", 1)), ROLE_POLICY.action(None, policy("assume-far", 1))),
    ]
    run = SimpleNamespace(command=("podid", "migrate", "apply"))
    journal = SimpleNamespace(
        newest_steps=lambda _, kinds: [(run, SimpleNamespace(action=a)) for a in changes if a.kind in kinds],
        changes=lambda _, kind, keys=None: [a for a in changes if a.kind == kind],
        last_made=lambda *_: role,
    )

    def back(*unread: Listed, now: Role = base) -> tuple[list[Action], list[str]]:
        snapshot, iam = builder.healthy(associations=(association, *unread)), SimpleNamespace(find_role=lambda _: now)
        deletion = ASSOCIATION.action(ASSOCIATION.state_of(association), None)
        return base_role_back(snapshot, header, cast("Journal", journal), cast("Iam", iam), (deletion,))

    actions, notes = back()
    assert [(action.before, action.after) for action in actions] == [(policy("assume-far", 2), None), (role, None)]
    assert notes == []
    # such as a statement for another cluster
    changed = back(now=replace(base, trust={**base.trust, "Id": "x"}))
    assert changed == ([], ["base role shop-one stays: it has changed since the migration created it"])
    unread = back(replace(builder.UNREAD, service_account="api"))
    assert unread == ([], ["base role shop-one stays: it is not known whether shop/api uses it"])


def test_the_other_base_role_of_a_target_role_keeps_its_statement(irsa: Irsa, theirs: str) -> None:
    """The newest change of the target role's trust policy is not the one for the base role that is deleted."""
    irsa.account("shop/two", FAR)
    for name in ("one", "two"):
        base = ("--base-role", f"shop-{name}", "--target-profile", theirs)
        irsa.site.must("migrate", "apply", f"shop/{name}", *base, "--yes")
    irsa.site.must("migrate", "rollback", ONE, "--yes")
    stages = irsa.stages()
    assert (stages[ONE], stages["shop/two"]) == ("old", "moved")
    assert ("shop-one" in _roles(irsa), "shop-two" in _roles(irsa)) == (False, True)
    principals = [statement["Principal"] for statement in _theirs(irsa)["Statement"]]
    assert principals[1:] == [{"AWS": f"arn:aws:iam::{ACCOUNT}:role/shop-two"}]


@pytest.mark.parametrize(("denied", "selection"), one_in(2, [("iam:DeleteRole", "-A"), ("iam:DeleteRolePolicy", ONE)]))
def test_a_rerun_of_a_rollback_deletes_the_base_role(irsa: Irsa, theirs: str, denied: str, selection: str) -> None:
    roles, trust = _roles(irsa), _theirs(irsa)
    irsa.site.must(*APPLY, "--target-profile", theirs)
    irsa.site.box.world.credentials.deny(denied)
    assert irsa.site("migrate", "rollback", ONE, "--yes").code == 8
    irsa.site.box.world.credentials.allow_again()
    irsa.site.must("migrate", "rollback", selection, "--yes")
    assert (_roles(irsa), _theirs(irsa)) == (roles, trust)
    again = irsa.site.must("migrate", "rollback", ONE, "--yes", "-o", "json").json
    assert (again["actions"], again["notes"]) == ([], [])
