"""Sources of credentials: profiles that name a program or another profile, and renewals during calls."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from podid.aws.errors import Origin
from podid.aws.session import AwsSession
from podid.aws.sign_in import sign_in
from podid.calls.deadline import NEVER
from podid.domain.errors import AccessDenied, CredentialsError, PodidError, Unreachable

EXPIRED = {
    "Version": 1,
    "AccessKeyId": "AKID",
    "SecretAccessKey": "s3cret",
    "SessionToken": "t0ken",
    "Expiration": "2020-01-01T00:00:00Z",
}
CONFIG = f"""
[profile absent]
credential_process = /nonexistent/program
[profile expired]
credential_process = echo '{json.dumps(EXPIRED)}'
[profile words]
credential_process = echo s3cret
[profile keys]
aws_access_key_id = AKID
aws_secret_access_key = s3cret
[profile assumed]
role_arn = arn:aws:iam::111122223333:role/x
source_profile = keys
[profile short]
role_arn = x
source_profile = keys
"""


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    (tmp_path / "config").write_text(CONFIG)
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    env = {
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:9",
        "AWS_MAX_ATTEMPTS": "1",
    }
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    return env


@pytest.mark.parametrize(
    ("profile", "error", "message"),
    [
        (
            "absent",
            CredentialsError,
            "the source of the AWS credentials of profile absent cannot be used "
            "(No such file or directory: /nonexistent/program)",
        ),
        (
            "expired",
            CredentialsError,
            "the source of the AWS credentials of profile expired returned credentials that have expired",
        ),
        (
            "words",
            CredentialsError,
            "the source of the AWS credentials of profile words returned a value that is not credentials",
        ),
        # with the region of --region, although the profile has none
        ("assumed", Unreachable, "STS cannot be reached for the sign-in: nothing listens at http://127.0.0.1:9"),
        ("short", PodidError, "the AWS SDK rejected the parameters of the sign-in ("),
    ],
)
def test_a_source_that_returns_no_credentials(
    env: dict[str, str], profile: str, error: type[PodidError], message: str
) -> None:
    with pytest.raises(error) as caught:
        AwsSession(profile, "eu-west-1", env=env).sts.get_caller()
    assert str(caught.value).startswith(message)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("name", ["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"])
def test_the_keys_of_a_profile_need_no_token_file(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    env[name] = "/nonexistent"
    monkeypatch.setenv(name, env[name])
    assert AwsSession("keys", "eu-west-1", env=env).credentials_source == "config-file, profile keys"


def test_keys_in_variables_precede_a_profile_that_a_variable_names(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """https://docs.aws.amazon.com/boto3/latest/guide/credentials.html"""
    more = {"AWS_PROFILE": "keys", "AWS_ACCESS_KEY_ID": "AKIDENV", "AWS_SECRET_ACCESS_KEY": "x"}
    env |= more
    for name, value in more.items():
        monkeypatch.setenv(name, value)
    session = AwsSession(None, "eu-west-1", env=env)
    assert (session.credentials_source, session.profile) == ("env", "")
    assert AwsSession("keys", "eu-west-1", env=env).credentials_source == "config-file, profile keys"
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    env["AWS_ACCESS_KEY_ID"] = ""
    assert AwsSession(None, "eu-west-1", env=env).credentials_source == "config-file, profile keys"


@pytest.mark.parametrize(
    ("failure", "error", "words"),
    [
        (FileNotFoundError(2, "No such file or directory", "/var/token"), CredentialsError, "/var/token"),
        ({"expiry_time": "2020-01-01T00:00:00Z"}, CredentialsError, "returned credentials that have expired"),
        (EOFError(), CredentialsError, "require an MFA code, and podid is not connected to a terminal"),
        (ValueError("s3cret"), CredentialsError, "returned a value that is not credentials"),
        (
            ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "AssumeRole"),
            AccessDenied,
            "STS denies sts:AssumeRole",
        ),
        (
            ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "No role"}}, "GetRoleCredentials"),
            CredentialsError,
            "the requested resource does not exist",
        ),
    ],
)
def test_a_renewal_that_fails_is_no_failure_of_the_call(
    failure: Exception | Mapping[str, str], error: type[PodidError], words: str
) -> None:
    def renew() -> Mapping[str, str]:
        if isinstance(failure, Exception):
            raise failure
        return failure

    keys = SimpleNamespace(access_key="AKID", token="t")
    credentials: Any = SimpleNamespace(_refresh_using=renew, get_frozen_credentials=lambda: keys)
    core: Any = SimpleNamespace(get_credentials=lambda: credentials)
    sign_in(core, (), {}, Origin(), NEVER)
    renewed: Callable[[], object] = credentials._refresh_using
    with pytest.raises(error, match=words) as caught:
        renewed()
    assert "s3cret" not in str(caught.value)
