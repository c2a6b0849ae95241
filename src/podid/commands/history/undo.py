"""podid undo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podid.cli.command import Access, command
from podid.cli.options import AWS, CHANGE, KUBERNETES
from podid.domain.option import argument, switch
from podid.domain.rights import CommandRights, Need, OptionalRight
from podid.ops.association.request import FORCE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from podid.domain.plan import ChangeResult, Verb
    from podid.ops.change.kinds import ResourceKind


def rights() -> CommandRights:
    """Of every run that there may be."""
    from podid.domain.plan import Verb
    from podid.ops.change.kinds import KINDS

    return _rights_of((kind, verb) for kind in KINDS for verb in kind.operations() if verb is not Verb.NONE)


def rights_for(run_id: str | None, access: Access, **_: object) -> CommandRights:
    """Of the run that is named."""
    from podid.domain.plan import Verb
    from podid.ops.change.kinds import kind_of

    if run_id is None:
        return rights()
    actions = [step.action for step in access.journal.peek(run_id).changed]
    back = {Verb.CREATE: Verb.DELETE, Verb.DELETE: Verb.CREATE}
    return _rights_of((kind_of(action.kind), back.get(action.verb, action.verb)) for action in actions)


def _rights_of(changes: Iterable[tuple[ResourceKind, Verb]]) -> CommandRights:
    """What it takes to carry out such changes."""
    from podid.aws.eks import Eks
    from podid.aws.iam import Iam
    from podid.cli import rights
    from podid.domain.plan import Verb
    from podid.ops.change.kinds import ASSOCIATION, ROLE, ROLE_ATTACHMENT, ROLE_SETTINGS, SERVICE_ACCOUNT, TARGET_TRUST

    # what undoing takes beside what the change itself takes
    beside: dict[tuple[ResourceKind, Verb], tuple[Need, ...]] = {
        (ASSOCIATION, Verb.UPDATE): (Eks.untag_association,),
        (ROLE, Verb.DELETE): (Eks.list_clusters, Eks.list_associations),
        (ROLE_SETTINGS, Verb.UPDATE): (Iam.untag_role, Iam.delete_boundary),
        (ROLE_ATTACHMENT, Verb.CREATE): (Iam.get_managed_document,),
    }
    always: list[Need] = []
    optional: list[OptionalRight] = []
    for kind, verb in dict.fromkeys(changes):
        if kind is SERVICE_ACCOUNT:
            account = SERVICE_ACCOUNT.calls(Verb.CREATE, Verb.DELETE)
            optional.append(OptionalRight.of("undoing --create-service-account", *account))
        elif kind is TARGET_TRUST or kind.passing:
            continue  # the one with rights in another account, the others are not undone
        else:
            always += (*kind.calls(verb), *beside.get((kind, verb), ()))
            always += () if kind.account_wide else (Eks.get_cluster,)
            always += (Iam.find_role,) if "roleName" in kind.keys else ()
        if kind.takes_effect:
            optional += (rights.RUNNING_PODS, *rights.REACHED, rights.RESTARTING)
    return CommandRights.of(*always, optional=tuple(dict.fromkeys(optional)))


@command(shared=(*AWS, *KUBERNETES, *CHANGE, "wait"), rights=rights, rights_for=rights_for)
def undo(
    access: Access,
    run_id: str | None = argument("RUN", "The run's id, six characters of its start or end, or 'last'.", default=None),
    restart: bool = switch("Restart the workloads whose associations change."),
    force: bool = FORCE,
) -> None:
    """Take back what one run changed. Asks first, or needs --yes.

    Refuses when something has changed since, or when the run was made in another account, region or cluster. 'last' is
    the newest run that can be undone and is no undo itself. With --show-permissions it prints what undoing RUN takes.
    Some runs need an answer at a terminal even with --yes: a run of another caller, and one whose undoing grants
    AdministratorAccess, lets in another account or removes a permissions boundary.

    Example: podid undo last
    """
    from podid.cli.changing import restarting, run, settle_interrupted, tell_left_behind, waiting, with_outlook
    from podid.domain.errors import Conflict, Other, UsageError
    from podid.domain.plan import Consent
    from podid.ops.association.aftermath import after_change
    from podid.ops.association.plan import changed_associations
    from podid.ops.change.kinds import kind_of
    from podid.ops.change.undo import check_account, undo_plan

    if run_id is None:
        raise UsageError("Specify the run: its id, or 'last'", hint=Other(("history",)))
    recorded = access.journal.get(run_id)
    if recorded.running:
        raise Conflict(f"Run {recorded.run_id} is still going on", subject=recorded.run_id)
    # the run knows its cluster; the account and the region are checked against the credentials
    access = access.at(f"run {recorded.run_id}", cluster=recorded.header.cluster, region=recorded.header.region)
    account_wide = all(kind_of(step.action.kind).account_wide for step in recorded.steps)
    place = access.account_place()
    check_account(recorded, place)
    place = place if account_wide else access.place(for_change=True)
    settle_interrupted(access, place)
    recorded = access.journal.get(recorded.run_id)  # as settled
    with access.terminal.working("reading what the run left"):
        undo = undo_plan(access.clients, place, recorded, access.journal)
    plan = undo.plan
    kept, deleted = changed_associations(plan)
    refs = (*kept, *deleted)
    restarts = restarting(access, refs, insist=force) if restart and refs else None
    if refs:
        plan = with_outlook(access, place, plan, refs, restart=restart, force=force)

    def after(result: ChangeResult) -> ChangeResult:
        if not refs:
            return result
        result = after_change(waiting(access, place, result, restarts), result)
        return result if restart else tell_left_behind(access, place, result, kept)

    consent = Consent(
        question=f"Take back run {recorded.run_id}?",
        needed_for="Undoing a run",
        word="undo" if undo.grave else "",
        grave=tuple(undo.grave),
    )
    run(access, plan, after, consent=consent, undoes=recorded.run_id, restarts=restarts)
