"""podid associate."""

from dataclasses import replace as replace_in

from podid.cli.arguments import (
    ADOPT,
    ASSOCIATION_FORM,
    BOUNDARY,
    CLUSTER_TAGS,
    CREATE_SERVICE_ACCOUNT,
    FORCE,
    MANAGED_POLICIES,
    MAX_SESSION_DURATION,
    POLICY_FILES,
    PRESETS,
    REPLACE,
    ROLE_DESCRIPTION,
    ROLE_PATH,
    SERVICE_ACCOUNTS,
    STRICT,
    TARGET_PROFILE,
    UPDATE_TRUST,
)
from podid.cli.command import Access, Terminal, command
from podid.cli.options import CHANGE, CLUSTER, KUBERNETES, NAMESPACES
from podid.domain.option import option, several, switch
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
    targets: tuple[str, ...] = SERVICE_ACCOUNTS,
    role: str | None = option(
        "ROLE", "IAM role, by name or ARN; without one an association that is there keeps its own."
    ),
    from_file: str | None = option(
        "FILE", "Associations as JSON, YAML or CSV ('-' is stdin), such as podid list prints."
    ),
    service_account: str | None = option(
        "PATTERN", "Every service account whose name matches (*, ?), in the namespaces of -n PATTERN or -A."
    ),
    selector: str | None = option(
        "LABELS", "Every service account with these labels, in the namespaces of -n PATTERN or -A.", short="-l"
    ),
    target_role: str | None = option(
        "ARN", "Role to assume from the first one, also in another account; it lets it in with --update-trust."
    ),
    target_profile: str | None = TARGET_PROFILE,
    no_target_role: bool = switch("Remove the target role."),
    session_tags: bool | None = switch(
        "Whether EKS tags the sessions. [default: on]", off="--no-session-tags", default=None
    ),
    session_policy: str | None = option(
        "FILE", "Policy that narrows the sessions ('-' is stdin); needs --no-session-tags."
    ),
    no_session_policy: bool = switch("Remove the session policy."),
    tag: tuple[str, ...] = several("KEY=VALUE", "Tag of the association. Repeatable."),
    untag: tuple[str, ...] = several("KEY", "Tag to remove. Repeatable."),
    scope: str = option(
        "SCOPE",
        "With --update-trust and --create-role: service-account, namespace, cluster or account.",
        default="service-account",
        values=("service-account", "namespace", "cluster", "account"),
    ),
    replace: bool = REPLACE,
    update_trust: bool = UPDATE_TRUST,
    restart: bool = switch("Restart the workloads whose pods were made before it took effect."),
    force: bool = FORCE,
    create_role: bool = switch("Make the role too: --role is its name then; without it podid finds one."),
    presets: tuple[str, ...] = PRESETS,
    policy_file: tuple[str, ...] = POLICY_FILES,
    managed_policies: tuple[str, ...] = MANAGED_POLICIES,
    path: str | None = ROLE_PATH,
    description: str | None = ROLE_DESCRIPTION,
    boundary: str | None = BOUNDARY,
    max_session_duration: str | None = MAX_SESSION_DURATION,
    role_tag: tuple[str, ...] = several("KEY=VALUE", "Tag of the role. Repeatable."),
    adopt: bool = ADOPT,
    create_service_account: bool = CREATE_SERVICE_ACCOUNT,
    strict: bool = STRICT,
    print_: str | None = ASSOCIATION_FORM,
    cluster_tag: tuple[str, ...] = CLUSTER_TAGS,
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
        force=force,
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
