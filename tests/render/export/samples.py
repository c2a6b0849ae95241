"""Live identities with the most difficult names, tags and policies that AWS accepts."""

import json
from typing import Any

from podid.domain.aws import Association, Cluster, Role
from podid.domain.names import ServiceAccountRef
from podid.domain.trust import PodIdentity, add, build_statement, new_policy
from podid.ops.declare.export import LiveIdentities, LiveRole

ACCOUNT, REGION = "111122223333", "us-west-2"
CLUSTER = Cluster(name="demo", arn=f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/demo", version="1.36", status="ACTIVE")
OTHER_ROLE = "arn:aws:iam::444455556666:role/ledger"
MANAGED = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/limit"
# policy variables, a template directive, quotes, a character outside of the BMP, and a command of a CI runner
STATEMENT = {
    "Sid": "Own",
    "Effect": "Allow",
    "Action": ["s3:GetObject"],
    "Resource": 'arn:aws:s3:::b/${aws:PrincipalTag/kubernetes-namespace}/%{x}/"q"/\U0001f600/##[error]/$${a}',
}
INLINE: dict[str, Any] = {"Version": "2012-10-17", "Statement": [STATEMENT]}
OTHER: dict[str, Any] = {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}}
# EKS accepts characters in tags that IAM refuses
TAG = "'single' \"double\" ${x} %{y}"
SESSION = f'{{ "Version": "2012-10-17", "Statement": [ {json.dumps({**STATEMENT, "Sid": "Some"})} ] }}'


def identity(ref: str) -> PodIdentity:
    item = ServiceAccountRef.parse(ref)
    return PodIdentity(cluster_arn=CLUSTER.arn, namespace=item.namespace, service_account=item.name)


def trust(*refs: str) -> dict[str, Any]:
    policy = new_policy(identity(refs[0]))
    for ref in refs[1:]:
        policy = add(policy, identity(ref)).policy
    return dict(policy.document)


def role(name: str, document: dict[str, Any], **more: Any) -> Role:
    path = more.get("path", "/")
    arn = f"arn:aws:iam::{ACCOUNT}:role{path}{name}"
    return Role(name=name, arn=arn, **{"path": "/", "role_id": "AROAX", "trust": document, **more})


def association(ref: str, role_arn: str, number: int, **more: Any) -> Association:
    item = ServiceAccountRef.parse(ref)
    id_ = f"a-{number:017d}"
    return Association(
        cluster_name="demo",
        namespace=item.namespace,
        service_account=item.name,
        role_arn=role_arn,
        association_id=id_,
        association_arn=f"arn:aws:eks:{REGION}:{ACCOUNT}:podidentityassociation/demo/{id_}",
        **more,
    )


PLAIN = LiveRole(
    role("a", trust("shop/orders", "shop/basket"), tags={"managed-by": "podid", "podid:owner": "demo", "aws:x": "y"}),
    (MANAGED,),
    {"b-c": INLINE},
)
FULL = LiveRole(
    role(
        "A-b",
        {"Version": "2012-10-17", "Statement": [{**build_statement(identity("shop/pay")), "Sid": "Pay"}]},
        path="/team/shop/",
        description='Soft\u00adhyphen, "quotes", \ttab and ${template} ü',
        max_session_seconds=7200,
        permissions_boundary_arn=BOUNDARY,
        tags={"team": "shop ü @ +1", "k.o/1": ""},
    ),
    (),
    {"c": INLINE, "c.": OTHER},
)
# without a statement for pods alone
LEGACY = LiveRole(
    role(
        "legacy",
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": ["pods.eks.amazonaws.com", "ec2.amazonaws.com"]},
                    "Action": ["sts:AssumeRole", "sts:TagSession"],
                }
            ],
        },
    )
)
ROLES = (PLAIN, FULL, LEGACY)
ASSOCIATIONS = (
    association("shop/basket", PLAIN.role.arn, 1),
    association("shop/orders", PLAIN.role.arn, 2, target_role_arn=OTHER_ROLE, tags={"aws:a": "b", "cost": "42"}),
    association("shop/pay", FULL.role.arn, 3, disable_session_tags=True, policy=SESSION, tags={"no": "0123", "q": TAG}),
    association("old/app.v1", LEGACY.role.arn, 4, target_role_arn=FULL.role.arn),
    association("old/app-v1", f"arn:aws:iam::{ACCOUNT}:role/unknown", 5),
)
NOTES = ("omitted: kube-system/ebs, because the add-on aws-ebs-csi-driver owns the association",)
SAMPLE = LiveIdentities(CLUSTER, ASSOCIATIONS, ROLES, NOTES)
EMPTY = LiveIdentities(CLUSTER)
