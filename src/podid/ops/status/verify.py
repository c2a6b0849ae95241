"""Wait until identities reach a state, and verify that pods get their role by redeeming tokens."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from podid.aws.iam import Iam
from podid.calls.patience import Patience
from podid.checks.status import PERMISSIONS_LINK
from podid.domain.errors import ExitCode, combine
from podid.domain.evidence import ROLE_SETTLES, UNSETTLED
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Consent, Place
from podid.domain.section import FREE, READS, Cost
from podid.domain.snapshot import Missing, Snapshot, known_or
from podid.domain.status import Allowed, IdentityState, IdentityStatus, NotChecked, exit_code
from podid.domain.text import count_of, short_list
from podid.ops.association.allowed import allowed_code, simulate_all
from podid.ops.permissions.resources import NEVER_READ, OF_RESOURCES
from podid.ops.reading.collect import ReadRequest
from podid.ops.reading.probes import Probing
from podid.ops.status.diagnose import Diagnosis
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


Read = Callable[[Snapshot | None, Collection[str]], Diagnosis]


def wait(
    read: Read, patience: Patience, reached: Callable[[IdentityStatus], bool], base: Snapshot | None = None
) -> Diagnosis:
    """Return the first diagnosis in which each identity has `reached` the required state or waiting cannot help; the
    last one when `patience` ends. Wait only for recent changes. `read` takes the snapshot to start from and the
    sections to read again."""
    again: Collection[str] = ()
    diagnosis: Diagnosis | None = None
    for _ in patience.rounds(ROUND_SECONDS):
        latest = read(base, again)
        if diagnosis is not None and patience.over:
            break  # the last reading may be incomplete
        diagnosis = latest
        pending = [status for status in diagnosis.report.identities if not reached(status) and status.settling]
        if not pending:
            break
        base = diagnosis.snapshot
        causes = [next((cause for cause in status.causes if cause.error_code == UNSETTLED), None) for status in pending]
        again = {section for cause in causes if cause is not None for section in _AGAIN.get(cause.link, ())}
        reason = "" if causes[0] is None else f": {causes[0].reason or causes[0].message}"
        more = f" and {len(pending) - 1} more" if len(pending) > 1 else ""
        patience.say(f"waiting for {pending[0].ref}{more}{reason}")
    assert diagnosis is not None, "there is a first round"
    return diagnosis


@dataclass(frozen=True, slots=True)
class Verification:
    """The status of each identity, the results of podid's own pods, and the simulated permissions of the role, if
    requested."""

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


def minting(roles: Iterable[str], run: Probing | None) -> Consent:
    """Return the question before credentials of these roles are minted and podid's own pods run."""
    question, needed_for = f"Mint short-lived credentials of {short_list(roles)}", "Minting credentials"
    if run is None:
        return Consent(question=f"{question} to check them?", needed_for=needed_for)
    return Consent(
        question=f"{question}, and run {count_of(len(run.planned), 'probe pod')}?",
        needed_for=f"{needed_for} and running probe pods",
    )


def verify(
    examine: Callable[..., Diagnosis],
    iam: Iam,
    place: Place,
    selection: ReadRequest,
    options: VerifyOptions,
    patience: Patience,
    *,
    base: Snapshot,
    run: Probing | None,
) -> Verification:
    """Wait until each identity reaches the required state or cannot by waiting. `examine` reads and judges, starting
    from `base`; `run` runs podid's own pods, None for none."""
    trail = options.cloudtrail or options.require is IdentityState.PROVEN
    selection = replace(selection, cost=READS | Cost.TOKEN | (Cost.TRAIL if trail else FREE), all_pods=options.all_pods)
    diagnosis = wait(
        lambda base, again: examine(selection, base=base, again=again),
        patience,
        lambda status: status.reaches(options.require),
        base,
    )
    if run is not None:  # after the wait, so that the probe tests the final state
        more = replace(selection, cost=selection.cost | Cost.PROBE)
        diagnosis = examine(more, base=diagnosis.snapshot, probing=run)
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
