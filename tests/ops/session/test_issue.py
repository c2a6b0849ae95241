"""Credentials of a service account for a command: its environment, and renewal."""

import os
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.builder import association
from podid.aws.decode import Credentials, PodIdentitySession
from podid.domain.errors import Conflict, NotFound, PodidError, Unavailable
from podid.ops.clients import Clients
from podid.ops.session.issue import Issuer, child_env
from worlds import ACCOUNT

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
SETTINGS = (
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_PROFILE"),
    *("AWS_DEFAULT_PROFILE", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_SESSION_NAME", "AWS_VAULT"),
    *("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_CREDENTIAL_FILE"),
    *("AWS_CREDENTIAL_EXPIRATION", "AWS_SDK_LOAD_CONFIG", "AWS_BEARER_TOKEN_BEDROCK", "AWS_SSO_SESSION"),
)


OTHERS = ("PATH", "HOME", "AWS_ENDPOINT_URL_STS", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_CA_BUNDLE")


@given(st.dictionaries(st.sampled_from([*SETTINGS, *OTHERS]), st.text()))
def test_no_other_setting_of_credentials_is_left(env: dict[str, str]) -> None:
    outcome = child_env(env, "us-west-2", "http://127.0.0.1:1/v1/credentials", "t")
    assert not set(SETTINGS) & set(outcome)
    assert {name: outcome[name] for name in env if name not in SETTINGS} == {
        name: value for name, value in env.items() if name not in SETTINGS
    }
    assert outcome["AWS_CONTAINER_CREDENTIALS_FULL_URI"] == "http://127.0.0.1:1/v1/credentials"
    assert outcome["AWS_SHARED_CREDENTIALS_FILE"] == outcome["AWS_CONFIG_FILE"] == os.devnull


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({}, None),
        ({"HTTP_PROXY": "http://proxy:3128"}, "127.0.0.1"),
        ({"https_proxy": "http://proxy:3128", "NO_PROXY": "internal", "no_proxy": "internal"}, "internal,127.0.0.1"),
        ({"https_proxy": "http://proxy:3128", "no_proxy": "*"}, "*"),
    ],
)
def test_no_proxy_gets_the_request_for_credentials(env: dict[str, str], expected: str | None) -> None:
    outcome = child_env(env, "us-west-2", "http://127.0.0.1:1/v1/credentials", "t")
    assert outcome.get("NO_PROXY") == outcome.get("no_proxy") == expected


class Cluster:
    """Issues credentials for 6 hours, until it is told to fail."""

    def __init__(self) -> None:
        self.now, self.issued, self.pods = NOW, 0, ["orders-1"]
        self.error: PodidError | None = None
        self.association_id = "a-1"

    def list_pods(self, namespace: str, *, service_account: str) -> list[Any]:
        assert (namespace, service_account) == ("shop", "orders")
        fields = {"phase": "Running", "deleting": False, "labels": {}, "annotations": {}, "ready": True, "owner": None}
        container = SimpleNamespace(name="app")
        return [
            SimpleNamespace(name=n, namespace="shop", subject=n, containers=[container], **fields) for n in self.pods
        ]

    def request_token(self, ref: Any, pod: Any) -> str:
        return f"token of {pod.name}"

    def assume_role_for_pod_identity(self, cluster: str, token: str) -> PodIdentitySession:
        if self.error is not None:
            raise self.error
        self.issued += 1
        return PodIdentitySession(
            credentials=Credentials(
                access_key_id=f"ASIA{self.issued}",
                secret_access_key="s",
                session_token=token,
                expires_at=self.now + timedelta(hours=6),
            ),
            association_id=self.association_id,
            association_arn="arn",
            namespace="shop",
            service_account="orders",
        )

    def issuer(self) -> Issuer:
        clients = SimpleNamespace(kube=SimpleNamespace(reader=self, writer=self), aws=SimpleNamespace(eks_auth=self))
        return Issuer(cast("Clients", clients), association(association_id="a-1"), lambda: self.now)


def test_credentials_are_renewed_before_they_expire() -> None:
    cluster = Cluster()
    issuer = cluster.issuer()
    assert [issuer.answer()["AccessKeyId"] for _ in range(3)] == ["ASIA1"] * 3
    assert issuer.answer()["Expiration"] == "2026-11-24T15:30:00Z"
    assert issuer.answer()["AccountId"] == ACCOUNT
    cluster.now += timedelta(hours=5, minutes=39)
    assert issuer.answer()["AccessKeyId"] == "ASIA1"
    cluster.now += timedelta(minutes=2)
    assert issuer.answer()["AccessKeyId"] == "ASIA2"


def test_credentials_that_cannot_be_renewed_are_used_until_they_expire() -> None:
    cluster = Cluster()
    issuer = cluster.issuer()
    issuer.session()
    cluster.error = Unavailable("EKS Auth does not answer")
    cluster.now += timedelta(hours=5, minutes=50)
    assert issuer.answer()["AccessKeyId"] == "ASIA1"
    cluster.now += timedelta(minutes=11)
    with pytest.raises(Unavailable):
        issuer.answer()
    cluster.error = None
    assert issuer.answer()["AccessKeyId"] == "ASIA2"


def test_another_pod_is_used_once_the_first_is_gone() -> None:
    cluster = Cluster()
    issuer = cluster.issuer()
    assert (issuer.answer()["Token"], issuer.pod) == ("token of orders-1", "orders-1")
    cluster.pods, cluster.now = ["orders-2"], NOW + timedelta(hours=6)
    assert (issuer.answer()["Token"], issuer.pod) == ("token of orders-2", "orders-2")
    cluster.pods, cluster.now = [], NOW + timedelta(hours=13)
    with pytest.raises(NotFound, match="has no running pod"):
        issuer.answer()


def test_credentials_of_another_association_are_refused() -> None:
    cluster = Cluster()
    cluster.association_id = "a-2"
    with pytest.raises(Conflict):
        cluster.issuer().session()
