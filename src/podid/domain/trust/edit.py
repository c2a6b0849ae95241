"""Additions to a trust policy by meaning, and exact statements for wide ones. No other statement changes its value or
its place. What is taken out is in `podid.domain.trust.remove`. `merged` is for two who change one policy at the same
time: what the one meant, on what the other left.

IAM refuses a trust that names a deleted role or user by its unique id, so such a trust is not edited at all.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from podid.domain import text
from podid.domain.iam import TRUST_POLICY_QUOTA
from podid.domain.names import PODS_PRINCIPAL
from podid.domain.trust.build import build_statement, effective_scope, policy_size
from podid.domain.trust.engine import ACTIONS, covers, denied_with_all
from podid.domain.trust.evaluate import Evaluation, TrustVerdict, evaluate
from podid.domain.trust.findings import unwritable_principals
from podid.domain.trust.policy import Policy, Statement
from podid.domain.trust.request import NAMESPACE_TAG, SERVICE_ACCOUNT_TAG, PodIdentity
from podid.domain.trust.scope import OPEN_KEYS, SCOPE_KEYS, ScopeKind, stranger, takes_all

Raw = Mapping[str, object]


class EditOutcome(StrEnum):
    """`no-change` where the policy is as wanted already, `refused` where it cannot be had."""

    CHANGED = "changed"
    NO_CHANGE = "no-change"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Edit:
    """`policy` is the new one, or the old one when nothing was changed; `reason` says what was done, or why nothing
    was, `notes` what else to know.

    `statement` is the index of the statement that was written, removed or that decided; `size` is the new policy's in
    IAM's counting, or what it would have been where the quota refused it.
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
    *,
    quota: int = TRUST_POLICY_QUOTA,
) -> Edit:
    """Lets the service account (or its namespace, cluster, account) in, unless the trust does so already.

    Raises InvalidInput for names that EKS or Kubernetes would refuse, and for scope `any`.
    """
    statement = build_statement(identity, scope)
    evaluation = evaluate(policy, undated(identity))
    for action in (evaluation.assume_role, evaluation.tag_session):
        denied = action.verdict is TrustVerdict.NO_MATCH and action.statement is not None
        if denied and not policy.statements[action.statement or 0].allow:
            return refused(policy, f"{action.reason}; one more Allow would not help", action.statement)
    shut = denied_with_all(policy, undated(identity))
    if shut is not None:
        return refused(policy, f"{shut.label} denies it to everybody; one more Allow would not help", shut.index)
    reach = effective_scope(identity, scope)
    covering = _covering(policy, identity, reach)
    if covering is not None:
        doubt = "" if evaluation.verdict is TrustVerdict.MATCH else f", but {_reason(evaluation)}"
        notes = _wider(evaluation, reach)
        return unchanged(policy, f"{covering.label} lets it in already{doubt}", covering.index, notes)
    new = with_free_sid(statement, {s.sid for s in policy.statements})
    raws = [*(s.raw for s in policy.statements), new]
    index = len(policy.statements)
    edit = written(policy, raws, index, quota, f"Statement[{index}] ({new['Sid']}) was added")
    return replace(edit, notes=_after_adding(edit, identity, scope, reach)) if edit.changed else edit


def _wider(evaluation: Evaluation, scope: ScopeKind) -> tuple[str, ...]:
    kinds = tuple(ScopeKind)
    if evaluation.scope is None or kinds.index(evaluation.scope.kind) <= kinds.index(scope):
        return ()
    return (f"it lets in {evaluation.scope.words}",)


def _after_adding(edit: Edit, identity: PodIdentity, scope: ScopeKind, reach: ScopeKind) -> tuple[str, ...]:
    notes = []
    if reach is not scope:
        notes.append(
            "without session tags nothing tells one service account from another: "
            f"the statement lets in any pod of cluster {identity.cluster_name}"
        )
    evaluation = evaluate(edit.policy, undated(identity))
    if evaluation.verdict is not TrustVerdict.MATCH:
        notes.append(f"whether it gets in is not known all the same: {_reason(evaluation)}")
    return tuple(notes)


def tighten(
    policy: Policy,
    identities: Iterable[PodIdentity],
    scope: ScopeKind = ScopeKind.SERVICE_ACCOUNT,
    *,
    quota: int = TRUST_POLICY_QUOTA,
) -> Edit:
    """Puts one statement for each identity, as wide as `scope`, in the place of the wide statements that serve only EKS
    Pod Identity.

    It only ever takes access away: it refuses when an identity is not let in today, when a wide statement also serves
    somebody else, and when it holds a condition that the new statements would lose.
    """
    named = tuple(identities)
    if not named:
        return refused(policy, "no service account was named, and the trust would let nobody in", None)
    for identity in named:
        evaluation = evaluate(policy, identity)
        if evaluation.verdict is not TrustVerdict.MATCH:
            name = f"{identity.name} in {identity.cluster_name}"
            why = (
                f"it is not certain that {name} is let in today, and tightening only takes away: {_reason(evaluation)}"
            )
            return refused(policy, why, None)
    built: list[Raw] = []
    for identity in named:
        reach = effective_scope(identity, scope)
        if _covering(policy, identity, reach) is None:
            name = f"{identity.name} in {identity.cluster_name}"
            return refused(policy, f"a statement as wide as the {reach} of {name} would let in more than today", None)
        statement = build_statement(identity, scope)
        built += [statement] if statement not in built else []
    wide = [s for s in policy.statements if _concerns_pods(s) and not _is_exact(s, built)]
    for statement_ in wide:
        obstacle = _obstacle(statement_)
        if obstacle:
            return refused(policy, f"{statement_.label} cannot be replaced: {obstacle}", statement_.index)
    if not wide:
        return unchanged(policy, "every statement for EKS Pod Identity is as tight as it can be", None)
    return _tightened(policy, built, wide, quota)


def other_principals(policy: Policy) -> tuple[str, ...]:
    """Everybody besides `pods.eks.amazonaws.com` whom the trust names, each once, in order."""
    names = []
    for statement in policy.statements:
        prefix = "everybody but " if statement.not_principal else ""
        names += [prefix + name for _, name in statement.principals if prefix or name != PODS_PRINCIPAL]
    return tuple(dict.fromkeys(names))


def meaning(raw: Raw) -> dict[str, object]:
    """A statement without what does not matter: its Sid, order within lists, a list of one or its bare value."""
    return {name: _normal(value) for name, value in raw.items() if name != "Sid"}


def _normal(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _normal(member) for name, member in value.items()}
    return frozenset(map(repr, value)) if isinstance(value, list) else frozenset({repr(value)})


def undated(identity: PodIdentity) -> PodIdentity:
    """Without what holds today only: live pods and the clock."""
    return replace(identity, pods=None, now=None)


def _reason(evaluation: Evaluation) -> str:
    return next(
        a.reason for a in (evaluation.assume_role, evaluation.tag_session) if a.verdict is not TrustVerdict.MATCH
    )


def _covering(policy: Policy, identity: PodIdentity, scope: ScopeKind) -> Statement | None:
    """The statement by which everybody in `scope` is surely let in already."""
    # Where a Deny may apply, one more Allow would change nothing: only what allows can cover.
    # One stranger that gets in does not speak for all where a statement chooses among them.
    own = undated(identity)
    sure = tuple(s for s in policy.statements if s.allow and not _chooses(s, own, OPEN_KEYS[scope]))
    evaluations = [evaluate(replace(policy, statements=sure), who) for who in (own, stranger(own, scope))]
    if any(one.verdict is not TrustVerdict.MATCH for one in evaluations):
        return None
    decisive = {one.statement for evaluation in evaluations for one in (evaluation.assume_role, evaluation.tag_session)}
    return next(s for s in sure if s.index in decisive)


def _chooses(statement: Statement, identity: PodIdentity, keys: frozenset[str]) -> bool:
    return any(c.name in keys and not takes_all(c, identity) for c in statement.conditions)


def with_free_sid(raw: Raw, taken: Iterable[str]) -> Raw:
    """IAM wants Sids to be unique in a policy."""
    sid, number = str(raw["Sid"]), 1
    while sid in taken:
        number += 1
        sid = f"{raw['Sid']}n{number}"
    return {**raw, "Sid": sid}


def _concerns_pods(statement: Statement) -> bool:
    if not statement.allow:
        return False
    if all(covers(statement, action) is False for action in ACTIONS):
        return False
    return statement.not_principal or any(name in (PODS_PRINCIPAL, "*") for _, name in statement.principals)


def _is_exact(statement: Statement, built: Sequence[Raw]) -> bool:
    """One of the statements wanted, or one for a single other service account, which is not wide."""
    if any(meaning(statement.raw) == meaning(raw) for raw in built):
        return True
    exact = {condition.name for condition in statement.conditions if condition.exact}
    needed = {"aws:sourcearn", NAMESPACE_TAG.lower(), SERVICE_ACCOUNT_TAG.lower()}
    return needed <= exact and not statement.not_principal and _serves_only_pods(statement)


def _serves_only_pods(statement: Statement) -> bool:
    return set(statement.principals) == {("Service", PODS_PRINCIPAL)}


def _obstacle(statement: Statement) -> str:
    if statement.not_principal:
        return "it uses NotPrincipal"
    if not _serves_only_pods(statement):
        others = [name for _, name in statement.principals if name != PODS_PRINCIPAL]
        return f"it also serves {', '.join(others)}"
    if statement.not_action:
        return "it uses NotAction"
    if statement.strange:
        return f"it has {', '.join(statement.strange)}"
    extra = [condition for condition in statement.conditions if condition.name not in SCOPE_KEYS]
    return f"its condition {extra[0].operator} {extra[0].key} would be lost" if extra else ""


def _tightened(policy: Policy, built: Sequence[Raw], wide: Sequence[Statement], quota: int) -> Edit:
    kept = [s for s in policy.statements if s not in wide]
    meant = [meaning(s.raw) for s in kept]
    taken = {s.sid for s in kept}
    new = [with_free_sid(raw, taken) for raw in built if meaning(raw) not in meant]
    raws: list[Raw] = []
    for statement in policy.statements:
        if statement is wide[0]:
            raws += new
        if statement in kept:
            raws.append(statement.raw)
    labels = ", ".join(s.label for s in wide)
    stand = "stands" if len(new) == 1 else "stand"
    placed = f"{text.count_of(len(new), 'new statement')} {stand} in the place of {labels}"
    done = placed if new else f"{labels} was taken out"
    others = [s.label for s in kept if _concerns_pods(s) and meaning(s.raw) not in map(meaning, built)]
    if others:
        done += f"; what was {', '.join(others)} still lets in service accounts that were not named"
    return written(policy, raws, wide[0].index if new else None, quota, done)


def unchanged(policy: Policy, reason: str, statement: int | None, notes: tuple[str, ...] = ()) -> Edit:
    return Edit(policy, EditOutcome.NO_CHANGE, reason, statement, policy_size(policy), notes)


def refused(policy: Policy, reason: str, statement: int | None) -> Edit:
    return Edit(policy, EditOutcome.REFUSED, reason, statement, policy_size(policy))


def written(
    policy: Policy,
    raws: Sequence[Raw],
    statement: int | None,
    quota: int | None,
    done: str,
    notes: tuple[str, ...] = (),
) -> Edit:
    gone = unwritable_principals(policy)
    if gone:
        reason = f"IAM takes no change of a trust that names {', '.join(gone)}, the unique id of what was deleted"
        return refused(policy, f"{reason}: write an ARN in its place first", None)
    new = policy.with_statements(raws)
    size = policy_size(new)
    if quota is not None and size > quota:
        reason = f"the trust would have {size} characters, and IAM takes {quota}: use a wider scope or a second role"
        return Edit(policy, EditOutcome.REFUSED, reason, None, size)
    return Edit(new, EditOutcome.CHANGED, done, statement, size, notes)


def holds(before: Policy, after: Policy, now: Policy) -> bool:
    """Whether `now` has what `after` added to `before`, and nothing of what it took out."""
    present = [meaning(statement.raw) for statement in now.statements]
    return all(meaning(statement.raw) in present for statement in _more(after, before)) and not any(
        meaning(statement.raw) in present for statement in _more(before, after)
    )


def merged(before: Policy, after: Policy, now: Policy) -> Policy | None:
    """`now` with the statements that `after` added to `before` and without those that it took out; every other one
    keeps its value and order. None where it is not statements that differ, where what was to be replaced has another
    form now, and where no statement would be left."""
    if _top(before) != _top(after):
        return None
    if holds(before, after, now):
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
    """What `one` has and `other` has not."""
    present = _meanings(other.statements)
    return [statement for statement in one.statements if meaning(statement.raw) not in present]


def _meanings(statements: Sequence[Statement]) -> list[dict[str, object]]:
    return [meaning(statement.raw) for statement in statements]


def _top(policy: Policy) -> dict[str, object]:
    return {name: value for name, value in policy.document.items() if name != "Statement"}
