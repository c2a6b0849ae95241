from typing import Any

from checks.builder import DENIED, ROLE_ARN, association, healthy
from checks.grid import answers, messages
from harness import table
from podid.domain.iam import PolicyNames
from podid.domain.snapshot import Known

ID = "role-no-permissions"
FAILS = healthy(role_policies={ROLE_ARN: Known(PolicyNames())})
UNKNOWN = healthy(role_policies={ROLE_ARN: DENIED})
FINDINGS = [("fail", "warn", "Role orders")]
UNKNOWNS = [("unknown", "error", "Role orders")]


def test_a_missing_role_is_not_judged() -> None:
    snapshot = healthy(roles={ROLE_ARN: Known(None)}, role_policies={ROLE_ARN: DENIED})
    assert [a[0] for a in answers(ID, snapshot)] == ["not-applicable"]


def test_a_role_that_only_assumes_its_target_role_is_not_judged() -> None:
    """The trust of a target role of the same account may name it, and that is enough."""
    onward = association("web", target_role_arn=f"{ROLE_ARN}-data")
    for associations, outcome in (((onward,), "not-applicable"), ((onward, association()), "fail")):
        snapshot = healthy(associations=associations, role_policies={ROLE_ARN: Known(PolicyNames())})
        assert [a[0] for a in answers(ID, snapshot)] == [outcome]


READS = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:List*"], "Resource": "*"}
DENY_ALL = {"Effect": "Deny", "Action": "*", "Resource": "*"}
REVOKED = DENY_ALL | {"Condition": {"DateLessThan": {"aws:TokenIssueTime": "2026-11-24T03:00:00Z"}}}


@table(
    ("statements", "outcome"),
    [
        ([READS], "pass"),
        ([READS, DENY_ALL], "error"),
        ([READS, DENY_ALL | {"Action": ["s3:*", "*:*"]}], "error"),
        ([READS, {"Effect": "Deny", "NotAction": [], "Resource": "*"}], "error"),
        ([READS, REVOKED], "pass"),
        ([READS, DENY_ALL | {"Resource": "arn:aws:s3:::archive/*"}], "pass"),
        ([READS, DENY_ALL | {"Action": "s3:*"}], "warn"),
        ([READS, DENY_ALL | {"Action": "s3:Get*"}], "pass"),
        ([DENY_ALL | {"Action": "s3:*"}], "warn"),
        ([{"Effect": "Allow", "Resource": "*"}], "pass"),
        ([], "warn"),
    ],
)
def test_policies_that_allow_nothing(statements: list[dict[str, Any]], outcome: str) -> None:
    """Credentials are issued, and no request with them succeeds."""
    halves = (statements[:1], statements[1:])
    policies = {f"half-{number}": Known({"Statement": half}) for number, half in enumerate(halves)}
    snapshot = healthy(permission_policies={ROLE_ARN: Known(policies)})
    ((answer, severity, _),) = answers(ID, snapshot)
    assert (answer if answer == "pass" else severity) == outcome
    if outcome == "error":
        assert messages(ID, snapshot) == [
            "policy half-1 of the role denies every action: its pods have no permissions",
        ]


def test_policies_that_were_not_read_are_not_judged() -> None:
    for policies in (DENIED, Known({"deny": Known({"Statement": DENY_ALL}), "more": DENIED})):
        assert [a[0] for a in answers(ID, healthy(permission_policies={ROLE_ARN: policies}))] == ["pass"]
