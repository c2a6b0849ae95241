"""Associations that are taken away: the plan, and who loses credentials by it and when."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from podid.domain.aws import Association
from podid.domain.errors import PodidError
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Action, Place, Plan, text
from podid.domain.text import short_list
from podid.domain.workloads import injected, live
from podid.facts.restarts import LIFETIME, OF_TARGET
from podid.ops.association.absent import check_associated
from podid.ops.association.plan import plan_disassociate
from podid.ops.association.read import current_associations
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ASSOCIATION
from podid.ops.change.kinds.association import ref_of
from podid.ops.clients import Clients, KubeAccess
from podid.ops.role.delete import plan_delete_after

if TYPE_CHECKING:
    from podid.kube.reader import KubeReader


def plan_disassociating(
    clients: Clients,
    place: Place,
    journal: Journal,
    refs: tuple[ServiceAccountRef, ...],
    *,
    done: Iterable[Action],
    now: datetime,
    delete_role: bool,
    ignore_not_found: bool,
    say: Callable[[str], None],
) -> Plan:
    """The plan that deletes the associations, and their roles with `delete_role`. `done` is what the same command had
    done before it was cut short. Raises NotFound, with the nearest names, for one that there is not, unless that is to
    be ignored, and Conflict for what an add-on or somebody else needs."""
    current = current_associations(clients, place, refs)
    gone = {ref_of(action.keys): action for action in done if action.kind == ASSOCIATION.name}
    if not ignore_not_found:
        left = {ref: existing for ref, existing in current.items() if existing is not None or ref not in gone}
        check_associated(clients, place, left)
    plan = plan_disassociate(refs, place.header, current)
    plan = plan.noting(losing_notes(clients.kube, current, now))
    if delete_role:
        ending = [association for association in current.values() if association is not None]
        ended = {association.association_arn for association in ending}
        arns = [text(gone[ref].before or {}, "roleArn") for ref in refs if ref in gone and current[ref] is None]
        for arn in dict.fromkeys((*(association.role_arn for association in ending), *arns)):
            say(f"reading role {arn.rpartition('/')[2]} and who uses it")
            plan = plan.then(plan_delete_after(clients, journal, place, arn, ended))
    return plan


def losing_notes(
    kube: KubeAccess, current: Mapping[ServiceAccountRef, Association | None], now: datetime
) -> tuple[str, ...]:
    """Which running pods lose the role with these associations and when, or why that could not be looked at."""
    try:
        return _losing(kube.reader, current, now)
    except PodidError as error:
        return (f"which running pods lose the role could not be looked at: {error.message}",)


def _losing(
    reader: KubeReader, current: Mapping[ServiceAccountRef, Association | None], now: datetime
) -> tuple[str, ...]:
    """A sentence for each association whose running pods hold its credentials. Raises as the reader does."""
    associated = {ref: item for ref, item in current.items() if item is not None}
    notes = []
    for namespace in sorted({ref.namespace for ref in associated}):
        refs = [ref for ref in associated if ref.namespace == namespace]
        pods = reader.list_pods(namespace, service_account=refs[0].name if len(refs) == 1 else "")
        for ref in refs:
            names = [pod.name for pod in pods if pod.ref == ref and live(pod) and injected(pod)]
            if not names:
                continue
            until = now + (OF_TARGET if associated[ref].target_role_arn else LIFETIME)
            count = "1 running pod of" if len(names) == 1 else f"{len(names)} running pods of"
            notes.append(
                f"{count} {ref} lose{'s' if len(names) == 1 else ''} the role when the credentials expire, by "
                f"{until:%Y-%m-%dT%H:%MZ} at the latest: {short_list(names)}"
            )
    return tuple(notes)
