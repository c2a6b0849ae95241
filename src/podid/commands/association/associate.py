"""podid associate."""

from dataclasses import replace as replace_in
from typing import Annotated

import typer

from podid.cli.arguments import (
    Adopt,
    AnyServiceAccounts,
    AssociationForm,
    Boundary,
    ClusterTags,
    CreateServiceAccount,
    ManagedPolicies,
    MaxSessionDuration,
    PolicyFiles,
    Presets,
    Replace,
    RoleDescription,
    RolePath,
    Strict,
    TargetProfile,
    UpdateTrust,
)
from podid.cli.command import Access, Terminal, command
from podid.cli.options import CHANGE, CLUSTER, KUBERNETES, NAMESPACES
from podid.domain.rights import CommandRights, OptionalRight


def rights() -> CommandRights:
    from podid.aws.eks import Eks
    from podid.aws.iam import Iam
    from podid.cli import rights
    from podid.domain.plan import Verb
    from podid.ops.change.kinds import ROLE, ROLE_ATTACHMENT, ROLE_POLICY, ROLE_SETTINGS

    return rights.making(
        Iam.list_role_names,
        optional=(
            OptionalRight.of(
                "--no-session-tags, --session-policy: seeing what of the role's policies they take away",
                Iam.list_inline_policies,
                Iam.list_attached_policies,
                Iam.get_managed_document,
            ),
            OptionalRight.of(
                "--create-role",
                *ROLE.calls(Verb.CREATE),
                *ROLE_POLICY.calls(Verb.CREATE, Verb.UPDATE),
                *ROLE_ATTACHMENT.calls(Verb.CREATE),
                *ROLE_SETTINGS.calls(Verb.UPDATE),
                Iam.find_policy,
            ),
            *rights.TARGET_ROLE,
            rights.POLICY_CHECKS,
            rights.TAKING_BACK,
            rights.asking(Iam.list_roles),
            rights.CLUSTER_TAGS,
            OptionalRight.of("--untag", Eks.untag_association),
            rights.RESTARTING,
        ),
    )


@command(shared=(*CLUSTER, *KUBERNETES, *NAMESPACES, *CHANGE, "wait"), rights=rights, several=("cluster",))
def associate(
    access: Access,
    terminal: Terminal,
    targets: AnyServiceAccounts = None,
    role: Annotated[
        str | None,
        typer.Option(
            "--role",
            metavar="ROLE",
            help="IAM role, by name or ARN; without one an association that is there keeps its own.",
        ),
    ] = None,
    from_file: Annotated[
        str | None,
        typer.Option(
            "--from-file",
            metavar="FILE",
            help="Associations as JSON, YAML or CSV ('-' is stdin), such as podid list prints.",
        ),
    ] = None,
    service_account: Annotated[
        str | None,
        typer.Option(
            "--service-account",
            metavar="PATTERN",
            help="Every service account whose name matches (*, ?), in the namespaces of -n PATTERN or -A.",
        ),
    ] = None,
    selector: Annotated[
        str | None,
        typer.Option(
            "--selector",
            "-l",
            metavar="LABELS",
            help="Every service account with these labels, in the namespaces of -n PATTERN or -A.",
        ),
    ] = None,
    target_role: Annotated[
        str | None,
        typer.Option(
            "--target-role",
            metavar="ARN",
            help="Role to assume from the first one, also in another account; it lets it in with --update-trust.",
        ),
    ] = None,
    target_profile: TargetProfile = None,
    no_target_role: Annotated[bool, typer.Option("--no-target-role", help="Remove the target role.")] = False,
    session_tags: Annotated[
        bool | None,
        typer.Option("--session-tags/--no-session-tags", help="Whether EKS tags the sessions. [default: on]"),
    ] = None,
    session_policy: Annotated[
        str | None,
        typer.Option(
            "--session-policy",
            metavar="FILE",
            help="Policy that narrows the sessions ('-' is stdin); needs --no-session-tags.",
        ),
    ] = None,
    no_session_policy: Annotated[bool, typer.Option("--no-session-policy", help="Remove the session policy.")] = False,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="KEY=VALUE", help="Tag of the association. Repeatable.")
    ] = None,
    untag: Annotated[
        list[str] | None, typer.Option("--untag", metavar="KEY", help="Tag to remove. Repeatable.")
    ] = None,
    scope: Annotated[
        str,
        typer.Option(
            "--scope",
            metavar="SCOPE",
            help="With --update-trust and --create-role: service-account, namespace, cluster or account.",
        ),
    ] = "service-account",
    replace: Replace = False,
    update_trust: UpdateTrust = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Restart the workloads whose pods were made before it took effect.")
    ] = False,
    create_role: Annotated[
        bool,
        typer.Option("--create-role", help="Make the role too: --role is its name then; without it podid finds one."),
    ] = False,
    presets: Presets = None,
    policy_file: PolicyFiles = None,
    managed_policies: ManagedPolicies = None,
    path: RolePath = None,
    description: RoleDescription = None,
    boundary: Boundary = None,
    max_session_duration: MaxSessionDuration = None,
    role_tag: Annotated[
        list[str] | None, typer.Option("--role-tag", metavar="KEY=VALUE", help="Tag of the role. Repeatable.")
    ] = None,
    adopt: Adopt = False,
    create_service_account: CreateServiceAccount = False,
    strict: Strict = False,
    print_: AssociationForm = None,
    cluster_tag: ClusterTags = None,
) -> None:
    """Give a service account's pods an IAM role.

    Alone, on a terminal, it asks, and ends with the command that does the same.

    Already there with the same settings is success; with other settings it is a conflict, unless --replace. Without
    --role only the settings of an association that is there are changed. With --create-role, role, policies and
    association are one plan, and one run to undo. Of several, one that fails stops none of the others, and a rerun
    does what is left.

    Example: podid associate shop/orders --role shop-orders
    """
    from podid.cli import typed
    from podid.cli.associating import AssociateAsked, associate_in, selection_of
    from podid.cli.guide.run import guide_associate, says_only_where
    from podid.cli.roles import RoleOptions
    from podid.cli.several import in_each_cluster
    from podid.domain.errors import Again, UsageError
    from podid.domain.names import check_role_name
    from podid.ops.association.files import FileItem, read_items
    from podid.ops.association.request import Settings
    from podid.ops.trust.files import called

    if access.runtime.interactive and says_only_where(access.argv, ("associate",)):
        raise guide_associate(access, terminal)
    refs, tags = typed.service_accounts(targets), typed.tags(cluster_tag, option="--cluster-tag")
    policy = typed.removable("session-policy", typed.session_policy(terminal, session_policy), no_session_policy)
    if policy and session_tags:
        raise UsageError("--session-policy needs --no-session-tags: EKS takes no session policy while tags are on")
    settings = Settings(
        target_role_arn=typed.removable("target-role", typed.target_role(target_role), no_target_role),
        disable_session_tags=True if policy and session_tags is None else _negated(session_tags),
        policy=policy,
        tags=typed.tags(tag),
        untag=typed.untags(untag, tag),
    )
    role_options = RoleOptions(
        path=path,
        description=description,
        policy_file=policy_file,
        managed_policies=managed_policies,
        presets=presets,
        boundary=boundary,
        max_session_duration=max_session_duration,
        tag=role_tag,
        adopt=adopt,
    )
    if role_options.given and not create_role:
        what = f"{role_options.given[0]} is for a role that is made, and none is"
        raise UsageError(what, hint=Again(add=("--create-role",)))
    if target_profile and not target_role:
        raise UsageError("--target-profile goes with --target-role")
    new_role = None
    if create_role:
        new_role = role_options.request(terminal, "" if role is None else check_role_name(role), refs, scope=scope)
        new_role = replace_in(new_role, update_trust=update_trust, replace=replace)
    items = tuple(FileItem(ref) for ref in refs)
    listed: tuple[FileItem, ...] = ()
    if from_file is not None:
        listed = read_items(terminal.read_file(from_file), called(from_file))
        items += tuple(item for item in listed if not item.owner and item.ref not in refs)
    named = bool(items) or from_file is not None
    selection, one = selection_of(access, service_account, selector, named=named)
    asked = AssociateAsked(
        items=items + tuple(item for item in one if item.ref not in {other.ref for other in items}),
        skipped=tuple(item for item in listed if item.owner and item.ref not in refs),
        selection=selection,
        role=role or "",
        settings=settings,
        scope=typed.scope(scope),
        replace=replace,
        update_trust=update_trust,
        restart=restart,
        create_service_account=create_service_account,
        strict=strict,
        role_options=role_options,
        new_role=new_role,
        target_profile=target_profile or "",
        new_policies=True,
        printed=typed.association_form(print_),
        file=called(from_file or ""),
    )
    in_each_cluster(access, terminal, lambda each: associate_in(each, terminal, asked), tags)


def _negated(choice: bool | None) -> bool | None:
    return None if choice is None else not choice
