"""podid apply."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES, NARROW
from podid.domain.errors import ExitCode, UsageError
from podid.domain.plan import ChangeResult, Consent
from podid.ops.declare.request import FileApplyOptions, FileOptions, Ownership

if TYPE_CHECKING:
    from podid.cli.changing import Change
    from podid.domain.fileplan import FilePlan


@command(shared=(*CLUSTER, *KUBERNETES, *NARROW, "wait"), needs="APPLYING_FILES", several=("cluster",))
def apply(access: Access, options: FileApplyOptions) -> None:
    """Create and change the resources that files declare.

    podid changes roles before associations, and associations before restarts. It makes changes that only remove
    statements of a trust policy after the associations. It creates missing resources and changes resources that the
    file owns. Resources that no file owns require --adopt if they differ. --prune deletes resources that the file owns
    and no longer declares. Only deletions require confirmation. After a failure, podid skips only the changes that
    depend on the failed resource. A rerun changes nothing.

    A saved plan is applied without confirmation as far as its files own the resources. Other resources again require
    --adopt, --update-trust or --take-over. Administrator permissions and further principals require an answer at a
    terminal. A signed plan requires neither: specify its key in PODID_PLAN_KEY, or with --plan-key-file.

    Example: podid apply -f identities.yaml

    Example: podid apply -f identities/ --prune --restart --wait verified

    Example: podid apply --plan plan.json
    """
    from podid.cli.multicluster import over_clusters
    from podid.commands.declare.planning import planned, with_effects
    from podid.commands.declare.saved import saved_consent, saved_plans
    from podid.domain.fileplan import check_all, together
    from podid.render.fileplan import file_plans_view

    if bool(options.plan) == bool(options.files.files):
        raise UsageError("Specify either files (-f FILE) or a saved plan (--plan FILE)")
    if options.plan:
        allowed = Ownership(adopt=options.ownership.adopt, update_trust=options.ownership.update_trust)
        if (options.files, options.ownership) != (FileOptions(), allowed):
            raise UsageError("--plan applies a saved plan unchanged: pass the options of files to podid plan --save")
        files, grave = saved_plans(access, options)
    else:
        files, grave = planned(access, options.files, options.ownership, settle=True), ()
    files = with_effects(files, restart=options.restart, force=options.force)
    if access.shared.dry_run:
        access.terminal.emit(file_plans_view(files.plans))
    check_all(files.plans)
    if access.shared.dry_run:
        code = together([item.exit_code for item in files.plans])
        access.terminal.leave(ExitCode.OK if code is ExitCode.ATTENTION else code)
        return
    consent = saved_consent(options.plan, grave) if options.plan else None
    part = partial(apply_part, saved=bool(options.plan), consent=consent)
    over_clusters(access, [(name, change.access, partial(part, change, item)) for name, change, item in files.parts])


def apply_part(
    change: Change, item: FilePlan, *, saved: bool = False, consent: Consent | None = None, follow: bool = True
) -> None:
    """Apply the plan of one cluster, and with `follow` wait for the effect and report it. A `saved` plan requires only
    its own `consent`."""
    from podid.ops.association.aftermath import after_associate
    from podid.ops.role.target import with_owner_changes

    access, change.taken_over, change.accepted = change.access, item.taken_over, item.accepted
    refs = item.declared if change.restart else item.refs
    if change.restart and refs:
        change.plan_restarts(refs)

    def after(result: ChangeResult) -> ChangeResult:
        result = replace(with_owner_changes(result, access.clients), refused=item.refused, unread=item.unread)
        if not follow:
            return result
        return change.followed(result, refs, partial(after_associate, refs=refs))

    access.terminal.note(*(part.sentence for part in item.refused), *(part.sentence for part in item.unread))
    change.run(item.plan, after, consent=consent if saved else item.consent)
