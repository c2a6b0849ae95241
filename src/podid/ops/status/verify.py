"""Whether pods get the role that they should: tokens are redeemed, and what came of it is judged as one result."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from podid.calls.patience import Patience
from podid.domain.errors import ExitCode, combine
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Consent, Place
from podid.domain.section import FREE, READS, Cost
from podid.domain.snapshot import Snapshot
from podid.domain.status import Allowed, IdentityState, IdentityStatus, exit_code
from podid.domain.text import short_list
from podid.ops.association.allowed import ActionRequest, allowed_code, simulate_all
from podid.ops.reading.probes import Probing, undecided
from podid.ops.status.diagnose import Diagnosis
from podid.ops.status.request import VerifyOptions
from podid.ops.status.wait import wait

if TYPE_CHECKING:
    from podid.aws.iam import Iam
    from podid.ops.reading.collect import ReadRequest


@dataclass(frozen=True, slots=True)
class Verification:
    """The status of each identity, what podid's own pods met, and what the role may do, where that was asked."""

    options: VerifyOptions
    snapshot: Snapshot
    statuses: Sequence[IdentityStatus]
    allowed: Mapping[ServiceAccountRef, tuple[Allowed, ...]]

    @property
    def exit_code(self) -> ExitCode:
        unknown = self.options.allow_unknown
        codes = {exit_code(self.statuses, self.options.require, allow_unknown=unknown)}
        codes |= {allowed_code(items) for items in self.allowed.values()}
        codes |= {ExitCode.UNDETERMINED} if undecided(self.snapshot.probes) and not unknown else set()
        return combine(codes)


def minting(roles: Iterable[str], run: Probing | None) -> Consent:
    """What is asked before credentials of these roles are minted, and pods of podid's own are run."""
    question, needed_for = f"Mint short-lived credentials of {short_list(roles)}", "Minting credentials"
    if run is None:
        return Consent(question=f"{question} to check them?", needed_for=needed_for)
    return Consent(
        question=f"{question}, and run {len(run.planned)} pods of podid's own?",
        needed_for=f"{needed_for} and running podid's own pods",
    )


def verify(
    examine: Callable[..., Diagnosis],
    iam: Iam,
    place: Place,
    selection: ReadRequest,
    options: VerifyOptions,
    actions: ActionRequest,
    patience: Patience,
    *,
    base: Snapshot,
    run: Probing | None,
) -> Verification:
    """Waits until each identity has reached what is required, or cannot by waiting. `examine` reads and judges, from
    `base` on; `run` is how pods of podid's own are run, None for none."""
    trail = options.cloudtrail or options.require is IdentityState.PROVEN
    selection = replace(selection, cost=READS | Cost.TOKEN | (Cost.TRAIL if trail else FREE), all_pods=options.all_pods)
    diagnosis = wait(
        lambda base, again: examine(selection, base=base, again=again),
        patience,
        lambda status: status.reaches(options.require),
        base,
    )
    if run is not None:  # after what may be settling, so that a pod meets what stays
        more = replace(selection, cost=selection.cost | Cost.PROBE)
        diagnosis = examine(more, base=diagnosis.snapshot, probing=run)
    statuses = diagnosis.report.identities
    allowed = simulate_all(iam, place.the_cluster, statuses, actions) if options.can else {}
    return Verification(options, diagnosis.snapshot, statuses, allowed)
