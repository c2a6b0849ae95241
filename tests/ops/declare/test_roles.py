"""Declared roles: their order, adoption, and roles that cannot be read."""

import json
from dataclasses import replace
from typing import Any, cast

import pytest

from ops.declare.worlds import ARN, LINK, READ, ROLE, Filed, denying
from ops.role.support import long_policy
from permissions_support import limited
from podid.domain.aws import Cluster
from podid.domain.declaration import Declaration, DeclaredAssociation, DeclaredRole, PresetPolicy
from podid.domain.errors import InvalidInput
from podid.domain.plan import Place
from podid.ops.clients import Clients
from podid.ops.declare.clusters import FileSite
from podid.ops.declare.request import Ownership
from podid.ops.declare.roles import RolePlanner
from podid.sandbox.baseline import add_association, add_cluster
from worlds import ACCOUNT, CLUSTER_ARN, TARGET, target_arn, target_trust

WIDE = {"Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": "sts:AssumeRole"}
CHAINED: dict[str, Any] = {
    "roles": [
        {
            "name": "target",
            "trust": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"AWS": f"{ARN}base"},
                        "Action": ["sts:AssumeRole", "sts:TagSession"],
                    }
                ],
            },
        },
        {"name": "base", "policies": [{"name": "read", "document": READ}]},
        {"name": "other", "subjects": ["shop/other"]},
    ],
    "associations": [{"serviceAccount": "shop/web", "role": "base", "targetRole": f"{ARN}target"}],
}


def test_a_role_follows_the_roles_that_its_trust_policy_names(filed: Filed) -> None:
    """IAM rejects a principal that does not exist, in whatever order the file declares the roles."""
    filed.write(**CHAINED)
    outcome = filed("plan")
    assert (outcome.code, "does not exist" in outcome.stdout) == (3, False), outcome
    assert f"target role {ARN}target allows role base to assume it for shop/web" in outcome.stdout
    filed.apply("--update-trust")
    filed.settled()


def test_a_role_is_blocked_without_the_role_that_its_trust_policy_names(filed: Filed) -> None:
    filed.write(**CHAINED)
    deny = {"Effect": "Deny", "Action": "iam:CreateRole", "Resource": f"{ARN}base"}
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}, deny]}
    env = limited(filed.site.box, filed.site.directory, policy)
    outcome = filed.site("apply", "-f", str(filed.path), "--wait", "none", "-o", "json", env=env)
    statuses = {item["target"]: item["status"] for item in outcome.json["actions"] if item["kind"] == "role"}
    assert (outcome.code, statuses) == (8, {"base": "failed", "target": "blocked", "other": "done"}), outcome


def test_a_role_keeps_the_policy_for_the_target_role_of_an_association_that_left_the_file(filed: Filed) -> None:
    """Its pods would get no credentials: the trust policy allows them as long as the association has the role."""
    trusting = target_trust(f"arn:aws:iam::{ACCOUNT}:root")
    filed.site.aws("iam").create_role(RoleName=TARGET, AssumeRolePolicyDocument=json.dumps(trusting))
    api = {**LINK, "serviceAccount": "shop/api", "targetRole": target_arn()}
    filed.write(roles=[ROLE], associations=[LINK, api])
    filed.apply()
    filed.write(roles=[ROLE], associations=[LINK])
    (note,) = (note for note in filed.plan()["notes"] if "assume-" in note)
    assert note == (
        f"role web keeps its inline policy assume-{TARGET}: target role {target_arn()} of an association that is not "
        "in the file requires it"
    )
    filed.settled()
    filed.apply("--prune", "--yes")
    assert list((filed.role("web") or {})["inline"]) == ["read"]
    filed.settled("--prune")


def test_a_narrower_scope_keeps_the_users_of_other_clusters(filed: Filed) -> None:
    filed.write(roles=[{**ROLE, "scope": "account"}], associations=[LINK])
    filed.apply()
    wide = (filed.role("web") or {})["trust"]
    add_cluster(filed.site.box.world, "blue")
    add_association(filed.site.box.world, "shop", "api", "web", cluster_name="blue")
    filed.write(roles=[ROLE], associations=[LINK])
    blue = CLUSTER_ARN.replace("demo", "blue")
    env = denying(filed, "eks:ListPodIdentityAssociations", f"{blue}*")
    outcome = filed.site("plan", "-f", str(filed.path), "-o", "json", env=env)
    assert (outcome.code, [item["target"] for item in outcome.json["unread"]]) == (9, ["users of role web"])
    assert "role web still allows shop/api: their associations have the role" in str(filed.plan()["notes"])
    assert (filed.role("web") or {})["trust"] == wide
    filed.site.box.world.clusters["blue"].associations.clear()
    filed.apply()
    statements = (filed.role("web") or {})["trust"]["Statement"]
    assert ["ArnEquals" in item["Condition"] for item in statements] == [True]
    filed.settled()


def test_an_adopted_role_keeps_its_trust_policy_without_a_flag(filed: Filed) -> None:
    iam = filed.site.aws("iam")
    other = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
    iam.create_role(RoleName="web", AssumeRolePolicyDocument=json.dumps(other))
    filed.write(roles=[ROLE], associations=[LINK])
    assert "--adopt" in filed.apply(code=6).stderr
    filed.write(roles=[ROLE])
    outcome = filed("diff")
    assert (outcome.code, outcome.stdout) == (6, "")
    assert outcome.stderr.startswith("podid apply would change nothing\n")
    filed.write(roles=[ROLE], associations=[LINK])
    outcome = filed.apply("--adopt", code=6)
    assert "--update-trust" in outcome.stderr
    role = filed.role("web")
    assert role is not None
    assert role["trust"] == other
    filed.apply("--adopt", "--update-trust")
    role = filed.role("web")
    assert role is not None
    assert other["Statement"] == role["trust"]["Statement"][:1]
    assert role["tags"]["podid:owner"] == "shop"
    filed.settled()


def test_an_adopted_role_is_as_declared_at_once(filed: Filed) -> None:
    """Also a statement that podid wrote for a service account without an association, which the file does not
    declare."""
    filed.site.must("role", "create", "web", "--for", "shop/old", "--managed-policy", "AmazonS3ReadOnlyAccess")
    filed.site.must("trust", "add", "--role", "web", "--for", "shop/web")
    filed.write(roles=[{"name": "web", "policies": [{"managed": "AmazonS3ReadOnlyAccess"}]}], associations=[LINK])
    assert "--update-trust" in filed.apply("--adopt", code=6).stderr
    filed.apply("--adopt", "--update-trust")
    filed.settled("--adopt")
    filed.settled()


def test_an_unreadable_role_blocks_only_its_association(filed: Filed) -> None:
    names = ("one", "two")
    filed.write(
        roles=[{"name": name, "subjects": [f"shop/{name}"]} for name in names],
        associations=[{"serviceAccount": f"shop/{name}", "role": name} for name in names],
    )
    env = denying(filed, "iam:GetRole", f"{ARN}one")
    plan = filed.site("plan", "-f", str(filed.path), "-o", "json", env=env)
    assert (plan.code, [item["target"] for item in plan.json["created"]]) == (9, ["two", "shop/two"])
    assert [item["target"] for item in plan.json["unread"]] == ["role one", "association of shop/one: role one"]
    outcome = filed.site("apply", "-f", str(filed.path), "--wait", "none", "-o", "json", env=env)
    assert outcome.code == 8, outcome
    assert [item["target"] for item in outcome.json["unread"]] == ["role one", "association of shop/one: role one"]
    assert (list(filed.associations()), filed.role("one")) == (["shop/two"], None)
    outcome = filed.site("apply", "-f", str(filed.path), "--wait", "none", env=env)
    assert (outcome.code, outcome.stdout) == (4, "")  # nothing is left that can be done
    filed.apply()
    filed.settled()


@pytest.mark.parametrize(("change", "code"), [({"sessionTags": False}, 4), ({"tags": {"a": "b"}}, 8)])
def test_settings_whose_trust_policy_cannot_be_read_stay(filed: Filed, change: dict[str, Any], code: int) -> None:
    link = {"serviceAccount": "shop/one", "role": "one"}
    filed.write(roles=[{"name": "one"}], associations=[link])
    filed.apply()
    before = filed.associations()["shop/one"]
    filed.write(roles=[{"name": "one"}], associations=[{**link, **change}])
    env = denying(filed, "iam:ListRolePolicies", f"{ARN}one")
    outcome = filed.site("apply", "-f", str(filed.path), "--wait", "none", env=env)
    assert (outcome.code, filed.associations()["shop/one"] == before) == (code, code == 4), outcome
    filed.apply()
    filed.settled()


# --- roles that cannot become as declared -----------------------------------------------------------------------------


def test_tag_keys_of_a_role_are_compared_without_case(filed: Filed) -> None:
    filed.write(roles=[{**ROLE, "tags": {"Managed-By": "us", "Team": "a"}}], associations=[LINK])
    filed.apply()
    role = filed.role("web")
    assert role is not None
    assert role["tags"] == {"Managed-By": "us", "Team": "a", "podid:owner": "shop"}
    filed.write(roles=[ROLE], associations=[LINK])
    filed.apply()
    role = filed.role("web")
    assert role is not None
    assert role["tags"]["team"] == "a"
    assert "Team" not in role["tags"]
    filed.settled()


def test_a_role_with_another_path_is_a_conflict(filed: Filed) -> None:
    filed.write(roles=[ROLE], associations=[LINK])
    filed.apply()
    filed.write(roles=[{**ROLE, "path": "/team/"}], associations=[LINK])
    (conflict,) = filed.plan(code=6)["conflicts"]
    assert conflict["message"] == "Role web exists and its path is /, not /team/"


def test_a_role_without_an_account_is_not_created(filed: Filed) -> None:
    filed.write(roles=[ROLE])
    document = filed.plan()
    assert (document["created"], document["unchanged"]) == ([], 0)
    assert any("role web is not created: no service account is to assume it" in note for note in document["notes"])


@pytest.mark.parametrize("scope", ["account", "cluster"])
def test_a_scope_without_service_accounts_requires_no_association(filed: Filed, scope: str) -> None:
    filed.write(roles=[{**ROLE, "scope": scope}])
    assert filed.plan(code=3)["created"][0]["target"] == "web"
    filed.apply()
    trust = (filed.role("web") or {})["trust"]
    filed.settled()
    filed.site.trust("web", {"Version": "2012-10-17", "Statement": [*trust["Statement"], WIDE]})
    filed.apply()
    assert (filed.role("web") or {})["trust"] == trust
    # an association changes nothing of the role
    filed.write(roles=[{**ROLE, "scope": scope}], associations=[LINK])
    assert [item["kind"] for item in filed.plan(code=3)["created"]] == ["association"]
    filed.apply()
    filed.settled()
    # a condition on a service account requires a service account
    filed.write(roles=[{"name": "x", "scope": scope, "conditions": ["aws:RequestTag/kubernetes-namespace=shop"]}])
    assert "role x is not created: no service account is to assume it" in str(filed.plan()["notes"])


def test_two_policies_of_the_same_name_are_a_mistake(filed: Filed) -> None:
    preset = {"preset": "sqs-send", "parameters": {"queue": "q"}}
    filed.write(roles=[{**ROLE, "policies": [{"name": "sqs-send-q", "document": READ}, preset]}], associations=[LINK])
    outcome = filed("plan")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "two policies would both become the inline policy sqs-send-q" in outcome.stderr


def test_a_preset_that_names_the_cluster_is_for_one_cluster(filed: Filed) -> None:
    add_cluster(filed.site.box.world, "blue")
    role = {**ROLE, "policies": [{"preset": "cluster-autoscaler"}]}
    filed.write(clusters=["demo"], roles=[role], associations=[LINK])
    assert filed("plan").code == 3
    filed.write(clusters=["demo", "blue"], roles=[role], associations=[LINK])
    outcome = filed("plan")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "preset cluster-autoscaler depends on the cluster: declare a role for each cluster" in outcome.stderr


def planner_of(*regions: str, declarations: tuple[Declaration, ...] = ()) -> RolePlanner:
    """Return a planner that reads nothing, with a cluster in each region."""

    def site(region: str) -> FileSite:
        cluster = Cluster(name="demo", arn=f"arn:aws:eks:{region}:1:cluster/demo", version="1.36", status="ACTIVE")
        place = Place(account="1", region=region, cluster=cluster)
        return FileSite(clients=cast("Clients", None), place=place, declarations=declarations)

    nothing = cast("Any", None)
    return RolePlanner(
        sites=list(map(site, regions)),
        accounts=(),
        ownership=Ownership(),
        history=nothing,
        unmarked=nothing,
        remaining=(),
        say=print,
    )


def test_the_policy_for_a_target_role_does_not_depend_on_the_planned_clusters() -> None:
    """Without a match in the one cluster that is planned, the pods of the others still need it."""
    pattern = DeclaredAssociation(namespace="shop-*", name="web", role="web", target_role=f"{ARN}far")
    planner = planner_of("us-west-2", declarations=(Declaration(name="shop", associations=(pattern,)),))
    assert list(planner._chaining(DeclaredRole(name="web"), {})) == ["assume-far"]


def test_a_preset_that_names_the_region_is_for_one_region() -> None:
    planner = planner_of("us-west-2", "eu-west-1")
    queue = {"queue": ("jobs",)}
    sends = PresetPolicy(preset="sqs-send", parameters=queue)
    with pytest.raises(InvalidInput, match="the region of the cluster: specify its parameter region, or declare a"):
        planner._permissions(DeclaredRole(name="web", policies=(sends,)))
    fixed = replace(sends, parameters={**queue, "region": ("us-west-2",)})
    assert len(planner._permissions(DeclaredRole(name="web", policies=(fixed,)))[0]) == 1


# --- quotas -----------------------------------------------------------------------------------------------------------


def test_a_large_policy_is_replaced(filed: Filed) -> None:
    for name in ("one", "two"):
        filed.write(roles=[{**ROLE, "policies": [{"name": name, "document": long_policy(50)}]}], associations=[LINK])
        filed.apply()
    filed.settled()
