"""Runs checks over a snapshot, and marks the failures that follow from others.

A check that crashes gives `unknown`, like one whose sections are missing. A failure that follows from others carries
`masked_by`, and is fixed with its cause. Most checks judge a configuration: a trust policy, a role, an association, a
manifest, a route. Such a finding is true whatever else is broken, so nothing masks it. The table CAUSES lists
symptoms: states that a cause produces.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from podid.checks.base import Check
from podid.checks.shared.evidence import in_evidence
from podid.checks.shared.logs import in_logs
from podid.domain.findings import NO_SERVICE_ACCOUNT, Outcome, Severity, Verdict
from podid.domain.snapshot import Snapshot, crashed


def run_checks(checks: Sequence[Check], snapshot: Snapshot) -> tuple[Verdict, ...]:
    """Return every verdict of every check, in the order of `checks`, then by subject. Never raises for a defect of a
    check."""
    return tuple(verdict for check in checks for verdict in _run(check, snapshot))


def _run(check: Check, snapshot: Snapshot) -> list[Verdict]:
    """Return the check's own verdicts, and those from logs and evidence, which do not depend on its sections."""
    verdicts: list[Verdict] = []
    for judge in (Check.judge, in_logs, in_evidence):
        try:
            verdicts += list(judge(check, snapshot))
        except Exception as error:  # noqa: BLE001  a crashing check must show up in the report, whatever it raised
            verdicts.append(check.of_everyone(snapshot).unknown(crashed(error)))
    return sorted(verdicts, key=lambda verdict: (verdict.subject, verdict.outcome, verdict.message))


# clusters in which Pod Identity does not work at all
NO_POD_IDENTITY = ("unsupported-cluster-kind", "cluster-too-old")

# symptom -> its causes, for every service account of the symptom. Where the cause is a single node, pod or add-on, the
# check of the symptom sets masked_by itself
CAUSES: Mapping[str, tuple[str, ...]] = {
    "association-deleted-env-remains": ("association-missing",),
    "pod-predates-association": NO_POD_IDENTITY,
    "association-propagation-race": NO_POD_IDENTITY,
    "injection-missed-webhook": (*NO_POD_IDENTITY, "webhook-config-altered"),
    "agent-not-installed": NO_POD_IDENTITY,
    "hybrid-daemonset-missing": ("agent-not-installed",),
    "agent-timeout-context-canceled": (
        *("agent-proxy-misconfig", "node-clock-skew", "agent-imds-unavailable", "eks-auth-unreachable"),
        *("custom-eks-auth-endpoint", "eks-auth-throttled"),
    ),
    # its trust policy names the unique id of a deleted role
    "target-role-trust-broken": ("role-recreated",),
}
# these are true even if no service account exists: others can assume the role, or a guard forbids it
OF_ITS_OWN = ("trust-too-broad", "guard-violated")


def mask(verdicts: Sequence[Verdict], order: Mapping[str, int]) -> tuple[Verdict, ...]:
    """Return the verdicts, with `masked_by` on each failure that follows from others for all of its service accounts.
    Only an error is a cause. `order` is each check's position on the way to credentials: causes come first."""
    broken: dict[str, set[str]] = {}
    masked = list(verdicts)
    for position in sorted(range(len(masked)), key=lambda place: order[masked[place].check]):
        verdict = masked[position]
        if verdict.outcome is not Outcome.FAIL or verdict.check in OF_ITS_OWN:
            continue
        if not verdict.masked_by:
            verdict = masked[position] = replace(verdict, masked_by=_cause(verdict, broken))
        if not verdict.masked_by and (verdict.severity is Severity.ERROR or verdict.check in NO_SERVICE_ACCOUNT):
            broken.setdefault(verdict.check, set()).update(verdict.chain)
    return tuple(_from_the_root(masked))


def _from_the_root(verdicts: Sequence[Verdict]) -> Iterator[Verdict]:
    """Yield the verdicts with the first cause of a chain of causes in `masked_by`."""
    causes: dict[str, set[str]] = {}
    for verdict in verdicts:
        if verdict.outcome is Outcome.FAIL:
            causes.setdefault(verdict.check, set()).add(verdict.masked_by)
    for verdict in verdicts:
        root, passed = verdict.masked_by, set[str]()
        while root not in passed and len(behind := causes.get(root, {""})) == 1 and behind != {""}:
            passed.add(root)
            (root,) = behind
        yield verdict if root == verdict.masked_by else replace(verdict, masked_by=root)


def _cause(verdict: Verdict, broken: Mapping[str, set[str]]) -> str:
    """Return the check that explains the failure for all service accounts in its chain; empty if one of them is
    unexplained."""
    causes = [c for c in (*NO_SERVICE_ACCOUNT, *CAUSES.get(verdict.check, ())) if c in broken and c != verdict.check]
    for cause in causes:
        if "*" in broken[cause]:
            return cause
    explained = [next((cause for cause in causes if name in broken[cause]), "") for name in verdict.chain]
    return explained[0] if explained and all(explained) else ""
