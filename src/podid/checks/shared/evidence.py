"""Verdicts from observed credentials: tokens that podid redeemed, requests of podid's own pods to the agent, and dry
runs of new pods.

Failed evidence becomes a verdict of the check whose failure mode fits. Evidence that passed or could not be collected
becomes a verdict of UNEXPLAINED for tokens, of UNREACHED for podid's own pods and of MISSED for dry runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from podid.checks.base import NODE_ROLE, PAGES, Check, count_of, placed_on, short_list
from podid.checks.shared.gaps import NETWORK as NETWORK_CODES
from podid.checks.shared.logs import in_logs
from podid.checks.shared.trust import UNDECIDED
from podid.domain import evidence
from podid.domain.aws import Association
from podid.domain.errors import NotFound
from podid.domain.findings import ASSOCIATION, EKS_AUTH, INJECTION, NETWORK, TRUST, Outcome, Severity, Subject, Verdict
from podid.domain.grouping import grouped
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import Known, Missing, Section, Snapshot, known_or
from podid.domain.trust import TrustVerdict
from podid.domain.workloads import live
from podid.facts.egress import ways
from podid.facts.index import index, once
from podid.facts.second_hop import NOT_ALLOWED, hops
from podid.facts.trust import first_error, judged

T = TypeVar("T")
# EKS Auth refuses a token, and no readable data explains it: most likely a policy of the organization
UNEXPLAINED = "scp-denies-eks-auth"
UNREAD_TARGET = "target-role-trust-broken"
MISSED = "injection-missed-webhook"
# a pod cannot reach the agent, and no readable data explains it
UNREACHED = "host-firewall-blocks-link-local"
# the nearest to the agent first: without an agent, later causes do not matter
_MAY_BE = (
    *("agent-not-installed", "agent-not-on-node", "agent-pod-unhealthy", "agent-port80-conflict"),
    *("networkpolicy-blocks-agent", "cilium-host-entity", UNREACHED),
    *("sg-for-pods-blocks-agent", "service-mesh-intercepts"),
)
_NONE_OF_THEM = "none of these is the cause; it can be a packet filter rule on the node, which podid cannot read"


@dataclass(frozen=True, slots=True)
class Observed:
    """The result of an observation, with the id of the check to which it belongs."""

    id: str
    outcome: Outcome
    message: str = ""
    missing: Missing | None = None
    severity: Severity | None = None
    evidence: tuple[str, ...] = ()

    @classmethod
    def unsettled(cls, id: str, reason: str) -> Observed:
        """Return unknown: the result may change within seconds."""
        return cls(id, Outcome.UNKNOWN, missing=Missing(reason, error_code=evidence.UNSETTLED))

    @classmethod
    def without_evidence(cls, id: str, missing: Missing, severity: Severity | None = None) -> Observed:
        """Return unknown: no evidence of the requested kind exists."""
        return cls(id, Outcome.UNKNOWN, missing=replace(missing, error_code=evidence.NO_EVIDENCE), severity=severity)


@dataclass(frozen=True, slots=True)
class Observation:
    """An observation of a service account: of some of its `pods` ("ns/name"), by podid's own pod on `nodes`, or of the
    pods that are created from now on, if `new`."""

    ref: ServiceAccountRef
    observed: Observed
    pods: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    new: bool = False

    def verdict(self, check: Check) -> Verdict:
        subject = Subject("PodTemplate" if self.new else "ServiceAccount", self.ref.name, self.ref.namespace)
        case, observed = check.case(subject, (str(self.ref),)), self.observed
        if observed.missing is not None:
            verdict = case.unknown(observed.missing, severity=observed.severity)
        elif observed.outcome is Outcome.PASS:
            verdict = case.ok(observed.message)
        else:
            verdict = case.fail(observed.message, *observed.evidence)
        return replace(verdict, pods=self.pods, nodes=self.nodes)


def in_evidence(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    """Yield the check's verdicts from evidence; nothing if no evidence was requested."""
    for observation in _by_check(snapshot).get(check.id, ()):
        # EKS Auth refuses the agent because of its node's role
        yield from placed_on(NODE_ROLE, check, observation.verdict(check))


@once
def _by_check(snapshot: Snapshot) -> Mapping[str, list[Observation]]:
    observations = (*_of_tokens(snapshot), *_of_probes(snapshot), *_of_dry_runs(snapshot))
    return grouped((observation.observed.id, observation) for observation in observations)


def results(snapshot: Snapshot) -> Mapping[tuple[ServiceAccountRef, str, Outcome, str], str]:
    """Return the reason of each observation by service account, failure mode, outcome and error code. Verdicts from
    observations with the same keys differ at most in their texts."""
    observations = (item for items in _by_check(snapshot).values() for item in items)
    return {
        (item.ref, item.observed.id, item.observed.outcome, gap.error_code if gap else ""): gap.reason if gap else ""
        for item in observations
        for gap in (item.observed.missing,)
    }


def _by_account(section: Section[Mapping[str, Section[T]]]) -> Iterator[tuple[ServiceAccountRef, Section[T]]]:
    return ((ServiceAccountRef(*name.split("/", 1)), part) for name, part in known_or(section, {}).items())


def _of_tokens(snapshot: Snapshot) -> Iterator[Observation]:
    for ref, section in _by_account(snapshot.tokens):
        if isinstance(section, Missing):
            yield Observation(ref, Observed.without_evidence(UNEXPLAINED, section))
            continue
        if not section.value:
            yield Observation(ref, Observed.without_evidence(UNEXPLAINED, _no_pod(snapshot, ref), Severity.WARN))
        judged_trials = ((_of_trial(_Account(snapshot, ref, trial.at), trial), trial) for trial in section.value)
        for observed, trials in grouped(judged_trials).items():
            if observed is None:
                continue
            names = short_list(trial.pod for trial in trials)
            count = f" ({len(trials)} of {len(section.value)} pods)" if len(section.value) > 1 else ""
            message = observed.message + (f": {names}" if observed.outcome is Outcome.PASS else count)
            whole = replace(observed, message=message, evidence=(f"pods: {names}",))
            # a refusal applies to the whole service account, so podid tries only some of its pods
            passed = tuple(trial.name for trial in trials) if whole.outcome is Outcome.PASS else ()
            yield Observation(ref, whole, passed)


def _no_pod(snapshot: Snapshot, ref: ServiceAccountRef) -> Missing:
    if any(live(pod) for pod in index(snapshot).pods.get(ref, ())):
        reason = f"every live pod of service account {ref} is excluded from Pod Identity, or was deleted meanwhile"
    else:
        reason = f"no live pod uses service account {ref}"
    return Missing(f"{reason}, and a token must be bound to a pod")


def _of_trial(account: _Account, trial: evidence.TokenTrial) -> Observed | None:
    """Return the result of the trial; None if other verdicts explain it. A token that is not accepted gives no
    evidence: it may belong to another cluster."""
    message = "EKS Auth refuses the tokens of its pods"
    if trial.missing is not None and trial.missing.error_code == evidence.OTHER_ASSOCIATION:
        return account.if_settled(Observed.without_evidence(UNEXPLAINED, trial.missing))
    if trial.missing is not None:
        return Observed.without_evidence(UNEXPLAINED, trial.missing)
    if trial.redeemed is not None:
        return _redeemed(account, trial, trial.redeemed.role_arn)
    if trial.refusal == evidence.NOT_ALLOWED:
        return account.not_allowed(f"{message}: {trial.message}")
    if trial.refusal == evidence.NO_ACCOUNT and account.gone:
        return None
    ids = {evidence.NO_ACCOUNT: "association-sa-not-found", evidence.NO_ASSOCIATION: "association-missing"}
    ids |= dict.fromkeys(evidence.DOES_NOT_FIT, "packed-policy-too-large")
    if trial.refusal not in ids:
        return Observed.without_evidence(UNEXPLAINED, Missing(trial.message))
    return account.failed(ids[trial.refusal], f"{message}: {trial.message}")


def _redeemed(account: _Account, trial: evidence.TokenTrial, role_arn: str) -> Observed:
    association = account.association
    expected_arn = association.pods_role_arn if association is not None else role_arn
    if trial.expected and role_arn != expected_arn:
        return Observed.unsettled(UNEXPLAINED, f"the association of {account.ref} was changed during the check")
    message = f"EKS Auth issues credentials of {role_arn} for the tokens of its pods"
    if trial.expected:
        return Observed(UNEXPLAINED, Outcome.PASS, message)
    return account.failed(UNEXPLAINED, f"{message}, instead of {expected_arn}")


@dataclass(frozen=True, slots=True)
class _Account:
    """A service account and the time when it was observed; without `at`, when the snapshot was taken."""

    snapshot: Snapshot
    ref: ServiceAccountRef
    at: datetime | None = None

    @property
    def association(self) -> Association | None:
        association = index(self.snapshot).associations.get(self.ref)
        return association if isinstance(association, Association) else None

    @property
    def gone(self) -> bool:
        accounts = self.snapshot.service_accounts
        return isinstance(accounts, Known) and self.ref not in {account.ref for account in accounts.value}

    def failed(self, id: str, message: str) -> Observed:
        return self.if_settled(Observed(id, Outcome.FAIL, message))

    def if_settled(self, observed: Observed) -> Observed:
        """Return the result, or unknown within seconds of a change: EKS Auth may not have received the change
        everywhere."""
        association, changes = self.association, known_or(self.snapshot.changes, evidence.NO_CHANGES)
        at = self.at or self.snapshot.taken_at
        changed = changes.settling(association, at) if association is not None else ""
        if not changed:
            return observed
        reason = observed.missing.reason if observed.missing is not None else observed.message
        return Observed.unsettled(observed.id, f"{changed}, and the change may not be in effect yet ({reason})")

    def not_allowed(self, message: str) -> Observed | None:
        """Return the refusal to assume the role; None if its trust policy, or that of the target role, explains it.
        Such a trust policy fails even when all changes are in effect."""
        snapshot, association = self.snapshot, self.association
        if association is None or not isinstance(snapshot.roles, Known) or not isinstance(snapshot.cluster, Known):
            return self.failed(UNEXPLAINED, message)
        onward = next((hop for hop in hops(snapshot) if hop.association == association), None)
        if first_error(snapshot, association) or (onward is not None and onward.error is not None):
            return None
        mode, own = _of_own_trust(snapshot, association)
        why = [message, *own]
        if onward is not None and onward.unknowns:
            if mode == UNEXPLAINED:  # usual for a target role of another account, whose trust policy podid cannot read
                mode = NOT_ALLOWED if onward.trust_unknown is None else UNREAD_TARGET
            why.append(f"not checked whether it can assume its target role: {onward.unknowns[-1].reason}")
        return self.failed(mode, "; ".join(why))


def _of_own_trust(snapshot: Snapshot, association: Association) -> tuple[str, list[str]]:
    """Return the most likely failure mode of a refusal, and the result of the role's own trust policy."""
    answers = judged(snapshot)[association.role_arn]
    if isinstance(answers, Missing):
        return UNDECIDED, [f"the role's trust policy was not checked: {answers.reason}"]
    evaluation = next(answer.evaluation for answer in answers.value or () if answer.association == association)
    if evaluation.doubt:
        return UNDECIDED, [evaluation.doubt]
    allows = evaluation.verdict is TrustVerdict.MATCH
    return UNEXPLAINED, ["the role's own trust policy allows it"] if allows else []


# link where the probe failed -> the most likely failure mode, if the answer names none
_MOST_LIKELY = {ASSOCIATION: "cached-credentials-after-change", NETWORK: UNREACHED, EKS_AUTH: "eks-auth-unreachable"}


def _of_probes(snapshot: Snapshot) -> Iterator[Observation]:
    for ref, section in _by_account(snapshot.probes):
        if isinstance(section, Missing):
            yield Observation(ref, Observed.without_evidence(UNREACHED, section))
            continue
        for probe in section.value:
            if (observed := _of_probe(snapshot, ref, probe)) is not None:
                # a probe without the injected fields applies to every new pod, on any node
                new = probe.link == INJECTION
                nodes = (probe.node,) if probe.node and not new else ()
                yield Observation(ref, observed, nodes=nodes, new=new)


def _of_probe(snapshot: Snapshot, ref: ServiceAccountRef, probe: evidence.Probed) -> Observed | None:
    """Return the result of the probe; None if other verdicts explain it."""
    where, remains = f"on {probe.node}: " if probe.node else "", f"; {probe.left}" if probe.left else ""
    if probe.missing is not None:
        return Observed.without_evidence(
            UNREACHED, replace(probe.missing, reason=f"{where}{probe.missing.reason}{remains}")
        )
    if not probe.link:
        issued = f"the credentials of {probe.redeemed.role_arn}" if probe.redeemed is not None else "credentials"
        return Observed(UNREACHED, Outcome.PASS, f"{where}podid's own pod got {issued}{remains}")
    account = _Account(snapshot, ref, probe.at)
    credentials = "no credentials" if probe.redeemed is None else "other credentials"
    message = f"podid's own pod got {credentials}: {where}{probe.message}{remains}"
    if probe.link == TRUST and not probe.id:
        return account.not_allowed(message)
    if probe.link != NETWORK or probe.id or probe.likely:
        return account.failed(failure_mode(probe), message)
    observed = _without_agent(snapshot, ref, probe.node, message)
    return account.if_settled(observed) if observed.outcome is Outcome.FAIL else observed


def failure_mode(probe: evidence.Probed) -> str:
    """Return the id of a check: the one that the answer names, the most likely one, or the one of its link."""
    named = (probe.id, probe.likely, _MOST_LIKELY.get(probe.link, UNEXPLAINED))
    return next(name for name in named if name in PAGES and PAGES[name].healthy)


def _without_agent(snapshot: Snapshot, ref: ServiceAccountRef, node: str, message: str) -> Observed:
    """Return the result for a pod that does not reach the agent; `message` is its error on `node`. The failure mode is
    one that a check found there for the service account's pods, or one that was not checked. If a network policy blocks
    only podid's own pod, the result is no evidence about those pods."""
    if rule := _blocks_only_probe(snapshot, ref):
        text = f"{message}: {rule} blocks podid's own pod, but not the pods of {ref}"
        return Observed.without_evidence(UNREACHED, Missing(text))
    verdicts = [verdict for verdict in _verdicts(snapshot) if _concerns(snapshot, verdict, ref, node)]
    worst = min(filter(_rank, verdicts), key=_rank, default=None)
    others = tuple(f"{verdict.check}: {verdict.message}" for verdict in verdicts if verdict is not worst)
    if worst is None:
        return Observed(UNREACHED, Outcome.FAIL, message, evidence=(*others, _NONE_OF_THEM))
    unchecked = worst.outcome is not Outcome.FAIL and worst.message.startswith("not checked")
    cause = f"{worst.check} was {worst.message}" if unchecked else worst.message
    return Observed(worst.check, Outcome.FAIL, f"{message}; {cause}", evidence=others)


def _verdicts(snapshot: Snapshot) -> Iterator[Verdict]:
    from podid.checks.all import BY_ID  # podid.checks.all imports every check, and checks import this module

    for check in (BY_ID[mode] for mode in _MAY_BE):
        verdicts = (*check.judge(snapshot), *in_logs(check, snapshot))
        yield from sorted(verdicts, key=lambda verdict: (verdict.subject, verdict.outcome, verdict.message))


def _rank(verdict: Verdict) -> int:
    """Return how likely the verdict makes its failure mode: 1 most, 3 least, 0 not at all."""
    if verdict.outcome is Outcome.FAIL and verdict.severity is not Severity.INFO:
        return 1 if verdict.severity is Severity.ERROR else 2
    return 3 if verdict.outcome is Outcome.UNKNOWN else 0


def _concerns(snapshot: Snapshot, verdict: Verdict, ref: ServiceAccountRef, node: str) -> bool:
    """Return whether the verdict concerns the service account on this node; those on agents of other nodes do not."""
    if verdict.chain and verdict.chain != ("*",) and str(ref) not in verdict.chain:
        return False
    subject = verdict.subject
    if subject.kind == "Node":
        return subject.name == node
    agents = {(pod.namespace, pod.name): pod.node for pod in known_or(snapshot.agent_pods, ())}
    return subject.kind != "Pod" or agents.get((subject.namespace, subject.name), node) == node


def _blocks_only_probe(snapshot: Snapshot, ref: ServiceAccountRef) -> str:
    """Return the rule that isolates podid's own pod, if the pods of the service account reach the agent."""
    pods = [pod for pod in index(snapshot).pods.get(ref, ()) if live(pod) and not pod.host_network]
    if not isinstance(snapshot.network_policies, Known) or not pods:
        return ""
    (own,) = ways(snapshot, [replace(pods[0], labels=evidence.PROBE_LABELS)])
    theirs = ways(snapshot, pods)
    if own.way.open or own.to_host or not all(item.way.open or item.to_host for item in theirs):
        return ""
    policies = own.way.isolated_by
    return f"network policy {short_list(p.name for p in policies)}" if policies else "the strict mode of the VPC CNI"


def _of_dry_runs(snapshot: Snapshot) -> Iterator[Observation]:
    for ref, section in _by_account(snapshot.dry_runs):
        if (observed := _of_dry_run(snapshot, ref, section)) is not None:
            yield Observation(ref, observed, new=True)


def _of_dry_run(snapshot: Snapshot, ref: ServiceAccountRef, section: Section[evidence.DryRun]) -> Observed | None:
    """Return the result of the dry runs; None if the service account does not exist, which has its own check."""
    association = _Account(snapshot, ref).association
    young = association is not None and not evidence.is_propagated(association, snapshot.taken_at)
    if isinstance(section, Missing):
        if section.error_code == NotFound.code:
            return None
        if young and section.error_code in NETWORK_CODES:
            return Observed.unsettled(MISSED, section.reason)
        return Observed.without_evidence(MISSED, section, Severity.WARN)
    run = section.value
    if run.failed:
        message = "new pods get no credentials: the webhook did not inject the fields into a dry-run pod"
        return Observed(MISSED, Outcome.FAIL, message)
    if run.decided:
        message = f"new pods get credentials: confirmed by {count_of(run.hits, 'dry-run pod')}"
        return Observed(MISSED, Outcome.PASS, message)
    if not run.rounds:
        return Observed.unsettled(MISSED, "new pods get no credentials yet")
    rounds = f"{run.rounds} of {count_of(run.needed, 'required round')} of dry runs"
    reason = f"new pods get credentials in {rounds}; an API server may not have received the change yet"
    return Observed.unsettled(MISSED, reason)
