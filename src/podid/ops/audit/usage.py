"""Reads that several commands share: the associations of a scope, and IAM reports on the used permissions of roles."""

from collections.abc import Collection, Iterable
from datetime import datetime

from podid.aws.iam import Iam
from podid.calls import pacing
from podid.calls.patience import Patience
from podid.domain.aws import Listed
from podid.domain.errors import PodidError, Unavailable
from podid.domain.iam import AccessedService, Usage
from podid.domain.plan import Place
from podid.domain.section import Known, Section, missing, required
from podid.domain.snapshot import Snapshot
from podid.ops.association.read import association_not_found
from podid.ops.clients import Clients
from podid.ops.reading.collect import ReadRequest, collect
from podid.ops.reading.scope import DoctorScope, resolve

_PAUSE, _LONGEST_PAUSE = 0.5, 5.0


def read_usage(iam: Iam, arns: Iterable[str], patience: Patience) -> dict[str, Section[Usage]]:
    """Return role ARN -> the services that its policies allow, by name. IAM makes the reports concurrently. A report
    that is not ready when `patience` ends is missing."""
    usage: dict[str, Section[Usage]] = {}
    jobs: dict[str, str] = {}
    for arn, job in pacing.fan_out(pacing.attempt(iam.start_usage_report), dict.fromkeys(arns)):
        if isinstance(job, PodidError):
            usage[arn] = missing(job)
        else:
            jobs[arn] = job

    def find(arn: str) -> tuple[AccessedService, ...] | None:
        return iam.find_usage_report(jobs[arn], arn)

    def take(arns: Iterable[str]) -> None:
        for arn, answer in pacing.fan_out(pacing.attempt(find), tuple(arns)):
            if answer is None:
                # ask for another one first in the next round
                jobs[arn] = jobs.pop(arn)
                continue
            del jobs[arn]
            usage[arn] = missing(answer) if isinstance(answer, PodidError) else Known({s.name: s for s in answer})

    total = len(jobs)
    for remaining in patience.rounds(_PAUSE, longest=_LONGEST_PAUSE):
        # while one report is in progress, most of the others are
        number = len(jobs)
        take(tuple(jobs)[:1])
        if len(jobs) < number or not remaining:
            take(jobs)
        if not jobs:
            return usage
        patience.say(f"reports on last use: {total - len(jobs)} of {total} ready")
    late = missing(Unavailable("IAM did not finish the report on last use in time"))
    return usage | dict.fromkeys(jobs, late)


def read_listed(
    clients: Clients, place: Place, scope: DoctorScope, sections: Collection[str], now: datetime
) -> tuple[Snapshot, tuple[Listed, ...]]:
    """Read sections of a cluster, and return them with the associations in the scope. Raise NotFound for a service
    account or namespace that does not exist, and the error if the associations could not be read."""
    snapshot = collect(clients, place, ReadRequest(checks=(), scope=scope), now=now, journal=None, again=sections)
    associations, refs = required(snapshot.associations), resolve(scope, snapshot)
    known = {item.ref for item in associations}
    if gone := next((ref for ref in refs if ref not in known), None):
        raise association_not_found(clients, place, gone, known)
    return snapshot, tuple(item for item in associations if not refs or item.ref in refs)
