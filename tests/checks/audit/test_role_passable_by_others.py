from dataclasses import replace

from checks.builder import ACCOUNT, DENIED, healthy
from checks.grid import answers, messages, outcomes
from harness import table
from podid.domain.iam import PolicyDocument, Principal

from .worlds import PIPELINE

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
