"""Link 9 of an association that goes on to a target role, and what its session policy leaves."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from harness import table
from podid.checks.all import ORDER
from podid.checks.runner import mask
from podid.domain.aws import Role
from podid.domain.findings import Outcome, Severity
from podid.domain.snapshot import Known, Missing, Snapshot
from podid.ops.status.diagnose import diagnose

from .builder import (
    ACCOUNT,
    CLUSTER_ARN,
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
from .grid import DENIED, answers, only, verdicts

OTHER = "arn:aws:iam::444455556666:role/reports"
FOREIGN = Missing("in account 444455556666", "iam:GetRole in account 444455556666", "OtherAccount")
BASE, TARGET = "Role orders", "Role reports"
HOP = (
    "base-role-cannot-assume-target",
    "role-recreated",
    "external-id-mismatch",
    "target-role-trust-broken",
    "permissions-boundary-denies",
)
ROOT = f"arn:aws:iam::{ACCOUNT}:root"


def found(snapshot: Snapshot) -> list[tuple[str, str, str]]:
    """(id, severity, subject) of what is not explained by something else, and of what is unknown."""
    report = diagnose(snapshot)
    plain = [(v.check, v.severity.value, str(v.subject)) for v in report.findings if not v.masked_by]
    return plain + [(v.check, "unknown", str(v.subject)) for v in report.unknowns]


def target(**condition: Any) -> Known[Role | None]:
    return Known(role(TARGET_ARN, target_trust(**condition)))


def test_a_whole_second_hop_is_nothing_to_report() -> None:
    assert found(chained()) == []
    assert {v.outcome for v in run_checks_of(HOP, chained())} == {Outcome.PASS}


def test_without_a_target_role_there_is_no_verdict_on_one() -> None:
    assert [(v.check, str(v.subject)) for v in run_checks_of(HOP, healthy())] == [("role-recreated", BASE)]


def run_checks_of(ids: tuple[str, ...], snapshot: Snapshot) -> list[Any]:
    return [verdict for each in ids for verdict in verdicts(each, snapshot)]


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
def test_what_breaks_it_is_named_once(snapshot: Snapshot, expected: list[tuple[str, str, str]]) -> None:
    assert found(snapshot) == expected


def test_a_target_role_of_another_account_is_unknown_with_the_permission() -> None:
    snapshot = chained(arn=OTHER, target=FOREIGN)
    subject = f"Role {OTHER}"
    report = diagnose(snapshot)
    assert report.findings == ()
    assert {(v.check, str(v.subject), v.permission) for v in report.unknowns} == {
        (check, subject, FOREIGN.permission) for check in ("role-not-found", *HOP[1:4])
    }
    denied = chained(arn=OTHER, target=FOREIGN, decisions=Known(permissions("implicitDeny", "allowed")))
    assert found(denied)[0] == (HOP[0], "error", BASE)


def test_a_permission_that_an_unread_trust_may_make_needless_is_undecided() -> None:
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
def test_each_hop_has_its_own_documents_to_mend(first: Any, second: Any, expected: list[tuple[str, str]]) -> None:
    report = diagnose(
        chained(
            roles={ROLE_ARN: Known(None if first is None else role(document=first))},
            target=Known(None if second is None else role(TARGET_ARN, second)),
            decisions=Known(permissions("explicitDeny", "explicitDeny")),
        )
    )
    assert [(v.check, str(v.subject)) for v in report.findings if not v.masked_by] == expected
    assert report.unknowns == ()


def test_the_commands_and_the_policy_to_add() -> None:
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


MENDED = ("podid", "associate", "shop/orders", "--target-role", TARGET_ARN, "--update-trust", "--cluster", "prod")


def test_the_line_that_opens_a_target_role() -> None:
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


ANOTHER_NAMESPACE = {"StringEquals": {"aws:RequestTag/kubernetes-namespace": "web"}}


def test_two_associations_of_one_role_are_one_finding() -> None:
    snapshot = chained(
        association(), association(name="billing"), decisions=Known(permissions("explicitDeny", "allowed"))
    )
    assert only(HOP[0], snapshot).chain == ("shop/billing", "shop/orders")


@pytest.mark.parametrize(("later", "expected"), [(timedelta(hours=1), "fail"), (timedelta(seconds=30), "pass")])
def test_a_role_younger_than_its_association(later: timedelta, expected: str) -> None:
    changed = association().modified_at
    assert changed is not None
    young = replace(role(), created_at=changed + later)
    (answer,) = answers("role-recreated", healthy(roles={ROLE_ARN: Known(young)}))
    assert answer == (expected, "info" if expected == "fail" else "warn", BASE)


def test_a_trust_that_names_somebody_who_is_gone_is_a_warning() -> None:
    document: Any = trust()
    document["Statement"].append({"Effect": "Allow", "Principal": {"AWS": "AIDAOLD"}, "Action": "sts:AssumeRole"})
    assert found(healthy(roles={ROLE_ARN: Known(role(document=document))})) == [("role-recreated", "warn", BASE)]


def test_a_target_role_younger_than_its_association_is_nothing_odd() -> None:
    """EKS does not look for it when the association is made."""
    made = association().modified_at
    assert made is not None
    young = replace(role(TARGET_ARN, target_trust()), created_at=made + timedelta(days=1))
    assert found(chained(target=Known(young))) == []


@table(
    ("policy", "tags_off", "expected"),
    [
        (None, False, "not-applicable"),
        ('{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}', True, "pass"),
        ('{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}', True, "pass"),
        ('{"Statement":[{"Effect":"Deny"},{"Effect":"Allow"}]}', True, "pass"),
        ('{"Statement":[{"Effect":"Allow"}]}', False, "fail"),
        ('{"Statement":[]}', True, "fail"),
        ('{"Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}', True, "fail"),
        ("{", True, "fail"),
        ("[" * 2000, True, "fail"),
        (f'{{"Statement":[{{"Effect":"Allow","Sid":"{"x" * 2048}"}}]}}', True, "fail"),
        ('{"Statement":["Allow"]}', True, "unknown"),
        ("[]", True, "unknown"),
    ],
)
def test_session_policies(policy: str | None, tags_off: bool, expected: str) -> None:
    snapshot = healthy(associations=(association(policy=policy, disable_session_tags=tags_off),))
    assert answers("session-policy-misconfig", snapshot) == [(expected, "error", "Association shop/orders")]


def test_a_target_role_that_is_gone_is_one_finding_whoever_goes_on_to_it() -> None:
    """One association's own role is gone as well."""
    lost = f"arn:aws:iam::{ACCOUNT}:role/lost"
    snapshot = chained(
        association(),
        association(name="billing", role_arn=lost),
        roles={ROLE_ARN: Known(role()), lost: Known(None)},
        target=Known(None),
    )
    named = mask(verdicts("role-not-found", snapshot), ORDER)
    assert [(str(v.subject), v.chain, v.masked_by) for v in named if v.outcome is Outcome.FAIL] == [
        ("Role lost", ("shop/billing",), ""),
        (TARGET, ("shop/billing", "shop/orders"), ""),
    ]
