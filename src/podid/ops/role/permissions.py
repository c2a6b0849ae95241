"""What a role may do: policies put inline and attached, or taken away, as the actions of a plan."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from podid.domain.aws import Role, RolePolicies
from podid.domain.errors import Again, Conflict, Hint, InvalidInput, NotFound
from podid.domain.plan import Action, Header, Plan, Verb
from podid.domain.text import did_you_mean, nearest
from podid.ops.change.kinds import ROLE_ATTACHMENT, ROLE_POLICY, kind_of
from podid.ops.role.plan import check_not_aws, kept_by_others, others
from podid.ops.role.policies import check_inline_size

Documents = Mapping[str, Mapping[str, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachRequest:
    """What `podid role attach` was asked for; `policies` maps inline policy name to document."""

    policies: Documents = field(default_factory=dict)
    managed_policy_arns: tuple[str, ...] = ()
    replace: bool = False
    adopt: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DetachRequest:
    """What `podid role detach` was asked for: inline policies by name, managed ones by name or ARN. `gone` are names
    and ARNs of those that it has taken away before it was cut short."""

    policies: tuple[str, ...] = ()
    managed_policies: tuple[str, ...] = ()
    ignore_not_found: bool = False
    adopt: bool = False
    gone: frozenset[str] = frozenset()

    def may_lack(self, policy: str) -> bool:
        return self.ignore_not_found or any(policy in _names(text) for text in self.gone)


def _names(arn: str) -> tuple[str, ...]:
    """How a managed policy may be called: by its ARN, its name, or its name with the path."""
    return arn, arn.rpartition("/")[2], arn.partition("policy/")[2]


def permission_actions(
    role_name: str, wanted: Documents, arns: Iterable[str], policies: RolePolicies
) -> tuple[list[Action], list[Action]]:
    """What gives the role these policies, beside those that it has, and what of them it has already."""
    changes: list[Action] = []
    unchanged: list[Action] = []
    for name, document in wanted.items():
        found = policies.inline.get(name)
        action = ROLE_POLICY.action(
            None if found is None else ROLE_POLICY.state_of(role_name, name, found),
            ROLE_POLICY.state_of(role_name, name, document),
        )
        (unchanged if found == document else changes).append(action)
    attached = {policy.arn for policy in policies.attached}
    for arn in arns:
        state = ROLE_ATTACHMENT.state_of(role_name, arn)
        there = arn in attached
        (unchanged if there else changes).append(ROLE_ATTACHMENT.action(state if there else None, state))
    return changes, unchanged


def plan_attach(request: AttachRequest, header: Header, role: Role, policies: RolePolicies, *, ours: bool) -> Plan:
    """Pure. Raises Conflict that names the flags which would allow it, and where the policies would not fit."""
    if request.policies:
        check_inline_size(role.name, {**policies.inline, **request.policies})
    changes, unchanged = permission_actions(role.name, request.policies, request.managed_policy_arns, policies)
    if changes:
        overwrites = any(action.verb is Verb.UPDATE for action in changes)
        needed = (
            *(() if ours or request.adopt else ("--adopt",)),
            *(("--replace",) if overwrites and not request.replace else ()),
        )
        check_changeable(role, changes, needed, ours=ours)
    notes = (*(() if ours else others(role)), *(kept_by_others(role) if changes else ()))
    return Plan(header=header, actions=tuple(changes), unchanged=tuple(unchanged), notes=notes)


def plan_detach(request: DetachRequest, header: Header, role: Role, policies: RolePolicies, *, ours: bool) -> Plan:
    """Pure. Raises NotFound with the nearest names for what the role does not have, unless that is to be ignored, and
    Conflict that names the flags which would allow it."""
    changes: list[Action] = []
    unchanged: list[Action] = []
    for name in request.policies:
        document = policies.inline.get(name)
        if document is None:
            _check_missing(request, role, "inline policy", name, policies.inline)
            unchanged.append(ROLE_POLICY.action(ROLE_POLICY.state_of(role.name, name, {}), None))
        else:
            changes.append(ROLE_POLICY.action(ROLE_POLICY.state_of(role.name, name, document), None))
    for text in request.managed_policies:
        arns = [item.arn for item in policies.attached if text == item.name or text in _names(item.arn)]
        if len(arns) > 1:
            raise InvalidInput(f"Role {role.name} has {len(arns)} policies {text}; give the ARN", subject=text)
        if not arns:
            _check_missing(request, role, "managed policy", text, [policy.name for policy in policies.attached])
        state = ROLE_ATTACHMENT.state_of(role.name, arns[0] if arns else text)
        (changes if arns else unchanged).append(ROLE_ATTACHMENT.action(state, None))
    if changes:
        check_changeable(role, changes, () if ours or request.adopt else ("--adopt",), ours=ours)
    notes = (*(() if ours else others(role)), *(kept_by_others(role) if changes else ()))
    return Plan(header=header, actions=tuple(changes), unchanged=tuple(unchanged), notes=notes)


def _check_missing(request: DetachRequest, role: Role, what: str, name: str, known: Iterable[str]) -> None:
    known = tuple(known)
    if not request.may_lack(name):
        near = nearest(name, known, 1, alike=0.8)
        raise NotFound(
            f"Role {role.name} has no {what} {name}{did_you_mean(name, known)}",
            # what takes away is proposed for a slip of the hand alone
            hint=Again(swap=(name, near[0])) if near else Again(add=("--ignore-not-found",)),
            subject=name,
        )


def check_changeable(
    role: Role, actions: Sequence[Action], needed: tuple[str, ...], *, ours: bool, instead: Hint = ()
) -> None:
    """Raises Conflict for AWS's own roles, and where flags are `needed`, with the difference and who else may assume
    the role. `instead` is the command that does no more than what is lacking."""
    check_not_aws(role)
    if not needed:
        return
    what = ", ".join(f"{action.verb} {kind_of(action.kind).subject(action)}" for action in actions)
    whose = "differs from what was asked for" if ours else "was not made by podid here; it would be changed"
    raise Conflict(
        f"Role {role.name} exists and {whose}: {what}",
        hint=instead or Again(add=needed),
        lines=(*(() if ours else others(role)), *(line for action in actions for line in difference(action))),
        subject=role.name,
    )


def difference(action: Action) -> list[str]:
    """The members that an update changes; documents line by line."""
    if action.before is None or action.after is None:
        return []
    lines = []
    for key, new in action.after.items():
        old = action.before.get(key)
        if old == new:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            left, right = (json.dumps(value, indent=2).splitlines() for value in (old, new))
            changed = list(difflib.unified_diff(left, right, lineterm="", n=1))[2:]
            lines += [f"{action.target} {key}:", *(f"  {line}" for line in changed)]
        else:
            lines.append(f"{action.target} {key}: {old or 'none'} -> {new or 'none'}")
    return lines
