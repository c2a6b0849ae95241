"""Carries out a plan: intent on disk, the call, the outcome on disk, then the next action."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from podid.domain.errors import Conflict, LostAnswer, NotFound, PodidError, Unavailable
from podid.domain.exit_codes import ExitCode
from podid.domain.plan import ACCOUNT_WIDE, Action, Done, Header, Plan, ResourceKind, State, Status, Verb, matches
from podid.ops.change.journal import Journal, Recorder, Run
from podid.ops.change.resources import Resources

_TRIES = 3
_ROLE_SETTLE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of each action. `error` is the first failure; the actions after it were not tried."""

    run_id: str
    done: tuple[Done, ...]
    error: PodidError | None = None

    @property
    def exit_code(self) -> ExitCode:
        if self.error is None:
            return ExitCode.OK
        worked = any(item.status is Status.DONE for item in self.done)
        return ExitCode.PARTIAL if worked else self.error.exit_code


def apply(
    plan: Plan,
    resources: Resources,
    journal: Journal,
    *,
    command: tuple[str, ...],
    now: datetime,
    progress: Callable[[str], None],
    undoes: str = "",
) -> Applied:
    """Nothing is written to the journal, or anywhere, for a plan without actions."""
    if not plan.actions:
        return Applied("", ())
    done: list[Done] = []
    error: PodidError | None = None
    with journal.begin(command, plan.header, now, undoes=undoes) as recorder:
        for number, action in enumerate(plan.actions):
            if error is not None:
                done.append(Done(action, Status.BLOCKED, reason=f"not tried: {error.what}"))
                continue
            progress(f"{action.verb} {action.kind} {action.target}")
            outcome, error = _one(number, action, resources, recorder, new_roles=_new_roles(done))
            done.append(outcome)
        return Applied(recorder.run_id, tuple(done), error)


def _new_roles(done: Iterable[Done]) -> frozenset[str]:
    return frozenset(
        item.action.keys["roleName"]
        for item in done
        if item.action.kind is ResourceKind.ROLE and item.status is Status.DONE and item.after is not None
    )


def _one(
    number: int, action: Action, resources: Resources, recorder: Recorder, *, new_roles: frozenset[str]
) -> tuple[Done, PodidError | None]:
    try:
        recorder.intent(number, action)
    except PodidError as error:
        return Done(action, Status.BLOCKED, reason=f"not tried: {error.what}"), error
    try:
        done = _write(action, resources, new_roles)
    except Unavailable as error:
        # whether it was made is not known: the intent stays open and the next run settles it
        return Done(action, Status.FAILED, reason=error.what), error
    except PodidError as error:
        failed = Done(action, Status.FAILED, reason=error.what)
        with suppress(PodidError):  # the change's own failure is the one to tell; an open intent is settled later
            recorder.outcome(number, failed)
        return failed, error
    try:
        recorder.outcome(number, done)
    except PodidError as error:
        return done, error  # it was made, and that is what must be told; nothing more can be written down
    return done, None


def _write(action: Action, resources: Resources, new_roles: frozenset[str]) -> Done:
    """The change itself, with the ways in which AWS makes a careful caller read again."""
    deadline = resources.monotonic() + _ROLE_SETTLE_SECONDS
    tries = 0
    lost: LostAnswer | None = None
    while True:
        try:
            if action.keys.get("roleName") not in new_roles:
                _check_unmoved(action, resources)
            return Done(action, Status.DONE, resources.write(action))
        except LostAnswer as error:
            lost = error
            current = _read_after(error, action, resources)
            if matches(action.after, current):
                return Done(action, Status.DONE, current)
            if not matches(action.before, current):
                raise
        except Conflict as error:
            current = _read_after(lost or error, action, resources)
            if matches(action.after, current):
                # made by an earlier try of ours whose answer was lost, or by somebody else with the very same settings
                return Done(action, Status.DONE if lost else Status.UNCHANGED, current)
            if error.code != "ConcurrentModification" or not matches(action.before, current) or tries >= _TRIES:
                raise
        except NotFound:
            if action.verb is Verb.DELETE:
                return Done(action, Status.DONE if lost else Status.UNCHANGED, None, reason="it was already gone")
            # IAM does not know its own new role everywhere for some seconds
            if action.keys.get("roleName") not in new_roles or resources.monotonic() > deadline:
                raise
            resources.sleep(2.0)
            continue
        except PodidError as error:
            if lost is not None:
                raise lost from error  # an earlier try may have made it: that is what must not be forgotten
            raise
        tries += 1
        if tries >= _TRIES and lost is not None:
            raise lost
        resources.sleep(0.5 * tries)


def _check_unmoved(action: Action, resources: Resources) -> None:
    """PutRolePolicy overwrites and AttachRolePolicy repeats without a word: what somebody else did since the plan was
    made must neither be lost nor be taken for ours."""
    if action.kind not in (ResourceKind.ROLE_POLICY, ResourceKind.ROLE_ATTACHMENT):
        return
    if not matches(action.before, resources.read(action.kind, action.keys)):
        raise Conflict(f"The {action.kind} {action.target} has changed since the plan was made", subject=action.target)


def _read_after(error: PodidError, action: Action, resources: Resources) -> State | None:
    """What is there now; `error` again when even that cannot be read, so that a change that may have been made is not
    recorded as one that failed."""
    try:
        return resources.read(action.kind, action.keys)
    except PodidError as unread:
        raise error from unread


def settle(
    journal: Journal, resources: Resources, header: Header, unsettled: Callable[[Run, Action, PodidError], None]
) -> tuple[tuple[Run, Done], ...]:
    """Finds out what became of changes that were interrupted, by reading. Those of another account, region or cluster,
    and those that may not be looked at, stay open: they must not stand in the way of other work."""

    def read(run: Run, action: Action) -> Done | None:
        if action.kind is ResourceKind.RESTART:
            return Done(
                action, Status.FAILED, None, reason="settled: cut short; `podid restart --stale` finds what is left"
            )
        try:
            current = resources.read(action.kind, action.keys)
        except PodidError as error:
            unsettled(run, action, error)
            return None
        if matches(action.after, current):
            return Done(action, Status.DONE, current, reason="settled: it had been made")
        if matches(action.before, current):
            return Done(action, Status.FAILED, current, reason="settled: it had not been made")
        return Done(action, Status.FAILED, current, reason="settled: the resource is in a third state")

    return tuple(journal.settle(read, lambda run, action: reachable(run.header, action, header)))


def reachable(recorded: Header, action: Action, here: Header) -> bool:
    """Whether the clients at hand look at the place where a recorded action was made."""
    if recorded.account != here.account:
        return False
    if action.kind in ACCOUNT_WIDE:
        return True
    return recorded.region == here.region and recorded.cluster == here.cluster


def undo_plan(
    run: Run,
    header: Header,
    read: Callable[[ResourceKind, dict[str, str]], State | None],
    policies_of: Callable[[str], frozenset[str]],
) -> Plan:
    """What takes a run back, last action first. Raises Conflict when the run was made elsewhere, when a resource is no
    longer as the run left it, or when what became of a change is not known.

    `policies_of` gives the names and ARNs of the policies that a role has: one that others gave more to is not deleted.
    """
    for step in run.open_steps:
        raise Conflict(
            f"What became of {step.action.kind} {step.action.target} in run {run.run_id} is not known yet; "
            "it was interrupted and could not be looked at from here",
            subject=run.run_id,
        )
    actions: list[Action] = []
    unchanged: list[Action] = []
    notes: list[str] = []
    for step in reversed(run.steps):
        if step.status is not Status.DONE:
            continue
        action = step.action
        if action.kind is ResourceKind.RESTART:
            notes.append(f"the restart of {action.target} cannot be undone; it left the workload as it was")
            continue
        if not reachable(run.header, action, header):
            raise Conflict(
                f"Run {run.run_id} was made in account {run.header.account}, {run.header.region}, cluster "
                f"{run.header.cluster or '-'}; this is account {header.account}, {header.region}, cluster "
                f"{header.cluster or '-'}",
                subject=run.run_id,
            )
        # an association that an undo made again has another id, and is the same for everybody who uses it
        left = _reproducible(step.after if step.after is not None else action.after)
        current = read(action.kind, action.keys)
        inverse = Action(action.kind, current, _reproducible(action.before))
        if matches(inverse.after, current):
            unchanged.append(replace(inverse, before=left))
        elif matches(left, current):
            if action.kind is ResourceKind.ROLE and inverse.after is None:
                _check_deletable(run, action.keys["roleName"], policies_of)
            actions.append(inverse)
        else:
            raise Conflict(
                f"{action.kind} {action.target} is no longer as run {run.run_id} left it; undo it by hand",
                subject=action.target,
            )
    return Plan(header=header, actions=tuple(actions), unchanged=tuple(unchanged), notes=tuple(notes))


def _check_deletable(run: Run, role_name: str, policies_of: Callable[[str], frozenset[str]]) -> None:
    given = {
        step.action.keys.get("policyName") or step.action.keys.get("policyArn")
        for step in run.steps
        if step.action.kind in (ResourceKind.ROLE_POLICY, ResourceKind.ROLE_ATTACHMENT)
    }
    more = policies_of(role_name) - given
    if more:
        raise Conflict(
            f"Role {role_name} has got more policies since run {run.run_id} ({', '.join(sorted(more))}); "
            "IAM deletes no role that has any",
            advice="Undo the later runs first, or remove these policies by hand.",
            subject=role_name,
        )


def _reproducible(state: State | None) -> State | None:
    """The state without what the service assigns anew when the resource is made again."""
    return None if state is None else {key: value for key, value in state.items() if key != "associationId"}
