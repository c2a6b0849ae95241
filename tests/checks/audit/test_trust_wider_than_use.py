from dataclasses import replace

from checks.builder import ACCOUNT, CLUSTER_ARN, ROLE_ARN, association, healthy
from checks.grid import outcomes
from harness import table
from podid.domain.snapshot import Known, Snapshot

from .worlds import UNREAD_ROLE, trusting

SCOPED = {"aws:SourceAccount": ACCOUNT}
OF_CLUSTER = {"ArnEquals": {"aws:SourceArn": CLUSTER_ARN}, "StringEquals": SCOPED}
ID = "trust-wider-than-use"
FAILS = trusting(**OF_CLUSTER)
UNKNOWN = UNREAD_ROLE
FINDINGS = [("fail", "warn", "Role orders")]
UNKNOWNS = [("unknown", "warn", "Role orders")]
MESSAGES = ["the trust policy allows any pod in cluster prod, but 1 service account has an association with the role"]


@table(
    ("snapshot", "outcome"),
    [
        (healthy(roles={ROLE_ARN: Known(None)}), "not-applicable"),
        # trust-too-broad reports it
        (trusting(Null={"aws:SourceArn": "false"}), "not-applicable"),
        # these cannot name service accounts
        (replace(FAILS, associations=Known((association(disable_session_tags=True),))), "not-applicable"),
        # IAM does not document the operator
        (trusting(**OF_CLUSTER, StringOdd={"aws:SourceArn": "x"}), "unknown"),
        (healthy(), "pass"),
    ],
)
def test_a_trust_policy_without_an_answer_does_not_pass(snapshot: Snapshot, outcome: str) -> None:
    assert outcomes(ID, snapshot) == {outcome}
