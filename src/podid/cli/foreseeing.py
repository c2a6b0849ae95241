"""What comes of a change, before it is made: read and judged as the status of an identity is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from podid.domain.cost import LOOK, Cost
from podid.domain.errors import PodidError
from podid.domain.plan import Plan, Wait

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from podid.cli.access import Access
    from podid.cli.terminal import Terminal
    from podid.domain.findings import Subject
    from podid.domain.model import Role
    from podid.domain.names import ServiceAccountRef
    from podid.domain.place import Place
    from podid.domain.report import DoctorReport
    from podid.domain.status import Outlook
    from podid.ops.restart.refusal import Harm
    from podid.ops.status.look import Diagnosis


@dataclass(frozen=True, slots=True)
class LookAhead:
    """The cluster as it is, and the plan with the restarts that follow it."""

    diagnosis: Diagnosis
    plan: Plan
    now: datetime
    adjust: Callable[[DoctorReport], DoctorReport]

    def outlook(self, missed: Collection[Subject] = ()) -> tuple[Outlook, tuple[Harm, ...]]:
        """What comes of it, and the workloads that are restarted to their harm. `missed` are those whose pods a dry run
        brought back without what the webhook gives."""
        from podid.ops.status.foresee import foresee, harmed

        found = foresee(self.diagnosis, self.plan, self.now, missed=missed, adjust=self.adjust)
        return found, harmed(found, self.plan)


def look_ahead(
    access: Access,
    terminal: Terminal,
    place: Place,
    plan: Plan,
    refs: Collection[ServiceAccountRef] = (),
    *,
    restart: bool = False,
    checks: Sequence[str] = (),
    by_name: bool = False,
    aws: bool = False,
) -> LookAhead:
    """Reads what a plan is about: these service accounts, or the whole cluster, as far as some `checks` need it, or
    all; with `aws` nothing of Kubernetes. With `restart` the pods are replaced too that the plan does not reach. Never
    raises for what cannot be read."""
    from podid.ops.status.diagnose import select
    from podid.ops.status.foresee import look_before, restarts

    blind = aws or (access.shared.wait in (Wait.NONE, Wait.API) and not restart)
    cost = Cost.AWS if blind or access.kube.failure is not None else LOOK
    now, chosen = access.runtime.now(), select(checks)

    def adjust(report: DoctorReport) -> DoctorReport:
        return report.with_commands(access.at_place)

    with terminal.working("checking what comes of it"):
        found = look_before(
            access.clients,
            place,
            plan,
            refs,
            now=now,
            cost=cost,
            checks=chosen,
            by_name=by_name,
            journal=access.journal,
            adjust=adjust,
        )
    more = restarts(found.snapshot, plan) if restart else ()
    return LookAhead(found, replace(plan, actions=(*plan.actions, *more)), now, adjust)


def with_outlook(
    access: Access,
    terminal: Terminal,
    place: Place,
    plan: Plan,
    refs: Collection[ServiceAccountRef] = (),
    *,
    restart: bool = False,
    force: bool = False,
    checks: Sequence[str] = (),
    by_name: bool = False,
) -> Plan:
    """The plan with what comes of it. Raises Conflict where new pods would be broken and those that run are not, unless
    `force` insists."""
    if not plan.actions and not restart:
        return plan
    from podid.ops.restart.refusal import refusal

    ahead = look_ahead(access, terminal, place, plan, refs, restart=restart, checks=checks, by_name=by_name)
    outlook, harms = ahead.outlook()
    if harms and not force:
        raise refusal(harms)
    return replace(plan, outlook=outlook) if plan.actions else plan


# of a role that admits more, a status of each would cost more than it tells
MOST_USERS = 100


def with_outlook_of_role(access: Access, terminal: Terminal, plan: Plan, role: Role) -> Plan:
    """The plan, which changes a role, with what comes of it for the associations that name the role in the cluster at
    hand, as far as AWS tells; without a cluster at hand as it was."""
    if not plan.actions or access.named is None:
        return plan
    from podid.ops.role.uses import may_use
    from podid.ops.status.foresee import of_role

    try:
        place = access.place()
        summaries = access.aws.eks.list_association_summaries(place.cluster_name)
    except PodidError as error:
        return plan.noting((f"who uses the role in cluster {access.named.name} was not checked: {error.what}",))
    refs = may_use(role, place.the_cluster, (item.ref for item in summaries))
    if len(refs) > MOST_USERS:
        return plan.noting(
            (f"{len(refs)} service accounts of cluster {place.cluster_name} may use the role: not checked",)
        )
    if not refs:
        return plan
    outlook, _ = look_ahead(access, terminal, place, plan, refs, aws=True).outlook()
    return replace(plan, outlook=of_role(outlook, role.arn))
