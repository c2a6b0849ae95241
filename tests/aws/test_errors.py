"""Errors of the SDK and failures of the service, translated."""

import builtins
import ssl

import botocore.exceptions as sdk
import botocore.exceptions as sdk_errors
import botocore.parsers
import botocore.session
import pytest

from aws.error_answers import ORIGIN, error_of
from harness import table
from podid.aws.errors import SDK_RULES, Origin, translate
from podid.domain.errors import (
    Conflict,
    ConnectionLost,
    CredentialsError,
    InvalidInput,
    LostAnswer,
    NotServed,
    PodidError,
    ServerFailed,
    Unavailable,
    Unreachable,
    UnreadableAnswer,
    UsageError,
)

# --- throttles and failures ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("ServerException", 500, ServerFailed),
        ("ServiceFailure", 500, ServerFailed),
        ("503", 503, ServerFailed),
        ("RequestTimeout", 400, ServerFailed),
    ],
)
def test_server_failures(code: str, status: int, kind: type[PodidError]) -> None:
    assert type(error_of(code, "oops", status=status)) is kind


_PAGE = "<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n"


@pytest.mark.parametrize(
    ("code", "status", "text", "told"),
    [
        ("501", 501, "oops", "501: oops"),
        ("InternalFailure", 501, "API action not yet implemented", "InternalFailure: API action not yet implemented"),
        ("InternalFailure", 500, "It has not been implemented", "InternalFailure: It has not been implemented"),
        ("UnknownOperationException", 404, "", "UnknownOperationException: no explanation"),
    ],
)
def test_an_operation_that_the_endpoint_lacks_is_not_retried(code: str, status: int, text: str, told: str) -> None:
    error = error_of(code, text, status=status)
    assert (type(error), error.message) == (
        NotServed,
        f"this endpoint of EKS does not support DescribeCluster ({told})",
    )


def test_a_page_is_not_shown() -> None:
    error = error_of("500", _PAGE, status=500)
    assert (type(error), error.message) == (UnreadableAnswer, "EKS answered DescribeCluster with an HTML page (500)")
    assert type(error_of("503", _PAGE, status=503)) is ServerFailed


URL = "https://eks.eu-west-1.amazonaws.com/clusters"


@table(
    ("error", "kind", "sentence", "hint"),
    [
        (sdk.NoCredentialsError(), CredentialsError, "no AWS credentials found", ()),
        (
            sdk.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
            CredentialsError,
            "the AWS credentials are incomplete (Partial credentials found in env, missing: AWS_SECRET_ACCESS_KEY)",
            (),
        ),
        (
            sdk.UnauthorizedSSOTokenError(),
            CredentialsError,
            "the sign-in of profile dev has expired (The SSO session associated with this profile has expired or is "
            "otherwise invalid. To refresh this SSO session run aws sso login with the corresponding profile)",
            ("aws", "sso", "login", "--profile", "dev"),
        ),
        (
            sdk.TokenRetrievalError(provider="sso", error_msg="Token has expired and refresh failed"),
            CredentialsError,
            "the sign-in of profile dev has expired (Error when retrieving token from sso: Token has expired and "
            "refresh failed)",
            ("aws", "sso", "login", "--profile", "dev"),
        ),
        (
            sdk.CredentialRetrievalError(provider="process", error_msg="exit 1"),
            CredentialsError,
            "the AWS credentials of profile dev could not be obtained "
            "(Error when retrieving credentials from process: exit 1)",
            (),
        ),
        (
            sdk.ProfileNotFound(profile="dve"),
            UsageError,
            "the AWS profile does not exist (The config profile (dve) could not be found)",
            (),
        ),
        (
            sdk.ConfigParseError(path="/home/me/.aws/config"),
            UsageError,
            "the AWS configuration file cannot be read (Unable to parse config file: /home/me/.aws/config)",
            (),
        ),
        (
            sdk.EndpointConnectionError(endpoint_url=URL),
            Unreachable,
            f'EKS cannot be reached in eu-west-1 for DescribeCluster (Could not connect to the endpoint URL: "{URL}")',
            (),
        ),
        (
            sdk.ConnectTimeoutError(endpoint_url=URL),
            Unreachable,
            f'EKS cannot be reached in eu-west-1 for DescribeCluster (Connect timeout on endpoint URL: "{URL}")',
            (),
        ),
        (
            sdk.ProxyConnectionError(proxy_url="http://proxy:3128", error="refused"),
            Unreachable,
            'the proxy for EKS cannot be reached (Failed to connect to proxy URL: "http://proxy:3128")',
            (),
        ),
        (
            sdk.SSLError(endpoint_url=URL, error=ssl.SSLError("self-signed")),
            Unavailable,
            f"the certificate of EKS is not trusted (SSL validation failed for {URL} ('self-signed',))",
            (),
        ),
        (
            sdk.ReadTimeoutError(endpoint_url=URL),
            ConnectionLost,
            f'EKS did not answer DescribeCluster for cluster prod (Read timeout on endpoint URL: "{URL}")',
            (),
        ),
        (
            sdk.ConnectionClosedError(endpoint_url=URL),
            ConnectionLost,
            "EKS did not answer DescribeCluster for cluster prod (Connection was closed before we received a valid "
            f'response from endpoint URL: "{URL}")',
            (),
        ),
        (
            sdk.ParamValidationError(report="name is empty"),
            InvalidInput,
            "the AWS SDK rejected the parameters of DescribeCluster for cluster prod "
            "(Parameter validation failed:\nname is empty)",
            (),
        ),
        (
            sdk.BotoCoreError(),
            PodidError,
            "EKS could not be called for DescribeCluster for cluster prod "
            "(BotoCoreError: An unspecified error occurred)",
            (),
        ),
    ],
)
def test_sdk_failures(error: Exception, kind: type[PodidError], sentence: str, hint: tuple[str, ...]) -> None:
    translated = translate(error, service="eks", operation="DescribeCluster", subject="cluster prod", origin=ORIGIN)
    assert (type(translated), translated.message, translated.hint) == (kind, sentence, hint)


def test_a_misspelt_region_is_named_where_it_cannot_be_reached() -> None:
    origin = Origin("", "eu-wst-1", region_note="; did you mean eu-west-1?")
    error = translate(
        sdk.EndpointConnectionError(endpoint_url=URL), service="eks", operation="ListClusters", origin=origin
    )
    assert error.message.endswith("; did you mean eu-west-1?")


def test_a_lost_answer_says_that_the_change_may_have_been_made() -> None:
    error = LostAnswer.of(ConnectionLost("EKS did not answer", subject="cluster prod", request_id="r-2"))
    assert (error.message, error.subject, error.request_id, error.exit_code) == (
        "the change may or may not have taken effect: EKS did not answer",
        "cluster prod",
        "r-2",
        7,
    )


@pytest.mark.parametrize("secret", ["eyJhbGci.eyJzdWIi.c2lnbmF0dXJl", "k8s-aws-v1.aHR0cHM", "X-Amz-Signature=0a1b2c"])
def test_a_token_that_a_service_repeats_is_never_shown(secret: str) -> None:
    error = error_of("ValidationException", f"Value '{secret}' at 'token' is wrong")
    assert secret not in error.message
    assert error.message == "EKS does not accept DescribeCluster (Value '[token]' at 'token' is wrong)"


def test_a_podid_error_is_left_as_it_is() -> None:
    error = Conflict("x")
    assert translate(error, service="eks", operation="X") is error


def test_every_rule_of_the_sdk_names_a_class_that_botocore_has_or_had() -> None:
    names = [code for rule in SDK_RULES for code in rule.codes]
    assert len(names) == len(set(names))
    for name in set(names) - {"Exception"}:
        assert any(hasattr(module, name) for module in (sdk_errors, botocore.parsers, builtins)), name
