"""The five operations of Pod Identity associations, with the error texts of EKS.

https://docs.aws.amazon.com/eks/latest/APIReference/API_CreatePodIdentityAssociation.html
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from podid.sandbox.aws.policy import ServicePrincipal, decide
from podid.sandbox.aws.protocol import AwsError, Params, timestamp
from podid.sandbox.aws.service import Call, Handler, Result
from podid.sandbox.world import AssociationRecord, ClusterRecord, World, new_id

PODS = ServicePrincipal("pods.eks.amazonaws.com")
TRUST_ACTIONS = ("sts:AssumeRole", "sts:TagSession")
ID_LENGTH = 19
POLICY_LIMIT = 2048


def create(call: Call) -> Result:
    params = call.params
    cluster = call.cluster()
    replayed = _replay(call, cluster, "create", params)
    if replayed is not None:
        return {"association": describe_body(call.world, replayed)}
    if params.get("tags"):
        call.authorize("eks:TagResource", cluster.arn)
    check_role(call, params["roleArn"])
    _check_policy(call, params.get("policy"), bool(params.get("disableSessionTags")))
    subject = (params["namespace"], params["serviceAccount"])
    refuse_duplicate(call, cluster, subject)
    refuse_over_quota(call, cluster)
    association = new_association(
        call.world,
        cluster,
        subject,
        params["roleArn"],
        disable_session_tags=bool(params.get("disableSessionTags")),
        target_role_arn=params.get("targetRoleArn") or None,
        policy=params.get("policy") or None,
    )
    call.world.put_association(cluster, association)
    if params.get("tags"):
        call.world.tags[association.arn] = dict(params["tags"])
    _remember(cluster, "create", params, association.id)
    call.world.changed("associations")
    return {"association": describe_body(call.world, association)}


def update(call: Call) -> Result:
    params = call.params
    cluster = call.cluster()
    association = _find(call, cluster, params["associationId"])
    replayed = _replay(call, cluster, "update", params)
    if replayed is not None:
        return {"association": describe_body(call.world, replayed)}
    fields = ("roleArn", "disableSessionTags", "targetRoleArn", "policy")
    if all(params.get(name) is None for name in fields):
        raise call.invalid("At least one field must be provided for the update.")
    if params.get("roleArn") is not None:
        check_role(call, params["roleArn"])
    disabled = params.get("disableSessionTags")
    disable_session_tags = association.disable_session_tags if disabled is None else bool(disabled)
    policy = _updated(association.policy, params.get("policy"))
    _check_policy(call, policy, disable_session_tags)
    target = _updated(association.target_role_arn, params.get("targetRoleArn"))
    changed = replace(
        association,
        role_arn=params.get("roleArn") or association.role_arn,
        disable_session_tags=disable_session_tags,
        target_role_arn=target,
        external_id=_external_id(call.world, cluster.name, association.subject) if target else None,
        policy=policy,
        modified_at=call.world.clock.now(),
        previous=call.world.history(association),
    )
    call.world.put_association(cluster, changed)
    _remember(cluster, "update", params, changed.id)
    call.world.changed("associations")
    return {"association": describe_body(call.world, changed)}


def describe(call: Call) -> Result:
    params = call.params
    cluster = call.cluster()
    return {"association": describe_body(call.world, _find(call, cluster, params["associationId"]))}


def delete(call: Call) -> Result:
    params = call.params
    cluster = call.cluster()
    association = _find(call, cluster, params["associationId"])
    body = describe_body(call.world, association)
    call.world.remove_association(cluster, association.id)
    call.world.changed("associations")
    return {"association": body}


def list_(call: Call) -> Result:
    params = call.params
    cluster = call.cluster()
    namespace, service_account = params.get("namespace"), params.get("serviceAccount")
    associations = [
        association
        for association in cluster.associations.values()
        if namespace in (None, association.namespace) and service_account in (None, association.service_account)
    ]
    items, token = call.page(associations)
    return {"associations": [_summary(association) for association in items], "nextToken": token}


HANDLERS: Mapping[str, Handler] = {
    "CreatePodIdentityAssociation": create,
    "UpdatePodIdentityAssociation": update,
    "DescribePodIdentityAssociation": describe,
    "DeletePodIdentityAssociation": delete,
    "ListPodIdentityAssociations": list_,
}


def new_association(
    world: World,
    cluster: ClusterRecord,
    subject: tuple[str, str],
    role_arn: str,
    *,
    owner_arn: str | None = None,
    disable_session_tags: bool = False,
    target_role_arn: str | None = None,
    policy: str | None = None,
    created_at: float | None = None,
) -> AssociationRecord:
    """Return a new association with a new id, without validation. The caller stores it."""
    association_id = new_id("a-")
    now = world.clock.now() if created_at is None else created_at
    return AssociationRecord(
        cluster_name=cluster.name,
        namespace=subject[0],
        service_account=subject[1],
        role_arn=role_arn,
        arn=world.arn(f"podidentityassociation/{cluster.name}/{association_id}"),
        id=association_id,
        created_at=now,
        modified_at=now,
        owner_arn=owner_arn,
        disable_session_tags=disable_session_tags,
        target_role_arn=target_role_arn,
        external_id=_external_id(world, cluster.name, subject) if target_role_arn else None,
        policy=policy,
    )


def check_role(call: Call, role_arn: str) -> None:
    """Check the account, iam:PassRole, the role's existence and its trust policy, in this order."""
    parts = role_arn.split(":", 5)
    account = parts[4] if len(parts) == 6 else ""
    if role_arn == "" or (account and account != call.world.account):
        raise AwsError("AccessDenied", "Cross-account pass role is not allowed.", 403)
    call.authorize("iam:PassRole", role_arn, {"iam:PassedToService": (PODS.name,)})
    role = call.iam.role(role_arn, as_of=call.world.clock.now() - call.world.delays.role)
    if role is None:
        raise call.invalid("Role provided in the request does not exist.")
    if not all(
        decide(role.trust, action, role.arn, {}, principal=PODS, conditions=False).allowed for action in TRUST_ACTIONS
    ):
        raise call.invalid("Trust policy of the role provided is invalid.")


def refuse_duplicate(call: Call, cluster: ClusterRecord, subject: tuple[str, str]) -> None:
    """Refuse a second association of a service account. A deleted one still counts for `delays.delete`."""
    taken = cluster.by_subject.get(subject)
    if taken is None:
        settled = call.world.clock.now() - call.world.delays.delete
        recent = [gone for gone in cluster.deleted if gone.subject == subject and (gone.deleted_at or 0) > settled]
        taken = recent[-1].id if recent else None
    if taken is not None:
        raise call.error("ResourceInUseException", f"Association already exists: {taken}")


def refuse_over_quota(call: Call, cluster: ClusterRecord, additional: int = 1) -> None:
    limit = call.world.limits.associations_per_cluster
    if len(cluster.associations) + additional > limit:
        raise call.error(
            "ResourceLimitExceededException",
            f"Pod identity association limit exceeded for cluster {cluster.name}: {limit}",
        )


def describe_body(world: World, association: AssociationRecord) -> dict[str, Any]:
    """Return the complete body of the answers to create, update, describe and delete."""
    return {
        **_summary(association),
        "roleArn": association.role_arn,
        "tags": dict(world.tags.get(association.arn, {})),
        "createdAt": timestamp(association.created_at),
        "modifiedAt": timestamp(association.modified_at),
        "disableSessionTags": association.disable_session_tags,
        "targetRoleArn": association.target_role_arn,
        "externalId": association.external_id,
        "policy": association.policy,
    }


def _summary(association: AssociationRecord) -> dict[str, Any]:
    return {
        "clusterName": association.cluster_name,
        "namespace": association.namespace,
        "serviceAccount": association.service_account,
        "associationArn": association.arn,
        "associationId": association.id,
        "ownerArn": association.owner_arn,
    }


def _find(call: Call, cluster: ClusterRecord, association_id: str) -> AssociationRecord:
    if len(association_id) != ID_LENGTH:
        raise call.invalid(f"associationId should be {ID_LENGTH} characters long")
    association = cluster.associations.get(association_id)
    if association is None:
        raise call.not_found(f"No association found in cluster: {cluster.name} for associationId: {association_id}")
    return association


def _external_id(world: World, cluster_name: str, subject: tuple[str, str]) -> str:
    return "/".join((world.region, world.account, cluster_name, *subject))


def _updated(current: str | None, requested: str | None) -> str | None:
    """Return the updated value: an omitted value keeps the current one, the empty string clears it."""
    return current if requested is None else requested or None


def _check_policy(call: Call, policy: str | None, disable_session_tags: bool) -> None:
    if not policy:
        return
    if not disable_session_tags:
        raise call.invalid("Session tags must be disabled when a session policy is provided.")
    if len(policy) > POLICY_LIMIT:
        raise call.invalid(f"The policy must not exceed {POLICY_LIMIT} characters.")
    try:
        document = json.loads(policy)
    except ValueError:
        document = None
    if not isinstance(document, dict) or "Statement" not in document:
        raise call.invalid("The policy is not a valid IAM policy document.")


def _fingerprint(params: Params) -> str:
    return json.dumps(params, sort_keys=True)


def _replay(call: Call, cluster: ClusterRecord, operation: str, params: Params) -> AssociationRecord | None:
    """Return the earlier answer for the same token and request. Refuse the token with a different request."""
    remembered = cluster.tokens.get(f"{operation}:{params.get('clientRequestToken')}")
    if remembered is None:
        return None
    association_id, fingerprint = remembered
    if fingerprint != _fingerprint(params):
        raise call.invalid("The clientRequestToken was already used with different parameters.")
    return cluster.associations.get(association_id)


def _remember(cluster: ClusterRecord, operation: str, params: Params, association_id: str) -> None:
    token = params.get("clientRequestToken")
    if token:
        cluster.tokens[f"{operation}:{token}"] = (association_id, _fingerprint(params))
