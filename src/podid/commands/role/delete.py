"""podid role delete."""

from podid.cli.arguments import ROLE
from podid.cli.command import Access, Terminal, command
from podid.cli.options import AWS, CHANGE
from podid.domain.option import switch
from podid.domain.rights import CommandRights, OptionalRight


def rights() -> CommandRights:
    from podid.aws.eks import Eks
    from podid.aws.iam import Iam
    from podid.domain.plan import Verb
    from podid.ops.change.kinds import ROLE, ROLE_ATTACHMENT, ROLE_POLICY

    return CommandRights.of(
        Iam.get_role,
        Iam.list_role_names,
        *ROLE.calls(Verb.DELETE),
        *ROLE_POLICY.calls(Verb.DELETE),
        *ROLE_ATTACHMENT.calls(Verb.DELETE),
        Eks.list_clusters,
        Eks.list_associations,
        optional=(OptionalRight.of("seeing whether EC2 instances run with it", Iam.list_instance_profiles),),
    )


@command(shared=(*AWS, *CHANGE), rights=rights)
def delete(
    access: Access,
    terminal: Terminal,
    name: str = ROLE,
    ignore_not_found: bool = switch("No failure where the role does not exist."),
    adopt: bool = switch("Delete a role that exists and that podid did not make here."),
) -> None:
    """Delete a role with its policies. Asks first, or needs --yes.

    Refuses while an association names it, in any cluster of any region that can be read; what cannot be read is named
    in the plan. podid undo makes it again.

    Example: podid role delete shop-orders
    """
    from podid.cli.changing import carry_out, report, settle_interrupted
    from podid.domain.errors import Again, NotFound
    from podid.domain.names import role_name
    from podid.domain.plan import Plan
    from podid.ops.change.kinds import ROLE
    from podid.ops.role.delete import RoleContents, plan_delete, read_profiles
    from podid.ops.role.resolve import own_role
    from podid.ops.role.uses import read_all_uses

    place = access.account_place()
    settle_interrupted(access, terminal, place)
    iam, unread = access.aws.iam, False
    with terminal.working(f"reading role {name} and who uses it"):
        try:
            role = own_role(iam, name)
        except NotFound as error:
            done = access.journal.done_before(access.runtime.argv, place.header)
            deleted = {action.target for action in done if action.kind == ROLE.name}
            if not ignore_not_found and role_name(name) not in deleted:
                if not isinstance(error.hint, Again):  # no name is near
                    error.hint = Again(add=("--ignore-not-found",))
                raise
            gone = ROLE.action({"roleName": role_name(name)}, None)
            plan = Plan(header=place.header, actions=(), unchanged=(gone,))
        else:
            ours = access.journal.made(place.account, ROLE.name, {"roleName": role.name}, role_id=role.role_id)
            uses = read_all_uses(access.aws, place.account)
            unread = bool(uses.unread)
            found = RoleContents(role, iam.get_policies(role.name), uses, *read_profiles(iam, role.name))
            plan = plan_delete(found, place.header, ours=ours, adopt=adopt)
            name = role.name
    result = carry_out(
        access,
        terminal,
        plan,
        question=f"Delete role {name}?" if plan.actions else "",
        needed_for="Deleting a role",
        word=name if len(plan.actions) > 1 or unread else "",
    )
    if result is not None:
        report(terminal, result)
