"""Plan the removal of everything that belongs to one cluster: its associations, the roles that only it uses, and its
statements in the trust policies of other roles."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from datetime import datetime
from operator import attrgetter

from podid.domain import trust
from podid.domain.aws import Association, Role
from podid.domain.errors import Conflict, InvalidInput, NotFound, PodidError
from podid.domain.plan import Header, Place, Plan, text
from podid.domain.text import short_list
from podid.ops.association.disassociate import losing_notes, plan_disassociate
from podid.ops.change.guard import without_owned
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ASSOCIATION
from podid.ops.change.kinds.association import ref_of
from podid.ops.change.kinds.role import uses_after
from podid.ops.clients import Clients
from podid.ops.role.delete import RoleContents, plan_delete
from podid.ops.role.plan import made_here
from podid.ops.role.uses import Uses, read_all_uses
from podid.ops.trust.edit import plan_edit


def plan_decommission(
    clients: Clients, place: Place, journal: Journal, cluster_arn: str, now: datetime, say: Callable[[str], None]
) -> Plan:
    """Plan the removal. `place` has no cluster if the cluster no longer exists: then only roles are changed. Raise
    NotFound if no trust policy names such a cluster, and Undetermined if another cluster of the account could not be
    read."""
    associations = clients.eks.list_associations(place.cluster_name) if place.cluster is not None else ()
    plan = _of_associations(clients, place, associations, now)
    deleted = {ref_of(action.keys) for action in plan.actions}
    ended = tuple(item for item in associations if item.ref in deleted)
    say("reading the clusters of every region")
    uses = read_all_uses(clients.aws, place.account)
    uses.check_complete()
    remaining = Uses(uses_after(uses, place.header, plan.actions).associations)
    say("reading the trust policies of the account's roles")
    name = cluster_arn.rpartition("/")[2]
    used = {*(item.role_arn for item in ended), *_roles_of_deleted(journal, replace(place.header, cluster=name))}
    roles = sorted(_candidates(clients, cluster_arn, used), key=attrgetter("name"))
    if place.cluster is None and not roles:
        message = f"Cluster {name} does not exist in {place.region}, and no trust policy names it"
        raise NotFound(message, subject=name, hint=("aws", "eks", "list-clusters"))
    kept = {arn for item in associations if item not in ended for arn in (item.role_arn, item.target_role_arn)}
    for role in roles:
        part = _of_role(clients, place, journal, cluster_arn, role, remaining, in_use=role.arn in kept)
        plan = plan.then(without_owned(clients, part))
    return plan.in_order()


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
    clients: Clients, place: Place, journal: Journal, cluster_arn: str, role: Role, remaining: Uses, *, in_use: bool
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
            return plan_delete(RoleContents.read(clients, role, remaining), place.header, ours=True, adopt=False)
        except Conflict as error:
            return nothing.noting((f"unchanged: {error.message}",))
    if edit.changed:
        plan = plan_edit(
            role, lambda read, _: trust.remove_cluster(read, cluster_arn), place.header, why="to remove the cluster"
        )
        return replace(plan, notes=tuple(f"role {role.name}: {note}" for note in plan.notes))
    if edit.refused:
        reason = "the cluster's statements are the only ones of its trust policy"
        users = f", and {short_list([str(item.ref) for item in others], 3)} uses it" if others else ""
        words = f"unchanged: role {role.name}, which podid did not create, according to its journal: {reason}{users}"
        return nothing.noting((words,))
    return nothing
