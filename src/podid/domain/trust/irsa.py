"""Trust policies of IRSA: whether a policy allows a service account that exchanges a token of the cluster's OIDC issuer
at STS; and how the provider is removed after a move to EKS Pod Identity, entirely or for one service account.

Source: EKS User Guide, "Assign IAM roles to Kubernetes service accounts" (the `sub` of a token, and its conditions);
IAM User Guide, "Available keys for AWS OIDC federation".
"""

from collections.abc import Iterable, Mapping

from podid.domain import text as words
from podid.domain.names import ServiceAccountRef
from podid.domain.trust.conditions import Condition
from podid.domain.trust.edit import Edit, Raw, refused, unchanged
from podid.domain.trust.engine import about
from podid.domain.trust.policy import Policy, Statement
from podid.domain.trust.remove import distinct, requires_literal, with_removed, without
from podid.domain.trust.request import RequestContext, Sent
from podid.domain.trust.text import all_of

ASSUME_ROLE = "sts:AssumeRoleWithWebIdentity"
AUDIENCE = "sts.amazonaws.com"


def allows_by_issuer(policy: Policy, provider_arn: str, ref: ServiceAccountRef) -> bool:
    """Return whether the policy allows this service account by the OIDC provider with this ARN. False if that cannot be
    decided, because callers grant access on a True."""
    issuer = provider_arn.partition(":oidc-provider/")[2].lower()
    if not issuer:
        return False
    sent = {
        f"{issuer}:sub": Sent((f"system:serviceaccount:{ref.namespace}:{ref.name}",)),
        f"{issuer}:aud": Sent((AUDIENCE,)),
    }
    context = RequestContext(1, sent, frozenset(), ())
    if any(not statement.allow and _may_deny(statement, context) for statement in policy.statements):
        return False
    return any(
        statement.allow
        and not statement.not_principal
        and not statement.not_action
        and not statement.strange
        and ("Federated", provider_arn) in statement.principals
        and about(statement, ASSUME_ROLE)
        and all_of(condition.holds(context) for condition in statement.conditions) is True
        for statement in policy.statements
    )


def _may_deny(statement: Statement, context: RequestContext) -> bool:
    conditions = all_of(condition.holds(context) for condition in statement.conditions)
    return about(statement, ASSUME_ROLE) and conditions is not False


_SUBJECT = "system:serviceaccount:"


def remove_issuer(policy: Policy, issuer: str) -> Edit:
    """Remove the statements that allow service accounts by the OIDC provider `issuer` (URL, host and path, or ARN), and
    no other provider's. The notes list the service accounts of each statement."""
    provider = _name(issuer)
    own = _own(policy, provider)
    if not own:
        return _not_named(policy, provider)
    changed: dict[int, tuple[Raw, str]] = {}
    for statement in own:
        if not _serves_others(statement, provider):
            continue
        bound = next((c for c in statement.conditions if c.name.startswith(provider.lower() + ":")), None)
        if bound is not None:
            why = f"{statement.label} also names other principals, and its condition on {bound.key} applies to them too"
            return refused(policy, why, statement.index)
        changed[statement.index] = (_without_provider(statement.raw, provider), provider)
    whole = [s for s in own if s.index not in changed]
    notes = tuple(f"{s.label} allowed {_subjects(s, provider)}" for s in own)
    return with_removed(policy, whole, changed, notes)


def remove_subject(policy: Policy, *, issuer: str, ref: ServiceAccountRef) -> Edit:
    """Remove the access of one service account by the OIDC provider: its value in a list, or the statement that is for
    it alone. Refused if a pattern allows it, or a statement without a condition on `sub`: others would lose access."""
    provider = _name(issuer)
    own = _own(policy, provider)
    if not own:
        return _not_named(policy, provider)
    subject, key = f"{_SUBJECT}{ref.namespace}:{ref.name}", _subject_key(provider)
    # the token decides the audience, so conditions on it stay open
    context = RequestContext(1, {key: Sent((subject,))}, frozenset(), (f"{provider.lower()}:",))
    whole: list[Statement] = []
    changed: dict[int, tuple[Raw, str]] = {}
    for statement in own:
        if any(condition.holds(context) is False for condition in statement.conditions):
            continue
        on_subject = [c for c in statement.conditions if c.name == key]
        listed = [c for c in on_subject if _lists(c) and requires_literal(c, subject, context)]
        if not listed:
            why = f"{statement.label} allows {ref} {_by(on_subject)}, which also allows others; they would lose access"
            return refused(policy, why, statement.index)
        # all conditions must match, so it is enough that one no longer does
        narrowest = min(listed, key=lambda condition: len(distinct(condition)))
        if len(distinct(narrowest)) > 1:
            changed[statement.index] = (without(statement.raw, narrowest, subject), str(ref))
        elif _serves_others(statement, provider):
            return refused(policy, f"{statement.label} also names principals other than {ref}", statement.index)
        else:
            whole.append(statement)
    if not whole and not changed:
        return unchanged(policy, f"no statement allows {ref} by the OIDC provider {provider}", None)
    return with_removed(policy, whole, changed)


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


def _lists(condition: Condition) -> bool:
    """Return whether the condition allows the subjects that are its values."""
    return not condition.negated and condition.family in ("equals", "ignorecase", "like")


def _by(on_subject: list[Condition]) -> str:
    if not on_subject:
        return "without a condition on sub"
    return "by " + " and ".join(f"{c.operator} {', '.join(c.values)}" for c in on_subject)


def _subjects(statement: Statement, issuer: str) -> str:
    key = _subject_key(issuer)
    values = [value for c in statement.conditions if c.name == key and _lists(c) for value in c.values]
    names = [value.removeprefix(_SUBJECT).replace(":", "/") for value in values]
    return words.short_list(names) if names else "every service account of the cluster"


def _without_provider(raw: Raw, issuer: str) -> Raw:
    principal = raw["Principal"]
    assert isinstance(principal, Mapping)
    new: dict[str, object] = {}
    for kind, names in principal.items():
        listed: Iterable[object] = names if isinstance(names, list) else [names]
        kept = [name for name in listed if kind != "Federated" or _name(str(name)) != issuer]
        if kept:
            new[kind] = kept if isinstance(names, list) else names
    return {**raw, "Principal": new}
