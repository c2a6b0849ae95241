"""EKS Auth: exchanges a pod's token for credentials of the associated role, if the role's trust policy allows it.

https://docs.aws.amazon.com/eks/latest/APIReference/API_auth_AssumeRoleForPodIdentity.html
"""

from collections.abc import Mapping
from uuid import uuid4

from podid.sandbox.aws import trail
from podid.sandbox.aws.eks_associations import PODS
from podid.sandbox.aws.moto_backend import RoleView, Tags
from podid.sandbox.aws.protocol import AwsError, timestamp
from podid.sandbox.aws.service import Call, Handler, Result
from podid.sandbox.aws.sts import AssumeRequest, refused_action, refused_chained
from podid.sandbox.contract import TokenClaims, TokenRefused
from podid.sandbox.credentials import Credential
from podid.sandbox.world import AssociationRecord

AUDIENCE = "pods.eks.amazonaws.com"
ROLE_SECONDS = 6 * 3600
TARGET_SECONDS = 59 * 60


def assume_role_for_pod_identity(call: Call) -> Result:
    params = call.params
    cluster = call.cluster()
    claims = _review(call, cluster.name, params["token"])
    association = call.world.association_in_effect(cluster.name, claims.namespace, claims.service_account)
    if association is None:
        raise call.not_found(
            f"No association found for service account {claims.namespace}/{claims.service_account} "
            f"in cluster {cluster.name}."
        )
    session = _assume(call, association, claims, cluster.arn)
    return {
        "subject": {"namespace": claims.namespace, "serviceAccount": claims.service_account},
        "audience": AUDIENCE,
        "podIdentityAssociation": {"associationArn": association.arn, "associationId": association.id},
        "assumedRoleUser": {"arn": session.arn, "assumeRoleId": session.user_id},
        "credentials": {
            "accessKeyId": session.access_key_id,
            "secretAccessKey": session.secret_access_key,
            "sessionToken": session.session_token,
            "expiration": timestamp(session.expires_at or 0),
        },
    }


HANDLERS: Mapping[str, Handler] = {"AssumeRoleForPodIdentity": assume_role_for_pod_identity}


def _review(call: Call, cluster_name: str, token: str) -> TokenClaims:
    half = call.world.kubernetes
    if half is None or cluster_name != call.world.cluster_name:
        raise call.error("InvalidTokenException", "The token was not issued by the cluster.")
    try:
        return half.review_token(token, AUDIENCE)
    except TokenRefused as error:
        raise call.error(error.service_code, str(error)) from error


def _assume(call: Call, association: AssociationRecord, claims: TokenClaims, cluster_arn: str) -> Credential:
    role = _role(call, association.role_arn)
    tags = () if association.disable_session_tags else _session_tags(claims, association.cluster_name, cluster_arn)
    source = {
        "aws:SourceArn": cluster_arn,
        "aws:SourceAccount": call.world.account,
        "aws:PrincipalIsAWSService": "true",
        "aws:PrincipalServiceName": AUDIENCE,
    }
    name = f"eks-{association.cluster_name[:10]}-{claims.pod[:10]}-{uuid4()}"
    if refused_action(role, PODS, AssumeRequest(name, tags=tags, source=source), {}):
        raise _unauthorized(call)
    session = call.world.credentials.add_session(
        role.arn,
        name,
        role_id=role.role_id,
        seconds=ROLE_SECONDS,
        tags=tags,
        policy="" if association.target_role_arn else association.policy or "",
    )
    trail.assumed(call.world, session, tags, ROLE_SECONDS)
    if association.target_role_arn is None:
        return session
    return _chain(call, association, session, name)


def _chain(call: Call, association: AssociationRecord, session: Credential, name: str) -> Credential:
    """Return the session of the target role. Session tags are transitive; without tags, the external id is sent."""
    call.world.credentials.forget(session.access_key_id)
    target = _role(call, association.target_role_arn or "")
    external_id = association.external_id if association.disable_session_tags else None
    request = AssumeRequest(name, transitive_tags=session.session_tags, external_id=external_id or "")
    if refused_chained(target, session, request, call.iam, call.permissions):
        raise _unauthorized(call)
    return call.world.credentials.add_session(
        target.arn,
        name,
        role_id=target.role_id,
        seconds=TARGET_SECONDS,
        tags=session.session_tags,
        policy=association.policy or "",
    )


def _role(call: Call, arn: str) -> RoleView:
    role = call.iam.role(arn, as_of=call.world.clock.now() - call.world.delays.role)
    if role is None:
        raise _unauthorized(call)
    return role


def _unauthorized(call: Call) -> AwsError:
    return call.error(
        "AccessDeniedException", "Unauthorized Exception! EKS does not have permissions to assume the associated role."
    )


def _session_tags(claims: TokenClaims, cluster_name: str, cluster_arn: str) -> Tags:
    return (
        ("eks-cluster-arn", cluster_arn),
        ("eks-cluster-name", cluster_name),
        ("kubernetes-namespace", claims.namespace),
        ("kubernetes-service-account", claims.service_account),
        ("kubernetes-pod-name", claims.pod),
        ("kubernetes-pod-uid", claims.pod_uid),
    )
