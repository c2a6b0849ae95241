"""Plan the deletion of a role with its policies."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Self

from podid.domain.aws import Role, RolePolicies
from podid.domain.errors import AccessDenied, Again, Conflict, CredentialsError, NotFound, Other
from podid.domain.names import role_name
from podid.domain.plan import Action, Consent, Header, Place, Plan
from podid.domain.text import short_list
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ROLE, ROLE_ATTACHMENT, ROLE_POLICY
from podid.ops.change.kinds.role import check_unused, deletion_notes
from podid.ops.clients import Clients
from podid.ops.role.plan import check_not_aws, made_here, others
from podid.ops.role.resolve import own_role
from podid.ops.role.uses import Unread, Uses, read_all_uses


@dataclass(frozen=True, slots=True)
class RoleContents:
    """A role with its policies and its users. `profiles` are names of instance profiles, `unread` what of them could
    not be read."""

    role: Role
    policies: RolePolicies
    uses: Uses
    profiles: tuple[str, ...] = ()
    unread: tuple[Unread, ...] = ()

    @classmethod
    def read(cls, clients: Clients, role: Role, uses: Uses) -> Self:
        policies = clients.iam.get_policies(role.name)
        try:
            return cls(role, policies, uses, clients.iam.list_instance_profiles(role.name))
        except CredentialsError:
            raise
        except AccessDenied as error:
            unread = Unread.of(f"instance profiles of role {role.name}", error)
            return cls(role, policies, uses, unread=(unread,))


def plan_deleting(
    clients: Clients,
    place: Place,
    journal: Journal,
    name: str,
    *,
    done: Iterable[Action],
    ignore_not_found: bool,
    adopt: bool,
) -> tuple[Plan, Consent | None]:
    """Plan the deletion of the role with this name or ARN. `done` are the actions of an interrupted run of the same
    command. Raise NotFound with the nearest names, unless `ignore_not_found`, and Conflict as `plan_delete` does."""
    try:
        role = own_role(clients, name)
    except NotFound as error:
        deleted = {action.target for action in done if action.kind == ROLE.name}
        if not ignore_not_found and role_name(name) not in deleted:
            if not isinstance(error.hint, Again):  # no similar name
                error.hint = Again(add=("--ignore-not-found",))
            raise
        gone = ROLE.action({"roleName": role_name(name)}, None)
        return Plan(header=place.header, actions=(), unchanged=(gone,)), None
    uses = read_all_uses(clients.aws, place.account)
    contents = RoleContents.read(clients, role, uses)
    plan = plan_delete(contents, place.header, ours=made_here(journal, place, role), adopt=adopt)
    word = role.name if len(plan.actions) > 1 or uses.unread else ""
    return plan, Consent(question=f"Delete role {role.name}?", needed_for="Deleting a role", word=word)


def plan_delete(contents: RoleContents, header: Header, *, ours: bool, adopt: bool) -> Plan:
    """Raise Conflict while the role is in use, and for a role that podid did not create here unless `adopt`."""
    role = contents.role
    check_not_aws(role)
    check_unused(role, contents.uses.of(role.arn))
    if contents.profiles:
        raise Conflict(
            f"Role {role.name} is in the instance profile {short_list(contents.profiles)} of EC2 instances",
            advice="Remove it from the instance profile first (aws iam remove-role-from-instance-profile).",
            subject=role.name,
        )
    if not ours and not adopt:
        raise Conflict(
            f"Role {role.name} was not created by podid, according to its journal",
            hint=Again(add=("--adopt",)),
            lines=(*others(role, stays=False), *deletion_notes(role, contents.uses)),
            subject=role.name,
        )
    actions = [
        *(
            ROLE_ATTACHMENT.action(ROLE_ATTACHMENT.state_of(role.name, policy.arn), None)
            for policy in contents.policies.attached
        ),
        *(
            ROLE_POLICY.action(ROLE_POLICY.state_of(role.name, name, document), None)
            for name, document in contents.policies.inline.items()
        ),
        ROLE.action(ROLE.state_of(role), None),
    ]
    notes = (
        *(() if ours else others(role, stays=False)),
        *deletion_notes(role, contents.uses),
        *(f"not checked: {item}" for item in contents.unread),
        *ROLE.once_deleted,
    )
    return Plan(header=header, actions=tuple(actions), notes=notes)


def plan_delete_after(clients: Clients, journal: Journal, place: Place, arn: str, ended: Collection[str]) -> Plan:
    """Plan the deletion of the role after the associations with these ARNs. Raise Conflict if podid did not create it
    here, or while anything else uses it."""
    name = role_name(arn)
    role = clients.iam.find_role(name)
    if role is None or role.arn != arn:
        gone = ROLE.action({"roleName": name}, None)
        return Plan(header=place.header, actions=(), unchanged=(gone,), separate=True)
    if not made_here(journal, place, role):
        raise Conflict(
            f"Role {name} was not created by podid, according to its journal: --delete-role cannot delete it",
            hint=Other(("role", "show"), (name,)),
            subject=name,
        )
    contents = RoleContents.read(clients, role, read_all_uses(clients.aws, place.account).without(ended))
    return plan_delete(contents, place.header, ours=True, adopt=False).in_order()
