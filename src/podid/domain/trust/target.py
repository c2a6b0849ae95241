"""What the target role of an association needs: its own trust, and the permission of the association's role.

Source: EKS User Guide, "Access AWS resources using EKS Pod Identity target IAM roles".
"""

from podid.domain.trust.engine import ACTIONS, ASSUME_ROLE, TAG_SESSION
from podid.domain.trust.request import TargetHop


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
