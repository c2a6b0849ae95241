"""The ways to more permissions that the policies of a plan open for roles: the escalation paths of `podid audit`."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from podid.aws.iam import Iam
from podid.calls import pacing
from podid.domain.aws import RolePolicies
from podid.domain.errors import AccessDenied, NotFound, PodidError
from podid.domain.grouping import grouped
from podid.domain.iam import Document
from podid.domain.names import AWS_MANAGED
from podid.domain.plan import Action, Plan, document
from podid.domain.section import Missing
from podid.domain.text import short_list
from podid.facts.grants import MANAGED, in_one_phrase, more_permissions
from podid.ops.change.kinds import ROLE_ATTACHMENT, ROLE_POLICY

OF_POLICIES = (ROLE_POLICY.name, ROLE_ATTACHMENT.name)


def granted_by(iam: Iam, actions: Sequence[Action], existing: Collection[str]) -> dict[str, str]:
    """Return the sentence about the ways that each role has after the actions and not before, by the role's name. The
    other policies of the `existing` roles count too; those that the caller may not read do not."""
    by_role = _by_role(actions)
    held, known = {role: RolePolicies() for role in by_role}, [role for role in by_role if role in existing]
    for role, answer in pacing.fan_out(pacing.attempt(iam.get_policies), known) if known else ():
        if isinstance(answer, RolePolicies):
            held[role] = answer
        elif not isinstance(answer, AccessDenied):
            raise answer
    arns = dict.fromkeys(item.arn for policies in held.values() for item in policies.attached)
    arns |= dict.fromkeys(arn for items in by_role.values() for arn in _attached(items))
    documents = dict(iam.get_managed_documents(list(arns))) if arns else {}
    return {role: ways for role, items in by_role.items() for ways in _new_ways(role, items, held[role], documents)}


def _by_role(actions: Iterable[Action]) -> dict[str, list[Action]]:
    return grouped((action.keys["roleName"], action) for action in actions if action.kind in OF_POLICIES)


def granting_notes(plan: Plan) -> tuple[str, ...]:
    """Return a sentence for each role that may become administrator by the policies that the plan writes, as far as
    that is known without a call: managed policies of AWS by their names."""
    by_role = _by_role(plan.actions)
    return tuple(note for role, actions in by_role.items() for note in _new_ways(role, actions, RolePolicies(), None))


def _attached(actions: Sequence[Action]) -> tuple[str, ...]:
    return tuple(action.keys["policyArn"] for action in actions if action.kind == ROLE_ATTACHMENT.name)


def _new_ways(
    role: str, actions: Sequence[Action], held: RolePolicies, read: Mapping[str, Document | PodidError] | None
) -> Iterator[str]:
    """Yield the sentence about the ways that the role gets by the actions. `read` are documents of managed policies by
    ARN, None if none are read."""
    before: dict[str, Document | Missing] = dict(held.inline)
    before |= {item.arn: _document(item.arn, read) for item in held.attached}
    after = dict(before)
    for action in actions:
        name = list(action.keys.values())[-1]
        for states, state in ((before, action.before), (after, action.after)):
            states.pop(name, None)
            if state is not None:
                inline = action.kind == ROLE_POLICY.name
                states[name] = document(state, "policyDocument") if inline else _document(name, read)
    known = more_permissions(_known(before))
    ways = [way for way in more_permissions(_known(after)) if way not in known]
    for arn in _attached(actions):
        unread = after.get(arn)
        if isinstance(unread, Missing) and arn not in before:
            name = arn.rpartition("/")[2]
            if AWS_MANAGED in arn and name in MANAGED:
                ways.append(f"may become administrator: managed policy {name}")
            elif read is not None:
                ways.append(f"may become administrator: policy {arn} could not be read: {unread.reason}")
    if ways:
        changed = short_list(list(action.keys.values())[-1].rpartition("/")[2] for action in actions if action.after)
        words = "would be " if ways[0].startswith("administrator") else ""
        yield f"role {role} {words}{in_one_phrase(tuple(ways))}" + (f" (policy {changed})" if changed else "")


def _document(arn: str, read: Mapping[str, Document | PodidError] | None) -> Document | Missing:
    answer = (read or {}).get(arn, NotFound(f"{arn} was not read"))
    return Missing(answer.message) if isinstance(answer, PodidError) else answer


def _known(policies: Mapping[str, Document | Missing]) -> dict[str, Document | Missing]:
    return {name: policy for name, policy in policies.items() if not isinstance(policy, Missing)}
