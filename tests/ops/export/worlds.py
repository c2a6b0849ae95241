"""Associations to export."""

import json

from podid.domain.trust import PodIdentity, new_policy
from worlds import ACCOUNT, CLUSTER_ARN, Site

RESOURCE = "arn:aws:s3:::b/${aws:PrincipalTag/team}/${y}"
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": RESOURCE}]}


def associated(site: Site) -> Site:
    """Add associations of shop/orders with a role of podid, and of shop/cart with another role, without
    session tags."""
    iam, eks, policy = site.aws("iam"), site.aws("eks"), json.dumps(POLICY)
    trust = new_policy(PodIdentity(CLUSTER_ARN, "shop", "orders")).document
    mark = {"Key": "managed-by", "Value": "podid"}
    iam.create_role(RoleName="orders", AssumeRolePolicyDocument=json.dumps(trust), Tags=[mark])
    iam.put_role_policy(RoleName="orders", PolicyName="p", PolicyDocument=policy)
    for account, role, settings in (
        ("orders", "orders", {"tags": {"no": "0123"}}),
        ("cart", "storefront", {"disableSessionTags": True, "policy": policy}),
    ):
        arn = f"arn:aws:iam::{ACCOUNT}:role/{role}"
        eks.create_pod_identity_association(
            clusterName="demo", namespace="shop", serviceAccount=account, roleArn=arn, **settings
        )
    return site
