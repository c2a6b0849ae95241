"""What the output of podid's own pod means."""

import json

import pytest

from podid.domain.model import Association
from podid.domain.proof import VerifyState
from podid.ops.association.answer import judge
from podid.ops.association.read import AssociationReading

ROLE = "arn:aws:iam::111122223333:role/apps/orders"
READING = AssociationReading(
    Association(
        cluster_name="demo",
        namespace="shop",
        service_account="orders",
        association_id="a-1",
        association_arn="",
        role_arn=ROLE,
    )
)
METADATA = "Error when retrieving credentials from container-role: Error retrieving metadata: "
REFUSED = f"{METADATA}Received non 200 response 400 from container metadata: [x]: "
TIMEOUT = (
    f"{METADATA}Received error when attempting to retrieve container metadata: Connect timeout on endpoint URL: "
    '"http://[fd00:ec2::23]/v1/credentials"'
)


def who(role: str) -> str:
    arn = f"arn:aws:sts::111122223333:assumed-role/{role}/eks-demo-x"
    return json.dumps({"UserId": "AROA:eks-demo-x", "Account": "111122223333", "Arn": arn}, indent=4)


@pytest.mark.parametrize(
    ("text", "code", "expected"),
    [
        (who("orders"), 0, (VerifyState.PROVEN, "", 0)),
        (who("node-role"), 0, (VerifyState.FAILED, "", 1)),
        ("", 0, (VerifyState.UNKNOWN, "", 0)),
        ("[]", 0, (VerifyState.UNKNOWN, "", 0)),
        (json.dumps({"Arn": 7}), 0, (VerifyState.UNKNOWN, "", 0)),
        (json.dumps({"Arn": "no arn"}), 0, (VerifyState.UNKNOWN, "", 0)),
        ("[" * 100_000, 0, (VerifyState.UNKNOWN, "", 0)),
        (TIMEOUT, 255, (VerifyState.FAILED, "", 5)),
        (
            f"{REFUSED}(ResourceNotFoundException): No association found",
            255,
            (VerifyState.FAILED, "association-missing", 1),
        ),
        (
            f"{REFUSED}(AccessDeniedException): Unauthorized Exception! EKS does not have permissions to assume the "
            "associated role., fault: client",
            255,
            (VerifyState.FAILED, "", 9),
        ),
        (f"{REFUSED}something that nobody has seen", 255, (VerifyState.FAILED, "", 8)),
        ('Connect timeout on endpoint URL: "https://sts.us-west-2.amazonaws.com/"', 255, (VerifyState.UNKNOWN, "", 0)),
        (
            'Unable to locate credentials. You can configure credentials by running "aws configure".',
            253,
            (VerifyState.UNKNOWN, "", 0),
        ),
        ("exec: aws: not found", 127, (VerifyState.UNKNOWN, "", 0)),
        ("", 137, (VerifyState.UNKNOWN, "", 0)),
    ],
)
def test_each_answer(text: str, code: int, expected: tuple[VerifyState, str, int]) -> None:
    answer = judge(text, code, READING)
    assert (answer.state, answer.id, answer.link) == expected
    assert bool(answer.reason) is (answer.identity is None)
    assert len(answer.reason) < 700
