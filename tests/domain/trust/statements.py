"""Statements of trust policies, for the tests of edits."""

from domain.trust.trust_helpers import (
    ACCOUNT,
    CLUSTER,
    IDENTITY,
    OIDC,
    OIDC_ID,
    SA,
    statement,
)
from podid.domain.trust import PodIdentity, ScopeKind, build_statement

OWN = build_statement(IDENTITY)


CART = build_statement(PodIdentity(CLUSTER, "shop", "cart"))


IN_NAMESPACE = build_statement(IDENTITY, ScopeKind.NAMESPACE)


IN_CLUSTER = build_statement(IDENTITY, ScopeKind.CLUSTER)


IN_ACCOUNT = build_statement(IDENTITY, ScopeKind.ACCOUNT)


BARE = statement(Sid="Bare")


EC2 = {"Sid": "Ec2", "Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}


IRSA = {
    "Effect": "Allow",
    "Principal": {"Federated": OIDC},
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": {"StringEquals": {f"{OIDC_ID}:sub": "system:serviceaccount:shop:orders"}},
}


ADMIN = {"Sid": "Admin", "Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": ["sts:AssumeRole"]}


DENY_ALL = statement(Sid="No", Effect="Deny", Principal="*", Action="sts:*")


DENY_CART = statement({"StringEquals": {SA: "cart"}}, Sid="NoCart", Effect="Deny")


DENY_STRANGERS = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "sts:AssumeRole",
    "Condition": {"StringNotEquals": {"aws:SourceAccount": ACCOUNT}},
}


TWO_PROVIDERS = {"Bool": {"aws:SecureTransport": "true"}}
