"""Wait until identities reach a state, and verify that pods get their role by redeeming tokens."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from podid.aws.iam import Iam
from podid.calls.patience import Patience
from podid.checks.shared.evidence import results
from podid.checks.status import PERMISSIONS_LINK
from podid.domain.errors import ExitCode, combine
from podid.domain.evidence import ROLE_SETTLES, UNSETTLED
from podid.domain.findings import Verdict
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Consent, Place
from podid.domain.section import FREE, READS, Cost
from podid.domain.snapshot import SERVICES, Missing, Snapshot, known_or
from podid.domain.status import Allowed, IdentityState, IdentityStatus, NotChecked, exit_code
from podid.domain.text import count_of, short_list
from podid.ops.association.simulation import allowed_code, simulate_all
from podid.ops.permissions.resources import NEVER_READ, OF_RESOURCES
from podid.ops.reading.collect import ReadRequest
from podid.ops.reading.probes import Probing
from podid.ops.status.diagnose import Diagnosis, diagnosis_of
from podid.ops.status.request import VerifyOptions

# five rounds of dry-run pods at this interval span the time that API servers need to agree
ROUND_SECONDS = 2.0
# the default wait for a recent change: IAM is eventually consistent
SETTLE_SECONDS = ROLE_SETTLES.total_seconds()
# link -> the sections that may change within seconds
_AGAIN = {
    3: ("dry_runs", "pods", "webhook"),
    6: ("daemon_sets", "agent_pods", "nodes", "agent_addon", "agent_warnings"),
    **dict.fromkeys((1, 7, 8, 9), ("tokens", "associations", "roles", "target_roles", "changes")),
}


# a pause between rounds on a slow cluster
_LEAST_PAUSE = 1.0
# the results of trials are compared, and checks that depend on the time are made again after a while
_TRIALS = ("dry_runs", "tokens")
_JUDGED_FOR = timedelta(seconds=10)

Read = Callable[[Snapshot | None, Collection[str]], Snapshot]


def wait(
    read: Read,
    judge: Callable[[Snapshot], Diagnosis],
    patience: Patience,
    reached: Callable[[IdentityStatus], bool],
    base: Snapshot | None = None,
    again: Collection[str] = (),
) -> Diagnosis:
    """Return the first diagnosis in which each identity has `reached` the required state or waiting cannot help; the
    last one when `patience` ends. Wait only for recent changes. `read` takes the snapshot to start from and the
    sections to read again: `base` and `again` in the first round. A snapshot without a new result is not judged."""
    snapshot, diagnosis, pending = base, None, dict[ServiceAccountRef, Verdict]()

    def pause() -> float:
        assert snapshot is not None, "each round reads one"
        passed = (patience.clock.now() - snapshot.taken_at).total_seconds()
        return min(max(ROUND_SECONDS - passed, _LEAST_PAUSE), ROUND_SECONDS)

    for remaining in patience.rounds(pause):
        snapshot = read(snapshot, again)
        if diagnosis is not None and patience.over:
            break  # the last reading may be incomplete
        if diagnosis is None or not remaining or _has_news(snapshot, diagnosis.snapshot):
            diagnosis = judge(snapshot)
            missed = (status for status in diagnosis.report.identities if not reached(status))
            pending = {status.ref: cause for status in missed if (cause := status.unsettled) is not None}
            if not pending:
                break
            again = {section for cause in pending.values() for section in _AGAIN.get(cause.link, ())}
        ref, cause = next(iter(pending.items()))
        reason = results(snapshot).get((ref, cause.check, cause.outcome, UNSETTLED)) or cause.reason or cause.message
        more = f" and {len(pending) - 1} more" if len(pending) > 1 else ""
        patience.say(f"waiting for {ref}{more}: {reason}")
    assert diagnosis is not None, "there is a first round"
    return diagnosis


def _has_news(snapshot: Snapshot, judged: Snapshot) -> bool:
    """Return whether the verdicts on the snapshot can differ from those on the judged one in more than their texts."""
    others = (name for name in SERVICES if name not in _TRIALS)
    return (
        snapshot.taken_at - judged.taken_at >= _JUDGED_FOR
        or results(snapshot).keys() != results(judged).keys()
        or any(getattr(snapshot, name) != getattr(judged, name) for name in others)
    )


@dataclass(frozen=True, slots=True)
class Verification:
    """The status of each identity, the results of podid's own pods, and the simulated permissions."""

    options: VerifyOptions
    snapshot: Snapshot
    statuses: Sequence[IdentityStatus]
    allowed: Mapping[ServiceAccountRef, tuple[Allowed, ...]]

    @property
    def exit_code(self) -> ExitCode:
        unknown = self.options.allow_unknown
        codes = {exit_code(self.statuses, self.options.require, allow_unknown=unknown)}
        codes |= {allowed_code(items) for items in self.allowed.values()}
        for probes in known_or(self.snapshot.probes, {}).values() if not unknown else ():
            if isinstance(probes, Missing) or any(probe.missing is not None for probe in probes.value):
                codes.add(ExitCode.UNDETERMINED)
        return combine(codes)


def credentials_consent(roles: Iterable[str], run: Probing | None) -> Consent:
    """Return the question before podid requests credentials of these roles and runs its own pods."""
    question, needed_for = f"Request short-lived credentials of {short_list(roles)}", "Requesting credentials"
    if run is None:
        return Consent(question=f"{question} to check them?", needed_for=needed_for)
    return Consent(
        question=f"{question}, and run {count_of(len(run.planned), 'probe pod')}?",
        needed_for=f"{needed_for} and running probe pods",
    )


def verify(
    read: Callable[..., Snapshot],
    iam: Iam,
    place: Place,
    selection: ReadRequest,
    options: VerifyOptions,
    patience: Patience,
    *,
    base: Diagnosis,
    run: Probing | None,
) -> Verification:
    """Wait until each identity reaches the required state or cannot by waiting. `read` collects, starting from the
    snapshot of `base`; `run` runs podid's own pods, None for none."""
    trail = options.cloudtrail or options.require is IdentityState.PROVEN
    selection = replace(selection, cost=READS | Cost.TOKEN | (Cost.TRAIL if trail else FREE), all_pods=options.all_pods)
    diagnosis = wait(
        lambda snapshot, again: read(selection, now=patience.clock.now(), base=snapshot, again=again),
        lambda snapshot: diagnosis_of(snapshot, selection, base.adjust),
        patience,
        lambda status: status.reaches(options.require),
        base.snapshot,
    )
    if run is not None:  # after the wait, so that the probe tests the final state
        more = replace(selection, cost=selection.cost | Cost.PROBE)
        snapshot = read(more, now=patience.clock.now(), base=diagnosis.snapshot, probing=run)
        diagnosis = diagnosis_of(snapshot, more, base.adjust)
    statuses = diagnosis.report.identities
    allowed = {}
    if options.can:
        allowed = simulate_all(iam, place.the_cluster, statuses, options.can, options.resource or ("*",))
        unread = NotChecked(PERMISSIONS_LINK, ", ".join(item.what for item in (OF_RESOURCES, *NEVER_READ)))
        statuses = tuple(
            replace(status, not_checked=(*status.not_checked, unread)) if status.ref in allowed else status
            for status in statuses
        )
    return Verification(options, diagnosis.snapshot, statuses, allowed)
