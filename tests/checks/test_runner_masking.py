"""A failure is a consequence only of what can bring it about."""

from collections.abc import Mapping
from itertools import permutations

import pytest

from harness import table
from podid.checks.all import BY_ID, ORDER
from podid.checks.runner import CAUSES, OF_ITS_OWN, mask
from podid.domain.findings import NO_SERVICE_ACCOUNT, Outcome, Severity, Subject, Verdict


def failing(check_id: str, *chain: str, severity: Severity = Severity.ERROR, masked_by: str = "") -> Verdict:
    return Verdict(
        check=check_id,
        outcome=Outcome.FAIL,
        subject=Subject("X", check_id),
        message="m",
        severity=severity,
        link=BY_ID[check_id].link,
        chain=chain,
        masked_by=masked_by,
    )


def masks(*verdicts: Verdict) -> Mapping[str, str]:
    return {v.check: v.masked_by for v in mask(verdicts, ORDER)}


# what a check of these reads is written down: in IAM, in EKS, in the routes of the VPC, in the manifest of the pods
WRITTEN_DOWN = frozenset(
    name
    for name, check in BY_ID.items()
    if not {"agent_pods", "agent_logs", "agent_warnings", "agent_addon"} & {*check.needs}
    and check.link not in (3, 6)
    and name not in NO_SERVICE_ACCOUNT
) - {"association-deleted-env-remains"}


@pytest.mark.parametrize("chain", [("a/b",), ("*",)], ids=["one", "everybody"])
def test_of_all_pairs_a_cause_explains_only_its_symptoms(chain: tuple[str, ...]) -> None:
    """Every pair of failures of the same service account: none but the pairs of the table."""
    failures = {check_id: failing(check_id, *chain) for check_id in BY_ID}
    explained = {
        (cause, symptom)
        for cause, symptom in permutations(BY_ID, 2)
        if masks(failures[cause], failures[symptom])[symptom]
    }
    everybody = {(cause, name) for cause in NO_SERVICE_ACCOUNT for name in BY_ID if name not in (cause, *OF_ITS_OWN)}
    later = {pair for pair in everybody if ORDER[pair[0]] < ORDER[pair[1]]}
    assert explained == later | {(cause, symptom) for symptom, causes in CAUSES.items() for cause in causes}


def test_what_is_written_down_is_true_whatever_link_is_broken() -> None:
    for symptom in WRITTEN_DOWN & CAUSES.keys():
        assert {BY_ID[cause].link for cause in CAUSES[symptom]} == {BY_ID[symptom].link}
    assert {"target-role-trust-broken", "role-not-found", "eks-auth-unreachable", "static-aws-keys-shadow"} <= (
        WRITTEN_DOWN
    )


def test_the_table_names_checks_and_causes_come_before_their_symptoms() -> None:
    for symptom, causes in CAUSES.items():
        assert all(ORDER[cause] < ORDER[symptom] for cause in causes), symptom
        assert BY_ID[symptom].severity is Severity.ERROR


def test_a_cause_explains_its_symptom_for_its_own_service_accounts_only() -> None:
    cause = failing("webhook-config-altered", "a/b")
    assert masks(cause, failing("injection-missed-webhook", "a/b"))["injection-missed-webhook"] == cause.check
    assert masks(cause, failing("injection-missed-webhook", "a/b", "c/d"))["injection-missed-webhook"] == ""
    assert masks(cause, failing("injection-missed-webhook", "c/d"))["injection-missed-webhook"] == ""
    assert masks(cause, failing("injection-missed-webhook"))["injection-missed-webhook"] == ""


def test_several_causes_explain_what_none_of_them_does_alone() -> None:
    timeout = failing("agent-timeout-context-canceled", "a/b", "c/d")
    one, other = failing("agent-imds-unavailable", "a/b"), failing("node-clock-skew", "c/d")
    assert masks(one, other, timeout)[timeout.check] == "agent-imds-unavailable"
    assert masks(one, timeout)[timeout.check] == ""


def test_what_concerns_everybody_explains_its_symptoms_and_nothing_else() -> None:
    assert masks(
        failing("agent-not-installed", "*"),
        failing("hybrid-daemonset-missing"),
        failing("role-not-found", "c/d"),
        failing("pod-predates-association", "a/b"),
    ) == {
        "agent-not-installed": "",
        "hybrid-daemonset-missing": "agent-not-installed",
        "role-not-found": "",
        "pod-predates-association": "",
    }


def test_a_consequence_of_a_consequence_follows_from_the_root() -> None:
    assert masks(
        failing("agent-ipv6-bind", "a/b"),
        failing("agent-pod-unhealthy", "a/b", masked_by="agent-ipv6-bind"),
        failing("addon-degraded-or-failed", masked_by="agent-pod-unhealthy"),
    )["addon-degraded-or-failed"] == ("agent-ipv6-bind")
    two = (
        failing("agent-pod-unhealthy", "a/b", masked_by="agent-ipv6-bind"),
        failing("agent-pod-unhealthy", "c/d"),
        failing("addon-degraded-or-failed", masked_by="agent-pod-unhealthy"),
    )
    assert masks(*two)["addon-degraded-or-failed"] == "agent-pod-unhealthy"


def test_a_warning_brings_nothing_about() -> None:
    assert masks(
        failing("webhook-config-altered", "a/b", severity=Severity.WARN), failing("injection-missed-webhook", "a/b")
    ) == {"webhook-config-altered": "", "injection-missed-webhook": ""}


def test_what_follows_itself_is_no_cause() -> None:
    follows = failing("agent-not-installed", "*", masked_by="cluster-too-old")
    assert masks(follows, failing("hybrid-daemonset-missing", "a/b"))["hybrid-daemonset-missing"] == ""


@table("cause", NO_SERVICE_ACCOUNT)
@table("severity", list(Severity))
def test_what_concerns_nobody_is_a_consequence_whatever_the_severity(cause: str, severity: Severity) -> None:
    assert masks(
        failing(cause, "a/b", severity=Severity.WARN),
        failing("role-no-permissions", "a/b", severity=severity),
        failing("trust-wrong-principal", "a/b", severity=severity),
        failing("trust-missing-tag-session", "a/b", "a/c", severity=severity),
        failing("association-quota", "*", severity=severity),
        failing("trust-too-broad", "a/b", severity=severity),
    ) == {
        cause: "",
        "role-no-permissions": cause,
        "trust-wrong-principal": cause,
        "trust-missing-tag-session": "",
        "association-quota": "",
        "trust-too-broad": "",
    }
