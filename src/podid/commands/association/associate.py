"""podid associate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podid.cli.command import Access, command
from podid.cli.options import CHANGE, CLUSTER, KUBERNETES, NAMESPACES
from podid.domain.permissions import CommandPermissions, OptionalPermission
from podid.ops.association.request import AssociateOptions

if TYPE_CHECKING:
    from podid.domain.plan import ChangeResult, Plan
    from podid.ops.association.associate import AssociateRequest, Associating


def permissions() -> CommandPermissions:
    from podid.aws.eks import Eks
    from podid.aws.iam import Iam
    from podid.cli import permissions
    from podid.domain.plan import Verb
    from podid.ops.change.kinds import ROLE, ROLE_ATTACHMENT, ROLE_POLICY, ROLE_SETTINGS

    return permissions.making(
        Iam.list_role_names,
        optional=(
            OptionalPermission.of(
                "--no-session-tags, --session-policy: seeing what of the role's policies they take away",
                Iam.list_inline_policies,
                Iam.list_attached_policies,
                Iam.get_managed_document,
            ),
            OptionalPermission.of(
                "--create-role",
                *ROLE.calls(Verb.CREATE),
                *ROLE_POLICY.calls(Verb.CREATE, Verb.UPDATE),
                *ROLE_ATTACHMENT.calls(Verb.CREATE),
                *ROLE_SETTINGS.calls(Verb.UPDATE),
                Iam.find_policy,
            ),
            *permissions.TARGET_ROLE,
            permissions.POLICY_CHECKS,
            permissions.TAKING_BACK,
            permissions.asking(Iam.list_roles),
            permissions.CLUSTER_TAGS,
            OptionalPermission.of("--untag", Eks.untag_association),
            permissions.RESTARTING,
        ),
    )


@command(shared=(*CLUSTER, *KUBERNETES, *NAMESPACES, *CHANGE, "wait"), permissions=permissions, several=("cluster",))
def associate(access: Access, options: AssociateOptions) -> None:
    """Give a service account's pods an IAM role.

    Alone, on a terminal, it asks, and ends with the command that does the same.

    Already there with the same settings is success; with other settings it is a conflict, unless --replace. Without
    --role only the settings of an association that is there are changed. With --create-role, role, policies and
    association are one plan, and one run to undo. Of several, one that fails stops none of the others, and a rerun
    does what is left.

    Example: podid associate shop/orders --role shop-orders
    """
    from podid.cli.guide.run import guide_associate, says_only_where
    from podid.cli.several import in_each_cluster
    from podid.ops.association.associate import associate_request

    if access.runtime.interactive and says_only_where(access.argv, ("associate",)):
        raise guide_associate(access)
    namespace, read_file = access.shared.namespace, access.terminal.read_file
    request = associate_request(options, namespace, in_namespaces=access.in_namespaces, read_file=read_file)
    in_each_cluster(access, lambda there: associate_in(there, request), options.cluster_tags)


def associate_in(access: Access, request: AssociateRequest) -> None:
    """The same in one cluster, once the command line is read."""
    from functools import partial

    from podid.cli import changing
    from podid.domain.plan import Consent
    from podid.domain.text import count_of, short_list
    from podid.ops.association.aftermath import after_associate
    from podid.ops.association.associate import Associating
    from podid.ops.association.files import check_accounts
    from podid.ops.association.read import current_associations, quota_note
    from podid.ops.role.target import by_update_trust, with_owner_changes

    place, accounts = access.place(for_change=True), request.accounts
    check_accounts(request.items, place.account, request.file)
    if not request.printed and (accounts.create_service_account or accounts.strict or request.selection):
        access.kube.needed()  # known before anything is changed
    wanted = request.wanted(lambda: access.kube.reader)
    refs, names = tuple(wanted), short_list(map(str, wanted), 10)
    if request.selection and not request.printed:
        access.terminal.note(f"{request.selection} stands for {names}")
    restarts = changing.restarting(access, refs, insist=request.force) if request.restart else None
    if not request.printed:
        changing.settle_interrupted(access, place)
    with access.terminal.working(f"reading the associations of {names}") as progress:
        current = current_associations(access.clients, place, refs)
        request, made = request.with_role_named(place.the_cluster, wanted)
        if made:
            access.terminal.note(f"the role is named {made}")
        work = Associating(
            clients=access.clients,
            place=place,
            journal=access.journal,
            request=request,
            wanted=wanted,
            current=current,
            say=progress.glance,
        )
        plan = work.plan()
    if request.printed:
        _print(access, work, plan)
        return
    absent = () if accounts.create_service_account else changing.absent_notes(access, refs, strict=accounts.strict)
    plan = changing.with_next_commands(access, plan, partial(by_update_trust, update=request.change.update_trust))
    plan = plan.noting((*absent, *quota_note(access.aws.eks, plan)))
    plan = changing.with_outlook(access, place, plan, refs, restart=request.restart, force=request.force)
    question = "Associate all the same?" if absent else ""
    if request.selection and not absent:
        question = f"Associate {count_of(len(refs), 'service account')}?"

    def after(result: ChangeResult) -> ChangeResult:
        if request.new_role is not None and result.failed_kind.startswith("role"):
            changing.take_back(access, result, request.new_role.name)
        result = with_owner_changes(result, access.aws.eks)
        return changing.followed(access, place, result, restarts, refs, partial(after_associate, refs=refs))

    consent = Consent(question=question) if question and access.runtime.interactive else None
    changing.run(access, plan, after, consent=consent, restarts=restarts)


def _print(access: Access, work: Associating, plan: Plan) -> None:
    """What Terraform would need, with nothing changed."""
    import shlex

    from podid.ops.role.target import owner_change_words
    from podid.render.changes import skipped_lines
    from podid.render.forms import associations_for_terraform

    access.terminal.emit(associations_for_terraform(plan))
    notes = (f"note: {note}" for note in plan.notes)
    access.terminal.note(*notes, *skipped_lines(plan), *map(owner_change_words, plan.owner_changes))
    for name, words in work.trust_commands(plan):
        line = shlex.join(access.at_place(words))
        access.terminal.note(f"note: the trust policy of role {name} has to admit them too: {line}")
