"""Remove access from a trust policy: exactly the specified access, and no other."""

from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from podid.domain.text import short_list
from podid.domain.trust.build import build_statement, effective_scope
from podid.domain.trust.conditions import Condition
from podid.domain.trust.edit import Edit, meaning, refused, unchanged, undated, written
from podid.domain.trust.evaluate import OPEN_KEYS, ScopeKind, TrustVerdict, evaluate, matches_every_value, scope_of
from podid.domain.trust.policy import (
    ACTIONS,
    ASSUME_ROLE,
    Policy,
    Raw,
    Statement,
    values_in,
    with_values,
    without_principals,
)
from podid.domain.trust.request import NAMESPACE_TAG, SERVICE_ACCOUNT_TAG, PodIdentity, RequestContext

_CLUSTER = ("aws:sourcearn", "aws:requesttag/eks-cluster-arn")
_Pin = tuple[tuple[str, ...], Callable[[PodIdentity], str]]
_PINS: tuple[_Pin, ...] = (
    (_CLUSTER, lambda identity: identity.cluster_arn),
    ((NAMESPACE_TAG.lower(),), lambda identity: identity.namespace),
    ((SERVICE_ACCOUNT_TAG.lower(),), lambda identity: identity.service_account),
)
# the keys for which a statement of this scope requires one value of the identity; it does not restrict OPEN_KEYS
_PINNED: dict[ScopeKind, tuple[_Pin, ...]] = {
    ScopeKind.SERVICE_ACCOUNT: _PINS,
    ScopeKind.NAMESPACE: _PINS[:2],
    ScopeKind.CLUSTER: _PINS[:1],
    ScopeKind.ACCOUNT: ((("aws:sourceaccount",), lambda identity: identity.account),),
}
# by the index of a statement: the statement without the removed value, and the value; None if it is removed as a whole
Removals = dict[int, tuple[Raw, str] | None]
# EKS always sends these, so IfExists makes no difference
_ALWAYS_SENT = ("aws:sourcearn", "aws:sourceaccount")


@dataclass(frozen=True, slots=True)
class _Share:
    """The share of a statement in the access to remove: the whole statement, or one value of `condition`'s list.
    Nothing can be removed from one that is `wider` or `narrower` than the specified scope."""

    statement: Statement
    kind: Literal["whole", "value", "wider", "narrower"]
    condition: Condition | None = None
    value: str = ""


def remove(policy: Policy, identity: PodIdentity, scope: ScopeKind = ScopeKind.SERVICE_ACCOUNT) -> Edit:
    """Remove the statements that allow only the service account (at `scope`), and its value from lists if no other
    access depends on it. Refused if a wider statement gives the access, because others would lose it, and for the last
    statement, because no one could assume the role without it.
    """
    reach = effective_scope(identity, scope)
    meant = meaning(build_statement(identity, scope))
    shares = [_share(s, identity, reach, meant) for s in policy.statements if _may_allow(s, identity)]
    own = [share for share in shares if share.kind in ("whole", "value")]
    if not own:
        return _nothing_to_take(policy, identity, shares)
    removals: Removals = {share.statement.index: None for share in own}
    for share in own:
        if share.condition is not None:
            raw = without(share.statement.raw, share.condition, share.value)
            removals[share.statement.index] = raw, share.value
    edit = with_removed(policy, removals)
    if not edit.changed:
        return edit
    notes = []
    if reach is not scope:
        notes.append(
            f"without session tags that statement allowed any pod of cluster {identity.cluster_name}, "
            "not only those of this service account"
        )
    still = evaluate(edit.policy, undated(identity)).assume_role
    if still.verdict is not TrustVerdict.NO_MATCH and still.statement is not None:
        notes.append(f"{edit.policy.statements[still.statement].label} may still allow {identity.name}")
    return replace(edit, notes=tuple(notes))


def remove_cluster(policy: Policy, cluster_arn: str) -> Edit:
    """Remove the statements that allow only pods of the cluster, and its ARN from the lists of others. Statements that
    name no cluster, or only by a pattern or by its name, are unchanged. Refused for the last statement."""
    removals: Removals = {}
    for statement in policy.statements:
        if not statement.allow or not statement.only_for_pods:
            continue
        lists = [item for item in statement.conditions if item.name in _CLUSTER and _lists(item, cluster_arn)]
        if any(len(distinct(condition)) == 1 for condition in lists):
            removals[statement.index] = None
        elif lists:
            raw = statement.raw
            for condition in lists:
                raw = without(raw, condition, cluster_arn)
            removals[statement.index] = raw, cluster_arn
    return with_removed(policy, removals, nothing=f"no statement names cluster {cluster_arn}")


def _lists(condition: Condition, value: str) -> bool:
    """Return whether the condition accepts this literal value, and requires one of its values."""
    return _selects_texts(condition) and any(_same(condition, text, value) for text in condition.values)


def _selects_texts(condition: Condition) -> bool:
    return condition.selects and condition.family in ("equals", "ignorecase", "like", "arn")


def _may_allow(statement: Statement, identity: PodIdentity) -> bool:
    """Return whether the statement allows one of the actions, or may allow it."""
    if not statement.allow:
        return False
    who = undated(identity)
    context = who.context()
    return any(statement.truth(action, who, context) is not False for action in ACTIONS)


def _share(statement: Statement, identity: PodIdentity, scope: ScopeKind, meant: Hashable) -> _Share:
    if meaning(statement.raw) == meant:
        return _Share(statement, "whole")
    if not statement.only_for_pods:
        return _Share(statement, "wider")
    lists: list[tuple[Condition, str]] = []
    for keys, of_identity in _PINNED[scope]:
        value = of_identity(identity)
        if scope is ScopeKind.ACCOUNT and any(c.name == "aws:sourcearn" for c in statement.conditions):
            keys = (*keys, "aws:sourcearn")
        pins = [c for c in statement.conditions if c.name in keys and _pins(c, value, identity)]
        if not pins:
            return _Share(statement, "wider")
        if not any(len(distinct(condition)) == 1 for condition in pins):
            lists.append((pins[0], value))
    if any(c.name in OPEN_KEYS[scope] and not matches_every_value(c, identity) for c in statement.conditions):
        return _Share(statement, "narrower")
    if not lists:
        return _Share(statement, "whole")
    # lists allow every combination: with two lists, one value stands for several service accounts
    return _Share(statement, "value", *lists[0]) if len(lists) == 1 else _Share(statement, "wider")


def _pins(condition: Condition, value: str, identity: PodIdentity) -> bool:
    """Return whether the condition requires this literal value, and matches it by no pattern."""
    if not _selects_texts(condition) or (condition.if_exists and condition.name not in _ALWAYS_SENT):
        return False
    if condition.name == "aws:sourcearn" and value == identity.account:
        return matches_every_value(condition, identity) and len(condition.values) == 1
    return requires_literal(condition, value, undated(identity).context())


def requires_literal(condition: Condition, value: str, context: RequestContext) -> bool:
    """Return whether the value is in the list, and no pattern in the list matches it."""
    if not any(_same(condition, text, value) for text in condition.values):
        return False
    wild = "*?" if condition.family in ("like", "arn") else ""
    patterns = [
        (text, compare)
        for text, compare in zip(condition.values, condition.compares, strict=True)
        if not _same(condition, text, value) and ("${" in text or set(wild) & set(text))
    ]
    if not patterns:
        return True
    values, compares = zip(*patterns, strict=True)
    return replace(condition, values=values, compares=compares).holds(context) is False


def _same(condition: Condition, text: str, value: str) -> bool:
    return text.lower() == value.lower() if condition.family == "ignorecase" else text == value


def distinct(condition: Condition) -> set[str]:
    """Return the values, each once, as the condition compares them."""
    fold = condition.family == "ignorecase"
    return {value.lower() if fold else value for value in condition.values}


def without(raw: Raw, condition: Condition, value: str) -> Raw:
    """Return the statement without the value in the list of its condition; the rest keeps its value and order."""
    values = values_in(raw, condition)
    assert isinstance(values, list)
    return with_values(raw, condition, [item for item in values if not _same(condition, str(item), value)])


def with_removed(policy: Policy, removals: Removals, notes: tuple[str, ...] = (), *, nothing: str = "") -> Edit:
    """Return the policy after the removals; `nothing` is the reason if there are none."""
    if not removals:
        return unchanged(policy, nothing, None)
    raws: list[Raw] = []
    done: list[str] = []
    for statement in policy.statements:
        if statement.index not in removals:
            raws.append(statement.raw)
        elif (reduced := removals[statement.index]) is None:
            done.append(f"{statement.label} was removed")
        else:
            raws.append(reduced[0])
            done.append(f"{reduced[1]} was removed from {statement.label}")
    if not raws:
        reason = "no statement would remain, and no one could assume the role: delete the role instead"
        return refused(policy, reason, policy.statements[0].index)
    return written(policy, raws, min(removals), " and ".join(done), notes)


def _nothing_to_take(policy: Policy, identity: PodIdentity, shares: Sequence[_Share]) -> Edit:
    evaluation = evaluate(policy, undated(identity))
    if evaluation.assume_role.verdict is TrustVerdict.NO_MATCH:
        return unchanged(policy, f"no statement allows {identity.name}", None)
    wider = next((share.statement for share in shares if share.kind == "wider"), None)
    if wider is None:
        narrower = shares[0].statement
        why = f"no statement is that wide; {narrower.label} allows {_reach(policy, narrower, identity)}"
        return unchanged(policy, why, narrower.index)
    reason = f"{wider.label} grants the access, and also allows others: {_reach(policy, wider, identity)}"
    return refused(policy, f"{reason}; they would lose access", wider.index)


def _reach(policy: Policy, statement: Statement, identity: PodIdentity) -> str:
    """Return the subjects of one statement in words."""
    if statement.not_principal or any(name == "*" for _, name in statement.principals):
        return "everyone"
    if statement.others:
        return f"it also names {', '.join(statement.others)}"
    alone = policy.with_statements([statement.raw])
    who = undated(identity)

    def allowed(other: PodIdentity) -> bool:
        return _may_allow(alone.statements[0], other)

    scope = scope_of(who, alone.statements[0], allowed)
    if scope.kind is ScopeKind.SERVICE_ACCOUNT and not any(c.name in _CLUSTER for c in statement.conditions):
        words = scope.words.removeprefix("only ")
        return f"{words} of any region, because the statement identifies the cluster by name only"
    return scope.words


# --- roles of nodes, and of the server of kiam ------------------------------------------------------------------------


def principals_among(policy: Policy, arns: Collection[str]) -> tuple[str, ...]:
    """Return those of the roles that a statement names and allows to assume the role."""
    statements = (statement for statement in _own(policy, arns) if statement.about(ASSUME_ROLE))
    return tuple(dict.fromkeys(name for s in statements for kind, name in s.principals if name in arns))


def principal_statement(arn: str) -> dict[str, object]:
    """Return the statement that the documentation of kiam and kube2iam gives."""
    return {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": ASSUME_ROLE}


def remove_principals(policy: Policy, arns: Collection[str]) -> Edit:
    """Remove the roles from the statements that allow them. A statement without other principals is removed. Other
    principals, Sids and the order stay equal."""
    removals: Removals = {}
    for statement in _own(policy, arns):
        own = [name for kind, name in statement.principals if kind == "AWS" and name in arns]
        if len(own) == len(statement.principals):
            removals[statement.index] = None
        else:
            removals[statement.index] = without_principals(statement.raw, "AWS", own.__contains__), short_list(own)
    return with_removed(policy, removals, nothing=f"no statement names {short_list(arns)}")


def restore_principals(policy: Policy, earlier: Policy, arns: Collection[str]) -> Policy:
    """Return the policy in which the roles have the access of the `earlier` version: the names in their statement, or
    the statement at its place. Other statements stay equal."""
    raws: list[Raw] = [statement.raw for statement in policy.statements]
    own = {statement.index for statement in _own(earlier, arns)}
    place = 0
    for statement in earlier.statements:
        reduced = statement.raw
        if statement.index in own:
            names = [name for kind, name in statement.principals if kind == "AWS" and name in arns]
            reduced = without_principals(statement.raw, "AWS", names.__contains__)
        if statement.raw in raws:
            place = raws.index(statement.raw) + 1
        elif reduced in raws:
            place = raws.index(reduced) + 1
            raws[place - 1] = statement.raw
        elif statement.index in own:
            raws.insert(place, statement.raw)
            place += 1
    return policy.with_statements(raws)


def _own(policy: Policy, arns: Collection[str]) -> list[Statement]:
    return [
        s
        for s in policy.statements
        if s.allow and not s.not_principal and any(name in arns for _, name in s.principals)
    ]
