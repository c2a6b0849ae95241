"""podid role create."""

from dataclasses import replace as with_
from typing import TYPE_CHECKING, Annotated

import typer

from podid.cli.arguments import Adopt, ManagedPolicies, PolicyFiles, UpdateTrust
from podid.cli.command import Access, Terminal, command
from podid.cli.options import CHANGE, CLUSTER, KUBERNETES
from podid.domain.rights import CommandRights, OptionalRight

if TYPE_CHECKING:
    from podid.domain.plan import ChangeResult


def rights() -> CommandRights:
    from podid.aws.access_analyzer import AccessAnalyzer
    from podid.aws.iam import Iam
    from podid.domain.plan import Verb
    from podid.ops.change.kinds import ROLE, ROLE_ATTACHMENT, ROLE_POLICY, ROLE_SETTINGS, ROLE_TRUST

    return CommandRights.of(
        *ROLE.calls(Verb.CREATE),
        *ROLE_TRUST.calls(Verb.UPDATE),
        *ROLE_POLICY.calls(Verb.CREATE, Verb.UPDATE),
        *ROLE_ATTACHMENT.calls(Verb.CREATE),
        Iam.find_policy,
        optional=(
            OptionalRight.of("having AWS check policies before they are written", AccessAnalyzer.validate_policy),
            OptionalRight.of("--replace", *ROLE_SETTINGS.calls(Verb.UPDATE)),
            OptionalRight.of(
                "taking back a role that could not be finished",
                Iam.delete_role,
                Iam.delete_inline_policy,
                Iam.detach_policy,
            ),
        ),
    )


@command(shared=(*CLUSTER, *KUBERNETES, *CHANGE), rights=rights)
def create(
    access: Access,
    terminal: Terminal,
    for_: Annotated[
        list[str],
        typer.Option(
            "--for", metavar="NS/SA", help="Who may assume it, a statement each. Repeatable.", show_default=False
        ),
    ],
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help="Name of the role; without one it is made of cluster, namespace and service account.",
            show_default=False,
        ),
    ] = None,
    scope: Annotated[
        str,
        typer.Option(
            "--scope",
            metavar="SCOPE",
            help="service-account, namespace, cluster or account: how far the trust reaches.",
        ),
    ] = "service-account",
    presets: Annotated[
        list[str] | None,
        typer.Option(
            "--preset",
            metavar="NAME[,KEY=VALUE...]",
            help="Permissions of a well-known workload, see podid preset list. Repeatable.",
            show_default=False,
        ),
    ] = None,
    policy_file: PolicyFiles = None,
    managed_policies: ManagedPolicies = None,
    target_role: Annotated[
        str | None,
        typer.Option(
            "--target-role",
            metavar="ARN",
            help="Role, also of another account, that it may go on to; what its owner must add is said.",
            show_default=False,
        ),
    ] = None,
    target_profile: Annotated[
        str | None,
        typer.Option(
            "--target-profile",
            metavar="PROFILE",
            help="AWS profile with credentials of the target role's account, to look at its trust policy.",
            show_default=False,
        ),
    ] = None,
    session_tags: Annotated[
        bool,
        typer.Option(
            "--session-tags/--no-session-tags",
            help="Whether the associations will send session tags; without them the trust cannot name the account.",
        ),
    ] = True,
    path: Annotated[str, typer.Option("--path", metavar="PATH", help="IAM path.")] = "/",
    description: Annotated[
        str, typer.Option("--description", metavar="TEXT", help="Description.", show_default=False)
    ] = "",
    boundary: Annotated[
        str | None,
        typer.Option(
            "--boundary",
            "--permissions-boundary",
            metavar="NAME|ARN",
            help="Managed policy that bounds the role; a bare name is AWS's own.",
            show_default=False,
        ),
    ] = None,
    max_session_duration: Annotated[
        str | None,
        typer.Option(
            "--max-session-duration",
            metavar="TIME",
            help="Longest session that others may ask for, 1h to 12h; pods get theirs from EKS. [default: 1h]",
            show_default=False,
        ),
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="KEY=VALUE", help="Tag of the role. Repeatable.", show_default=False),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Change a role that exists and differs from what is asked for.")
    ] = False,
    adopt: Adopt = False,
    update_trust: UpdateTrust = False,
    print_: Annotated[
        str | None,
        typer.Option(
            "--print",
            metavar="FORM",
            help="json, terraform or cloudformation: print the role in that form and change nothing.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Create an IAM role for a service account's pods.

    The trust policy names this cluster, namespace and service account and lets in nobody else; a rerun changes nothing.

    With --target-role the role may go on to another one; whether that lets it in is looked at, or its owner is told.

    Example: podid role create shop-orders --for shop/orders --policy-file dynamodb-read.json
    """
    from podid.cli import typed
    from podid.cli.changing import carry_out, report, settle_interrupted
    from podid.domain.errors import UsageError
    from podid.domain.names import check_role_name
    from podid.ops.change.kinds import ROLE
    from podid.ops.role.create import RoleRequest, derived_name, plan_role
    from podid.ops.role.presets import fill, merged, parse_choice, surroundings
    from podid.ops.role.resolve import managed_policy, role_policies
    from podid.ops.role.target import going_on_policy, read_target, target_notes
    from podid.ops.role.validation import validated

    target = typed.target_role(target_role)
    if target_profile and not target:
        raise UsageError("--target-profile goes with --target-role")
    request = RoleRequest(
        name="" if name is None else check_role_name(name),
        path=typed.role_path(path),
        refs=typed.service_accounts(for_),
        scope=typed.scope(scope),
        session_tags=session_tags,
        description=typed.description(description),
        max_session_seconds=typed.session_seconds(max_session_duration),
        tags=typed.tags(tag),
        policies={**typed.policies(terminal, policy_file), **(going_on_policy(target) if target else {})},
        update_trust=update_trust,
        adopt=adopt,
        replace=replace,
    )
    choices = [parse_choice(text) for text in presets or ()]
    form = typed.role_form(print_)
    place = access.place(for_change=not form)
    cluster = place.cluster
    assert cluster is not None
    if not request.name:
        request = with_(request, name=derived_name(cluster, request.refs, request.scope))
        terminal.note(f"the role is named {request.name}")
    permissions = [fill(choice, surroundings(cluster, place.region)) for choice in choices]
    request = with_(request, policies=merged(request.policies, permissions))
    managed = (*(managed_policies or ()), *(policy for one in permissions for policy in one.managed_policies))
    if not form:
        settle_interrupted(access, terminal, place)
    iam = access.aws.iam
    with terminal.working(f"reading role {request.name}"):
        arns = tuple(managed_policy(iam, text, partition=cluster.partition) for text in managed)
        bound = managed_policy(iam, boundary, partition=cluster.partition) if boundary else ""
        request = with_(request, managed_policy_arns=tuple(dict.fromkeys(arns)), permissions_boundary_arn=bound)
        other = access.aws_as(target_profile) if target_profile else None
        found = read_target(target, place.account or cluster.account, access.aws, other) if target else None
        if form:
            from podid.render.role_forms import role_form_view

            terminal.emit(role_form_view(form, request, cluster))
            if target and found is not None:
                terminal.note(*target_notes(request, target, cluster, None, found))
            return
        current = iam.find_role(request.name)
        existing = role_policies(iam, current)
    keys = {"roleName": request.name}
    plan = plan_role(
        request,
        cluster,
        place.header,
        current,
        existing,
        ours=access.journal.made(place.account, ROLE.name, keys),
        half_made=access.journal.half_made(place.account, keys),
    )
    plan = plan.noting(tuple(f"preset {one.name}: the role may {one.words}" for one in permissions))
    if target and found is not None:
        plan = plan.noting(target_notes(request, target, cluster, current, found))
    result = carry_out(access, terminal, validated(plan, access.aws.access_analyzer))
    if result is not None:
        _take_back(access, terminal, result, request.name)
        report(terminal, result)


def _take_back(access: Access, terminal: Terminal, result: "ChangeResult", name: str) -> None:
    """Raises the failure of a role that could not be finished, once nothing is left of it."""
    from podid.cli.changing import CHANGE_SECONDS
    from podid.ops.change.apply import apply
    from podid.ops.role.create import plan_taking_back, taken_back

    plan = plan_taking_back(result)
    if plan is None or result.error is None:
        return
    terminal.note(f"{result.error.what}; deleting role {name} again")
    undone = apply(
        plan,
        access.clients,
        access.journal,
        access.patience(CHANGE_SECONDS),
        command=access.runtime.argv,
        undoes=result.run_id,
    )
    if undone.error is None:
        raise taken_back(result.error, name)
