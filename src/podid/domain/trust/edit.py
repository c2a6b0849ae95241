"""Add statements to a trust policy, and narrow wide statements. No other statement changes its value or
its place. `podid.domain.trust.remove` removes statements. `merged` applies a change to a policy that another program
changed at the same time.

IAM rejects a trust policy that contains the unique id of a deleted role or user, so podid does not edit such a policy.
"""

import hashlib
import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from podid.domain import text
from podid.domain.iam import listed
from podid.domain.names import PODS_PRINCIPAL
from podid.domain.trust.build import OwnCondition, build_statement, effective_scope, policy_size, target_statements
from podid.domain.trust.evaluate import (
    OPEN_KEYS,
    SCOPE_KEYS,
    Evaluation,
    ScopeKind,
    TrustVerdict,
    evaluate,
    matches_every_value,
    stranger,
)
from podid.domain.trust.findings import unwritable_principals
from podid.domain.trust.policy import ACTIONS, Policy, Raw, Statement, label_of, parse_policy
from podid.domain.trust.request import NAMESPACE_TAG, SERVICE_ACCOUNT_TAG, PodIdentity, Request, TargetHop


class EditOutcome(StrEnum):
    """`no-change`: the policy is already as requested. `refused`: the change is not possible."""

    CHANGED = "changed"
    NO_CHANGE = "no-change"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Edit:
    """`policy` is the new policy, or the old one if nothing changed. `reason` is the change, or why there is none;
    `notes` are further sentences.

    `statement` is the index of the statement that was written or removed, or that decided. `size` is the size of the
    new policy as IAM counts it. It can exceed the quota.
    """

    policy: Policy
    outcome: EditOutcome
    reason: str
    statement: int | None
    size: int
    notes: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return self.outcome is EditOutcome.CHANGED

    @property
    def refused(self) -> bool:
        return self.outcome is EditOutcome.REFUSED


def add(
    policy: Policy,
    identity: PodIdentity,
    scope: ScopeKind = ScopeKind.SERVICE_ACCOUNT,
    conditions: Sequence[OwnCondition] = (),
) -> Edit:
    """Allow the service account (or its namespace, cluster, account) under further `conditions`, unless the trust
    policy already does.

    Raise InvalidInput as `build_statement` does.
    """
    statement = build_statement(identity, scope, conditions)
    evaluation = evaluate(policy, undated(identity))
    for action in evaluation.actions:
        denied = action.verdict is TrustVerdict.NO_MATCH and action.statement is not None
        if denied and not policy.statements[action.statement or 0].allow:
            return refused(policy, f"{action.reason}; another Allow statement would have no effect", action.statement)
    reach = effective_scope(identity, scope)
    covering = _covering(policy, identity, reach)
    same = next((s for s in policy.statements if meaning(s.raw) == meaning(statement)), None)
    if conditions and same is not None and covering in (None, same):
        return unchanged(policy, f"{same.label} already allows {identity.name} under these conditions", same.index)
    if conditions and covering is not None:
        reason = f"{covering.label} already allows {identity.name} without these conditions"
        return unchanged(policy, f"{reason}; an additional statement cannot restrict it", covering.index)
    if covering is not None:
        doubt = "" if evaluation.verdict is TrustVerdict.MATCH else f", but {_reason(evaluation)}"
        notes = _wider(evaluation, reach)
        return unchanged(policy, f"{covering.label} already allows {identity.name}{doubt}", covering.index, notes)
    new = with_free_sid(statement, {s.sid for s in policy.statements})
    raws = [*(s.raw for s in policy.statements), new]
    index = len(policy.statements)
    edit = written(policy, raws, index, f"Statement[{index}] ({new['Sid']}) was added")
    return replace(edit, notes=_after_adding(edit, identity, scope, reach)) if edit.changed else edit


def _wider(evaluation: Evaluation, scope: ScopeKind) -> tuple[str, ...]:
    if evaluation.scope is None or evaluation.scope.kind.rank <= scope.rank:
        return ()
    return (f"it allows {evaluation.scope.words}",)


def _after_adding(edit: Edit, identity: PodIdentity, scope: ScopeKind, reach: ScopeKind) -> tuple[str, ...]:
    notes = []
    if reach is not scope:
        notes.append(
            "without session tags the request does not identify the service account: "
            f"the statement allows any pod of cluster {identity.cluster_name}"
        )
    evaluation = evaluate(edit.policy, undated(identity))
    if evaluation.verdict is not TrustVerdict.MATCH:
        notes.append(f"it is still not known whether {identity.name} can assume the role: {_reason(evaluation)}")
    return tuple(notes)


def tighten(
    policy: Policy,
    identities: Iterable[PodIdentity],
    scope: ScopeKind = ScopeKind.SERVICE_ACCOUNT,
) -> Edit:
    """Replace the wide statements for EKS Pod Identity by one statement for each identity, as wide as `scope`.

    Tightening only removes access. It is refused if an identity is not allowed today, if a wide statement also names
    another principal, or if a wide statement has a condition that the new statements would lose.
    """
    named = tuple(identities)
    if not named:
        return refused(policy, "no service account was specified, and the trust policy would allow none", None)
    for identity in named:
        evaluation = evaluate(policy, identity)
        if evaluation.verdict is not TrustVerdict.MATCH:
            name = f"{identity.name} in {identity.cluster_name}"
            why = f"tightening only removes access, and it is not certain that {name} has access today"
            return refused(policy, f"{why}: {_reason(evaluation)}", None)
    built: list[Raw] = []
    for identity in named:
        reach = effective_scope(identity, scope)
        if _covering(policy, identity, reach) is None:
            name = f"{identity.name} in {identity.cluster_name}"
            return refused(policy, f"a statement as wide as the {reach} of {name} would allow more than today", None)
        statement = build_statement(identity, scope)
        built += [statement] if statement not in built else []
    wide = [s for s in policy.statements if _concerns_pods(s) and not _is_exact(s, built)]
    for statement_ in wide:
        obstacle = _obstacle(statement_)
        if obstacle:
            return refused(policy, f"{statement_.label} cannot be replaced: {obstacle}", statement_.index)
    if not wide:
        return unchanged(policy, "every statement for EKS Pod Identity is already as narrow as possible", None)
    return _tightened(policy, built, wide)


def serving(policy: Policy | None, request: Request) -> Policy:
    """Return the policy with statements that allow exactly this request; a new policy with them if it is None."""
    built = target_statements(request) if isinstance(request, TargetHop) else [build_statement(request)]
    raws = [] if policy is None else [statement.raw for statement in policy.statements]
    present, taken = set(map(meaning, raws)), {str(raw.get("Sid", "")) for raw in raws}
    new = [with_free_sid(raw, taken) if "Sid" in raw else raw for raw in built if meaning(raw) not in present]
    if policy is None:
        return parse_policy({"Version": "2012-10-17", "Statement": new})
    return policy.with_statements([*raws, *new])


def other_principals(policy: Policy) -> tuple[str, ...]:
    """Return the principals other than `pods.eks.amazonaws.com` that statements allow to assume the role, each once, in
    order."""
    names = []
    for statement in (item for item in policy.statements if item.lets_assume):
        prefix = "everyone except " if statement.not_principal else ""
        names += [prefix + name for _, name in statement.principals if prefix or name != PODS_PRINCIPAL]
    return tuple(dict.fromkeys(names))


def meaning(raw: Raw) -> Hashable:
    """Return the statement in a normal form: without its Sid, without order within lists, a single value as a list, an
    account by its number."""
    members = {name: value for name, value in raw.items() if name != "Sid"}
    for name in {"Principal", "NotPrincipal"} & members.keys():
        names = {"AWS": "*"} if members[name] == "*" else members[name]
        if isinstance(names, Mapping):
            members[name] = {
                kind: [_ROOT.sub(r"\1", str(principal)) for principal in listed(value)] for kind, value in names.items()
            }
    return _normal(members)


def fingerprint(raw: Raw) -> str:
    """Return a short digest of the statement's meaning."""
    return hashlib.sha256(_ordered(meaning(raw)).encode()).hexdigest()[:12]


def _ordered(value: object) -> str:
    if isinstance(value, frozenset):
        return f"{{{','.join(sorted(map(_ordered, value)))}}}"
    return ":".join(map(_ordered, value)) if isinstance(value, tuple) else str(value)


def equal(one: Raw, other: Raw) -> bool:
    """Return whether two policy documents are the same, whatever the form of their values."""

    def meanings(document: Raw) -> list[object]:
        top = {key: value for key, value in document.items() if key != "Statement"}
        raws = [raw for raw in listed(document.get("Statement")) if isinstance(raw, Mapping)]
        return [top, *((raw.get("Sid"), meaning(raw)) for raw in raws)]

    return meanings(one) == meanings(other)


# IAM returns an account as this ARN
_ROOT = re.compile(r"^arn:[a-z-]+:iam::(\d{12}):root$")


def _normal(value: object) -> Hashable:
    if isinstance(value, Mapping):
        return frozenset((name, _normal(member)) for name, member in value.items())
    return frozenset(map(repr, value)) if isinstance(value, list) else frozenset({repr(value)})


def undated(identity: PodIdentity) -> PodIdentity:
    """Return the identity without live pods and clock, which are true today only."""
    return replace(identity, pods=None, now=None)


def _reason(evaluation: Evaluation) -> str:
    return next(a.reason for a in evaluation.actions if a.verdict is not TrustVerdict.MATCH)


def _covering(policy: Policy, identity: PodIdentity, scope: ScopeKind) -> Statement | None:
    """Return a statement that certainly allows everyone in `scope` already."""
    # only Allow statements: if a Deny applies, another Allow has no effect
    # without statements that select some of the strangers: for these one stranger does not stand for all
    own = undated(identity)
    sure = tuple(
        s
        for s in policy.statements
        if s.allow and all(c.name not in OPEN_KEYS[scope] or matches_every_value(c, own) for c in s.conditions)
    )
    evaluations = [evaluate(replace(policy, statements=sure), who) for who in (own, stranger(own, scope))]
    if any(evaluation.verdict is not TrustVerdict.MATCH for evaluation in evaluations):
        return None
    decisive = {action.statement for evaluation in evaluations for action in evaluation.actions}
    return next(s for s in sure if s.index in decisive)


def with_free_sid(raw: Raw, taken: Iterable[str]) -> Raw:
    """Return the statement with a Sid that is unique in the policy, as IAM requires."""
    sid, number = str(raw["Sid"]), 1
    while sid in taken:
        number += 1
        sid = f"{raw['Sid']}n{number}"
    return {**raw, "Sid": sid}


def _concerns_pods(statement: Statement) -> bool:
    if not statement.allow:
        return False
    if all(statement.covers(action) is False for action in ACTIONS):
        return False
    return statement.not_principal or any(name in (PODS_PRINCIPAL, "*") for _, name in statement.principals)


def _is_exact(statement: Statement, built: Sequence[Raw]) -> bool:
    """Return whether the statement is one of those built, or is for a single other service account."""
    if meaning(statement.raw) in map(meaning, built):
        return True
    exact = {condition.name for condition in statement.conditions if condition.exact}
    needed = {"aws:sourcearn", NAMESPACE_TAG.lower(), SERVICE_ACCOUNT_TAG.lower()}
    return needed <= exact and statement.only_for_pods


def _obstacle(statement: Statement) -> str:
    if statement.not_principal:
        return "it uses NotPrincipal"
    if not statement.only_for_pods:
        return f"it also names {', '.join(statement.others)}"
    if statement.not_action:
        return "it uses NotAction"
    if statement.strange:
        return f"it has {', '.join(statement.strange)}"
    extra = [condition for condition in statement.conditions if condition.name not in SCOPE_KEYS]
    return f"its condition {extra[0].operator} {extra[0].key} would be lost" if extra else ""


def _tightened(policy: Policy, built: Sequence[Raw], wide: Sequence[Statement]) -> Edit:
    kept = [s for s in policy.statements if s not in wide]
    taken = {s.sid for s in kept}
    new = [with_free_sid(raw, taken) for raw in built if meaning(raw) not in _meanings(kept)]
    raws: list[Raw] = []
    for statement in policy.statements:
        if statement is wide[0]:
            raws += new
        if statement in kept:
            raws.append(statement.raw)
    labels = ", ".join(s.label for s in wide)
    verb = "replaces" if len(new) == 1 else "replace"
    done = f"{text.count_of(len(new), 'new statement')} {verb} {labels}" if new else f"{labels} was removed"
    # a statement that relied on the sts:TagSession of a removed one allows nothing any more
    others = [
        s.label
        for s in kept
        if _concerns_pods(s) and all(map(s.about, ACTIONS)) and meaning(s.raw) not in map(meaning, built)
    ]
    if others:
        allow = "allows" if len(others) == 1 else "allow"
        done += f"; the former {', '.join(others)} still {allow} service accounts that were not specified"
    return written(policy, raws, wide[0].index if new else None, done)


def unchanged(policy: Policy, reason: str, statement: int | None, notes: tuple[str, ...] = ()) -> Edit:
    return Edit(policy, EditOutcome.NO_CHANGE, reason, statement, policy_size(policy), notes)


def refused(policy: Policy, reason: str, statement: int | None) -> Edit:
    return Edit(policy, EditOutcome.REFUSED, reason, statement, policy_size(policy))


def written(
    policy: Policy,
    raws: Sequence[Raw],
    statement: int | None,
    done: str,
    notes: tuple[str, ...] = (),
) -> Edit:
    gone = unwritable_principals(policy)
    if gone:
        reason = f"IAM rejects any change of a trust policy that names {', '.join(gone)}, the unique id of"
        return refused(policy, f"{reason} a deleted role or user: replace it with an ARN first", None)
    new = policy.with_statements(raws)
    return Edit(new, EditOutcome.CHANGED, done, statement, policy_size(new), notes)


def overwritten(before: Raw, after: Raw, now: Raw) -> tuple[str, ...]:
    """Return the differences between the policy document `now` and the change from `before` to `after`: a statement
    that the change added and that is missing, or one that it removed and that is there again. Statements of others do
    not count."""
    old, new, present = map(_labels, (before, after, now))
    missing = [f"{label} is missing" for key, label in new.items() if key not in old and key not in present]
    again = [f"{label} is there again" for key, label in present.items() if key in old and key not in new]
    return (*missing, *again)


def _labels(document: Raw) -> dict[Hashable, str]:
    raws = (raw for raw in listed(document.get("Statement")) if isinstance(raw, Mapping))
    return {meaning(raw): label_of(index, str(raw.get("Sid", ""))) for index, raw in enumerate(raws)}


def merged(before: Policy, after: Policy, now: Policy) -> Policy | None:
    """Return `now` with the statements that `after` added to `before`, and without those that it removed. Every other
    statement keeps its value and order.

    Return None if members other than Statement differ, if a statement to be replaced has changed, or if no statement
    would remain.
    """
    if _top(before) != _top(after):
        return None
    if not overwritten(before.document, after.document, now.document):
        return now
    gone, new = _more(before, after), _more(after, before)
    kept = [statement for statement in now.statements if meaning(statement.raw) not in _meanings(gone)]
    if new and len(now.statements) - len(kept) < len(gone):
        return None
    missing = [s for s in new if meaning(s.raw) not in _meanings(now.statements)]
    taken = {statement.sid for statement in kept}
    raws = [statement.raw for statement in kept]
    place = next((n for n, s in enumerate(now.statements) if s not in kept), len(raws))
    for statement in missing:
        raw = with_free_sid(statement.raw, taken) if statement.sid else statement.raw
        taken.add(str(raw.get("Sid", "")))
        raws.insert(place, raw)
        place += 1
    return now.with_statements(raws) if raws else None


def _more(one: Policy, other: Policy) -> list[Statement]:
    present = _meanings(other.statements)
    return [statement for statement in one.statements if meaning(statement.raw) not in present]


def _meanings(statements: Sequence[Statement]) -> set[Hashable]:
    return {meaning(statement.raw) for statement in statements}


def _top(policy: Policy) -> dict[str, object]:
    return {name: value for name, value in policy.document.items() if name != "Statement"}
