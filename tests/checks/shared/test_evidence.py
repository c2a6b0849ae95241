"""Verdicts from redeemed tokens, podid's own pods and dry runs."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from checks.builder import (
    ACCOUNT,
    NOW,
    REDEEMED,
    ROLE_ARN,
    TARGET_ARN,
    UNREAD,
    ago,
    association,
    chained,
    healthy,
    pod,
    probed,
    role,
    target_trust,
    trial,
    trust,
)
from harness import table
from podid.checks.all import ALL, BY_ID
from podid.checks.shared.evidence import UNREAD_TARGET, failure_mode, in_evidence
from podid.checks.shared.trust import UNDECIDED
from podid.domain.aws import Association
from podid.domain.errors import ExitCode
from podid.domain.evidence import DryRun, Probed, RecentChanges
from podid.domain.findings import Outcome, Severity, Verdict
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import NOT_READ, Known, Missing, Snapshot
from podid.facts.second_hop import NOT_ALLOWED
from podid.ops.status.diagnose import diagnose
from podid.pages.index import ENTRIES

UNEXPLAINED, UNREACHED = "scp-denies-eks-auth", "host-firewall-blocks-link-local"
# EKS Auth's words: https://docs.aws.amazon.com/eks/latest/APIReference/API_auth_AssumeRoleForPodIdentity.html
REFUSED = trial(redeemed=None, refusal="AccessDeniedException", message="EKS cannot assume the associated role")
NO_TAG_SESSION = role(ROLE_ARN, trust(actions="sts:AssumeRole"))
TRIED = ("tokens", "probes", "dry_runs")
DENIED = Missing("not allowed", "eks-auth:AssumeRoleForPodIdentity", "AccessDenied")


def with_tokens(*trials: Any, of: Snapshot | None = None, **sections: Any) -> Snapshot:
    return replace(of or healthy(**sections), tokens=Known({"shop/orders": Known(trials)}))


def with_probes(*result: Any, of: Snapshot | None = None, **sections: Any) -> Snapshot:
    return replace(of or healthy(**sections), probes=Known({"shop/orders": Known(result)}))


def without(snapshot: Snapshot, *names: str) -> Snapshot:
    unread: dict[str, Any] = dict.fromkeys(names, NOT_READ)
    return replace(snapshot, **unread)


def of(section: str, snapshot: Snapshot) -> list[Verdict]:
    """Return the verdicts that checks get from one section of evidence."""
    alone = without(snapshot, *(name for name in TRIED if name != section))
    return [verdict for check in ALL for verdict in in_evidence(check, alone)]


def of_tokens(snapshot: Snapshot) -> list[tuple[str, Outcome]]:
    return [(v.check, v.outcome) for v in of("tokens", snapshot)]


def of_probes(snapshot: Snapshot) -> list[tuple[str, Outcome]]:
    return [(v.check, v.outcome) for v in of("probes", snapshot)]


# --- tokens --------------------------------------------------------------------------------------------------------


def test_a_redeemed_token_passes_and_names_its_pods() -> None:
    (passed,) = of("tokens", with_tokens(trial("a"), trial("b")))
    assert (passed.check, passed.outcome, passed.pods) == (UNEXPLAINED, Outcome.PASS, ("shop/a", "shop/b"))
    assert passed.message == f"EKS Auth issues credentials of {ROLE_ARN} for the tokens of its pods: a, b"
    assert passed.chain == ("shop/orders",)


@table(
    ("refusal", "mode", "outcome"),
    [
        ("AccessDeniedException", UNEXPLAINED, Outcome.FAIL),
        ("PackedPolicyTooLarge", "packed-policy-too-large", Outcome.FAIL),
        ("PackedPolicyTooLargeException", "packed-policy-too-large", Outcome.FAIL),
        ("ResourceNotFoundException", "association-missing", Outcome.FAIL),
        ("ServiceAccountNotFound", "association-sa-not-found", Outcome.FAIL),
        # it may be another cluster's
        ("InvalidTokenException", UNEXPLAINED, Outcome.UNKNOWN),
        ("AdmissionDenied", UNEXPLAINED, Outcome.UNKNOWN),
    ],
)
@table("sessions", [Known({}), NOT_READ])
def test_a_refusal_is_of_the_check_that_it_fits(refusal: str, mode: str, outcome: Outcome, sessions: Any) -> None:
    snapshot = replace(with_tokens(trial("b"), replace(REFUSED, refusal=refusal)), sessions=sessions)
    by_outcome = {v.outcome: v for v in of("tokens", snapshot)}
    # EKS Auth refuses the tokens of all pods for the same reason
    assert [(v.check, v.pods) for v in by_outcome.values() if v.outcome is not Outcome.PASS] == [(mode, ())]
    assert (by_outcome[Outcome.PASS].check, by_outcome[Outcome.PASS].pods) == (UNEXPLAINED, ("shop/b",))
    assert REFUSED.message in by_outcome[outcome].message + by_outcome[outcome].reason
    if outcome is Outcome.FAIL:
        assert by_outcome[outcome].message.endswith(" (1 of 2 pods)")
        fix = by_outcome[outcome].fix  # a repeated verification fixes nothing
        assert fix is None or not fix.commands
        assert by_outcome[outcome].evidence == (f"pods: {REFUSED.pod}",)
        assert mode in diagnose(snapshot).checks


def test_a_failure_of_the_trust_policy_is_one_finding() -> None:
    """Of the role's own trust policy, or of role chaining."""
    for snapshot, mode in (
        (healthy(roles={ROLE_ARN: Known(NO_TAG_SESSION)}), "trust-missing-tag-session"),
        (healthy(roles={ROLE_ARN: Known(None)}), "role-not-found"),
        (chained(target=Known(None)), "role-not-found"),
        (chained(target=Known(role(TARGET_ARN, target_trust(f"{ROLE_ARN}-other")))), "target-role-trust-broken"),
    ):
        refused = with_tokens(REFUSED, of=snapshot)
        assert of_tokens(refused) == []
        assert mode in {v.check for v in diagnose(refused).findings if v.severity is Severity.ERROR}
        assert of_probes(with_probes(probed(redeemed=None, link=9, message="no"), of=snapshot)) == []


def test_the_roles_are_named_if_they_do_not_explain_a_refusal() -> None:
    def explanation(snapshot: Snapshot, mode: str = UNEXPLAINED) -> str:
        (verdict,) = of("tokens", with_tokens(REFUSED, of=snapshot))
        assert (verdict.check, verdict.outcome) == (mode, Outcome.FAIL)
        return verdict.message.partition("associated role")[2]

    own, onward = "; the role's own trust policy allows it", "; not checked whether it can assume its target role"
    assert explanation(healthy()) == own
    lacking = Missing("not allowed", "iam:GetRole", "AccessDenied")
    unread = healthy(roles={ROLE_ARN: lacking})
    assert explanation(unread, UNDECIDED) == "; the role's trust policy was not checked: not allowed"
    assert explanation(healthy(roles=lacking)) == ""
    assert explanation(healthy(associations=lacking)) == ""
    assert explanation(chained(decisions=lacking), NOT_ALLOWED) == f"{own}{onward}: not allowed"
    # a target role of another account
    assert explanation(chained(target=lacking), UNREAD_TARGET) == f"{own}{onward}: not allowed"


def test_a_refusal_by_a_trust_policy_that_may_deny_it_is_of_the_trust_policy() -> None:
    """podid does not know the value of the condition key, but EKS Auth does."""
    document: Any = trust()
    deny = {"Effect": "Deny", "Principal": "*", "Action": "sts:*", "Condition": {"StringNotEquals": {"aws:x": "o-1"}}}
    both = role(ROLE_ARN, {**document, "Statement": [*document["Statement"], deny]})
    (verdict,) = of("tokens", with_tokens(REFUSED, of=healthy(roles={ROLE_ARN: Known(both)})))
    assert (verdict.check, verdict.outcome) == ("trust-condition-never-matches", Outcome.FAIL)
    assert "Statement[1] may deny the request" in verdict.message


def test_a_missing_service_account_is_the_finding_of_its_own_check() -> None:
    refused = replace(REFUSED, refusal="ServiceAccountNotFound")
    gone = with_tokens(refused, service_accounts=())
    assert of_tokens(gone) == []
    assert "association-sa-not-found" in {v.check for v in diagnose(gone).findings}
    assert of_tokens(with_tokens(refused, service_accounts=DENIED))[0] == ("association-sa-not-found", Outcome.FAIL)


def test_credentials_of_another_role() -> None:
    other = replace(REDEEMED, role_arn=f"{ROLE_ARN}-other")
    (verdict,) = of("tokens", with_tokens(trial(redeemed=other, expected=False)))
    assert (verdict.check, verdict.outcome) == (UNEXPLAINED, Outcome.FAIL)
    assert verdict.message == (
        f"EKS Auth issues credentials of {ROLE_ARN}-other for the tokens of its pods, instead of {ROLE_ARN}"
    )


CHANGED = RecentChanges(ACCOUNT, {"orders": ago(seconds=30)})
FAILURES = [
    (trial(redeemed=replace(REDEEMED, role_arn=f"{ROLE_ARN}-other"), expected=False), UNEXPLAINED),
    (REFUSED, UNEXPLAINED),
    (replace(REFUSED, refusal="ResourceNotFoundException"), "association-missing"),
    (replace(REFUSED, refusal="PackedPolicyTooLarge"), "packed-policy-too-large"),
    (trial(redeemed=None, missing=Missing("by another association", error_code="OtherAssociation")), UNEXPLAINED),
]


@table(("failed", "mode"), FAILURES)
@table(
    ("modified", "changes", "tried", "settles"),
    [
        (ago(seconds=5), RecentChanges(), NOW, True),
        (ago(seconds=25), RecentChanges(), NOW, False),
        # the time of the trial counts, not the time of the snapshot
        (ago(seconds=25), RecentChanges(), ago(seconds=20), True),
        (ago(days=2), CHANGED, NOW, True),
        (ago(days=2), CHANGED, NOW + timedelta(seconds=31), False),
    ],
)
def test_a_failure_seconds_after_a_change_is_unsettled(
    failed: Any, mode: str, modified: datetime, changes: RecentChanges, tried: datetime, settles: bool
) -> None:
    changed = association(modified_at=modified)
    snapshot = with_tokens(replace(failed, at=tried), associations=(changed,), changes=changes)
    (verdict,) = of("tokens", snapshot)
    assert verdict.check == mode
    if settles:
        assert (verdict.outcome, verdict.severity, verdict.error_code) == (Outcome.UNKNOWN, Severity.ERROR, "Unsettled")
        assert "the change may not be in effect yet" in verdict.reason
        assert diagnose(snapshot).exit_code() is ExitCode.UNDETERMINED
    else:
        assert verdict.error_code != "Unsettled"


def test_a_token_from_before_a_change_is_unsettled() -> None:
    snapshot = with_tokens(trial(), associations=(association(role_arn=f"{ROLE_ARN}-new", modified_at=ago(hours=1)),))
    (verdict,) = of("tokens", snapshot)
    assert (verdict.check, verdict.outcome, verdict.error_code) == (UNEXPLAINED, Outcome.UNKNOWN, "Unsettled")


@pytest.mark.parametrize(
    ("tokens", "permission", "code"),
    [
        (Known((trial(redeemed=None, missing=DENIED),)), DENIED.permission, ExitCode.UNDETERMINED),
        (Known((trial(redeemed=None, missing=Missing("no answer", error_code="Unavailable")),)), "", 9),
        (DENIED, DENIED.permission, ExitCode.UNDETERMINED),
        # no pod runs
        (Known(()), "", ExitCode.OK),
    ],
)
def test_tokens_without_a_result_are_unknown(tokens: Any, permission: str, code: int) -> None:
    snapshot = replace(healthy(), tokens=Known({"shop/orders": tokens}))
    report = diagnose(snapshot)
    assert (report.findings, report.exit_code()) == ((), code)
    assert [(v.check, v.permission, v.error_code) for v in report.unknowns] == [(UNEXPLAINED, permission, "NoEvidence")]


def test_no_pod_to_bind_a_token_to() -> None:
    for pods, explanation in (((), "no live pod uses"), ((pod(labels={SKIP: ""}),), "is excluded from Pod Identity")):
        (unknown,) = diagnose(with_tokens(pods=pods)).unknowns
        assert explanation in unknown.reason


SKIP = "eks.amazonaws.com/skip-pod-identity-webhook"


def test_an_association_that_was_not_described_settles_nothing() -> None:
    snapshot = healthy(associations=(association(), UNREAD))
    (verdict,) = of("tokens", replace(snapshot, tokens=Known({"shop/cart": Known((REFUSED,))})))
    assert (verdict.check, verdict.outcome, verdict.chain) == (UNEXPLAINED, Outcome.FAIL, ("shop/cart",))
    assert ServiceAccountRef("shop", "cart").name == verdict.subject.name


# --- podid's own pods ----------------------------------------------------------------------------------------------


def test_a_pod_with_credentials_passes_and_names_its_node() -> None:
    left = "its Job could not be deleted"
    (passed,) = of("probes", with_probes(probed(left=left)))
    assert (passed.check, passed.outcome, passed.nodes) == (UNREACHED, Outcome.PASS, ("node-1",))
    assert passed.message == f"on node-1: podid's own pod got the credentials of {ROLE_ARN}; {left}"


@table(
    ("result", "mode", "outcome"),
    [
        ({"link": 5, "message": "it cannot reach the agent"}, UNREACHED, Outcome.FAIL),
        ({"link": 3, "id": "injection-missed-webhook"}, "injection-missed-webhook", Outcome.FAIL),
        ({"link": 1, "id": "association-missing"}, "association-missing", Outcome.FAIL),
        ({"link": 1, "message": "of another role"}, "cached-credentials-after-change", Outcome.FAIL),
        ({"link": 8, "message": "it refuses it"}, "eks-auth-unreachable", Outcome.FAIL),
        ({"link": 7, "likely": "node-role-missing-eks-auth"}, "node-role-missing-eks-auth", Outcome.FAIL),
        # the agent answered, so nothing keeps the pod from it
        ({"link": 5, "likely": "service-mesh-intercepts"}, "service-mesh-intercepts", Outcome.FAIL),
        ({"link": 9, "message": "EKS Auth refuses it"}, UNEXPLAINED, Outcome.FAIL),
        ({"missing": Missing("no answer")}, UNREACHED, Outcome.UNKNOWN),
    ],
)
@table("settles", [False, True])
def test_the_check_of_a_failed_step(result: dict[str, Any], mode: str, outcome: Outcome, settles: bool) -> None:
    changed = association(modified_at=ago(seconds=5)) if settles else association()
    snapshot = with_probes(probed(redeemed=None, **result), associations=(changed,))
    (verdict,) = of("probes", snapshot)
    unsettled = settles and outcome is Outcome.FAIL
    assert (verdict.check, verdict.outcome) == (mode, Outcome.UNKNOWN if unsettled else outcome)
    # a missed injection concerns all new pods, on every node
    of_new = mode == "injection-missed-webhook"
    assert (verdict.subject.kind, verdict.nodes) == (("PodTemplate", ()) if of_new else ("ServiceAccount", ("node-1",)))
    assert verdict.error_code == ("Unsettled" if unsettled else "NoEvidence" if outcome is Outcome.UNKNOWN else "")
    assert verdict.fix is None or not verdict.fix.commands


def test_a_pod_that_was_not_scheduled_is_unknown() -> None:
    (verdict,) = diagnose(
        with_probes(probed(node="", redeemed=None, missing=Missing("refused", "create jobs")))
    ).unknowns
    assert (verdict.check, verdict.reason, verdict.permission, verdict.nodes) == (
        UNREACHED,
        "refused",
        "create jobs",
        (),
    )
    (verdict,) = diagnose(replace(healthy(), probes=Known({"shop/orders": DENIED}))).unknowns
    assert (verdict.check, verdict.permission) == (UNREACHED, DENIED.permission)


# --- dry runs ------------------------------------------------------------------------------------------------------

YOUNG, OLD = association(modified_at=ago(seconds=60)), association()
MISSED = "injection-missed-webhook"


@table(
    ("listed", "section", "outcome", "code"),
    [
        (OLD, Known(DryRun(hits=3, rounds=1, needed=1, last=NOW)), Outcome.PASS, ""),
        (OLD, Known(DryRun(misses=1, needed=1, last=NOW)), Outcome.FAIL, ""),
        (YOUNG, Known(DryRun(hits=15, rounds=5, needed=5, last=NOW)), Outcome.PASS, ""),
        (YOUNG, Known(DryRun(hits=12, rounds=4, needed=5, last=NOW)), Outcome.UNKNOWN, "Unsettled"),
        (YOUNG, Known(DryRun(hits=4, misses=1, needed=7, last=NOW)), Outcome.UNKNOWN, "Unsettled"),
        (YOUNG, Missing("no answer", error_code="Unavailable"), Outcome.UNKNOWN, "Unsettled"),
        (OLD, Missing("no answer", error_code="Unavailable"), Outcome.UNKNOWN, "NoEvidence"),
        (YOUNG, Missing("no", "create pods", "AccessDenied"), Outcome.UNKNOWN, "NoEvidence"),
        (OLD, Missing("refused", error_code="Rejected"), Outcome.UNKNOWN, "NoEvidence"),
    ],
)
def test_dry_runs_are_about_new_pods(listed: Association, section: Any, outcome: Outcome, code: str) -> None:
    snapshot = replace(healthy(associations=(listed,)), dry_runs=Known({"shop/orders": section}))
    (verdict,) = of("dry_runs", snapshot)
    assert (verdict.check, verdict.outcome, verdict.error_code) == (MISSED, outcome, code)
    assert (str(verdict.subject), verdict.chain) == ("PodTemplate shop/orders", ("shop/orders",))
    # without a dry run the check judges the webhook's registration
    assert verdict.severity is (Severity.WARN if code == "NoEvidence" else Severity.ERROR)
    assert [v.check for v in diagnose(snapshot).unknowns] == [MISSED] * (outcome is Outcome.UNKNOWN)


def test_a_missing_service_account_has_no_dry_run() -> None:
    gone = Missing("it does not exist", error_code="NotFound")
    assert of("dry_runs", replace(healthy(), dry_runs=Known({"shop/orders": gone}))) == []


def test_every_failure_of_a_probe_has_the_id_of_a_check() -> None:
    """Also without an id, and with the id of a page without a check."""
    ids = ("", *(entry.id for entry in ENTRIES))
    for link in range(1, 11):
        for name in ids:
            mode = failure_mode(Probed(job="shop/podid-probe-1", node="n", link=link, likely=name))
            assert mode in BY_ID
            assert name not in BY_ID or mode == name
