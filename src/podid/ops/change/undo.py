"""Plan the undo of a recorded run.

A journal may come from any source (`--journal-dir` of a checkout, a CI cache), so podid does not rely on it: the states
that it restores are judged like a new request.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from podid.calls import pacing
from podid.domain import trust
from podid.domain.aws import Association
from podid.domain.errors import Conflict, Other
from podid.domain.foreign import Malformed
from podid.domain.names import Arn, role_name
from podid.domain.plan import Action, Header, Place, Plan, State, document, matches, text
from podid.domain.text import short_list
from podid.ops.change.forms import check_states
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ASSOCIATION, KINDS, ROLE_ATTACHMENT, ROLE_POLICY, ROLE_TRUST, kind_of
from podid.ops.change.narrowing import with_dependents
from podid.ops.change.records import Run, Step
from podid.ops.change.requested import Requested, RequestSource, check_requested
from podid.ops.change.settle import reachable
from podid.ops.change.undone import is_halfway, lasting, undone_by, which
from podid.ops.change.users import uses_after
from podid.ops.clients import Clients, Site
from podid.ops.role.uses import Uses, evaluate_uses, used_words


@dataclass(frozen=True, slots=True)
class Undo:
    """`plan` undoes a run. `grave` are sentences on changes that require an answer at a terminal."""

    plan: Plan
    grave: tuple[str, ...] = ()


def undo_plan(clients: Clients, place: Place, run: Run, journal: Journal, together: Sequence[Run] = ()) -> Undo:
    """Plan the undo of a run, last action first. `together` are runs in other clusters that the same command undoes.
    Raise Conflict if the run was made elsewhere, a resource has changed since, the outcome of a change is not known, or
    a state must never be restored. The plan is empty if the run is undone already; an interrupted undo is continued."""
    for step in run.open_steps:
        raise Conflict(
            f"The outcome of {kind_of(step.action.kind).subject(step.action)} in run {run.run_id} is not known yet: "
            "it was interrupted and could not be read from here",
            subject=run.run_id,
        )
    # a run that changed only IAM needs no cluster: the plan shows the run's own
    header = place.header if place.cluster is not None else replace(place.header, cluster=run.header.cluster)
    runs = journal.runs()
    if (undo := undone_by(runs).get(run.run_id)) is not None:
        return Undo(Plan(header=header, actions=(), notes=(_already_undone(run, undo, runs),)))
    done = [step for step in reversed(run.steps) if step.changed]
    why_not = {step.number: kind_of(step.action.kind).not_undone(step.action) for step in done}
    steps = lasting([step for step in done if not why_not[step.number]])
    for step in steps:
        if not reachable(run.header, step.action, place.header):
            raise _elsewhere(run, place)
        _check_recorded(run, step)
    actions: list[Action] = []
    unchanged: list[Action] = []
    # the reasons matter only if no change at all is undone
    notes = [] if steps else [note for note in why_not.values() if note]
    site = Site(clients, header)
    # the states as the actions so far leave them
    first = {which(step.action): step.action for step in reversed(steps)}

    def read(which: tuple[str, str]) -> State | None:
        kind, action = kind_of(first[which].kind), first[which]
        return kind.read(site, kind.reading(action))

    so_far = dict(pacing.fan_out(read, first))
    for step in steps:
        kind, current = kind_of(step.action.kind), so_far[which(step.action)]
        action = _taken_back(run, step, current, journal)
        so_far[which(step.action)] = action.after
        if matches(action.after, current):
            unchanged.append(action)
            continue
        if action.after is None:
            try:
                kind.dependents(site, action, actions)
            except Conflict as error:
                raise _after_later(error, journal, run, _about_role(action)) from error
        actions.append(action)
    if not actions:
        notes.append(f"run {run.run_id} has nothing left to undo")
    _check_users(site, actions, run, journal, together)
    plan = Plan(header=header, actions=tuple(actions), unchanged=tuple(unchanged), notes=tuple(dict.fromkeys(notes)))
    plan = with_dependents(plan, site)
    recorded = run.header.caller_arn
    requested = Requested(source=RequestSource.JOURNAL, plan=plan, clients=clients, recorded_caller=recorded)
    grave = check_requested(requested)
    return Undo(plan.noting(grave), grave)


def _already_undone(run: Run, undo: str, runs: Sequence[Run]) -> str:
    """Return a note. A repeated command must not undo an earlier run."""
    undone = undone_by(runs)
    earlier = [
        other.run_id
        for other in runs
        if other.run_id < run.run_id
        and other.header == run.header
        and other.changed
        and not other.undoes
        and other.run_id not in undone
    ]
    before = f"; the previous run is {earlier[0]}" if earlier else ""
    return f"run {run.run_id} is already undone, by run {undo}{before}"


def _check_recorded(run: Run, step: Step) -> None:
    """Raise Conflict for states that podid does not record. Those of a newer version are of an unknown kind."""
    if kind_of(step.action.kind) not in KINDS:
        return
    try:
        check_states(step.action)
        if step.after is not None:
            check_states(replace(step.action, after=step.after))
    except Malformed as error:
        message = f"Run {run.run_id} is not as podid records it: {error}"
        raise Conflict(
            message, advice="Somebody edited the journal; nothing was changed.", subject=run.run_id
        ) from error


def _taken_back(run: Run, step: Step, current: State | None, journal: Journal) -> Action:
    """Return the change from the current state to the one before the step. Raise Conflict if the resource has changed
    since."""
    action, kind = step.action, kind_of(step.action.kind)
    resulting = kind.reproducible(step.after if step.after is not None else action.after)
    restored = kind.reproducible(action.before)
    if restored is not None and current is not None:  # members that the service assigned stay
        restored = {**{key: current[key] for key in kind.assigned if key in current}, **restored}
    if matches(restored, current):
        return kind.action(resulting if current is None else current, restored)
    if not matches(resulting, current) and not _is_half_undone(run, action, current, journal):
        message = f"{kind.subject(action)} has changed since run {run.run_id}: {_difference(resulting, current)}"
        advice = "The journal has no later run that changed it: restore it manually, and undo the run again."
        moved = Conflict(message, hint=Other(("history",), (run.run_id,)), advice=advice, subject=action.target)
        raise _after_later(
            moved,
            journal,
            run,
            lambda later, other: which(other) == which(action) and reachable(later.header, other, run.header),
        )
    if restored is None and current is not None:
        kind.check_same(current, journal.last_made(run.header, kind.name, action.keys))
    return kind.action(current, restored)


def _is_half_undone(run: Run, action: Action, current: State | None, journal: Journal) -> bool:
    """Return whether an undo of this run, which was interrupted or failed, left the resource in this state."""
    steps = ((undo, step) for undo in journal.runs() if undo.undoes == run.run_id for step in undo.steps)
    for undo, step in steps:
        if which(step.action) == which(action):
            _check_recorded(undo, step)
            if is_halfway(step.action, current):
                return True
    return False


About = Callable[[Run, Action], bool]


def _after_later(error: Conflict, journal: Journal, run: Run, about: About) -> Conflict:
    """Return the error, with the undo of the later runs as its hint, if the journal has any with a change that `about`
    selects. Undone runs do not count."""
    runs = journal.runs()
    undone = undone_by(runs)
    later = [
        other.run_id
        for other in runs
        if other.run_id > run.run_id
        and other.header.account == run.header.account
        and not other.undoes
        and other.run_id not in undone
        and any(about(other, step.action) for step in other.changed)
    ]
    if later:
        first, *more = later
        error.hint = Other(("undo",), (first,))
        error.advice = f"First undo the later {'runs' if more else 'run'} {', '.join(later)}."
    return error


def _about_role(action: Action) -> About:
    """Select the changes that prevent the deletion of the role: those of its policies and of its associations."""
    name = action.keys.get("roleName", "")

    def about(later: Run, other: Action) -> bool:
        if other.kind in (ROLE_POLICY.name, ROLE_ATTACHMENT.name):
            return other.keys["roleName"] == name
        return other.kind == ASSOCIATION.name and name != "" and role_name(text(other.after, "roleArn")) == name

    return about


def _about_associations(associations: Collection[Association]) -> About:
    """Select the changes of these associations, which may be in other clusters."""
    targets = {_place_of(association) for association in associations}

    def about(later: Run, other: Action) -> bool:
        return other.kind == ASSOCIATION.name and (later.header.region, later.header.cluster, other.target) in targets

    return about


def _place_of(association: Association) -> tuple[str, str, str]:
    return Arn.parse(association.association_arn).region, association.cluster_name, str(association.ref)


def _difference(resulting: State | None, current: State | None) -> str:
    if current is None:
        return "it was deleted"
    if resulting is None:
        return "it was created again"
    differing = [key for key, value in resulting.items() if not matches({key: value}, current)]
    return f"{short_list(differing)} {'differs' if len(differing) == 1 else 'differ'}"


def _check_users(site: Site, actions: Sequence[Action], run: Run, journal: Journal, together: Sequence[Run]) -> None:
    """Raise Conflict if a restored trust policy no longer allows an association that the undo keeps, such as one of
    another run: its pods would lose their credentials."""
    trusts = [action for action in actions if action.kind == ROLE_TRUST.name]
    uses = uses_after(site.uses, site.header, actions) if trusts else Uses()
    undone = [(site.header, action) for action in actions]
    undone += [(run.header, step.action) for run in together for step in run.changed]
    own = {
        (header.region, header.cluster, action.target) for header, action in undone if action.kind == ASSOCIATION.name
    }

    def changed(use: Association) -> bool:
        return _place_of(use) in own

    for action in trusts:
        role = site.iam.find_role(action.keys["roleName"])
        if role is None:
            continue
        after = replace(role, trust=document(action.after, "policyDocument"))
        pairs = zip(evaluate_uses(role, uses), evaluate_uses(after, uses), strict=True)
        losing = [
            new.association
            for old, new in pairs
            if new.evaluation.verdict is trust.TrustVerdict.NO_MATCH is not old.evaluation.verdict
            and not changed(new.association)
        ]
        if losing:
            message = (
                f"The previous trust policy of role {role.name} does not allow {short_list(map(used_words, losing))}"
            )
            advice = "Their pods would lose their credentials: first delete these associations."
            error = Conflict(message, advice=advice, subject=role.name)
            raise _after_later(error, journal, run, _about_associations(losing))


def interrupted_runs(journal: Journal, command: tuple[str, ...], header: Header) -> tuple[str, ...]:
    """Return the ids of the interrupted runs of an unfinished command whose changes remain, newest first. A change that
    a later run of the command took back does not remain."""
    runs = journal.unfinished(command, header)
    steps = lasting([step for run in runs for step in reversed(run.changed)])
    remaining = {which(step.action) for step in steps if not kind_of(step.action.kind).not_undone(step.action)}
    return tuple(
        run.run_id for run in runs if run.cut_short and any(which(step.action) in remaining for step in run.changed)
    )


def check_account(run: Run, place: Place) -> None:
    """Raise Conflict for a run of another account, where its cluster would only be reported as missing."""
    if run.header.account != place.account:
        raise _elsewhere(run, place)


def _elsewhere(run: Run, place: Place) -> Conflict:
    return Conflict(
        f"Run {run.run_id} was made in account {run.header.account}, {run.header.region}, cluster "
        f"{run.header.cluster or '-'}; this is account {place.account}, {place.region}, cluster "
        f"{place.cluster_name or '-'}",
        subject=run.run_id,
    )
