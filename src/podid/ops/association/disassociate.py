"""Plan the deletion of associations, or of everything that belongs to a cluster; and report which pods lose credentials
and when."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from operator import attrgetter

from podid.domain import trust
from podid.domain.aws import Association, Role
from podid.domain.errors import Conflict, InvalidInput, NotFound, PodidError
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Action, Header, Place, Plan, text
from podid.domain.text import count_of, short_list
from podid.domain.workloads import injected, live
from podid.facts.restarts import LIFETIME, OF_TARGET
from podid.ops.association.plan import Current, check_not_owned
from podid.ops.association.read import check_associated, current_associations
from podid.ops.association.request import DisassociateOptions
from podid.ops.change.guard import without_owned
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ASSOCIATION, SERVICE_ACCOUNT
from podid.ops.change.kinds.association import ref_of
from podid.ops.change.narrowing import with_dependents
from podid.ops.change.users import uses_after
from podid.ops.clients import Clients, KubeAccess, Site
from podid.ops.role.delete import RoleContents, check_not_adopted, plan_delete, plan_delete_after
from podid.ops.role.plan import later_tag_notes, made_here
from podid.ops.role.uses import Uses
from podid.ops.trust.edit import plan_edit


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
            deletion = plan_delete_after(
                *(clients, journal, place, arn, plan.actions),
                update_trust=options.update_trust,
                target_profile=options.target_profile,
            )
            plan = plan.then(deletion)
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
    podid did not create here, or that another tool manages now."""
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
        actions.append(SERVICE_ACCOUNT.action(SERVICE_ACCOUNT.state_as_read(account), None))
    return Plan(header=place.header, actions=tuple(actions), unchanged=tuple(unchanged))


def plan_decommission(
    clients: Clients,
    place: Place,
    journal: Journal,
    cluster_arn: str,
    now: datetime,
    say: Callable[[str], None],
    *,
    update_trust: bool,
    target_profile: str,
) -> Plan:
    """Plan the removal of a cluster's associations, of the roles that only it uses, and of its statements in the trust
    policies of other roles. With `update_trust`, remove deleted roles from the trust policies of their target roles.
    `place` has no cluster if the cluster no longer exists: then only roles are changed. Raise NotFound if no trust
    policy names such a cluster."""
    associations = clients.eks.list_associations(place.cluster_name) if place.cluster is not None else ()
    plan = _of_associations(clients, place, associations, now)
    deleted = {ref_of(action.keys) for action in plan.actions}
    ended = tuple(item for item in associations if item.ref in deleted)
    say("reading the clusters of every region")
    site = Site(clients, place.header)
    uses = site.uses
    remaining = Uses(uses_after(uses, place.header, plan.actions).associations)
    say("reading the trust policies of the account's roles")
    name = cluster_arn.rpartition("/")[2]
    used = {*(item.role_arn for item in ended), *_roles_of_deleted(journal, replace(place.header, cluster=name))}
    roles = sorted(_candidates(clients, cluster_arn, used), key=attrgetter("name"))
    if place.cluster is None and not roles:
        try:
            clients.eks.get_cluster(name)  # raises the error with the nearest names
        except NotFound as error:
            error.message += ", and no trust policy names it"
            raise
    kept = {arn for item in associations if item not in ended for arn in (item.role_arn, item.target_role_arn)}
    for role in roles:
        part = _of_role(
            *(clients, place, journal, cluster_arn, role, remaining),
            in_use=role.arn in kept,
            update_trust=update_trust,
            target_profile=target_profile,
        )
        plan = plan.then(without_owned(clients, part))
    return with_dependents(plan.in_order(), site)


def _of_associations(clients: Clients, place: Place, associations: Collection[Association], now: datetime) -> Plan:
    """Plan the deletion of the associations that no add-on and no other tool owns."""
    own = {item.ref: item for item in associations if not item.owner_arn}
    of_addons = tuple(
        f"unchanged: {item.ref}{f' belongs to {item.owner.words}' if item.owner is not None else ''}: "
        "EKS deletes it with the add-on"
        for item in associations
        if item.owner_arn
    )
    if not own:
        return Plan(header=place.header, actions=(), notes=of_addons, separate=True)
    whole = plan_disassociate(tuple(own), place.header, own)
    plan = without_owned(clients, whole, custom=clients.kube.failure is None)
    ending = {ref: own[ref] for ref in map(ref_of, (action.keys for action in plan.actions))}
    return plan.noting((*of_addons, *losing_notes(clients.kube, ending, now)))


def _candidates(clients: Clients, cluster_arn: str, used: Collection[str]) -> Iterator[Role]:
    """Yield the roles that name the cluster in their trust policy, and those that its associations `used`. Raise the
    error of a role that cannot be read."""
    names = [role.name for role in clients.iam.list_roles() if role.arn in used or _names(role, cluster_arn)]
    for _, role in clients.iam.find_roles(names):
        if isinstance(role, PodidError):
            raise role
        if role is not None and not role.service_linked:
            yield role


def _roles_of_deleted(journal: Journal, header: Header) -> Iterator[str]:
    """Yield the roles of associations that unfinished runs of this command deleted."""
    for run in journal.runs():
        if "decommission" in run.command and replace(run.header, caller_arn=header.caller_arn) == header:
            if run.whole:
                return
            deleted = (step.action for step in run.steps if step.action.kind == ASSOCIATION.name)
            yield from (text(action.before, "roleArn") for action in deleted)


def _names(role: Role, cluster_arn: str) -> bool:
    try:
        result = trust.remove_cluster(trust.parse_policy(role.trust), cluster_arn)
    except InvalidInput:
        return False  # IAM does not accept it either
    return result.changed or result.refused


def _of_role(
    clients: Clients,
    place: Place,
    journal: Journal,
    cluster_arn: str,
    role: Role,
    remaining: Uses,
    *,
    in_use: bool,
    update_trust: bool,
    target_profile: str,
) -> Plan:
    """Plan the deletion of a role that podid created here and that nothing else can use; else the removal of the
    cluster's statements. A role that an association of the cluster still uses is unchanged."""
    nothing = Plan(header=place.header, actions=())
    policy = trust.parse_policy(role.trust)
    edit = trust.remove_cluster(policy, cluster_arn)
    if in_use:
        return nothing.noting((f"unchanged: role {role.name}, which an association of the cluster still uses",))
    others = remaining.of(role.arn)
    alone = edit.refused or (not edit.changed and not trust.other_principals(policy))
    if alone and not others and made_here(journal, place, role):
        try:
            check_not_adopted(journal, place, role, ())
            contents = RoleContents.read(clients, role, remaining, target_profile)
            plan = plan_delete(contents, place.header, ours=True, adopt=False, update_trust=update_trust)
            return plan.noting(later_tag_notes(journal, place, role))
        except Conflict as error:
            return nothing.noting((f"unchanged: {error.message}",))
    if edit.changed:
        plan = plan_edit(
            role,
            lambda read, _: trust.remove_cluster(read, cluster_arn),
            place.header,
            clients.trust_quota,
            why="to remove the cluster",
        )
        return replace(plan, notes=tuple(f"role {role.name}: {note}" for note in plan.notes))
    if edit.refused:
        reason = "the cluster's statements are the only ones of its trust policy"
        users = f", and {short_list([str(item.ref) for item in others], 3)} uses it" if others else ""
        words = f"unchanged: role {role.name}, which podid did not create, according to its journal: {reason}{users}"
        return nothing.noting((words,))
    return nothing
