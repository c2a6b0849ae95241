"""podid role detach."""

from podid.cli.arguments import ADOPT, PRESETS, ROLE
from podid.cli.command import Access, Terminal, command
from podid.cli.options import CHANGE, CLUSTER
from podid.domain.option import several, switch
from podid.domain.rights import CommandRights


def rights() -> CommandRights:
    from podid.aws.iam import Iam
    from podid.cli import rights
    from podid.domain.plan import Verb
    from podid.ops.change.kinds import ROLE_ATTACHMENT, ROLE_POLICY

    return CommandRights.of(
        Iam.get_role,
        Iam.list_role_names,
        *ROLE_POLICY.calls(Verb.DELETE),
        *ROLE_ATTACHMENT.calls(Verb.DELETE),
        optional=(rights.USERS,),
    )


@command(shared=(*CLUSTER, *CHANGE), rights=rights)
def detach(
    access: Access,
    terminal: Terminal,
    name: str = ROLE,
    managed_policies: tuple[str, ...] = several(
        "NAME|ARN", "Managed policy to detach, of those that the role has. Repeatable.", name="--managed-policy"
    ),
    inline_policies: tuple[str, ...] = several(
        "NAME", "Inline policy to delete, by its name. Repeatable.", name="--inline-policy"
    ),
    ignore_not_found: bool = switch("No failure where the role has no such policy."),
    presets: tuple[str, ...] = PRESETS,
    adopt: bool = ADOPT,
) -> None:
    """Take permissions away from a role. Asks first, or needs --yes.

    Pods lose them within seconds. An inline policy is deleted with it; podid undo puts it back.

    Example: podid role detach shop-orders --managed-policy AmazonS3ReadOnlyAccess
    """
    from dataclasses import replace

    from podid.cli.changing import carry_out, report, settle_interrupted
    from podid.cli.foreseeing import with_outlook_of_role
    from podid.domain.errors import UsageError
    from podid.ops.change.kinds import ROLE
    from podid.ops.role.permissions import DetachRequest, plan_detach
    from podid.ops.role.presets import fill, parse_choice
    from podid.ops.role.resolve import own_role

    given = [fill(parse_choice(text), {}) for text in presets or ()]
    inline = [*(inline_policies or ()), *(one.name for one in given if one.document is not None)]
    managed = [*(managed_policies or ()), *(name for one in given for name in one.managed_policies)]
    request = DetachRequest(
        policies=tuple(dict.fromkeys(inline)),
        managed_policies=tuple(dict.fromkeys(managed)),
        ignore_not_found=ignore_not_found,
        adopt=adopt,
    )
    if not request.policies and not request.managed_policies:
        raise UsageError("Which permissions? Name a --preset, a --managed-policy or an --inline-policy")
    place = access.account_place()
    settle_interrupted(access, terminal, place)
    with terminal.working(f"reading role {name}"):
        role = own_role(access.aws.iam, name)
        existing = access.aws.iam.get_policies(role.name)
    ours = access.journal.made(place.account, ROLE.name, {"roleName": role.name}, role_id=role.role_id)
    done = access.journal.done_before(access.runtime.argv, place.header)
    request = replace(request, gone=frozenset(value for action in done for value in action.keys.values()))
    plan = plan_detach(request, place.header, role, existing, ours=ours)
    plan = with_outlook_of_role(access, terminal, plan, role)
    result = carry_out(
        access,
        terminal,
        plan,
        question=f"Take these permissions away from role {role.name}?",
        needed_for="Taking permissions away",
        word="detach" if len(plan.actions) > 1 else "",
    )
    if result is not None:
        report(terminal, result)
