"""The check role-passable-by-others."""

from dataclasses import replace

from checks.builder import ACCOUNT, DENIED, healthy
from checks.grid import answers, outcomes
from podid.domain.iam import PolicyDocument, Principal

from .worlds import PIPELINE

ID = "role-passable-by-others"
FAILS = healthy(principals=(PIPELINE,))
UNKNOWN = healthy(principals=DENIED)


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "info", "Role pipeline")]
    assert answers(ID, UNKNOWN) == [("unknown", "info", "Cluster prod")]


def test_administrators_are_no_finding() -> None:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    admin = Principal(f"arn:aws:iam::{ACCOUNT}:user/root", (PolicyDocument("all", document),))
    linked = replace(PIPELINE, arn=f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/eks.amazonaws.com/x")
    assert outcomes(ID, healthy(principals=(admin, linked))) == {"pass"}
    assert outcomes(ID, healthy(principals=(admin, PIPELINE))) == {"fail"}
