"""Regions, profiles and the bearer token, with a home of its own and no network."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from podid.aws.decode import Credentials
from podid.aws.requests import CallRecord
from podid.aws.session import AwsSession
from podid.domain.errors import CredentialsError, PodidError, Unavailable, UsageError
from podid.domain.names import Arn

CONFIG = """
[default]
region = us-east-2
[profile dev]
region = eu-west-1
sso_session = company
sso_account_id = 111122223333
sso_role_name = Developer
[profile chained]
source_profile = dev
role_arn = arn:aws:iam::111122223333:role/x
[profile nowhere]
output = json
[sso-session company]
sso_region = eu-west-1
sso_start_url = https://example.awsapps.com/start
"""


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    config = tmp_path / "config"
    config.write_text(CONFIG)
    env = {
        "AWS_CONFIG_FILE": str(config),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for name in (
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
    ):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    return env


@pytest.mark.parametrize(
    ("profile", "region", "more", "expected"),
    [
        (None, None, {}, ("us-east-2", "profile default")),
        ("dev", None, {}, ("eu-west-1", "profile dev")),
        (None, None, {"AWS_PROFILE": "dev"}, ("eu-west-1", "profile dev")),
        ("dev", None, {"AWS_DEFAULT_REGION": "us-west-2"}, ("us-west-2", "AWS_DEFAULT_REGION")),
        (
            "dev",
            None,
            {"AWS_DEFAULT_REGION": "us-west-2", "AWS_REGION": "ap-south-1"},
            ("ap-south-1", "AWS_REGION"),
        ),
        ("dev", "cn-north-1", {"AWS_REGION": "ap-south-1"}, ("cn-north-1", "--region")),
    ],
)
def test_the_source_of_the_region(
    env: dict[str, str],
    profile: str | None,
    region: str | None,
    more: Mapping[str, str],
    expected: tuple[str, str],
) -> None:
    session = AwsSession(profile, region, env={**env, **more})
    assert (session.region, session.region_source) == expected


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("eusc-de-east-1", "aws-eusc")],
)
def test_partition(env: dict[str, str], region: str, partition: str) -> None:
    assert AwsSession(None, region, env=env).partition == partition


def test_no_region(env: dict[str, str]) -> None:
    with pytest.raises(UsageError) as caught:
        AwsSession("nowhere", None, env=env)
    assert str(caught.value) == "no AWS region is specified: use --region, AWS_REGION or a profile with a region"
    assert caught.value.hint == ("aws", "configure", "--profile", "nowhere")


@pytest.mark.parametrize(
    ("region", "message"),
    [
        ("westeurope", "'westeurope' is not an AWS region"),
        ("eu_west_1", "'eu_west_1' is not an AWS region; did you mean eu-west-1?"),
        ("eu-west-1\n", "'eu-west-1\\n' is not an AWS region; did you mean eu-west-1?"),
    ],
)
def test_a_region_that_cannot_be_one(env: dict[str, str], region: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        AwsSession(None, region, env=env)
    assert str(caught.value) == message


def test_a_region_that_may_be_newer_than_botocore_is_used_and_remembered_as_strange(env: dict[str, str]) -> None:
    assert AwsSession(None, "eu-wst-1", env=env).origin.region_note == "; did you mean eu-west-1?"
    assert AwsSession(None, "eu-west-1", env=env).origin.region_note == ""


@pytest.mark.parametrize(("option", "variable"), [("dve", "dev"), (None, "dve")])
def test_an_unknown_profile(env: dict[str, str], option: str | None, variable: str) -> None:
    with pytest.raises(UsageError) as caught:
        AwsSession(option, None, env={**env, "AWS_PROFILE": variable})
    assert (str(caught.value), caught.value.advice) == (
        "AWS profile 'dve' does not exist; did you mean dev?",
        "known profiles: chained, default, dev, nowhere.",
    )


def test_a_configuration_file_that_cannot_be_read(env: dict[str, str]) -> None:
    Path(env["AWS_CONFIG_FILE"]).write_text("[default\n")
    with pytest.raises(UsageError, match="the AWS configuration file cannot be read"):
        AwsSession(None, "eu-west-1", env=env)


@pytest.mark.parametrize(("profile", "sso"), [("dev", True), ("chained", True), ("nowhere", False), (None, False)])
def test_profiles_that_sign_in_with_identity_center(env: dict[str, str], profile: str | None, sso: bool) -> None:
    assert AwsSession(profile, "eu-west-1", env=env).origin.sso is sso


def test_without_credentials(env: dict[str, str]) -> None:
    session = AwsSession("nowhere", "eu-west-1", env=env)
    with pytest.raises(CredentialsError) as caught:
        session.sts.get_caller()
    assert (str(caught.value), caught.value.exit_code) == ("no AWS credentials found", 4)
    with pytest.raises(CredentialsError, match="no AWS credentials found"):
        session.sts.get_cluster_token("prod")


@pytest.mark.parametrize("profile", ["dev", "chained"])
def test_a_sign_in_that_was_never_made_says_how_to_make_it(env: dict[str, str], profile: str) -> None:
    """The AWS CLI does not sign in with a profile whose source profile uses IAM Identity Center."""
    with pytest.raises(CredentialsError) as caught:
        AwsSession(profile, "eu-west-1", env=env).eks.list_clusters()
    assert caught.value.hint == ("aws", "sso", "login", "--profile", "dev")


def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")


def test_an_endpoint_that_nothing_listens_on(env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    keys(monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    env["AWS_ENDPOINT_URL"] = "http://127.0.0.1:9"
    records: list[CallRecord] = []
    session = AwsSession(None, "eu-west-1", env=env, on_call=records.append)
    with pytest.raises(Unavailable) as caught:
        session.eks.list_clusters()
    assert (str(caught.value), caught.value.advice) == (
        "EKS cannot be reached for ListClusters: nothing listens at http://127.0.0.1:9",
        "AWS_ENDPOINT_URL specifies this address. Check the variable, or start the server at the address.",
    )
    monkeypatch.setenv("AWS_ENDPOINT_URL_EKS_AUTH", "http://127.0.0.1:9")
    env |= {"AWS_ENDPOINT_URL": "", "AWS_ENDPOINT_URL_EKS_AUTH": "http://127.0.0.1:9"}
    with pytest.raises(Unavailable) as caught:
        AwsSession(None, "eu-west-1", env=env).eks_auth.assume_role_for_pod_identity("demo", "token")
    assert caught.value.advice.startswith("AWS_ENDPOINT_URL_EKS_AUTH specifies this address")
    variable = "AWS_ENDPOINT_URL_SECRETS_MANAGER"  # botocore's name for the client secretsmanager
    monkeypatch.setenv(variable, "http://127.0.0.1:9")
    env[variable] = "http://127.0.0.1:9"
    secret = Arn.parse("arn:aws:secretsmanager:eu-west-1:111122223333:secret:s")
    with pytest.raises(Unavailable) as caught:
        AwsSession(None, "eu-west-1", env=env).resource_policies.find_secret_policy(secret)
    assert caught.value.advice.startswith(f"{variable} specifies this address")
    seen = [(record.service, record.operation, record.status, record.error) for record in records]
    assert seen == [("eks", "ListClusters", 0, "EndpointConnectionError")] * 3


@pytest.mark.parametrize("ignored", ["true", "false"])
def test_the_variable_of_an_endpoint_is_ignored(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch, ignored: str
) -> None:
    keys(monkeypatch)
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", ignored)
    env["AWS_ENDPOINT_URL"] = "http://127.0.0.1:9"
    # an endpoint of the user's own may have any region
    suggested = "eu-west-1" in AwsSession(None, "eu-wset-1", env=env).origin.region_note
    assert suggested is (ignored == "true")


def test_an_endpoint_that_is_no_url(env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    keys(monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL_EKS", "not a url")
    with pytest.raises(UsageError, match="the endpoint of eks is not a URL"):
        AwsSession(None, "eu-west-1", env=env).eks.list_clusters()


def test_credentials_never_show() -> None:
    credentials = Credentials(access_key_id="AKID", secret_access_key="s3cret", session_token="t0ken")
    assert repr(credentials) == "Credentials(expires_at=None)"
    assert str(credentials) == "Credentials(expires_at=None)"


def test_an_old_botocore_is_named_when_it_cannot_send_a_member(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    keys(monkeypatch)
    eks = AwsSession(None, "eu-west-1", env=env).eks
    monkeypatch.setattr(type(eks._api), "supports", lambda self, operation, member: member != "policy")
    with pytest.raises(PodidError) as caught:
        eks.update_association("prod", "a-1", {"policy": "{}"}, token="t")
    assert (str(caught.value), caught.value.hint) == (
        "the installed botocore does not support policy: version 1.42.73 or later is required",
        ("pip", "install", "--upgrade", "boto3"),
    )
