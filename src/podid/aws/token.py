"""Bearer tokens for a cluster's API server, made in process as `aws eks get-token` makes them.

The token is a presigned sts:GetCallerIdentity whose signature covers the header x-k8s-aws-id (awscli,
customizations/eks/get_token.py). It is a credential: neither it nor the URL inside is ever printed or logged.
"""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from podid.aws.translate import Origin, translate
from podid.aws.values import BearerToken

_PREFIX = "k8s-aws-v1."
_HEADER = "x-k8s-aws-id"
_PARAMETER = "ClusterId"
_URL_SECONDS = 60
# the API server accepts it for 15 minutes
LIFETIME = timedelta(minutes=14)


def enable_tokens(client: Any) -> None:
    """Teach an STS client to sign the cluster's name; once per client."""
    events = client.meta.events
    events.register("provide-client-params.sts.GetCallerIdentity", _take_cluster)
    events.register("before-sign.sts.GetCallerIdentity", _add_header)


def bearer_token(
    client: Any, cluster: str, *, now: datetime | None = None, origin: Origin | None = None
) -> BearerToken:
    """A token for `cluster` (the name; on Outposts the local cluster's id), signed without any network traffic unless
    the credentials must be renewed first. `client` is a regional STS client that `enable_tokens` has seen."""
    try:
        url = client.generate_presigned_url(
            "get_caller_identity", Params={_PARAMETER: cluster}, ExpiresIn=_URL_SECONDS, HttpMethod="GET"
        )
    except (BotoCoreError, ClientError) as error:
        raise translate(
            error, service="sts", operation="GetCallerIdentity", subject=f"cluster {cluster}", origin=origin
        ) from error
    encoded = base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")
    return BearerToken(_PREFIX + encoded, (now or datetime.now(UTC)) + LIFETIME)


def _take_cluster(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    if _PARAMETER in params:
        context["podid_cluster"] = params.pop(_PARAMETER)


def _add_header(request: Any, **_: object) -> None:
    cluster = request.context.get("podid_cluster")
    if cluster:
        request.headers[_HEADER] = cluster
