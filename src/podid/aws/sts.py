"""STS and EKS Auth: who the calls are made as, tokens for the cluster, and credentials for a pod.

A token is a presigned sts:GetCallerIdentity whose signature covers the header x-k8s-aws-id, as `aws eks get-token`
makes it (awscli, customizations/eks/get_token.py). It is a credential: neither it nor the URL inside is ever printed or
logged.
"""

import base64
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from podid.aws import decode
from podid.aws.api import Api, ServiceGateway
from podid.aws.decode import BearerToken, Credentials, PodIdentitySession
from podid.aws.errors import translate
from podid.domain.aws import Caller
from podid.domain.permissions import needs

_PREFIX = "k8s-aws-v1."
_HEADER = "x-k8s-aws-id"
_PARAMETER = "ClusterId"
_URL_SECONDS = 60
# the API server accepts it for 15 minutes
_LIFETIME = timedelta(minutes=14)


class Sts:
    """`as_caller` makes an STS for other credentials."""

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
        """Asked once; CredentialsError where there are no credentials or AWS refuses them."""
        with self._lock:
            if self._caller is None:
                self._caller = _get_caller(self._api)
            return self._caller

    @property
    def known_account(self) -> str:
        """The caller's, empty as long as nobody has asked for it."""
        return self._caller.account if self._caller is not None else ""

    @needs(get_caller)
    def caller_of(self, credentials: Credentials) -> Caller:
        """Who AWS says these credentials are."""
        return _get_caller(self._as_caller(credentials))

    @needs()
    def get_cluster_token(self, cluster: str) -> BearerToken:
        """A token for the cluster's API server (by its name; on Outposts by the local cluster's id), signed without any
        network traffic unless the credentials must be renewed first."""
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
        """Redeem a service account token (audience pods.eks.amazonaws.com) as the agent would.

        Rejected when the token or the role's trust is refused, NotFound when no association fits, AccessDenied when
        the caller itself lacks eks-auth:AssumeRoleForPodIdentity.
        """
        subject = f"a service account of cluster {cluster}"
        params = {"clusterName": cluster, "token": token}
        return self._api.read("AssumeRoleForPodIdentity", params, subject, decode.pod_identity_session)


def _take_cluster(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    if _PARAMETER in params:
        context["podid_cluster"] = params.pop(_PARAMETER)


def _add_header(request: Any, **_: object) -> None:
    cluster = request.context.get("podid_cluster")
    if cluster:
        request.headers[_HEADER] = cluster
