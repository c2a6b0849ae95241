"""podid role create."""

from dataclasses import replace as with_

from podid.cli.arguments import (
    ADOPT,
    BOUNDARY,
    MANAGED_POLICIES,
    MAX_SESSION_DURATION,
    POLICY_FILES,
    PRESETS,
    ROLE_DESCRIPTION,
    ROLE_PATH,
    TARGET_PROFILE,
    UPDATE_TRUST,
)
from podid.cli.command import Access, Terminal, command
from podid.cli.options import CHANGE, CLUSTER, KUBERNETES
from podid.domain.option import argument, option, several, switch
from podid.domain.rights import CommandRights, OptionalRight


def rights() -> CommandRights:
    from podid.aws.eks import Eks
    from podid.aws.iam import Iam
    from podid.cli import rights
    from podid.domain.plan import Verb
    from podid.kube.reader import KubeReader
    from podid.ops.change.kinds import ROLE, ROLE_ATTACHMENT, ROLE_POLICY, ROLE_SETTINGS, ROLE_TRUST

    return CommandRights.of(
        *ROLE.calls(Verb.CREATE),
        *ROLE_TRUST.calls(Verb.UPDATE),
        *ROLE_POLICY.calls(Verb.CREATE, Verb.UPDATE),
        *ROLE_ATTACHMENT.calls(Verb.CREATE),
        Iam.find_policy,
        optional=(
            rights.NAMING,
            rights.POLICY_CHECKS,
            *rights.TARGET_ROLE,
            OptionalRight.of("--target-role --no-session-tags: the associations' external ids", Eks.find_association),
            rights.asking(Iam.list_roles, KubeReader.list_service_accounts, KubeReader.list_pods),
            OptionalRight.of("--replace", *ROLE_SETTINGS.calls(Verb.UPDATE)),
            rights.TAKING_BACK,
        ),
    )


@command(shared=(*CLUSTER, *KUBERNETES, *CHANGE), rights=rights)
def create(
    access: Access,
    terminal: Terminal,
    for_: tuple[str, ...] = several("NS/SA", "Who may assume it, a statement each. Repeatable."),
    name: str | None = argument(
        "[NAME]", "Name of the role; without one it is made of cluster, namespace and service account.", default=None
    ),
    scope: str = option(
        "SCOPE",
        "service-account, namespace, cluster or account: how far the trust reaches.",
        default="service-account",
        values=("service-account", "namespace", "cluster", "account"),
    ),
    presets: tuple[str, ...] = PRESETS,
    policy_file: tuple[str, ...] = POLICY_FILES,
    managed_policies: tuple[str, ...] = MANAGED_POLICIES,
    target_role: str | None = option(
        "ARN", "Role, also of another account, that it may go on to. Let in there with --update-trust."
    ),
    target_profile: str | None = TARGET_PROFILE,
    session_tags: bool = switch(
        "Whether the associations will send session tags; without them the trust cannot name the account.",
        off="--no-session-tags",
        default=True,
    ),
    path: str | None = ROLE_PATH,
    description: str | None = ROLE_DESCRIPTION,
    boundary: str | None = BOUNDARY,
    max_session_duration: str | None = MAX_SESSION_DURATION,
    tag: tuple[str, ...] = several("KEY=VALUE", "Tag of the role. Repeatable."),
    replace: bool = switch("Change a role that exists and differs from what is asked for."),
    adopt: bool = ADOPT,
    update_trust: bool = UPDATE_TRUST,
    force: bool = switch("Create the role although its target role does not let it in yet.", consent=True),
    print_: str | None = option(
        "FORM", "json, terraform or cloudformation: print the role in that form and change nothing."
    ),
) -> None:
    """Create an IAM role for a service account's pods.

    Alone, on a terminal, it asks, and ends with the command that does the same.

    The trust policy names this cluster, namespace and service account and lets in nobody else; a rerun changes nothing.

    With --target-role the role may go on to another one. A target role that can be read has to let it in (exit 6), or
    is changed with --update-trust; for another one podid prints what its owner must add.

    Example: podid role create shop-orders --for shop/orders --policy-file dynamodb-read.json
    """
    from functools import partial

    from podid.cli import typed
    from podid.cli.associating import missing_accounts
    from podid.cli.changing import carry_out, report, settle_interrupted
    from podid.cli.guide.run import guide_role_create, says_only_where
    from podid.cli.roles import RoleOptions, mending, onward_of, plan_of, take_back
    from podid.domain.errors import Other, UsageError
    from podid.domain.names import check_role_name
    from podid.domain.trust import ScopeKind
    from podid.ops.role.target import check_admitted, going_on_of, going_on_policy, owed_words, with_owed
    from podid.ops.role.validation import validated

    if access.runtime.interactive and says_only_where(access.argv, ("role", "create")):
        raise guide_role_create(access, terminal)
    if not for_:
        raise UsageError("Whose pods may assume it? Say --for NAMESPACE/NAME", hint=Other(("role", "create", "--help")))
    target = typed.target_role(target_role)
    if target_profile and not target:
        raise UsageError("--target-profile goes with --target-role")
    options = RoleOptions(
        path=path,
        description=description,
        policy_file=policy_file,
        managed_policies=managed_policies,
        presets=presets,
        boundary=boundary,
        max_session_duration=max_session_duration,
        tag=tag,
        adopt=adopt,
    )
    request = with_(
        options.request(
            terminal, "" if name is None else check_role_name(name), typed.service_accounts(for_), scope=scope
        ),
        session_tags=session_tags,
        update_trust=update_trust,
        replace=replace,
    )
    if target:
        going_on = going_on_policy(target)
        request = with_(request, policies={**request.policies, **going_on}, onward=frozenset(going_on))
    form = typed.role_form(print_)
    place = access.place(for_change=not form)
    if not form:
        settle_interrupted(access, terminal, place)
    request = options.complete(access, terminal, place, request)
    if form:
        from podid.ops.role.create import new_role
        from podid.render.role_forms import role_form_view

        beyond = onward_of(
            access, place, request, None, target, target_profile, update=False, associating=False, must_exist=False
        )
        terminal.emit(role_form_view(form, new_role(request, place.the_cluster), beyond.owed))
        terminal.note(*beyond.notes, *map(owed_words, beyond.owed))
        return
    plan, current = plan_of(access, terminal, place, request)
    # a wider trust names no service account
    named = request.refs if request.scope is ScopeKind.SERVICE_ACCOUNT else ()
    missing = missing_accounts(access, terminal, named, strict=False) if named else ()
    plan = plan.noting((*missing, *options.preset_notes(place)))
    there = onward_of(access, place, request, current, target, target_profile, update=update_trust, associating=False)
    if not force:
        check_admitted(there, request.name, update=update_trust)
    plan = with_(plan, actions=(*plan.actions, *there.actions), owed=there.owed).noting(there.notes)
    plan = mending(access, plan, partial(going_on_of, name=request.name, profile=target_profile, update=update_trust))
    result = carry_out(access, terminal, validated(plan, access.aws.access_analyzer))
    if result is not None:
        take_back(access, terminal, result, request.name)
        report(terminal, with_owed(result, None))
