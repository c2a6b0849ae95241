"""Waits until identities reach a state: reads everything once, and then only what can still change."""

from __future__ import annotations

from collections.abc import Callable, Collection

from podid.calls.patience import Patience
from podid.domain.evidence import ROLE_SETTLES, UNSETTLED
from podid.domain.findings import Verdict
from podid.domain.snapshot import Snapshot
from podid.domain.status import IdentityStatus
from podid.ops.status.diagnose import Diagnosis

# dry-run pods of five rounds, as many seconds apart, span what API servers take to agree
ROUND_SECONDS = 2.0
# how long a change of seconds ago is waited for where nobody says: IAM is eventually consistent
SETTLE_SECONDS = ROLE_SETTLES.total_seconds()
# link -> the sections that can change what is known of it within seconds
_AGAIN = {
    3: ("dry_runs", "pods", "webhook"),
    6: ("daemon_sets", "agent_pods", "nodes", "agent_addon", "agent_warnings"),
    **dict.fromkeys((1, 7, 8, 9), ("tokens", "associations", "roles", "target_roles", "changes")),
}


Read = Callable[[Snapshot | None, Collection[str]], Diagnosis]


def wait(
    read: Read, patience: Patience, reached: Callable[[IdentityStatus], bool], base: Snapshot | None = None
) -> Diagnosis:
    """The first diagnosis in which each identity has `reached` what is wanted or cannot by waiting; the last one when
    `patience` ends. Only a change that may still be settling is waited for. `read` takes the snapshot that it starts
    from and the sections that are to be read again."""
    again: Collection[str] = ()
    diagnosis: Diagnosis | None = None
    for _ in patience.rounds(ROUND_SECONDS):
        latest = read(base, again)
        if diagnosis is not None and patience.over:
            break  # what came too late could not be read whole
        diagnosis = latest
        pending = [status for status in diagnosis.report.identities if not reached(status) and status.settling]
        if not pending:
            break
        base = diagnosis.snapshot
        causes = [_unsettled(status) for status in pending]
        again = {section for cause in causes if cause is not None for section in _AGAIN.get(cause.link, ())}
        reason = "" if causes[0] is None else f": {causes[0].reason or causes[0].message}"
        more = f" and {len(pending) - 1} more" if len(pending) > 1 else ""
        patience.say(f"waiting for {pending[0].ref}{more}{reason}")
    assert diagnosis is not None, "there is a first round"
    return diagnosis


def _unsettled(status: IdentityStatus) -> Verdict | None:
    return next((cause for cause in status.causes if cause.error_code == UNSETTLED), None)
