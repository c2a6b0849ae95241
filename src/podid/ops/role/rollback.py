"""Roll back the roles that a run created for a change that failed."""

import json
from dataclasses import dataclass, replace

from podid.domain.errors import PodidError, Unavailable
from podid.domain.plan import Action, ChangeResult, Done, Plan, Status, Verb, text
from podid.domain.text import short_list
from podid.ops.change.kinds import (
    ASSOCIATION,
    ROLE,
    ROLE_ATTACHMENT,
    ROLE_POLICY,
    SERVICE_ACCOUNT,
    TARGET_TRUST,
    kind_of,
)

_PARTS = (ROLE.name, ROLE_POLICY.name, ROLE_ATTACHMENT.name)


@dataclass(frozen=True, slots=True)
class RoleRollback:
    """`plan` deletes the roles `names`, with their policies and the service accounts that were created for them.
    `whole` is whether nothing of the run remains then."""

    result: ChangeResult
    names: tuple[str, ...]
    plan: Plan
    whole: bool

    @property
    def subject(self) -> str:
        return f"{'role' if len(self.names) == 1 else 'roles'} {short_list(self.names)}"

    def error(self) -> PodidError:
        """Return the failure, with the advice that the run deleted the roles."""
        assert self.result.error is not None
        subject, were = self.subject, "was" if len(self.names) == 1 else "were"
        self.result.error.advise(f"{subject[0].upper()}{subject[1:]}, which this run created, {were} deleted.")
        return self.result.error

    def after(self) -> ChangeResult:
        """Return the result after the rollback: the actions that were rolled back count as failed."""
        assert self.result.error is not None
        gone = {(action.kind, action.target) for action in self.plan.actions}
        reason = f"rolled back: {self.result.error.message}"
        done = tuple(
            Done(item.action, Status.FAILED, reason=reason, error=self.result.error)
            if (item.action.kind, item.action.target) in gone and item.status is Status.DONE
            else item
            for item in self.result.done
        )
        return replace(self.result, done=done)

    def kept(self, error: PodidError) -> ChangeResult:
        """Return the result of a rollback that failed."""
        note = f"{self.subject}, which this run created, could not be deleted: {error.message}"
        return replace(self.result, notes=(*self.result.notes, f"{note}; podid undo {self.result.run_id} deletes it"))


def plan_rollback(result: ChangeResult) -> RoleRollback | None:
    """Plan the deletion of the roles that the run created and that nothing uses. None if a change of unknown outcome
    may use them, since the next run completes it, and if only the target role refuses, which its owner can allow."""
    if result.error is None or _unknown(result) or result.failed_kind == TARGET_TRUST.name:
        return None
    done = [item for item in result.done if item.status is Status.DONE]
    arns = {item.action.keys["roleName"]: text(item.after, "roleArn") for item in done if _creates(item, ROLE.name)}
    others = (item for item in result.done if item.action.kind not in _PARTS)
    uses = [json.dumps(item.after, default=str) for item in others if item.status in (Status.DONE, Status.UNCHANGED)]
    names = tuple(name for name, arn in arns.items() if not any(f'"{arn}"' in use for use in uses))
    if not names:
        return None
    waiting = {
        item.action.target
        for item in result.done
        if item.action.kind == ASSOCIATION.name
        and item.status in (Status.FAILED, Status.BLOCKED)
        and text(item.action.after, "roleArn") in {arns[name] for name in names}
    }
    gone = [
        item
        for item in reversed(done)
        if (_creates(item, *_PARTS) and item.action.keys["roleName"] in names)
        or (_creates(item, SERVICE_ACCOUNT.name) and item.action.target in waiting)
    ]
    plan = Plan(header=result.plan.header, actions=tuple(map(_deletion, gone)))
    return RoleRollback(result, names, plan, whole=len(gone) == len(done))


def stays(result: ChangeResult) -> str:
    """Return a sentence about the roles that remain because the outcome of a change is not known; empty if there are
    none."""
    created = [item.action.keys["roleName"] for item in result.done if _creates(item, ROLE.name)]
    if not created or not _unknown(result):
        return ""
    roles = f"{'role' if len(created) == 1 else 'roles'} {short_list(created)}"
    return f"{roles}, which this run created, may be in use: run the command again, or podid undo {result.run_id}"


def _unknown(result: ChangeResult) -> bool:
    """Return whether a change of unknown outcome may have been made."""
    failed = [item.error for item in result.done if item.status is Status.FAILED]
    return any(isinstance(error, Unavailable) for error in (result.error, *failed))


def _creates(item: Done, *kinds: str) -> bool:
    return item.status is Status.DONE and item.action.verb is Verb.CREATE and item.action.kind in kinds


def _deletion(item: Done) -> Action:
    return kind_of(item.action.kind).action(item.after if item.after is not None else item.action.after, None)
