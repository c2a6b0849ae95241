from dataclasses import replace
from typing import Any

from checks.builder import ACCOUNT, DENIED, healthy
from checks.grid import answers, messages, outcomes, verdicts
from harness import table
from podid.domain.iam import PolicyDocument, Principal

from .worlds import PIPELINE, allowing

ID = "role-passable-by-others"
FAILS = healthy(principals=(PIPELINE,))
UNKNOWN = healthy(principals=DENIED)
FINDINGS = [("fail", "info", "Role pipeline")]
UNKNOWNS = [("unknown", "info", "Cluster prod")]


def test_administrators_are_no_finding() -> None:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    admin = Principal(f"arn:aws:iam::{ACCOUNT}:user/root", (PolicyDocument("all", document),))
    linked = replace(PIPELINE, arn=f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/eks.amazonaws.com/x")
    assert outcomes(ID, healthy(principals=(admin, linked))) == {"pass"}
    assert outcomes(ID, healthy(principals=(admin, PIPELINE))) == {"fail"}
    bounded = replace(PIPELINE, boundary=PolicyDocument("limit", {"Version": "2012-10-17", "Statement": []}))
    assert outcomes(ID, healthy(principals=(bounded,))) == {"pass"}


@table("action", ["*", "*:*", "iam:*", ["iam:*", "eks:*"]])
def test_all_administrators_are_omitted(action: Any) -> None:
    """role-administrator reports the same principals if they have an association."""
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    admin = replace(PIPELINE, policies=(PolicyDocument("p", {"Version": "2012-10-17", "Statement": [statement]}),))
    assert outcomes(ID, healthy(principals=(admin,))) == {"pass"}
    assert outcomes("role-administrator", allowing(Action=action, Resource="*")) == {"fail"}


VPC = {"StringEquals": {"aws:SourceVpce": "vpce-1"}}


@table(
    ("associate", "passing", "answer"),
    [
        ({}, {}, "fail"),
        ({"Condition": VPC}, {}, "unknown"),
        ({}, {"Condition": VPC}, "unknown"),
        ({"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}, {}, "fail"),
        ({"Condition": {"StringEquals": {"aws:username": "ada"}}}, {}, "pass"),
        ({}, {"Condition": {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}}, "pass"),
        ({}, {"Condition": {"StringEquals": {"iam:PassedToService": "pods.eks.amazonaws.com"}}}, "fail"),
    ],
)
def test_conditions(associate: dict[str, Any], passing: dict[str, Any], answer: str) -> None:
    statements = [
        {"Effect": "Allow", "Action": "eks:CreatePodIdentityAssociation", "Resource": "*", **associate},
        {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*", **passing},
    ]
    policy = PolicyDocument("p", {"Version": "2012-10-17", "Statement": statements})
    (verdict,) = verdicts(ID, healthy(principals=(replace(PIPELINE, policies=(policy,)),)))
    user = replace(PIPELINE, arn=f"arn:aws:iam::{ACCOUNT}:user/teams/ada", policies=(policy,))
    if "aws:username" in str(associate):
        assert outcomes(ID, healthy(principals=(user,))) == {"fail"}
    assert verdict.outcome.value == answer
    assert answer != "unknown" or "aws:SourceVpce" in verdict.message


def test_roles_of_identity_center_are_roles_that_people_use() -> None:
    path = "aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Deployers_0123456789abcdef"
    person = replace(PIPELINE, arn=f"arn:aws:iam::{ACCOUNT}:role/{path}")
    assert answers(ID, healthy(principals=(person,))) == [
        ("fail", "info", "Role AWSReservedSSO_Deployers_0123456789abcdef")
    ]


@table(
    ("actions", "accounts"),
    [
        ("eks:*PodIdentity*", "any service account in the cluster"),
        ("eks:CreatePodIdentityAssociation", "any service account in the cluster"),
        ("eks:UpdatePodIdentityAssociation", "any service account with an association in the cluster"),
    ],
)
def test_an_update_requires_an_association(actions: str, accounts: str) -> None:
    statement = {"Effect": "Allow", "Action": [actions, "iam:PassRole"], "Resource": "*"}
    policy = PolicyDocument("p", {"Version": "2012-10-17", "Statement": [statement]})
    snapshot = healthy(principals=(replace(PIPELINE, policies=(policy,)),))
    assert messages(ID, snapshot) == [f"this role can give 1 role to {accounts}"]
