from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from checks.builder import BOUNDARY_ARN, DENIED, READS, ROLE_ARN, healthy, role
from checks.grid import outcomes, verdicts
from harness import table
from podid.domain.snapshot import Known, Snapshot

from .worlds import UNREAD_POLICIES, allowing

ID = "role-administrator"
FAILS = allowing(Action="*", Resource="*")
UNKNOWN = UNREAD_POLICIES
FINDINGS = [("fail", "warn", "Role orders")]
UNKNOWNS = [("unknown", "warn", "Role orders")]


def bounded(snapshot: Snapshot, **statement: Any) -> Snapshot:
    """The same with a permissions boundary of this one statement."""
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}
    limited = replace(role(), permissions_boundary_arn=BOUNDARY_ARN)
    return replace(snapshot, roles=Known({ROLE_ARN: Known(limited)}), boundaries=Known({BOUNDARY_ARN: Known(document)}))


@table(
    ("snapshot", "outcome"),
    [
        (allowing(Action="*", Resource="*"), "fail"),
        (allowing(Action=["s3:*", "iam:*"], Resource=["*"]), "fail"),
        (allowing(NotAction=["iam:*", "organizations:*"], Resource="*"), "fail"),
        (allowing(Action="s3:*", Resource="*"), "pass"),
        (allowing(Action="*", Resource="arn:aws:s3:::orders/*"), "pass"),
        (allowing(Action="*", Resource="*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}), "pass"),
        (bounded(allowing(Action="*", Resource="*"), Action="s3:*", Resource="*"), "pass"),
        (bounded(allowing(Action="*", Resource="*"), Action="*", Resource="*"), "fail"),
        (replace(bounded(allowing(Action="*", Resource="*")), boundaries=Known({BOUNDARY_ARN: DENIED})), "unknown"),
        (healthy(roles={ROLE_ARN: Known(None)}), "not-applicable"),
        (healthy(permission_policies={ROLE_ARN: Known({"p": Known({"Statement": [{"Effect": "?"}]})})}), "unknown"),
        (healthy(permission_policies={ROLE_ARN: Known({"p": Known(READS), "q": DENIED})}), "unknown"),
    ],
)
def test_policies_that_allow_all_actions(snapshot: Snapshot, outcome: str) -> None:
    assert outcomes(ID, snapshot) == {outcome}


def with_policy(*statements: Mapping[str, object]) -> Snapshot:
    return healthy(permission_policies={ROLE_ARN: Known({"p": Known({"Statement": list(statements)})})})


ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
POWER = {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*"], "Resource": "*"}


@table(
    ("snapshot", "words"),
    [
        (with_policy(ALL), "all actions"),
        (with_policy(POWER), "all actions except iam:*, organizations:*"),
        # another statement allows the actions that NotAction names
        (
            with_policy(POWER, {"Effect": "Allow", "Action": "iam:*", "Resource": "*"}),
            "all actions except organizations:*",
        ),
        (with_policy(POWER, ALL), "all actions"),
        (with_policy(ALL, {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}), "all actions except iam:*"),
        (with_policy(ALL, {"Effect": "Deny", "Action": "iam:*", "Resource": "arn:aws:iam::*:role/a"}), "all actions"),
        (bounded(with_policy(ALL), NotAction="iam:*", Resource="*"), "all actions except iam:*"),
        (
            with_policy(
                {"Effect": "Allow", "Action": "iam:*", "Resource": "*"},
                {"Effect": "Deny", "Action": ["iam:CreateUser", "s3:*"], "Resource": "*"},
            ),
            "all actions of IAM except iam:createuser",
        ),
    ],
)
def test_the_finding_names_the_excluded_actions(snapshot: Snapshot, words: str) -> None:
    assert [verdict.message for verdict in verdicts(ID, snapshot)] == [f"the role allows {words} on any resource"]
