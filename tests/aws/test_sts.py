"""The caller, credentials of pods, and tokens for the API server."""

import base64
import os
import uuid
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from podid.aws.session import AwsSession
from podid.domain.aws import Caller
from podid.domain.errors import AccessDenied, NotFound, Rejected
from podid.domain.names import ServiceAccountRef
from podid.sandbox.box import Sandbox
from podid.sandbox.contract import TokenClaims, TokenRefused

GOOD, OLD, BAD = "eyJh.eyJnb29k.c2ln", "eyJh.eyJvbGQ.c2ln", "eyJh.eyJiYWQ.c2ln"


def test_the_caller_is_read_once(box: Sandbox, session: AwsSession) -> None:
    caller = session.sts.get_caller()
    assert caller == Caller(account="111122223333", arn="arn:aws:iam::111122223333:user/podid-admin")
    assert session.sts.get_caller() is caller
    assert box.faults.calls["sts", "GetCallerIdentity"] == 1


class TwoTokens:
    """A cluster that knows two tokens."""

    endpoint_url = "https://127.0.0.1:9"
    ca_pem = ""

    def stop(self) -> None: ...

    def review_token(self, token: str, audience: str) -> TokenClaims:
        if token != GOOD:
            raise TokenRefused("ExpiredTokenException" if token == OLD else "InvalidTokenException", "No.")
        return TokenClaims("shop", "orders", "orders-1", "uid-1")


def test_credentials_of_a_pod(box: Sandbox, session: AwsSession) -> None:
    box.world.attach_kubernetes(TwoTokens())
    role_arn = "arn:aws:iam::111122223333:role/orders-dynamodb"
    with pytest.raises(NotFound):
        session.eks_auth.assume_role_for_pod_identity("demo", GOOD)
    association = session.eks.create_association(
        "demo", ServiceAccountRef("shop", "orders"), role_arn, token=uuid.uuid4().hex
    )
    box.world.clock.advance(30)
    result = session.eks_auth.assume_role_for_pod_identity("demo", GOOD)
    assert (result.association_id, result.association_arn, result.namespace, result.service_account) == (
        association.association_id,
        association.association_arn,
        "shop",
        "orders",
    )
    credentials = result.credentials
    assert credentials.expires_at is not None
    assert credentials.expires_at > datetime.now(UTC)
    for secret in (credentials.access_key_id, credentials.secret_access_key, credentials.session_token):
        assert secret not in repr(result)
    who = session.sts.caller_of(credentials).arn
    assert who.startswith("arn:aws:sts::111122223333:assumed-role/orders-dynamodb/eks-demo-orders-")
    assert session.sts.get_caller().arn == "arn:aws:iam::111122223333:user/podid-admin"


@pytest.mark.parametrize("token", [OLD, BAD])
def test_a_token_that_eks_auth_does_not_accept(box: Sandbox, session: AwsSession, token: str) -> None:
    box.world.attach_kubernetes(TwoTokens())
    with pytest.raises(Rejected, match="EKS Auth does not accept the service account token"):
        session.eks_auth.assume_role_for_pod_identity("demo", token)


def test_a_caller_without_the_permission_to_exchange_tokens(box: Sandbox, session: AwsSession) -> None:
    box.world.attach_kubernetes(TwoTokens())
    box.world.credentials.deny("eks-auth:AssumeRoleForPodIdentity")
    with pytest.raises(AccessDenied) as caught:
        session.eks_auth.assume_role_for_pod_identity("demo", GOOD)
    assert caught.value.permission == "eks-auth:AssumeRoleForPodIdentity"


def test_the_token_for_the_api_server_is_a_presigned_request_that_names_the_cluster(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    before = datetime.now(UTC)
    bearer = AwsSession(None, "eu-west-1", env=os.environ).sts.get_cluster_token("prod")
    assert 13.9 < (bearer.expires_at - before).total_seconds() / 60 < 14.1
    assert repr(bearer) == f"BearerToken(expires_at={bearer.expires_at!r})"
    prefix, encoded = bearer.token.split(".")
    assert (prefix, "=" in encoded) == ("k8s-aws-v1", False)
    url = urlsplit(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode())
    query = parse_qs(url.query)
    assert (url.scheme, url.netloc) == ("https", "sts.eu-west-1.amazonaws.com")
    assert query["Action"] == ["GetCallerIdentity"]
    assert query["X-Amz-SignedHeaders"] == ["host;x-k8s-aws-id"]
    assert query["X-Amz-Expires"] == ["60"]
    assert "ClusterId" not in query
