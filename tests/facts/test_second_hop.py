"""Role chaining: the permission of the association's role and the trust policy of the target role."""

from dataclasses import replace
from typing import Any

from checks.builder import (
    ACCOUNT,
    DENIED,
    TARGET_ARN,
    UNREAD,
    association,
    chained,
    permissions,
    role,
    target_trust,
)
from harness import table
from podid.domain.aws import Decision
from podid.domain.findings import Severity
from podid.domain.snapshot import Known, Snapshot, known
from podid.domain.trust import TrustVerdict
from podid.facts.second_hop import SecondHop, elsewhere, hops, target_subject

ROOT = f"arn:aws:iam::{ACCOUNT}:root"
FOREIGN = "arn:aws:iam::444455556666:role/reports"


def hop_of(snapshot: Snapshot) -> SecondHop:
    (hop,) = hops(snapshot)
    return hop


def with_target(**changes: Any) -> Known[Any]:
    return Known(role(TARGET_ARN, target_trust(**changes)))


@table(
    ("sections", "verdict", "error"),
    [
        ({}, TrustVerdict.MATCH, ""),
        ({"target": Known(None)}, TrustVerdict.NO_MATCH, "role-not-found"),
        # a role under another path is another role
        ({"target": Known(role(f"arn:aws:iam::{ACCOUNT}:role/a/reports"))}, TrustVerdict.NO_MATCH, "role-not-found"),
        ({"target": DENIED}, TrustVerdict.UNKNOWN, ""),
        ({"target": Known(role(TARGET_ARN, {"Statement": 7}))}, TrustVerdict.UNKNOWN, ""),
        ({"target": with_target(actions="sts:AssumeRole")}, TrustVerdict.NO_MATCH, "target-role-trust-broken"),
        ({"decisions": DENIED}, TrustVerdict.UNKNOWN, ""),
        (
            {"decisions": Known(permissions("explicitDeny", "allowed"))},
            TrustVerdict.NO_MATCH,
            "base-role-cannot-assume-target",
        ),
        (
            {"decisions": Known(permissions("implicitDeny", "allowed", boundary_allows=False))},
            TrustVerdict.NO_MATCH,
            "permissions-boundary-denies",
        ),
        # a Deny overrides the boundary
        (
            {"decisions": Known(permissions("explicitDeny", "allowed", boundary_allows=False))},
            TrustVerdict.NO_MATCH,
            "base-role-cannot-assume-target",
        ),
        (
            {"decisions": Known(permissions("implicitDeny", "allowed", missing_context_keys=("aws:SourceVpc",)))},
            TrustVerdict.UNKNOWN,
            "",
        ),
    ],
)
def test_permission_and_trust_policy_together(sections: dict[str, Any], verdict: TrustVerdict, error: str) -> None:
    hop = hop_of(chained(**sections))
    assert (hop.verdict, hop.error.id if hop.error is not None else "") == (verdict, error)


@table(
    ("sections", "severity"),
    [
        # the trust policy names the role, and both roles are in one account
        ({}, Severity.WARN),
        ({"target": with_target(principal=ROOT)}, Severity.ERROR),
    ],
)
def test_a_missing_permission_that_the_trust_policy_replaces(sections: dict[str, Any], severity: Severity) -> None:
    hop = hop_of(chained(decisions=Known(permissions("implicitDeny", "implicitDeny")), **sections))
    (finding,) = hop.findings
    assert (finding.id, finding.severity) == ("base-role-cannot-assume-target", severity)
    assert hop.lacks_only_a_policy


@table(
    ("decisions", "fix"),
    [
        (
            permissions("implicitDeny", "allowed"),
            "allow sts:AssumeRole on TARGET in a policy of role orders",
        ),
        (
            permissions("explicitDeny", "allowed"),
            "remove the Deny of sts:AssumeRole on TARGET from the policies of role orders",
        ),
        (
            permissions("implicitDeny", "allowed", boundary_allows=False),
            "allow sts:AssumeRole on TARGET also in the permissions boundary of role orders",
        ),
        (
            permissions("implicitDeny", "allowed", organization_allows=False),
            "allow sts:AssumeRole on TARGET for role orders in the service control policies of the organization",
        ),
    ],
)
def test_the_fix_changes_the_policy_that_denies_the_request(decisions: tuple[Decision, ...], fix: str) -> None:
    (finding,) = hop_of(chained(decisions=Known(decisions), target=with_target(principal=ROOT))).findings
    assert finding.fix == fix.replace("TARGET", TARGET_ARN)


def test_session_tags_that_are_off_need_no_permission_to_tag() -> None:
    decisions = Known(permissions("allowed", "implicitDeny"))
    untagged = chained(association(disable_session_tags=True), decisions=decisions, target=with_target(principal=ROOT))
    assert [item.severity for item in hop_of(untagged).findings] == [Severity.WARN]


def test_parts_that_were_not_read() -> None:
    assert hop_of(chained(target=DENIED, decisions=DENIED)).unknowns == (DENIED, DENIED)
    assert hop_of(chained(target=Known(None), decisions=DENIED)).unknowns == ()
    refused = hop_of(chained(target=DENIED, decisions=Known(permissions("implicitDeny", "implicitDeny"))))
    assert refused.permissions_unknown is not None
    assert "needs none if the trust policy names it" in refused.permissions_unknown.reason
    assert not hop_of(chained(decisions=Known(permissions("explicitDeny", "allowed")))).lacks_only_a_policy


def test_one_for_each_association_with_a_target_role() -> None:
    snapshot = chained(association(name="web"), association())
    listed = (*known(snapshot.associations), association(name="plain"), UNREAD)
    names = [hop.association.service_account for hop in hops(replace(snapshot, associations=Known(listed)))]
    assert names == ["orders", "web"]


def test_roles_in_another_account() -> None:
    assert elsewhere(TARGET_ARN, ACCOUNT) is None
    missing = elsewhere(FOREIGN, ACCOUNT)
    assert missing is not None
    assert (missing.permission, missing.error_code) == ("iam:GetRole in account 444455556666", "OtherAccount")
    near, far = association(target_role_arn=TARGET_ARN), association(target_role_arn=FOREIGN)
    assert (str(target_subject(near)), str(target_subject(far))) == ("Role reports", f"Role {FOREIGN}")
    assert str(target_subject(association(target_role_arn="no ARN"))) == "Role no ARN"
