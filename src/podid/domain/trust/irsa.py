"""Trust policies of IRSA: whether a policy allows a service account that exchanges a token of the cluster's OIDC issuer
at STS; and how the provider is removed after a move to EKS Pod Identity, entirely or for one service account.

Source: EKS User Guide, "Assign IAM roles to Kubernetes service accounts" (the `sub` of a token, and its conditions);
IAM User Guide, "Available keys for AWS OIDC federation".
"""

import json
from collections.abc import Collection, Mapping, Sequence

from podid.domain import text as words
from podid.domain.iam import SESSION_KEYS
from podid.domain.names import ServiceAccountRef
from podid.domain.trust.conditions import Condition
from podid.domain.trust.edit import Edit, refused, unchanged, with_free_sid
from podid.domain.trust.policy import Policy, Raw, Statement, values_in, with_values, without_principals
from podid.domain.trust.remove import Removals, distinct, requires_literal, with_removed, without
from podid.domain.trust.request import RequestContext, Sent

ASSUME_ROLE = "sts:AssumeRoleWithWebIdentity"
AUDIENCE = "sts.amazonaws.com"


def allows_by_issuer(policy: Policy, provider_arn: str, ref: ServiceAccountRef) -> bool:
    """Return whether the policy allows this service account by the OIDC provider with this ARN. False if that cannot be
    decided, because callers grant access on a True."""
    if not provider_arn.partition(":oidc-provider/")[2]:
        return False
    context = _context(provider_arn, ref)
    statements = [s for s in policy.statements if s.about(ASSUME_ROLE) and s.conditions_hold(context) is not False]
    return all(s.allow for s in statements) and any(
        not (s.not_principal or s.not_action or s.strange)
        and ("Federated", provider_arn) in s.principals
        and s.conditions_hold(context)
        for s in statements
    )


def may_lose_issuer(before: Policy, after: Policy, provider_arn: str, ref: ServiceAccountRef) -> bool:
    """Return whether the service account may lose access by the OIDC provider: only `before` may allow it."""
    return _may_allow(before, provider_arn, ref) and not allows_by_issuer(after, provider_arn, ref)


def _may_allow(policy: Policy, provider_arn: str, ref: ServiceAccountRef) -> bool:
    return any(
        statement.allow
        and (statement.not_principal or statement.names_everyone or ("Federated", provider_arn) in statement.principals)
        and statement.conditions_hold(_context(provider_arn, ref)) is not False
        for statement in policy.statements
    )


def _context(provider_arn: str, ref: ServiceAccountRef) -> RequestContext:
    issuer = provider_arn.partition(":oidc-provider/")[2].lower()
    sent = {f"{issuer}:sub": Sent((_subject(ref),)), f"{issuer}:aud": Sent((AUDIENCE,))}
    return RequestContext(1, sent, frozenset(), ())


_SUBJECT = "system:serviceaccount:"


def subjects_of(policy: Policy, issuer: str) -> tuple[str, ...]:
    """Return the `sub` values that the statements of the OIDC provider list, as written; none for a statement without
    a condition on `sub`."""
    provider = _name(issuer)
    values = (value for s in _own(policy, provider) for c in _lists(s, provider) for value in c.values)
    return tuple(dict.fromkeys(values))


def lists_subject(policy: Policy, issuer: str, ref: ServiceAccountRef) -> bool:
    """Return whether a statement of the OIDC provider lists the service account by its name."""
    return _subject(ref) in subjects_of(policy, issuer)


def names_sessions(policy: Policy) -> bool:
    """Return whether a statement has a condition on the name of a session."""
    return any(condition.name in SESSION_KEYS for statement in policy.statements for condition in statement.conditions)


def remove_issuer(policy: Policy, issuer: str) -> Edit:
    """Remove the statements that allow service accounts by the OIDC provider `issuer` (URL, host and path, or ARN), and
    no other provider's. The notes list the service accounts of each statement."""
    provider = _name(issuer)
    own = _own(policy, provider)
    if not own:
        return _not_named(policy, provider)
    removals: Removals = {statement.index: None for statement in own}
    for statement in own:
        if not _serves_others(statement, provider):
            continue
        bound = next((c for c in statement.conditions if c.name.startswith(provider.lower() + ":")), None)
        if bound is not None:
            why = f"{statement.label} also names other principals, and its condition on {bound.key} applies to them too"
            return refused(policy, why, statement.index)
        removals[statement.index] = _without_provider(statement.raw, provider), provider
    notes = tuple(f"{s.label} allowed {_subjects(s, provider)}" for s in own)
    return with_removed(policy, removals, notes)


def remove_subject(policy: Policy, *, issuer: str, ref: ServiceAccountRef) -> Edit:
    """Remove the access of one service account by the OIDC provider: its value in a list, or the statement that is for
    it alone. Refused if a pattern allows it, or a statement without a condition on `sub`: others would lose access."""
    provider = _name(issuer)
    own = _own(policy, provider)
    if not own:
        return _not_named(policy, provider)
    context = _token(provider, ref)
    removals: Removals = {}
    for statement in own:
        if statement.conditions_hold(context) is False:
            continue
        listed = [c for c in _lists(statement, provider) if requires_literal(c, _subject(ref), context)]
        if not listed:
            on_subject = [c for c in statement.conditions if c.name == _subject_key(provider)]
            patterns = " and ".join(f"{c.operator} {', '.join(c.values)}" for c in on_subject)
            by = f"by {patterns}" if on_subject else "without a condition on sub"
            why = f"{statement.label} allows {ref} {by}, which also allows others; they would lose access"
            return refused(policy, why, statement.index)
        # all conditions must match, so it is enough that one no longer does
        narrowest = min(listed, key=lambda condition: len(distinct(condition)))
        if len(distinct(narrowest)) > 1:
            removals[statement.index] = without(statement.raw, narrowest, _subject(ref)), str(ref)
        elif _serves_others(statement, provider):
            return refused(policy, f"{statement.label} also names principals other than {ref}", statement.index)
        else:
            removals[statement.index] = None
    return with_removed(policy, removals, nothing=f"no statement allows {ref} by the OIDC provider {provider}")


def remove_subjects(
    policy: Policy,
    *,
    issuer: str,
    leaving: Collection[ServiceAccountRef],
    staying: Collection[ServiceAccountRef],
    narrow: bool = False,
) -> Edit:
    """Remove the access of the `leaving` service accounts by the OIDC provider, except access that one of the
    `staying` ones needs. A pattern, or a statement without a condition on `sub`, stays while one needs it, and a
    note says so; with `narrow`, the names of those replace the pattern. Other providers, principals, Sids and the
    order stay equal."""
    provider = _name(issuer)
    removals: Removals = {}
    notes: list[str] = []
    for statement in _own(policy, provider):
        needed = [ref for ref in staying if _allows(statement, provider, ref)]
        freed = [ref for ref in leaving if _allows(statement, provider, ref)]
        if not freed:
            continue
        listed = next(filter(_exact, _lists(statement, provider)), None)
        if listed is not None:
            gone = {_subject(ref) for ref in freed}
            kept = [value for value in listed.values if value not in gone]
            names = words.short_list(map(str, freed))
            if kept:
                removals[statement.index] = _with_values(statement.raw, listed, kept), names
                continue
        elif needed:
            names = words.short_list(map(str, needed))
            bound = _bound(statement, provider)
            if narrow and bound is not None:
                values = [_subject(ref) for ref in sorted(needed)]
                removals[statement.index] = _with_values(statement.raw, bound, values), f"all but {names}"
            else:
                notes.append(f"{statement.label} stays: {names} still {'needs' if len(needed) == 1 else 'need'} it")
            continue
        if _serves_others(statement, provider):
            removals[statement.index] = _without_provider(statement.raw, provider), provider
        else:
            removals[statement.index] = None
    names = words.short_list(map(str, leaving))
    reason = notes[0] if notes else f"no statement allows {names} by the OIDC provider {provider}"
    return with_removed(policy, removals, tuple(notes), nothing=reason)


def shares_of(policy: Policy, issuer: str, ref: ServiceAccountRef) -> tuple[str, ...]:
    """Return a text for each statement of the OIDC provider that allows the service account. It does not depend on the
    other service accounts in the statement's list."""
    provider = _name(issuer)
    return tuple(_share(s, provider) for s in _own(policy, provider) if _allows(s, provider, ref))


def _share(statement: Statement, provider: str) -> str:
    bound = _bound(statement, provider)
    raw = _blank(statement.raw, bound) if bound is not None and _exact(bound) else statement.raw
    return json.dumps(raw, sort_keys=True)


def restore_subject(
    policy: Policy, earlier: Policy, *, issuer: str, ref: ServiceAccountRef, shares: Collection[str] | None = None
) -> Policy:
    """Return the policy with the access of one service account by the OIDC provider as the `earlier` version has it:
    its value at its place in a list, or the statement at its place. With `shares`, only these of `shares_of`. Other
    values and statements stay equal."""
    provider, raws = _name(issuer), [statement.raw for statement in policy.statements]
    for statement in (s for s in _own(earlier, provider) if _allows(s, provider, ref)):
        if shares is not None and _share(statement, provider) not in shares:
            continue
        places = _places(raws, earlier, provider)
        place, raw = places.get(statement.index), statement.raw
        bound = _bound(statement, provider)
        if bound is not None and _exact(bound):
            present = [] if place is None else _values(raws[place], bound)
            values = [value for value in bound.values if value == _subject(ref) or value in present]
            raw = raw if values == list(bound.values) else _with_values(raw, bound, values)
        if place is not None:
            raws[place] = raw
            continue
        before = [n for index, n in places.items() if index < statement.index]
        after = [n for index, n in places.items() if index > statement.index]
        place = max(before) + 1 if before else min(after, default=len(raws))
        taken = {str(other["Sid"]) for other in raws if "Sid" in other}
        raws.insert(place, with_free_sid(raw, taken) if "Sid" in raw else raw)
    return policy.with_statements(raws)


def _places(raws: Sequence[Raw], earlier: Policy, provider: str) -> dict[int, int]:
    """Return where each statement of the earlier policy is in `raws`: as it was; without some of its values, or without
    the OIDC provider; or with names in place of its pattern."""
    places = _aligned(raws, earlier.statements, provider)
    # the others were moved by hand
    for is_rest in (_is_same, _is_part, _is_narrowed):
        for statement in earlier.statements:
            free = (n for n in range(len(raws)) if n not in places.values())
            if (
                statement.index not in places
                and (n := next((n for n in free if is_rest(raws[n], statement, provider)), None)) is not None
            ):
                places[statement.index] = n
    return places


def _aligned(raws: Sequence[Raw], statements: Sequence[Statement], provider: str) -> dict[int, int]:
    """Return the places of the longest alignment in the same order: the rest of a list may equal another statement."""
    best: list[tuple[int, dict[int, int]]] = [(0, {})] * (len(raws) + 1)
    for statement in statements:
        row = best[:1]
        for n, raw in enumerate(raws):
            row.append(max(best[n + 1], row[n], key=lambda aligned: aligned[0]))
            tests = (_is_narrowed, _is_part, _is_same)
            likeness = max((rank for rank, test in enumerate(tests, 1) if test(raw, statement, provider)), default=0)
            total, places = best[n]
            if likeness and total + likeness > row[-1][0]:
                row[-1] = total + likeness, {**places, statement.index: n}
        best = row
    return best[-1][1]


def _is_same(raw: Raw, statement: Statement, provider: str) -> bool:
    return raw == statement.raw


def _is_part(raw: Raw, statement: Statement, provider: str) -> bool:
    if provider not in _names(statement):
        return False
    bound = _bound(statement, provider)
    if bound is None or not _exact(bound) or _blank(raw, bound) != _blank(statement.raw, bound):
        return raw == _without_provider(statement.raw, provider)
    return set(_values(raw, bound)) < set(bound.values)


def _is_narrowed(raw: Raw, statement: Statement, provider: str) -> bool:
    bound = _bound(statement, provider) if provider in _names(statement) else None
    return bound is not None and not _exact(bound) and _blank(raw, bound) == _blank(statement.raw, bound)


def _bound(statement: Statement, provider: str) -> Condition | None:
    return next(iter(_lists(statement, provider)), None)


def _blank(raw: Raw, condition: Condition) -> Raw:
    block = raw.get("Condition")
    keys = block.get(condition.operator) if isinstance(block, Mapping) else None
    if not isinstance(block, Mapping) or not isinstance(keys, Mapping) or condition.key not in keys:
        return raw
    return with_values(raw, condition, None)


def _values(raw: Raw, condition: Condition) -> list[object]:
    values = values_in(raw, condition)
    return values if isinstance(values, list) else [values]


def _allows(statement: Statement, provider: str, ref: ServiceAccountRef) -> bool:
    """Return whether the conditions may allow the service account; those on the audience stay open."""
    return statement.conditions_hold(_token(provider, ref)) is not False


def _token(provider: str, ref: ServiceAccountRef) -> RequestContext:
    """Return the context of a request with the service account's token. Its audience is not known."""
    return RequestContext(1, {_subject_key(provider): Sent((_subject(ref),))}, frozenset(), (f"{provider.lower()}:",))


def _subject(ref: ServiceAccountRef) -> str:
    return f"{_SUBJECT}{ref.namespace}:{ref.name}"


def _exact(condition: Condition) -> bool:
    """Return whether every value is the name of one service account."""
    wild = "*?" if condition.family == "like" else ""
    return not any(set(wild) & set(value) or "${" in value for value in condition.values)


def _with_values(raw: Raw, condition: Condition, values: Sequence[str]) -> Raw:
    written = list(values) if isinstance(values_in(raw, condition), list) or len(values) > 1 else values[0]
    return with_values(raw, condition, written)


def issuer_statement(provider_arn: str, ref: ServiceAccountRef) -> dict[str, object]:
    """Return the statement that allows one service account by the OIDC provider, as in the EKS User Guide."""
    issuer = provider_arn.partition(":oidc-provider/")[2]
    return {
        "Effect": "Allow",
        "Principal": {"Federated": provider_arn},
        "Action": ASSUME_ROLE,
        "Condition": {"StringEquals": {f"{issuer}:aud": AUDIENCE, f"{issuer}:sub": _subject(ref)}},
    }


def _name(text: str) -> str:
    """Return `oidc.eks.REGION.amazonaws.com/id/ID` of a URL or a provider's ARN."""
    _, marker, path = text.partition(":oidc-provider/")
    name = path if marker else text.partition("://")[2] or text
    return name.rstrip("/")


def _subject_key(issuer: str) -> str:
    return f"{issuer.lower()}:sub"


def _names(statement: Statement) -> tuple[str, ...]:
    return tuple(_name(name) for kind, name in statement.principals if kind == "Federated")


def _own(policy: Policy, issuer: str) -> list[Statement]:
    return [s for s in policy.statements if s.allow and not s.not_principal and issuer in _names(s)]


def _not_named(policy: Policy, issuer: str) -> Edit:
    providers = dict.fromkeys(name for s in policy.statements if s.allow for name in _names(s))
    names = (
        f": the trust policy names {', '.join(providers)}{words.did_you_mean(issuer, providers)}" if providers else ""
    )
    return unchanged(policy, f"no statement names the OIDC provider {issuer}{names}", None)


def _serves_others(statement: Statement, issuer: str) -> bool:
    return {_name(name) for _, name in statement.principals} != {issuer}


def _lists(statement: Statement, provider: str) -> list[Condition]:
    """Return the conditions that allow the subjects that are their values."""
    families = ("equals", "ignorecase", "like")
    conditions = (c for c in statement.conditions if c.name == _subject_key(provider))
    return [c for c in conditions if not c.negated and c.family in families]


def _subjects(statement: Statement, issuer: str) -> str:
    values = [value for c in _lists(statement, issuer) for value in c.values]
    names = [value.removeprefix(_SUBJECT).replace(":", "/") for value in values]
    return words.short_list(names) if names else "every service account of the cluster"


def _without_provider(raw: Raw, issuer: str) -> Raw:
    return without_principals(raw, "Federated", lambda name: _name(name) == issuer)
