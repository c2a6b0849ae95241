"""podid apply."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podid.cli.command import Access, command
from podid.cli.options import CHANGE, CLUSTER, KUBERNETES
from podid.domain.permissions import CommandPermissions, Need, OptionalPermission, Permissions
from podid.ops.declare.request import FileApplyOptions, FileOptions, Ownership

if TYPE_CHECKING:
    from podid.domain.fileplan import FilePlan
    from podid.domain.plan import ChangeResult


def changing(*, roles: bool = True, trust: bool = True) -> Permissions:
    """Return the permissions to change associations, and with `roles` the roles of files; with `trust` trust policies
    too."""
    from podid.aws.eks import Eks
    from podid.aws.iam import Iam
    from podid.cli import permissions
    from podid.domain.plan import Verb
    from podid.ops.change.kinds import ASSOCIATION, ROLE_SETTINGS, ROLE_TRUST

    of_roles: tuple[Need, ...] = (
        *permissions.CREATING_ROLE,
        *ROLE_SETTINGS.calls(Verb.UPDATE),
        *(Iam.untag_role, Iam.delete_boundary, Iam.delete_inline_policy, Iam.detach_policy),
    )
    return CommandPermissions.of(
        *(*ASSOCIATION.calls(Verb.CREATE, Verb.UPDATE), Eks.untag_association),
        *(of_roles if roles else ()),
        *(ROLE_TRUST.calls(Verb.UPDATE) if roles or trust else ()),
    ).always


def permissions() -> CommandPermissions:
    from podid.cli import permissions
    from podid.commands.declare.filing import reading
    from podid.domain.plan import Verb
    from podid.ops.change.kinds import ADDON, ASSOCIATION, SERVICE_ACCOUNT

    read = reading()
    optional = (
        OptionalPermission.of("--prune: deleting", *permissions.DELETING_ROLE, *ASSOCIATION.calls(Verb.DELETE)),
        OptionalPermission.of("createServiceAccount", *SERVICE_ACCOUNT.calls(Verb.CREATE)),
        OptionalPermission.of("agent: changing the add-on", *ADDON.calls(Verb.CREATE, Verb.UPDATE)),
        *permissions.REACHED,
        permissions.TARGET_ROLE[0],
        permissions.RESTARTING,
    )
    return CommandPermissions(read.always | changing(), (*read.optional, *optional))


@command(shared=(*CLUSTER, *KUBERNETES, *CHANGE, "wait"), permissions=permissions, several=("cluster",))
def apply(access: Access, options: FileApplyOptions) -> None:
    """Create and change the resources that files declare.

    podid changes roles before associations, and associations before restarts. It creates missing resources and
    changes resources that the file owns. Resources that no file owns require --adopt if they differ. --prune deletes
    resources that the file owns and no longer declares. Only deletions require confirmation. After a failure, podid
    skips only the changes that depend on the failed resource. A rerun changes nothing.

    Example: podid apply -f identities.yaml

    Example: podid apply -f identities/ --prune --restart --wait verified

    Example: podid apply --plan plan.json
    """
    from podid.cli.several import over_clusters
    from podid.commands.declare.filing import planned, saved, with_effects
    from podid.domain.errors import UsageError
    from podid.domain.fileplan import check_all
    from podid.render.fileplan import file_plans_view

    if bool(options.plan) == bool(options.files.files):
        raise UsageError("Specify either files (-f FILE) or a saved plan (--plan FILE)")
    if options.plan:
        if (options.files, options.ownership) != (FileOptions(), Ownership()):
            message = "--plan applies a saved plan unchanged: pass the options of files to podid plan --save"
            raise UsageError(message)
        filed = saved(access, options.plan)
    else:
        filed = planned(access, options.files, options.ownership, settle=True)
    filed = with_effects(filed, restart=options.restart, force=options.force)
    if access.shared.dry_run:
        access.terminal.emit(file_plans_view(filed.plans))
        return
    check_all(filed.plans)
    plans = {id(local): item for _, local, item in filed.parts}
    clusters = [(name, local) for name, local, _ in filed.parts]
    if len(clusters) == 1:
        apply_part(clusters[0][1], filed.plans[0], options)
        return
    over_clusters(access, clusters, lambda local: apply_part(local, plans[id(local)], options))


def apply_part(access: Access, item: FilePlan, options: FileApplyOptions, *, follow: bool = True) -> None:
    """Apply the plan of one cluster, and with `follow` wait for the effect and report it."""
    from functools import partial

    from podid.cli.changing import Change
    from podid.domain.errors import ExitCode
    from podid.ops.association.aftermath import after_associate
    from podid.ops.role.target import with_owner_changes

    change = Change(
        access=access,
        place=access.place(for_change=True),
        restart=options.restart,
        force=options.force,
        taken_over=item.taken_over,
    )
    refs = item.declared if options.restart else item.refs
    if options.restart and refs:
        change.plan_restarts(refs)

    def after(result: ChangeResult) -> ChangeResult:
        result = with_owner_changes(result, access.aws.eks)
        if not follow:
            return result
        return change.followed(result, refs, partial(after_associate, refs=refs))

    consent = item.consent if not options.plan else None
    access.terminal.note(*(part.sentence for part in item.refused), *(part.sentence for part in item.unread))
    change.run(item.plan, after, consent=consent)
    if item.incomplete is not ExitCode.OK:
        access.terminal.leave(item.incomplete)
