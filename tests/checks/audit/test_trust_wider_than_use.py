"""The check trust-wider-than-use."""

from checks.builder import ACCOUNT, CLUSTER_ARN
from checks.grid import answers, messages

from .worlds import UNREAD_ROLE, trusting

SCOPED = {"aws:SourceAccount": ACCOUNT}
OF_CLUSTER = {"ArnEquals": {"aws:SourceArn": CLUSTER_ARN}, "StringEquals": SCOPED}
ID = "trust-wider-than-use"
FAILS = trusting(**OF_CLUSTER)
UNKNOWN = UNREAD_ROLE


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "warn", "Role orders")]
    assert answers(ID, UNKNOWN) == [("unknown", "warn", "Role orders")]
    assert messages(ID, FAILS) == [
        "the trust policy allows any pod in cluster prod, but 1 service account has an association with the role"
    ]
