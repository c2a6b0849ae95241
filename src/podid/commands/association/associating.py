"""Associate in one cluster: the common part of podid associate and podid copy."""

from functools import partial

from podid.cli.access import Access
from podid.cli.changing import Change
from podid.domain.plan import ChangeResult, Consent, Plan
from podid.domain.text import short_list
from podid.ops.association.aftermath import after_associate
from podid.ops.association.associate import AssociateRequest, Associating, other_cluster_notes
from podid.ops.association.files import check_accounts
from podid.ops.association.read import check_not_ending, current_associations
from podid.ops.role.target import by_update_trust, owner_change_words, with_owner_changes
from podid.render.changes import skipped_lines
from podid.render.forms import associations_for_terraform


def associate_in(access: Access, request: AssociateRequest) -> None:
    options = request.options
    change = Change(access, access.place(for_change=True), restart=options.restart, force=options.force)
    check_accounts(request.items, change.place.account, request.file)
    if request.reads_cluster:
        access.kube.needed()  # fails before anything is changed
    items = request.all_items(access.clients)
    refs, names = tuple(items), short_list(map(str, items), 10)
    if request.selection and not request.printed:
        access.terminal.note(f"{request.selection} matches {names}")
    if options.restart:
        change.plan_restarts(refs)
    if not request.printed:
        change.settle()
    with access.terminal.working(f"reading the associations of {names}") as progress:
        work = Associating(
            clients=access.clients,
            place=change.place,
            journal=access.journal,
            request=request,
            items=items,
            current=current_associations(access.clients, change.place, refs),
            say=progress.glance,
        ).with_role_named()
        plan = work.plan()
    if request.printed:
        _print(access, work, plan)
        return
    accounts = options.accounts
    absent = () if accounts.create_service_account else change.absent_notes(refs, strict=accounts.strict)
    check_not_ending(refs, access.kube)
    plan = change.with_next_commands(plan, partial(by_update_trust, update=options.change.update_trust))
    plan = change.with_outlook(plan.noting((*absent, *other_cluster_notes(request, change.place))), refs)
    question = request.question(len(refs), absent=bool(absent))

    def after(result: ChangeResult) -> ChangeResult:
        result = with_owner_changes(change.take_back(result), access.clients)
        return change.followed(result, refs, partial(after_associate, refs=refs))

    consent = Consent(question=question) if question and access.runtime.interactive else None
    change.run(plan, after, consent=consent)


def _print(access: Access, work: Associating, plan: Plan) -> None:
    """Print the plan as Terraform and change nothing."""
    import shlex

    access.terminal.emit(associations_for_terraform(plan))
    notes = (f"note: {note}" for note in plan.notes)
    access.terminal.note(*notes, *skipped_lines(plan), *map(owner_change_words, plan.owner_changes))
    for name, words in work.trust_commands(plan):
        line = shlex.join(access.at_place(words))
        access.terminal.note(f"note: the trust policy of role {name} must allow them too: {line}")
