"""Answers of the AWS CLI in a pod that has only the metadata service of its node."""

import json

import pytest

from harness import table
from podid.domain.evidence import Probed
from podid.ops.reading.probes import judge_metadata as judge

BLANK = Probed(job="default/podid-probe-1", node="node-1")
NODE = "arn:aws:sts::111122223333:assumed-role/nodes/i-0123456789abcdef0"


def of(arn: str) -> str:
    return json.dumps({"UserId": "x", "Account": "111122223333", "Arn": arn})


@pytest.mark.parametrize(
    ("text", "code", "role"),
    [
        (of(NODE), 0, "arn:aws:iam::111122223333:role/nodes"),
        # credentials that cannot be used are credentials
        ('Connect timeout on endpoint URL: "https://sts.us-west-2.amazonaws.com/"', 255, ""),
    ],
)
def test_the_pod_got_credentials(text: str, code: int, role: str) -> None:
    answer = judge(text, code, BLANK)
    assert answer.redeemed is not None
    assert (answer.redeemed.role_arn, answer.missing, answer.message) == (role, None, "")


def test_the_pod_got_none() -> None:
    answer = judge("\nUnable to locate credentials. You can configure credentials.\n", 253, BLANK)
    assert (answer.redeemed, answer.missing) == (None, None)
    assert "returned no credentials" in answer.message


@table(
    ("text", "code", "reason"),
    [
        (of("arn:aws:sts::111122223333:assumed-role/orders/eks-demo-x"), 0, "credentials of its own"),
        (of("arn:aws:iam::111122223333:user/ci"), 0, "credentials of its own"),
        ("{", 0, "not an identity"),
        (of("x"), 0, "not an identity"),
        ("exec: aws: not found", 127, "no working AWS CLI"),
        ("out of memory", 137, "exited with code 137: out of memory"),
    ],
)
def test_other_answers_are_unknown(text: str, code: int, reason: str) -> None:
    answer = judge(text, code, BLANK)
    assert answer.missing is not None
    assert (answer.redeemed, reason in answer.missing.reason) == (None, True)
