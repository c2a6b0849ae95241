"""Plan the deletion of associations, and report which pods lose credentials and when."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from podid.domain.errors import Conflict, PodidError
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Action, Header, Place, Plan, text
from podid.domain.text import count_of, short_list
from podid.domain.workloads import injected, live
from podid.facts.restarts import LIFETIME, OF_TARGET
from podid.ops.association.plan import Current, check_not_owned
from podid.ops.association.read import check_associated, current_associations
from podid.ops.association.request import DisassociateOptions
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ASSOCIATION, SERVICE_ACCOUNT
from podid.ops.change.kinds.association import ref_of
from podid.ops.clients import Clients, KubeAccess
from podid.ops.role.delete import plan_delete_after


def plan_disassociating(
    clients: Clients,
    place: Place,
    journal: Journal,
    options: DisassociateOptions,
    *,
    done: Iterable[Action],
    now: datetime,
    say: Callable[[str], None],
) -> Plan:
    """Plan the deletion of the associations, and of their roles and service accounts if requested. `done` are the
    actions of an interrupted run of the same command. Raise NotFound with the nearest names for a missing association,
    unless these are ignored, and Conflict if an add-on or another user requires it."""
    refs = options.service_accounts
    current = current_associations(clients, place, refs)
    gone = {ref_of(action.keys): action for action in done if action.kind == ASSOCIATION.name}
    if not options.ignore_not_found:
        remaining = {ref: existing for ref, existing in current.items() if existing is not None or ref not in gone}
        check_associated(clients, place, remaining)
    plan = plan_disassociate(refs, place.header, current)
    plan = plan.noting(losing_notes(clients.kube, current, now))
    if options.delete_role:
        ending = [association for association in current.values() if association is not None]
        arns = [text(gone[ref].before or {}, "roleArn") for ref in refs if ref in gone and current[ref] is None]
        for arn in dict.fromkeys((*(association.role_arn for association in ending), *arns)):
            say(f"reading role {arn.rpartition('/')[2]} and its users")
            plan = plan.then(plan_delete_after(clients, journal, place, arn, plan.actions))
    if options.delete_service_account:
        say("reading the service accounts and their pods")
        plan = plan.then(plan_delete_accounts(clients, journal, place, refs))
    return plan


def plan_disassociate(refs: tuple[ServiceAccountRef, ...], header: Header, current: Current) -> Plan:
    """Plan the deletions. Service accounts without an association are listed under `unchanged`."""
    actions, unchanged = [], []
    for ref in refs:
        existing = current[ref]
        if existing is None:
            nothing = {"namespace": ref.namespace, "serviceAccount": ref.name}
            unchanged.append(ASSOCIATION.action(nothing, None))
            continue
        check_not_owned(existing)
        actions.append(ASSOCIATION.action(ASSOCIATION.state_of(existing), None))
    notes = ASSOCIATION.once_deleted if actions else ()
    return Plan(header=header, actions=tuple(actions), unchanged=tuple(unchanged), notes=notes, separate=True)


def losing_notes(kube: KubeAccess, current: Current, now: datetime) -> tuple[str, ...]:
    """Return a sentence for each association whose running pods hold its credentials: which pods lose the role and
    when, or why they were not checked."""
    associated = {ref: item for ref, item in current.items() if item is not None}
    notes = []
    try:
        for namespace in sorted({ref.namespace for ref in associated}):
            refs = [ref for ref in associated if ref.namespace == namespace]
            pods = kube.reader.list_pods(namespace, service_account=refs[0].name if len(refs) == 1 else "")
            for ref in refs:
                names = [pod.name for pod in pods if pod.ref == ref and live(pod) and injected(pod)]
                if names:
                    until = now + (OF_TARGET if associated[ref].target_role_arn else LIFETIME)
                    notes.append(
                        f"{count_of(len(names), 'running pod')} of {ref} lose{'s' if len(names) == 1 else ''} the role "
                        f"when the credentials expire, by {until:%Y-%m-%dT%H:%MZ} at the latest: {short_list(names)}"
                    )
    except PodidError as error:
        return (f"the running pods that lose the role were not checked: {error.message}",)
    return tuple(notes)


def plan_delete_accounts(clients: Clients, journal: Journal, place: Place, refs: Sequence[ServiceAccountRef]) -> Plan:
    """Plan the deletions; service accounts that do not exist are listed under `unchanged`. Raise Conflict for one that
    podid did not create here, that another tool manages now, or that a running pod uses."""
    actions: list[Action] = []
    unchanged: list[Action] = []
    reader = clients.kube.reader
    for ref in refs:
        account = reader.find_service_account(ref)
        if account is None:
            unchanged.append(SERVICE_ACCOUNT.action(SERVICE_ACCOUNT.state_of(ref), None))
            continue
        keys = {"namespace": account.namespace, "name": account.name}
        created = journal.last_made(place.header, SERVICE_ACCOUNT.name, keys)
        if created is None or text(created, "uid") != account.uid:
            raise Conflict(
                f"Service account {ref} was not created by podid, according to its journal",
                hint=("kubectl", "delete", "serviceaccount", account.name, "--namespace", account.namespace),
                subject=str(ref),
            )
        if account.owner:
            message = f"{account.owner} manages service account {ref} now: delete it there"
            raise Conflict(message, subject=str(ref))
        pods = [pod.name for pod in reader.list_pods(ref.namespace, service_account=ref.name) if live(pod)]
        if pods:
            raise Conflict(
                f"Service account {ref} cannot be deleted: running pods use it ({short_list(pods)})",
                advice="Delete their workloads, or give them another service account, first.",
                subject=str(ref),
            )
        actions.append(SERVICE_ACCOUNT.action(SERVICE_ACCOUNT.state_as_read(account), None))
    return Plan(header=place.header, actions=tuple(actions), unchanged=tuple(unchanged))
