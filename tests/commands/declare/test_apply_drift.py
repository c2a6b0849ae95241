"""Every field of a declaration, changed by somebody else: the plan shows it, apply restores it, and a second plan is
empty."""

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cluster_api import Json
from harness import one_in
from ops.declare.worlds import ARN, READ, Filed
from podid.domain.names import ServiceAccountRef
from podid.domain.trust import PodIdentity, ScopeKind, build_statement
from podid.sandbox.baseline import add_cluster
from worlds import ACCOUNT, CLUSTER_ARN, trust_for

TARGET = f"{ARN}orders-dynamodb"
POLICY = "arn:aws:iam::aws:policy/"
ROLE: Any = {
    "name": "web",
    "policies": [{"name": "read", "document": READ}, {"managed": "AmazonS3ReadOnlyAccess"}],
    "boundary": "PowerUserAccess",
    "maxSessionDuration": "2h",
    "description": "the shop",
    "tags": {"team": "a"},
}
LINK: Any = {
    "serviceAccount": "shop/web",
    "role": "web",
    "targetRole": TARGET,
    "sessionTags": False,
    "sessionPolicy": READ,
    "tags": {"team": "a"},
}
NARROW: Any = {"serviceAccount": "shop/api", "role": "api"}
PODS = {"Service": "pods.eks.amazonaws.com"}
BOTH = ["sts:AssumeRole", "sts:TagSession"]
OWN = trust_for(ServiceAccountRef("shop", "api"))["Statement"][0]


def allow(principal: object, action: object = "sts:AssumeRole", **others: object) -> Json:
    return {"Effect": "Allow", "Principal": principal, "Action": action, **others}


def conditions(**equals: str) -> Json:
    return {"StringEquals": {"aws:SourceAccount": ACCOUNT, **equals}}


ROOT = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
API = PodIdentity(CLUSTER_ARN, "shop", "api")
IN_CLUSTER = {"ArnEquals": {"aws:SourceArn": CLUSTER_ARN}}
# name -> a statement that somebody adds to the trust policy of a role that the file owns
ADDED: dict[str, Json] = {
    "any pod": allow(PODS, BOTH),
    "any pod, in two statements": allow(PODS),
    "the pods of the account": allow(PODS, BOTH, Condition=conditions()),
    "the pods of the cluster": allow(PODS, BOTH, Condition={**conditions(), **IN_CLUSTER}),
    "a service account": {**trust_for(ServiceAccountRef("shop", "other"))["Statement"][0], "Sid": "Other"},
    "a pattern": allow(PODS, BOTH, Condition={"StringLike": {"aws:SourceArn": "arn:aws:eks:*:*:cluster/*"}}),
    "a service": allow({"Service": "ec2.amazonaws.com"}),
    "several services": allow({"Service": ["lambda.amazonaws.com", "pods.eks.amazonaws.com"]}, BOTH),
    "another account": allow({"AWS": "arn:aws:iam::444455556666:root"}),
    "its own account": allow(ROOT),
    "a role": allow({"AWS": f"{ARN}storefront"}),
    "everybody": allow({"AWS": "*"}),
    "an issuer": allow(
        {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.example.com"}, "sts:AssumeRoleWithWebIdentity"
    ),
    "a SAML provider": allow({"Federated": f"arn:aws:iam::{ACCOUNT}:saml-provider/corp"}, "sts:AssumeRoleWithSAML"),
    "a statement of podid, wider": build_statement(API, ScopeKind.ACCOUNT),
    "a statement of podid for another service account": build_statement(PodIdentity(CLUSTER_ARN, "shop", "gone")),
}


def _edited(**members: object) -> Json:
    edited = {**copy.deepcopy(OWN), **members}
    return {key: value for key, value in edited.items() if value is not None}


# name -> podid's own statement as somebody leaves it, or another one in its place
EDITED: dict[str, Json] = {
    "without its condition": _edited(Condition=None),
    "without the service account": _edited(
        Condition={**conditions(**{"aws:RequestTag/kubernetes-namespace": "shop"}), **IN_CLUSTER}
    ),
    "for another service account": trust_for(ServiceAccountRef("shop", "other"))["Statement"][0],
    "with a further condition": _edited(Condition={**OWN["Condition"], "Bool": {"aws:SecureTransport": "true"}}),
    "without session tags": _edited(Action="sts:AssumeRole"),
    "for another service": _edited(Principal={"Service": "ec2.amazonaws.com"}),
    "for two services": _edited(Principal={"Service": ["ec2.amazonaws.com", *PODS.values()]}),
    "with several cluster ARNs": _edited(
        Condition={**OWN["Condition"], "ArnEquals": {"aws:SourceArn": [CLUSTER_ARN, f"{CLUSTER_ARN}-2"]}}
    ),
}


@pytest.fixture
def declared(filed: Filed) -> Filed:
    """Return a file with every member of a declaration, applied, and its role `api` for a service account with session
    tags."""
    world = filed.site.box.world
    filed.site.trust(
        "orders-dynamodb",
        {"Version": "2012-10-17", "Statement": [allow({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, BOTH)]},
    )
    filed.write(roles=[ROLE, {"name": "api"}], associations=[LINK, NARROW])
    filed.apply("--update-trust")
    add_cluster(world, "blue")
    filed.settled()
    return filed


def drifted(filed: Filed, kind: str, target: str, field: str, *words: str) -> None:
    """Check that the plan, the diff and reconcile name the drift; and that apply puts it back."""
    (change,) = filed.plan(code=3)["changed"] or filed.plan(code=3)["created"]
    assert (change["kind"], change["target"]) == (kind, target)
    if field:
        assert [item["field"] for item in change["fields"]] == [field]
    diff = filed("diff")
    assert (diff.code, f"{kind}/{target}" in diff.stdout) == (3, True)
    text = filed("plan").stdout
    assert all(word in text for word in words), text
    outcome = filed("reconcile", "--once", "-o", "jsonl")
    (named,) = outcome.json["drift"]
    assert (outcome.code, named) == (3, {"cluster": "demo", **change})
    outcome = filed("reconcile", "--once", "-v")
    name = target.partition("/")[0] if kind.startswith("role") else target
    assert (outcome.code, f" {name} ({field}" in outcome.stdout or not field) == (3, True), outcome
    assert f" {name}: {field}: " in outcome.stderr or not field, outcome


@pytest.mark.parametrize("name", one_in(4, ADDED))
def test_an_added_statement_of_a_trust_policy_is_removed(declared: Filed, name: str) -> None:
    before = declared.state()
    trust = before["roles"]["api"]["trust"]
    declared.site.trust("api", {**trust, "Statement": [*trust["Statement"], ADDED[name]]})
    drifted(declared, "role-trust", "api", "policyDocument", "role api: Statement[1]", "is not in the file; it allows")
    declared.apply()
    assert declared.state() == before
    declared.settled()


@pytest.mark.parametrize("name", one_in(3, EDITED))
def test_an_edited_statement_of_a_trust_policy_is_as_declared_again(declared: Filed, name: str) -> None:
    before = declared.state()
    trust = before["roles"]["api"]["trust"]
    declared.site.trust("api", {**trust, "Statement": [EDITED[name]]})
    drifted(declared, "role-trust", "api", "policyDocument", "is not in the file; it allows")
    declared.apply()
    assert declared.state() == before
    declared.settled()


# --- the other fields -------------------------------------------------------------------------------------------------

OTHER = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
Edit = Callable[[Any, Any], None]


def _changes() -> Iterator[tuple[str, str, str, str, Edit]]:
    """Yield the kind, the target and the field of the change, and the call of IAM."""
    settings = ("role-settings", "web")
    name = {"RoleName": "web"}
    text = json.dumps(OTHER)
    hours: Any = {**name, "MaxSessionDuration": 7200}
    yield "description", *settings, "description", lambda iam, _: iam.update_role(**hours, Description="x")
    yield "no description", *settings, "description", lambda iam, _: iam.update_role(**hours, Description="")
    yield (
        "longer sessions",
        *settings,
        "maxSessionDuration",
        lambda iam, _: iam.update_role(**name, MaxSessionDuration=43200, Description="the shop"),
    )
    yield (
        "another boundary",
        *settings,
        "permissionsBoundary",
        lambda iam, _: iam.put_role_permissions_boundary(**name, PermissionsBoundary=f"{POLICY}AdministratorAccess"),
    )
    yield (
        "no boundary",
        *settings,
        "permissionsBoundary",
        lambda iam, _: iam.delete_role_permissions_boundary(**name),
    )
    yield (
        "another tag",
        *settings,
        "tags.team",
        lambda iam, _: iam.tag_role(**name, Tags=[{"Key": "team", "Value": "b"}]),
    )
    yield "no tag", *settings, "tags.team", lambda iam, _: iam.untag_role(**name, TagKeys=["team"])
    policy = {**name, "PolicyName": "read"}
    yield (
        "another inline policy",
        "role-policy",
        "web/read",
        "policyDocument",
        lambda iam, _: iam.put_role_policy(**policy, PolicyDocument=text),
    )
    yield "no inline policy", "role-policy", "web/read", "", lambda iam, _: iam.delete_role_policy(**policy)
    yield (
        "a further inline policy",
        "role-policy",
        "web/x",
        "",
        lambda iam, _: iam.put_role_policy(**name, PolicyName="x", PolicyDocument=text),
    )
    reads, all_of_s3 = f"{POLICY}AmazonS3ReadOnlyAccess", f"{POLICY}AmazonS3FullAccess"
    yield (
        "no attachment",
        "role-attachment",
        f"web/{reads}",
        "",
        lambda iam, _: iam.detach_role_policy(**name, PolicyArn=reads),
    )
    yield (
        "a further attachment",
        "role-attachment",
        f"web/{all_of_s3}",
        "",
        lambda iam, _: iam.attach_role_policy(**name, PolicyArn=all_of_s3),
    )
    link = ("association", "shop/web")
    yield "another role", *link, "roleArn", lambda _, change: change(roleArn=f"{ARN}storefront")
    yield "no target role", *link, "targetRoleArn", lambda _, change: change(targetRoleArn="")
    yield "another target role", *link, "targetRoleArn", lambda _, change: change(targetRoleArn=f"{ARN}storefront")
    yield "another session policy", *link, "policy", lambda _, change: change(policy=text)
    yield "no session policy", *link, "policy", lambda _, change: change(policy="")
    tagged = ("association", "shop/api")
    yield "no session tags", *tagged, "disableSessionTags", lambda _, change: change(of="api", disableSessionTags=True)
    yield "another tag of an association", *link, "tags.team", lambda _, change: change(tags={"team": "b"})
    yield "no tag of an association", *link, "tags.team", lambda _, change: change(untag=["team"])


@pytest.mark.parametrize(
    ("case", "kind", "target", "field", "edit"),
    one_in(4, _changes()),
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_changed_field_is_as_declared_again(
    declared: Filed, case: str, kind: str, target: str, field: str, edit: Edit
) -> None:
    before = declared.state()
    eks = declared.site.aws("eks")

    def change(of: str = "web", tags: Any = None, untag: Any = None, **settings: Any) -> None:
        listed = eks.list_pod_identity_associations(clusterName="demo", namespace="shop", serviceAccount=of)
        (item,) = listed["associations"]
        if settings:
            eks.update_pod_identity_association(clusterName="demo", associationId=item["associationId"], **settings)
        if tags:
            eks.tag_resource(resourceArn=item["associationArn"], tags=tags)
        if untag:
            eks.untag_resource(resourceArn=item["associationArn"], tagKeys=untag)

    edit(declared.site.aws("iam"), change)
    assert declared.state() != before, case
    drifted(declared, kind, target, field)
    declared.apply()
    assert declared.state() == before
    declared.settled()


def test_a_role_that_somebody_deleted_is_created_again(declared: Filed) -> None:
    before = declared.state()
    iam = declared.site.aws("iam")
    iam.detach_role_policy(RoleName="web", PolicyArn=f"{POLICY}AmazonS3ReadOnlyAccess")
    iam.delete_role_policy(RoleName="web", PolicyName="read")
    for name in iam.list_role_policies(RoleName="web")["PolicyNames"]:
        iam.delete_role_policy(RoleName="web", PolicyName=name)
    iam.delete_role_permissions_boundary(RoleName="web")
    iam.delete_role(RoleName="web")
    assert declared.plan(code=3)["created"][0]["target"] == "web"
    declared.apply()
    assert declared.state() == before
    declared.settled()


def test_a_role_with_another_path_is_a_conflict(declared: Filed) -> None:
    """Somebody created the role again: IAM cannot change a path."""
    iam = declared.site.aws("iam")
    for name in iam.list_role_policies(RoleName="api")["PolicyNames"]:
        iam.delete_role_policy(RoleName="api", PolicyName=name)
    iam.delete_role(RoleName="api")
    trust = {"Version": "2012-10-17", "Statement": [OWN]}
    iam.create_role(RoleName="api", Path="/x/", AssumeRolePolicyDocument=json.dumps(trust))
    (conflict,) = declared.plan(code=6)["conflicts"]
    assert conflict["message"] == "Role api exists and its path is /x/, not /"


def test_an_association_that_somebody_deleted_is_created_again(declared: Filed) -> None:
    before, eks = declared.state(), declared.site.aws("eks")
    (item,) = eks.list_pod_identity_associations(clusterName="demo", namespace="shop", serviceAccount="web")[
        "associations"
    ]
    eks.delete_pod_identity_association(clusterName="demo", associationId=item["associationId"])
    assert [item["target"] for item in declared.plan(code=3)["created"]] == ["shop/web"]
    declared.apply()
    assert declared.state() == before
    declared.settled()


def test_a_tag_that_somebody_added_stays(declared: Filed) -> None:
    declared.site.aws("iam").tag_role(RoleName="web", Tags=[{"Key": "cost", "Value": "1"}])
    declared.settled()
