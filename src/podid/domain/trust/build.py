"""Build the statements that podid writes, one for each (cluster, namespace, service account).

One statement with lists would allow every combination of their values. For the target role of an association, build
its trust policy and the permission of the association's role.

Source: EKS User Guide, "Create IAM role with trust policy required by EKS Pod Identity" and "Access AWS resources
using EKS Pod Identity target IAM roles"; IAM User Guide, "Sid".
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from podid.domain.errors import Again, InvalidInput
from podid.domain.iam import TRUST_POLICY_QUOTA
from podid.domain.names import PODS_PRINCIPAL, ServiceAccountRef, check_cluster_name
from podid.domain.text import did_you_mean
from podid.domain.trust.conditions import is_operator
from podid.domain.trust.evaluate import ScopeKind
from podid.domain.trust.explain import OPERATORS, find_misspellings, requirement
from podid.domain.trust.policy import ACTIONS, ASSUME_ROLE, TAG_SESSION, Policy, parse_policy
from podid.domain.trust.request import NAMESPACE_TAG, SERVICE_ACCOUNT_TAG, PodIdentity, TargetHop

# operators begin with a capital letter, the prefixes of keys do not
_FORM = re.compile(r"(?:((?:For(?:AllValues|AnyValue):)?[A-Z]\w*):)?([^A-Z:=][^:=]*:[^=]+)=(.+)", re.DOTALL)
_DEFAULT = "StringEquals"


@dataclass(frozen=True, slots=True)
class OwnCondition:
    """One value that a condition accepts. Values of the same operator and key are alternatives."""

    operator: str
    key: str
    value: str

    def __str__(self) -> str:
        return f"{self.operator}:{self.key}={self.value}"


def parse_conditions(texts: Iterable[str]) -> tuple[OwnCondition, ...]:
    """Return conditions given as [OPERATOR:]KEY=VALUE. Raise InvalidInput for another form, an operator that IAM does
    not document, a misspelled key, and a pattern that the operator would compare literally."""
    return tuple(dict.fromkeys(map(_parsed, texts)))


def _parsed(text: str) -> OwnCondition:
    match = _FORM.fullmatch(text)
    if match is None:
        form = "[OPERATOR:]KEY=VALUE, such as aws:SourceOrgID=o-1 or StringLike:aws:RequestTag/eks-cluster-name=prod-*"
        raise InvalidInput(f"{text!r} is not a condition: specify {form}", subject=text)
    operator, key, value = match.groups()
    if operator is None:
        if set("*?") & set(value):
            pattern = f"StringLike:{text}"
            message = f"{text!r}: {_DEFAULT}, the default operator, compares * and ? literally; specify {pattern}"
            raise InvalidInput(message, hint=Again(swap=(text, pattern)), subject=text)
        operator = _DEFAULT
    if not is_operator(operator):
        near = did_you_mean(operator.rpartition(":")[2], OPERATORS)
        raise InvalidInput(f"{text!r}: {operator} is not a condition operator of IAM{near}", subject=text)
    for word in find_misspellings(_policy({operator: {key: value}})):
        raise InvalidInput(f"{word.written!r} is not a known {word.kind}; {word.meant} is probably meant", subject=text)
    return OwnCondition(operator, key, value)


def _policy(block: Mapping[str, object]) -> Policy:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole", "Condition": block}
    return parse_policy({"Version": "2012-10-17", "Statement": [statement]})


def with_own(
    block: Mapping[str, Mapping[str, str]], identity: PodIdentity, conditions: Sequence[OwnCondition]
) -> dict[str, dict[str, object]]:
    """Return the Condition block with `conditions`. Raise InvalidInput for a key that the scope sets, and for a
    condition that no request of EKS for `identity` can match."""
    whole: dict[str, dict[str, object]] = {operator: dict(keys) for operator, keys in block.items()}
    fixed = {key.lower(): key for keys in block.values() for key in keys}
    # IAM does not distinguish operators and keys by case
    values: dict[tuple[str, str], tuple[str, str, list[str]]] = {}
    for own in conditions:
        if own.key.lower() in fixed:
            message = f"Condition {own}: the statement already has a condition on {fixed[own.key.lower()]}"
            raise InvalidInput(message, advice="A wider scope omits that condition.", subject=own.key)
        values.setdefault((own.operator.lower(), own.key.lower()), (own.operator, own.key, []))[2].append(own.value)
    for operator, key, accepted in values.values():
        whole.setdefault(operator, {})[key] = accepted[0] if len(accepted) == 1 else accepted
    _check(whole, identity, set(values))
    return whole


def _check(block: Mapping[str, object], identity: PodIdentity, own: set[tuple[str, str]]) -> None:
    context = identity.context()
    for condition in _policy(block).statements[0].conditions:
        if (condition.operator.lower(), condition.name) in own and condition.holds(context) is False:
            raise InvalidInput(
                f"The condition can never match for {identity.name}: {requirement(condition, context)}",
                subject=condition.key,
            )


def build_statement(
    identity: PodIdentity,
    scope: ScopeKind = ScopeKind.SERVICE_ACCOUNT,
    conditions: Sequence[OwnCondition] = (),
) -> dict[str, object]:
    """Return an Allow statement for `pods.eks.amazonaws.com`, as narrow as `scope`, with further `conditions`. Without
    session tags the narrowest possible scope is the cluster.

    Raise InvalidInput for names that EKS or Kubernetes rejects, for scope `any`, and as `with_own` does.
    """
    condition = with_own(_condition(identity, scope), identity, conditions)
    return {
        "Sid": _sid(condition),
        "Effect": "Allow",
        "Principal": {"Service": PODS_PRINCIPAL},
        "Action": list(ACTIONS),
        "Condition": condition,
    }


def new_policy(
    identity: PodIdentity,
    scope: ScopeKind = ScopeKind.SERVICE_ACCOUNT,
    conditions: Sequence[OwnCondition] = (),
) -> Policy:
    return parse_policy({"Version": "2012-10-17", "Statement": [build_statement(identity, scope, conditions)]})


def effective_scope(identity: PodIdentity, scope: ScopeKind) -> ScopeKind:
    """Return the scope that is possible: without session tags the request does not identify the service account."""
    if identity.session_tags or scope is ScopeKind.ACCOUNT:
        return scope
    return ScopeKind.CLUSTER


def policy_size(policy: Policy) -> int:
    """Return the number of characters without white space, as IAM counts them against TRUST_POLICY_QUOTA."""
    return sum(1 for letter in policy.to_json() if not letter.isspace())


def too_long(policy: Policy) -> tuple[str, ...]:
    """Return a sentence if the policy is longer than IAM accepts by default."""
    size = policy_size(policy)
    if size <= TRUST_POLICY_QUOTA:
        return ()
    return (f"the trust policy would have {size} characters; IAM allows {TRUST_POLICY_QUOTA} by default",)


def _condition(identity: PodIdentity, scope: ScopeKind) -> dict[str, dict[str, str]]:
    if scope is ScopeKind.ANY:
        raise InvalidInput("podid does not write a trust policy without a scope", subject=scope)
    check_cluster_name(identity.cluster_name)
    ServiceAccountRef.parse(identity.name)
    equals = {"aws:SourceAccount": identity.account}
    if scope is ScopeKind.ACCOUNT:
        return {"StringEquals": equals}
    if identity.session_tags and scope in (ScopeKind.NAMESPACE, ScopeKind.SERVICE_ACCOUNT):
        equals[NAMESPACE_TAG] = identity.namespace
    if identity.session_tags and scope is ScopeKind.SERVICE_ACCOUNT:
        equals[SERVICE_ACCOUNT_TAG] = identity.service_account
    return {"StringEquals": equals, "ArnEquals": {"aws:SourceArn": identity.cluster_arn}}


def _sid(condition: object) -> str:
    digest = hashlib.sha256(json.dumps(condition, sort_keys=True).encode()).hexdigest()
    return f"Podid{digest[:8]}"


def target_policy(hop: TargetHop) -> dict[str, object]:
    """Return the trust policy that the target role requires, narrowed to one association."""
    return _document(target_statements(hop))


def target_statements(hop: TargetHop) -> list[dict[str, object]]:
    """Return the statements of `target_policy`.

    It is narrowed by the session tags, if they are enabled, and by the association's external id, if it is known.
    """
    principal = {"AWS": hop.base_role_arn}
    pod = hop.pod
    if pod.session_tags:
        tags = {
            "aws:RequestTag/eks-cluster-arn": pod.cluster_arn,
            "aws:RequestTag/kubernetes-namespace": pod.namespace,
            "aws:RequestTag/kubernetes-service-account": pod.service_account,
        }
        condition: dict[str, dict[str, str]] = {"StringEquals": tags}
        if hop.external_id is not None:
            # AWS does not document whether EKS sends it with session tags: IfExists denies another id, not its absence
            condition["StringEqualsIfExists"] = {"sts:ExternalId": hop.external_id}
        return [_allow(principal, list(ACTIONS), condition)]
    # EKS's own example keeps sts:TagSession in a statement without the external id.
    condition = {} if hop.external_id is None else {"StringEquals": {"sts:ExternalId": hop.external_id}}
    return [_allow(principal, [ASSUME_ROLE], condition), _allow(principal, [TAG_SESSION], {})]


def base_role_permissions(target_role_arn: str) -> dict[str, object]:
    """Return the permission policy that allows the association's role to assume the target role."""
    return _document([{"Effect": "Allow", "Action": list(ACTIONS), "Resource": target_role_arn}])


def _allow(principal: dict[str, str], actions: list[str], condition: dict[str, dict[str, str]]) -> dict[str, object]:
    statement: dict[str, object] = {"Effect": "Allow", "Principal": principal, "Action": actions}
    return statement | ({"Condition": condition} if condition else {})


def _document(statements: list[dict[str, object]]) -> dict[str, object]:
    return {"Version": "2012-10-17", "Statement": statements}


def written_by_podid(statement: Mapping[str, object]) -> bool:
    """Return whether podid built the statement: its Sid is the digest of its condition."""
    return (
        statement.get("Sid") == _sid(statement.get("Condition"))
        and statement.get("Effect") == "Allow"
        and statement.get("Principal") == {"Service": PODS_PRINCIPAL}
    )


def cluster_of(statement: Mapping[str, object]) -> str:
    """Return the ARN of the cluster to which a statement of podid is limited; empty for all clusters."""
    condition = statement.get("Condition")
    arns = condition.get("ArnEquals") if isinstance(condition, Mapping) else None
    arn = arns.get("aws:SourceArn") if isinstance(arns, Mapping) else None
    return arn if isinstance(arn, str) else ""
