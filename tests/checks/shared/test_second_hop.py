"""Role chaining: each failure is the finding of one check."""

from dataclasses import replace
from typing import Any

import pytest

from checks.builder import (
    ACCOUNT,
    CLUSTER_ARN,
    DENIED,
    ROLE_ARN,
    TARGET_ARN,
    association,
    chained,
    healthy,
    permissions,
    role,
    target_trust,
    trust,
)
from checks.grid import only, reported, verdicts
from harness import table
from podid.domain.aws import Role
from podid.domain.findings import Outcome, Severity
from podid.domain.snapshot import Known, Missing, Snapshot
from podid.ops.status.diagnose import diagnose

HOP = (
    "base-role-cannot-assume-target",
    "role-recreated",
    "external-id-mismatch",
    "target-role-trust-broken",
    "permissions-boundary-denies",
)


def run_checks_of(ids: tuple[str, ...], snapshot: Snapshot) -> list[Any]:
    return [verdict for check_id in ids for verdict in verdicts(check_id, snapshot)]


def test_complete_role_chaining_has_no_finding() -> None:
    assert reported(chained()) == []
    assert {v.outcome for v in run_checks_of(HOP, chained())} == {Outcome.PASS}


BASE, TARGET = "Role orders", "Role reports"


def test_without_a_target_role_there_is_no_verdict() -> None:
    assert [(v.check, str(v.subject)) for v in run_checks_of(HOP, healthy())] == [("role-recreated", BASE)]


ROOT = f"arn:aws:iam::{ACCOUNT}:root"


def target(**condition: Any) -> Known[Role | None]:
    return Known(role(TARGET_ARN, target_trust(**condition)))


@table(
    ("snapshot", "expected"),
    [
        # the target role
        (chained(target=Known(None)), [("role-not-found", "error", TARGET)]),
        (
            chained(target=Known(role(f"arn:aws:iam::{ACCOUNT}:role/apps/reports"))),
            [("role-not-found", "error", TARGET)],
        ),
        # its trust
        (chained(target=target(principal=ROOT)), []),
        (chained(target=target(actions="sts:AssumeRole")), [("target-role-trust-broken", "error", TARGET)]),
        (
            chained(
                association(disable_session_tags=True),
                target=target(actions="sts:AssumeRole"),
                roles={ROLE_ARN: Known(role(document=trust(ArnEquals={"aws:SourceArn": CLUSTER_ARN})))},
            ),
            [("target-role-trust-broken", "warn", TARGET)],
        ),
        (
            chained(target=target(principal=f"arn:aws:iam::{ACCOUNT}:role/another")),
            [("target-role-trust-broken", "error", TARGET)],
        ),
        (chained(target=target(principal="AROAOLD")), [("role-recreated", "error", TARGET)]),
        (
            chained(target=target(StringEquals={"sts:ExternalId": "another"})),
            [("external-id-mismatch", "error", TARGET)],
        ),
        (
            chained(target=target(StringEquals={"sts:ExternalId": f"eu-west-1/{ACCOUNT}/prod/shop/orders"})),
            [("target-role-trust-broken", "unknown", TARGET)],
        ),
        # the permission
        (
            chained(decisions=Known(permissions("implicitDeny", "implicitDeny"))),
            [("base-role-cannot-assume-target", "warn", BASE)],
        ),
        (
            chained(decisions=Known(permissions("implicitDeny", "implicitDeny")), target=target(principal=ROOT)),
            [("base-role-cannot-assume-target", "error", BASE)],
        ),
        (
            chained(decisions=Known(permissions("allowed", "explicitDeny"))),
            [("base-role-cannot-assume-target", "error", BASE)],
        ),
        (
            chained(decisions=Known(permissions("implicitDeny", "implicitDeny", boundary_allows=False))),
            [("permissions-boundary-denies", "error", BASE)],
        ),
        (
            chained(decisions=Known(permissions("implicitDeny", "allowed", missing_context_keys=("aws:SourceVpc",)))),
            [("base-role-cannot-assume-target", "unknown", BASE)],
        ),
    ],
)
def test_each_failure_is_one_finding(snapshot: Snapshot, expected: list[tuple[str, str, str]]) -> None:
    assert reported(snapshot) == expected


@table("principal", ["AROAOLD", f"arn:aws:iam::{ACCOUNT}:role/another"])
def test_the_state_has_the_cause_that_the_doctor_names(principal: str) -> None:
    report = diagnose(chained(target=target(principal=principal)))
    (finding,) = (verdict for verdict in report.findings if not verdict.masked_by)
    assert [identity.cause for identity in report.identities] == [finding]


FOREIGN = Missing("in account 444455556666", "iam:GetRole in account 444455556666", "OtherAccount")
OTHER = "arn:aws:iam::444455556666:role/reports"


def test_a_target_role_of_another_account_is_unknown_with_the_permission() -> None:
    snapshot = chained(arn=OTHER, target=FOREIGN)
    subject = f"Role {OTHER}"
    report = diagnose(snapshot)
    assert report.findings == ()
    assert {(v.check, str(v.subject), v.permission) for v in report.unknowns} == {
        (check, subject, FOREIGN.permission) for check in ("role-not-found", *HOP[1:4])
    }
    denied = chained(arn=OTHER, target=FOREIGN, decisions=Known(permissions("implicitDeny", "allowed")))
    assert reported(denied)[0] == (HOP[0], "error", BASE)


def test_a_permission_that_an_unread_trust_policy_may_replace_is_unknown() -> None:
    snapshot = chained(target=DENIED, decisions=Known(permissions("implicitDeny", "implicitDeny")))
    (verdict,) = verdicts(HOP[0], snapshot)
    assert (verdict.outcome, verdict.permission) == (Outcome.UNKNOWN, DENIED.permission)
    assert "needs none if the trust policy names it" in verdict.reason
    assert [v for v in diagnose(snapshot).findings if v.severity is Severity.ERROR] == []


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (None, None, [("role-not-found", BASE), ("role-not-found", TARGET)]),
        (None, target_trust(actions="sts:AssumeRole"), [("role-not-found", BASE)]),
        (trust("ec2.amazonaws.com"), None, [("role-not-found", TARGET), ("trust-wrong-principal", BASE)]),
        (
            trust("ec2.amazonaws.com"),
            target_trust(actions="sts:AssumeRole"),
            [
                ("trust-wrong-principal", BASE),
                ("base-role-cannot-assume-target", BASE),
                ("target-role-trust-broken", TARGET),
            ],
        ),
    ],
)
def test_each_role_has_its_own_findings(first: Any, second: Any, expected: list[tuple[str, str]]) -> None:
    report = diagnose(
        chained(
            roles={ROLE_ARN: Known(None if first is None else role(document=first))},
            target=Known(None if second is None else role(TARGET_ARN, second)),
            decisions=Known(permissions("explicitDeny", "explicitDeny")),
        )
    )
    assert [(v.check, str(v.subject)) for v in report.findings if not v.masked_by] == expected
    assert report.unknowns == ()


def test_the_fix_is_a_policy_or_a_statement() -> None:
    refused = permissions("implicitDeny", "implicitDeny")
    verdict = only(HOP[0], chained(decisions=Known(refused), target=target(principal=ROOT)))
    assert verdict.fix is not None
    (command,) = verdict.fix.commands
    assert command[:7] == ("aws", "iam", "put-role-policy", "--role-name", "orders", "--policy-name", "assume-reports")
    assert TARGET_ARN in command[-1]
    denied = only(HOP[0], chained(decisions=Known(permissions("explicitDeny", "allowed"))))
    assert denied.fix is not None
    assert denied.fix.commands == ()
    verdict = only(HOP[3], chained(target=target(actions="sts:AssumeRole")))
    assert verdict.evidence[0] == "fix: add sts:TagSession to the Action of Statement[0]"
    assert verdict.evidence[1].startswith("statement for its owner to add to the trust policy: {")


ANOTHER_NAMESPACE = {"StringEquals": {"aws:RequestTag/kubernetes-namespace": "web"}}
MENDED = ("podid", "associate", "shop/orders", "--target-role", TARGET_ARN, "--update-trust", "--cluster", "prod")


def test_the_command_that_adds_a_statement_to_the_target_role() -> None:
    """It is there where podid can add the statement, and where that would help."""

    def lines(check: str, snapshot: Snapshot) -> tuple[tuple[str, ...], ...]:
        fix = only(check, snapshot).fix
        assert fix is not None
        return fix.commands

    somebody = f"arn:aws:iam::{ACCOUNT}:role/another"
    for broken in (target(actions="sts:AssumeRole"), target(principal=somebody), target(**ANOTHER_NAMESPACE)):
        assert lines("target-role-trust-broken", chained(target=broken)) == (MENDED,)
    mismatch = target(StringEquals={"sts:ExternalId": "another"})
    assert lines("external-id-mismatch", chained(target=mismatch)) == (MENDED,)
    several = chained(*(association(name=f"a{n:02}") for n in range(12)), target=target(principal=somebody))
    assert lines("target-role-trust-broken", several)[0][2:12] == tuple(f"shop/a{n:02}" for n in range(10))
    document: Any = target_trust(principal=somebody)
    gone = {
        **document,
        "Statement": [*document["Statement"], {**document["Statement"][0], "Principal": {"AWS": "AROAX"}}],
    }
    whole: Any = target_trust()
    denies = {**document, "Statement": [*whole["Statement"], {**document["Statement"][0], "Effect": "Deny"}]}
    denies["Statement"][-1]["Principal"] = {"AWS": ROLE_ARN}
    for unmendable in (gone, denies):
        assert lines("target-role-trust-broken", chained(target=Known(role(TARGET_ARN, unmendable)))) == ()
    foreign = chained(arn=OTHER, target=Known(replace(role(OTHER, document), arn=OTHER)))
    assert lines("target-role-trust-broken", foreign) == ()


def test_two_associations_of_one_role_are_one_finding() -> None:
    snapshot = chained(
        association(), association(name="billing"), decisions=Known(permissions("explicitDeny", "allowed"))
    )
    assert only(HOP[0], snapshot).chain == ("shop/billing", "shop/orders")
