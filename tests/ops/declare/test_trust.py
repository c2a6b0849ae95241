"""Trust policies of declared roles."""

import json
from dataclasses import replace
from typing import Any

import pytest

from harness import table
from ops.declare.worlds import ARN, LINK, READER, ROLE, Filed, denying
from podid.domain.declaration import DeclaredRole
from podid.domain.errors import Conflict
from podid.domain.names import ServiceAccountRef
from podid.domain.trust import Policy, parse_policy
from podid.ops.declare.clusters import ClusterSubjects
from podid.ops.declare.trust import declared_trust
from podid.sandbox.baseline import add_association, add_cluster
from quotas import DEFAULTS
from worlds import ACCOUNT, CLUSTER_ARN, trust_for

WIDE: Any = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
        }
    ],
}
EC2 = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
WEB, API = ServiceAccountRef("shop", "web"), ServiceAccountRef("shop", "api")


def test_a_service_account_that_left_the_file_leaves_the_trust_policy(filed: Filed) -> None:
    other = {**LINK, "serviceAccount": "shop/api"}
    filed.write(roles=[ROLE], associations=[LINK, other])
    filed.apply()
    role = filed.role("web")
    assert role is not None
    assert len(role["trust"]["Statement"]) == 2
    foreign = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    filed.site.trust("web", {**role["trust"], "Statement": [*role["trust"]["Statement"], foreign]})
    filed.write(roles=[ROLE], associations=[LINK])
    filed.apply("--prune", "--yes")
    role = filed.role("web")
    assert role is not None
    accounts = [item.get("Condition", {}).get("StringEquals", {}) for item in role["trust"]["Statement"]]
    assert [item.get("aws:RequestTag/kubernetes-service-account") for item in accounts] == ["web"]
    filed.settled("--prune")


def test_a_service_account_keeps_its_access_as_long_as_its_association_has_the_role(filed: Filed) -> None:
    filed.write(roles=[ROLE], associations=[LINK, {**LINK, "serviceAccount": "shop/api"}])
    filed.apply()
    filed.write(name="other", associations=[{"serviceAccount": "shop/cart", "role": "web"}])
    filed.apply("--update-trust")
    filed.write(roles=[ROLE], associations=[LINK])
    assert "role web still allows shop/api, shop/cart: their associations have the role" in str(filed.plan()["notes"])
    filed.settled()
    filed.apply("--prune", "--yes")
    role = filed.role("web")
    assert role is not None
    names = [item["Condition"]["StringEquals"] for item in role["trust"]["Statement"]]
    assert [item.get("aws:RequestTag/kubernetes-service-account") for item in names] == ["web", "cart"]
    # the declared statement allows it too
    filed.write(roles=[{**ROLE, "scope": "namespace"}], associations=[LINK])
    filed.apply()
    role = filed.role("web")
    assert role is not None
    assert len(role["trust"]["Statement"]) == 1


@pytest.mark.parametrize("failing", ["demo", "blue"])
def test_each_cluster_loses_its_statement_after_its_own_association(filed: Filed, failing: str) -> None:
    """Otherwise the pods of a cluster whose association could not be changed would lose their credentials."""
    add_cluster(filed.site.box.world, "blue")
    clusters, unused = ["demo", "blue"], {"subjects": ["shop/z"]}
    filed.write(clusters=clusters, roles=[{"name": "web"}, {"name": "other", **unused}], associations=[LINK])
    filed.apply()
    roles = [{"name": "web", **unused}, {"name": "other"}]
    filed.write(clusters=clusters, roles=roles, associations=[{**LINK, "role": "other"}])
    env = denying(filed, "eks:UpdatePodIdentityAssociation", f"arn:aws:eks:*:*:podidentityassociation/{failing}/*")
    outcome = filed.site("apply", "-f", str(filed.path), "--wait", "none", env=env)
    assert outcome.code == 8, outcome
    role = filed.role("web")
    assert role is not None
    conditions = [item["Condition"] for item in role["trust"]["Statement"]]
    accounts = [
        (item["ArnEquals"]["aws:SourceArn"], item["StringEquals"]["aws:RequestTag/kubernetes-service-account"])
        for item in conditions
    ]
    assert {arn.rpartition("/")[2] for arn, name in accounts if name == "web"} == {failing}
    filed.apply()
    assert filed("plan").code == 0


def test_a_declared_trust_policy_stays_as_it_is(filed: Filed) -> None:
    document = {"Version": "2012-10-17", "Statement": [{**trust_for(WEB)["Statement"][0], "Sid": "Own"}]}
    filed.write(roles=[{"name": "web", "trust": document}], associations=[LINK])
    filed.apply()
    role = filed.role("web")
    assert role is not None
    assert role["trust"] == document
    filed.settled()


def test_a_declared_trust_policy_that_cannot_work_is_a_conflict(filed: Filed) -> None:
    other = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    filed.write(roles=[{"name": "web", "trust": {"Statement": other}}], associations=[LINK])
    outcome = filed.apply("--update-trust", code=6)
    assert "does not allow shop/web" in outcome.stderr
    assert "Change the trust policy of the role in the file." in outcome.stderr
    assert "--update-trust" not in outcome.stderr
    many = [{**other, "Sid": f"Own{number}"} for number in range(25)]
    filed.write(roles=[{"name": "web", "trust": {"Statement": many}}])
    assert "The trust policy of role web would have" in filed.plan(code=6)["conflicts"][0]["message"]


def test_a_wide_statement_of_others_is_a_note(filed: Filed) -> None:
    """The role does not belong to the file."""
    filed.site.aws("iam").create_role(RoleName="web", AssumeRolePolicyDocument=json.dumps(WIDE))
    filed.write(roles=[{"name": "web"}], associations=[LINK])
    words = f"any pod of any cluster in account {ACCOUNT}"
    note = f"role web also allows {words}: podid did not write this statement of its trust policy"
    assert filed.plan(code=3)["notes"] == [note]
    # the statement stays when the file adopts the role, and is still a note
    filed.apply("--adopt")
    assert (filed.role("web") or {})["trust"] == WIDE
    assert filed.plan()["notes"] == [note]
    filed.settled()


def test_a_statement_of_others_that_is_written_after_the_adoption_is_removed(filed: Filed) -> None:
    filed.site.aws("iam").create_role(RoleName="web", AssumeRolePolicyDocument=json.dumps(WIDE))
    filed.write(roles=[{"name": "web"}], associations=[LINK])
    filed.apply("--adopt")
    filed.site.trust("web", {**WIDE, "Statement": [*WIDE["Statement"], EC2]})
    assert filed.plan(code=3)["notes"][0] == (
        "role web: Statement[1] of its trust policy is not in the file; it allows ec2.amazonaws.com"
    )
    filed.apply()
    assert (filed.role("web") or {})["trust"] == WIDE
    filed.site.must("forget", "--role", "web")
    assert (filed.role("web") or {})["tags"] == {}


def test_a_service_account_without_a_declaration_gets_its_own_statement_instead_of_a_wide_one(filed: Filed) -> None:
    """Its association, in this cluster or in another one, was created while the wide statement allowed it."""
    filed.write(roles=[ROLE], associations=[LINK])
    filed.apply()
    filed.site.trust("web", WIDE)
    world = filed.site.box.world
    add_cluster(world, "blue")
    add_association(world, "shop", "api", "web", cluster_name="blue")
    add_association(world, "shop", "cart", "web")
    blue = CLUSTER_ARN.replace("demo", "blue")
    env = denying(filed, "eks:ListPodIdentityAssociations", f"{blue}*")
    outcome = filed.site("plan", "-f", str(filed.path), "-o", "json", env=env)
    assert (outcome.code, [item["target"] for item in outcome.json["unread"]]) == (9, ["users of role web"])
    notes = str(filed.plan(code=3)["notes"])
    assert "role web still allows shop/cart, shop/api: their associations have the role" in notes
    filed.apply()
    assert sorted(allowed(filed)) == [("blue", "api"), ("demo", "cart"), ("demo", "web")]
    filed.settled()


def allowed(filed: Filed) -> list[tuple[str, str]]:
    """Return cluster and service account of each statement."""
    conditions = [item["Condition"] for item in (filed.role("web") or {})["trust"]["Statement"]]
    return [
        (
            item["ArnEquals"]["aws:SourceArn"].rpartition("/")[2],
            item["StringEquals"]["aws:RequestTag/kubernetes-service-account"],
        )
        for item in conditions
    ]


def test_an_association_keeps_its_access_to_its_target_role(filed: Filed) -> None:
    """The role is the target role of an association that is not declared."""
    filed.write(roles=[ROLE], associations=[LINK])
    filed.apply()
    role = filed.role("web")
    assert role is not None
    filed.site.must(
        *("associate", "shop/cart", "--role", "storefront", "--target-role", f"{ARN}web", "--update-trust"),
        *("--wait", "none"),
    )
    narrow = (filed.role("web") or {})["trust"]
    assert len(narrow["Statement"]) == 2
    filed.settled()
    root = {**WIDE["Statement"][0], "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
    filed.site.trust("web", {**role["trust"], "Statement": [*role["trust"]["Statement"], root]})
    filed.apply()
    statements = (filed.role("web") or {})["trust"]["Statement"]
    assert [item["Principal"] for item in statements] == [item["Principal"] for item in narrow["Statement"]]
    filed.settled()


@pytest.mark.parametrize("declared", [False, True])
def test_a_declared_trust_policy_that_takes_access_is_a_conflict(filed: Filed, declared: bool) -> None:
    filed.write(roles=[{"name": "web", "trust": WIDE}], associations=[LINK])
    filed.apply()
    add_association(filed.site.box.world, "shop", "cart", "web")
    cart = {**LINK, "serviceAccount": "shop/cart", "tags": {}}
    filed.write(roles=[{"name": "web", "trust": trust_for(WEB)}], associations=[LINK, *([cart] if declared else [])])
    (conflict,) = filed.plan(code=6)["conflicts"]
    assert conflict["target"] == "web"
    assert "does not allow shop/cart, whose association uses role web" in conflict["message"]


def test_a_deny_that_somebody_wrote_stays(filed: Filed) -> None:
    filed.write(roles=[ROLE], associations=[LINK])
    filed.apply()
    role = filed.role("web")
    assert role is not None
    deny = {**EC2, "Effect": "Deny"}
    filed.site.trust("web", {**role["trust"], "Statement": [*role["trust"]["Statement"], deny]})
    filed.settled()
    deny = {**WIDE["Statement"][0], "Effect": "Deny"}
    filed.site.trust("web", {**role["trust"], "Statement": [*role["trust"]["Statement"], deny]})
    assert "denies shop/web" in filed.plan(code=6)["conflicts"][0]["message"]


@pytest.mark.parametrize("names", [ACCOUNT, [ACCOUNT, "444455556666"]])
def test_iam_returns_an_account_as_the_arn_of_its_root(filed: Filed, names: object) -> None:
    trust = trust_for(WEB)
    filed.write(roles=[{"name": "web", "trust": trust}], associations=[LINK])
    filed.apply()
    account = {"Effect": "Allow", "Principal": {"AWS": names}, "Action": "sts:AssumeRole"}
    trust["Statement"].append(account)
    filed.write(roles=[{"name": "web", "trust": trust}], associations=[LINK])
    filed.apply()
    role = filed.role("web")
    assert role is not None
    assert f"arn:aws:iam::{ACCOUNT}:root" in str(role["trust"])
    filed.settled()
    filed.site.must("undo", "last", "--yes", "--wait", "none")


def test_a_role_with_several_principals_is_deleted_by_undo(filed: Filed) -> None:
    trust = trust_for(WEB)
    trust["Statement"].append({"Effect": "Allow", "Principal": {"AWS": [ACCOUNT, READER]}, "Action": "sts:AssumeRole"})
    filed.site.aws("iam").create_role(RoleName="reader", AssumeRolePolicyDocument=json.dumps(trust_for(WEB)))
    filed.write(roles=[{"name": "web", "trust": trust}])
    filed.apply()
    filed.site.must("undo", "last", "--yes")
    assert filed.role("web") is None


def test_a_condition_that_cannot_match_has_its_line(filed: Filed) -> None:
    filed.write(roles=[{**ROLE, "conditions": ["aws:SourceIp=10.0.0.1"]}], associations=[LINK])
    outcome = filed("plan")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert f"{filed.path}:18:3: conditions: The condition can never match for shop/web: StringEquals" in outcome.stderr


# --- the policy -------------------------------------------------------------------------------------------------------

GREEN_ARN = CLUSTER_ARN.replace("demo", "green")
DECLARED = DeclaredRole(name="web")


def of(*refs: ServiceAccountRef, cluster: str = CLUSTER_ARN) -> list[ClusterSubjects]:
    return [ClusterSubjects(cluster, dict.fromkeys(refs, True))]


def documents(policy: Policy | None) -> list[Any]:
    return [] if policy is None else [item.raw for item in policy.statements]


BOTH = declared_trust(DECLARED, of(WEB, API), None, {}, DEFAULTS, whole=True)
ONE = declared_trust(DECLARED, of(WEB), None, {}, DEFAULTS, whole=True)
GREEN = declared_trust(DECLARED, of(WEB, cluster=GREEN_ARN), None, {}, DEFAULTS, whole=True)


@table(
    ("subjects", "current", "whole", "expected"),
    [
        (of(), None, True, None),
        (of(WEB), BOTH, True, ONE),
        (of(WEB), BOTH, False, BOTH),
        (of(WEB, API), ONE, False, BOTH),
        (of(), BOTH, True, BOTH),  # IAM requires a statement
        (of(cluster=GREEN_ARN), BOTH, True, BOTH),  # statements of another cluster
        (of(WEB, cluster=GREEN_ARN), None, True, GREEN),
    ],
)
def test_statements_are_those_of_the_declared_accounts(
    subjects: list[ClusterSubjects], current: Policy | None, whole: bool, expected: Policy | None
) -> None:
    assert documents(declared_trust(DECLARED, subjects, current, {}, DEFAULTS, whole=whole)) == documents(expected)


def test_a_policy_that_means_the_same_stays() -> None:
    assert BOTH is not None
    document = BOTH.to_document()
    listed = [{**item, "Action": sorted(item["Action"], reverse=True)} for item in document["Statement"]]  # type: ignore[attr-defined]
    role = replace(DECLARED, trust={**document, "Statement": listed})
    assert declared_trust(role, (), BOTH, {}, DEFAULTS, whole=True) is BOTH
    assert documents(declared_trust(role, (), ONE, {}, DEFAULTS, whole=True)) == listed


def test_a_policy_that_denies_the_account_is_a_conflict() -> None:
    assert ONE is not None
    allowed = documents(ONE)[0]
    denied = parse_policy({"Version": "2012-10-17", "Statement": [allowed, {**allowed, "Effect": "Deny"}]})
    with pytest.raises(Conflict, match="role web denies shop/web; another statement would not help"):
        declared_trust(DECLARED, of(WEB), denied, {}, DEFAULTS, whole=False)
