"""The statements that podid writes. One for each (cluster, namespace, service account): lists admit cross-products. For
the target role of an association, its own trust and the permission of the association's role.

Source: EKS User Guide, "Create IAM role with trust policy required by EKS Pod Identity" and "Access AWS resources
using EKS Pod Identity target IAM roles"; IAM User Guide, "Sid".
"""

import hashlib
import json

from podid.domain.errors import InvalidInput
from podid.domain.names import PODS_PRINCIPAL, ServiceAccountRef, check_cluster_name
from podid.domain.trust.engine import ACTIONS, ASSUME_ROLE, TAG_SESSION
from podid.domain.trust.policy import Policy, parse_policy
from podid.domain.trust.request import NAMESPACE_TAG, SERVICE_ACCOUNT_TAG, PodIdentity, TargetHop
from podid.domain.trust.scope import ScopeKind


def build_statement(identity: PodIdentity, scope: ScopeKind = ScopeKind.SERVICE_ACCOUNT) -> dict[str, object]:
    """An Allow for `pods.eks.amazonaws.com` as narrow as `scope`, but never narrower than the cluster without tags.

    Raises InvalidInput for names that EKS or Kubernetes would refuse, and for scope `any`.
    """
    condition = _condition(identity, scope)
    return {
        "Sid": _sid(condition),
        "Effect": "Allow",
        "Principal": {"Service": PODS_PRINCIPAL},
        "Action": list(ACTIONS),
        "Condition": condition,
    }


def new_policy(identity: PodIdentity, scope: ScopeKind = ScopeKind.SERVICE_ACCOUNT) -> Policy:
    """A whole trust policy with nothing but that statement."""
    return parse_policy({"Version": "2012-10-17", "Statement": [build_statement(identity, scope)]})


def effective_scope(identity: PodIdentity, scope: ScopeKind) -> ScopeKind:
    """What `scope` comes to: without session tags nothing in the request tells one service account from another."""
    if identity.session_tags or scope is ScopeKind.ACCOUNT:
        return scope
    return ScopeKind.CLUSTER


def policy_size(policy: Policy) -> int:
    """Characters without white space, as IAM counts them against TRUST_POLICY_QUOTA."""
    return sum(1 for letter in policy.to_json() if not letter.isspace())


def _condition(identity: PodIdentity, scope: ScopeKind) -> dict[str, dict[str, str]]:
    if scope is ScopeKind.ANY:
        raise InvalidInput("podid does not write a trust without a scope", subject=scope)
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
    """The trust policy that the owner of the target role needs, narrowed to one association.

    By the session tags while they are on; else, and beside them, by the association's external id, if it is known.
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
            # AWS does not document whether it is sent beside session tags: another one is refused, none is not
            condition["StringEqualsIfExists"] = {"sts:ExternalId": hop.external_id}
        return _document([_allow(principal, list(ACTIONS), condition)])
    # EKS's own example keeps sts:TagSession in a statement without the external id.
    condition = {} if hop.external_id is None else {"StringEquals": {"sts:ExternalId": hop.external_id}}
    return _document([_allow(principal, [ASSUME_ROLE], condition), _allow(principal, [TAG_SESSION], {})])


def base_role_permissions(target_role_arn: str) -> dict[str, object]:
    """The permission policy by which the association's role may assume the target role."""
    return _document([{"Effect": "Allow", "Action": list(ACTIONS), "Resource": target_role_arn}])


def _allow(principal: dict[str, str], actions: list[str], condition: dict[str, dict[str, str]]) -> dict[str, object]:
    statement: dict[str, object] = {"Effect": "Allow", "Principal": principal, "Action": actions}
    return statement | ({"Condition": condition} if condition else {})


def _document(statements: list[dict[str, object]]) -> dict[str, object]:
    return {"Version": "2012-10-17", "Statement": statements}
