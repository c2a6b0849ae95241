"""The clients for STS and EKS Auth: the caller's identity, tokens for the cluster, and credentials for a pod.

A token is a presigned sts:GetCallerIdentity whose signature covers the header x-k8s-aws-id, as in `aws eks get-token`
(awscli, customizations/eks/get_token.py). It is a credential: neither the token nor its URL is printed or logged.
"""

import base64
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from podid.aws import decode
from podid.aws.api import Api, ServiceGateway
from podid.aws.decode import BearerToken, Credentials, PodIdentitySession
from podid.aws.errors import translate
from podid.domain.aws import Caller
from podid.domain.foreign import text
from podid.domain.permissions import needs

_PREFIX = "k8s-aws-v1."
_HEADER = "x-k8s-aws-id"
_PARAMETER = "ClusterId"
_URL_SECONDS = 60
# the API server accepts it for 15 minutes
_LIFETIME = timedelta(minutes=14)


class Sts:
    """STS of one session. `as_caller` creates a client with other credentials."""

    def __init__(self, api: Api, as_caller: Callable[[Credentials], Api]) -> None:
        self._api = api
        self._as_caller = as_caller
        self._lock = threading.Lock()
        self._caller: Caller | None = None
        events = api.client.meta.events
        events.register("provide-client-params.sts.GetCallerIdentity", _take_cluster)
        events.register("before-sign.sts.GetCallerIdentity", _add_header)

    @needs("sts:GetCallerIdentity")
    def get_caller(self) -> Caller:
        """Return the caller, read once. Raise CredentialsError without credentials, or if AWS refuses them."""
        with self._lock:
            if self._caller is None:
                self._caller = _get_caller(self._api)
            return self._caller

    @property
    def known_account(self) -> str:
        """Return the caller's account, empty until it has been read."""
        return self._caller.account if self._caller is not None else ""

    @needs(get_caller)
    def caller_of(self, credentials: Credentials) -> Caller:
        return _get_caller(self._as_caller(credentials))

    @needs("sts:AssumeRole")
    def assume_role(self, role_arn: str, session_name: str, external_id: str = "") -> Credentials:
        """Return credentials of the role for an hour, the longest time with role chaining."""
        params = {"RoleArn": role_arn, "RoleSessionName": session_name}
        params |= {"ExternalId": external_id} if external_id else {}
        return self._api.read("AssumeRole", params, f"role {role_arn}", decode.role_session)

    @needs("sts:GetAccessKeyInfo")
    def get_key_account(self, key_id: str) -> str:
        """Return the account of an access key. STS answers for the keys of every account."""
        return self._api.read(
            "GetAccessKeyInfo", {"AccessKeyId": key_id}, "an access key", partial(text, name="Account")
        )

    @needs()
    def get_cluster_token(self, cluster: str) -> BearerToken:
        """Return a token for the cluster's API server (by its name; on Outposts by the local cluster's ID). Signing
        sends nothing unless the credentials must be renewed first."""
        try:
            url = self._api.client.generate_presigned_url(
                "get_caller_identity", Params={_PARAMETER: cluster}, ExpiresIn=_URL_SECONDS, HttpMethod="GET"
            )
        except (BotoCoreError, ClientError) as error:
            subject, origin = f"cluster {cluster}", self._api.origin
            raise translate(
                error, service="sts", operation="GetCallerIdentity", subject=subject, origin=origin
            ) from error
        encoded = base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")
        return BearerToken(_PREFIX + encoded, datetime.now(UTC) + _LIFETIME)


def _get_caller(api: Api) -> Caller:
    return api.read("GetCallerIdentity", {}, "the caller", decode.caller)


class EksAuth(ServiceGateway):
    @needs("eks-auth:AssumeRoleForPodIdentity")
    def assume_role_for_pod_identity(self, cluster: str, token: str) -> PodIdentitySession:
        """Exchange a service account token (audience pods.eks.amazonaws.com) for credentials, as the agent does.

        Raise Rejected if the token or the role's trust policy is refused, NotFound without an association, AccessDenied
        if the caller lacks eks-auth:AssumeRoleForPodIdentity.
        """
        subject = f"an association of the token's service account in cluster {cluster}"
        params = {"clusterName": cluster, "token": token}
        return self._api.read("AssumeRoleForPodIdentity", params, subject, decode.pod_identity_session)


def _take_cluster(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    if _PARAMETER in params:
        context["podid_cluster"] = params.pop(_PARAMETER)


def _add_header(request: Any, **_: object) -> None:
    cluster = request.context.get("podid_cluster")
    if cluster:
        request.headers[_HEADER] = cluster
