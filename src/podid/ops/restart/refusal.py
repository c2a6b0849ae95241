"""Restarts that would take credentials away: their new pods would be broken, and those that run are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from podid.domain.errors import Again, Conflict
from podid.domain.findings import Subject, Verdict
from podid.domain.names import ServiceAccountRef
from podid.domain.text import count_of, short_list


@dataclass(frozen=True, slots=True)
class Harm:
    """A workload whose running pods, `pods` of them, have more to lose than its new ones would get, for that cause."""

    ref: ServiceAccountRef
    workload: Subject
    cause: Verdict
    pods: int

    @property
    def why(self) -> str:
        return f"{self.cause.message.partition(';')[0]} ({self.cause.check})"


def refusal(harms: Sequence[Harm]) -> Conflict:
    """Why nothing is restarted, with the command that mends the first cause."""
    first, pods = harms[0], sum(harm.pods for harm in harms)
    names = short_list(dict.fromkeys(str(harm.ref) for harm in harms))
    keep = f"{count_of(pods, 'running pod')} {'keep theirs as they are' if pods > 1 else 'keeps its own as it is'}"
    return Conflict(
        f"New pods of {names} would get no credentials: {first.why}. {keep}. Nothing was changed",
        hint=_mends(first.cause) or Again(add=("--force",)),
        advice="--force restarts them all the same.",
        subject=str(first.workload),
        id=first.cause.check,
    )


def obstacle(harm: Harm) -> Conflict:
    """Why one of several workloads is left alone."""
    what = f"new pods would get no credentials: {harm.why}"
    return Conflict(what, hint=_mends(harm.cause), subject=str(harm.workload), id=harm.cause.check)


def _mends(cause: Verdict) -> tuple[str, ...]:
    return cause.fix.commands[0] if cause.fix is not None and cause.fix.commands else ()
