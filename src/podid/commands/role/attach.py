"""podid role attach."""

from podid.cli.arguments import ADOPT, MANAGED_POLICIES, POLICY_FILES, PRESETS, ROLE
from podid.cli.command import Access, Terminal, command
from podid.cli.options import CHANGE, CLUSTER
from podid.domain.option import switch
from podid.domain.rights import CommandRights, OptionalRight


def rights() -> CommandRights:
    from podid.aws.eks import Eks
    from podid.aws.iam import Iam
    from podid.cli import rights
    from podid.domain.plan import Verb
    from podid.ops.change.kinds import ROLE_ATTACHMENT, ROLE_POLICY

    return CommandRights.of(
        Iam.get_role,
        Iam.list_role_names,
        *ROLE_POLICY.calls(Verb.CREATE, Verb.UPDATE),
        *ROLE_ATTACHMENT.calls(Verb.CREATE),
        Iam.find_policy,
        optional=(
            rights.POLICY_CHECKS,
            rights.USERS,
            OptionalRight.of("--preset, of those that name the cluster", Eks.get_cluster),
        ),
    )


@command(shared=(*CLUSTER, *CHANGE), rights=rights)
def attach(
    access: Access,
    terminal: Terminal,
    name: str = ROLE,
    presets: tuple[str, ...] = PRESETS,
    managed_policies: tuple[str, ...] = MANAGED_POLICIES,
    policy_file: tuple[str, ...] = POLICY_FILES,
    replace: bool = switch("Overwrite an inline policy that is there with other contents."),
    adopt: bool = ADOPT,
) -> None:
    """Give a role more permissions.

    Policies that it has already are left as they are; pods have the new ones within seconds, without a restart.

    Example: podid role attach shop-orders --preset dynamodb-read,table=orders
    """
    from podid.cli import typed
    from podid.cli.changing import carry_out, report, settle_interrupted
    from podid.cli.foreseeing import with_outlook_of_role
    from podid.cli.roles import permissions_of, preset_notes
    from podid.domain.errors import UsageError
    from podid.domain.names import Arn
    from podid.ops.change.kinds import ROLE
    from podid.ops.role.permissions import AttachRequest, plan_attach
    from podid.ops.role.presets import merged, parse_choice
    from podid.ops.role.resolve import managed_policy, own_role
    from podid.ops.role.validation import validated

    policies = typed.policies(terminal, policy_file)
    choices = [parse_choice(text) for text in presets or ()]
    if not policies and not managed_policies and not choices:
        raise UsageError("Which permissions? Name a --preset, a --managed-policy or a --policy-file")
    place = access.account_place()
    settle_interrupted(access, terminal, place)
    iam = access.aws.iam
    with terminal.working(f"reading role {name}"):
        role = own_role(iam, name)
        partition = Arn.parse(role.arn).partition
        given = permissions_of(access, choices, account=place.account, partition=partition)
        named = (*(managed_policies or ()), *(one for item in given for one in item.managed_policies))
        arns = dict.fromkeys(managed_policy(iam, text, partition=partition) for text in named)
        wanted = merged(policies, given)
        request = AttachRequest(policies=wanted, managed_policy_arns=tuple(arns), replace=replace, adopt=adopt)
        existing = iam.get_policies(role.name)
    ours = access.journal.made(place.account, ROLE.name, {"roleName": role.name}, role_id=role.role_id)
    plan = plan_attach(request, place.header, role, existing, ours=ours).noting(preset_notes(given))
    plan = with_outlook_of_role(access, terminal, validated(plan, access.aws.access_analyzer), role)
    result = carry_out(access, terminal, plan)
    if result is not None:
        report(terminal, result)
