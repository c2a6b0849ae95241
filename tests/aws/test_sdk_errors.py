"""The error table: failures without an answer, throttles, and the table itself."""

import json
import ssl

import botocore.exceptions as sdk
import botocore.parsers
import botocore.session
import pytest

from aws.saying import ORIGIN, answer, said
from podid.aws.error_rules import SDK_RULES, SERVICE_RULES, THROTTLING_CODES, Kind
from podid.aws.errors import (
    KINDS,
    ConnectionLost,
    Origin,
    ServerFailed,
    Unreachable,
    UnreadableAnswer,
    lost_answer,
    translate,
)
from podid.domain.errors import (
    Conflict,
    CredentialsError,
    InvalidInput,
    PodidError,
    Throttled,
    Unavailable,
    UsageError,
)

# --- throttles and failures ---------------------------------------------------------------------------------------


def test_every_throttling_code_of_botocore_is_a_throttle() -> None:
    from botocore.retries.standard import ThrottledRetryableChecker

    codes = set(ThrottledRetryableChecker._THROTTLED_ERROR_CODES)
    legacy = botocore.session.get_session().get_component("data_loader").load_data("_retry")["definitions"]
    for definition in legacy.values():
        response = definition["applies_when"].get("response", {})
        if response.get("http_status_code") == 400 and "Throttl" in response.get("service_error_code", ""):
            codes.add(response["service_error_code"])
    assert codes == THROTTLING_CODES
    for code in sorted(codes):
        assert type(said(code, "Rate exceeded")) is Throttled, code
    assert said("Unheard", "slow down", status=429).what == ("EKS asks for fewer requests (DescribeCluster: slow down)")


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("ServerException", 500, ServerFailed),
        ("ServiceFailure", 500, ServerFailed),
        ("503", 503, ServerFailed),
        ("RequestTimeout", 400, ServerFailed),
        ("501", 501, PodidError),
    ],
)
def test_server_failures(code: str, status: int, kind: type[PodidError]) -> None:
    assert type(said(code, "oops", status=status)) is kind


URL = "https://eks.eu-west-1.amazonaws.com/clusters"


@pytest.mark.parametrize(
    ("error", "kind", "what", "hint"),
    [
        (sdk.NoCredentialsError(), CredentialsError, "there are no AWS credentials", ()),
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
            "the AWS credentials of profile dev could not be had "
            "(Error when retrieving credentials from process: exit 1)",
            (),
        ),
        (
            sdk.ProfileNotFound(profile="dve"),
            UsageError,
            "there is no AWS profile of that name (The config profile (dve) could not be found)",
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
            'the proxy on the way to EKS cannot be reached (Failed to connect to proxy URL: "http://proxy:3128")',
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
            f'EKS gave no answer to DescribeCluster for cluster prod (Read timeout on endpoint URL: "{URL}")',
            (),
        ),
        (
            sdk.ConnectionClosedError(endpoint_url=URL),
            ConnectionLost,
            "EKS gave no answer to DescribeCluster for cluster prod (Connection was closed before we received a valid "
            f'response from endpoint URL: "{URL}")',
            (),
        ),
        (
            botocore.parsers.ResponseParserError("not XML"),
            UnreadableAnswer,
            "what answered DescribeCluster is not EKS (not XML)",
            (),
        ),
        (
            sdk.ParamValidationError(report="name is empty"),
            InvalidInput,
            "DescribeCluster for cluster prod cannot be asked like this (Parameter validation failed:\nname is empty)",
            (),
        ),
        (
            sdk.BotoCoreError(),
            PodidError,
            "EKS could not be asked for DescribeCluster for cluster prod "
            "(BotoCoreError: An unspecified error occurred)",
            (),
        ),
    ],
)
def test_sdk_failures(error: Exception, kind: type[PodidError], what: str, hint: tuple[str, ...]) -> None:
    found = translate(error, service="eks", operation="DescribeCluster", subject="cluster prod", origin=ORIGIN)
    assert (type(found), found.what, found.hint) == (kind, what, hint)


def test_a_misspelt_region_is_named_where_it_cannot_be_reached() -> None:
    origin = Origin("", "eu-wst-1", region_note="; did you mean eu-west-1?")
    error = translate(
        sdk.EndpointConnectionError(endpoint_url=URL), service="eks", operation="ListClusters", origin=origin
    )
    assert error.what.endswith("; did you mean eu-west-1?")


def test_a_lost_answer_says_that_the_change_may_have_been_made() -> None:
    error = lost_answer(ConnectionLost("EKS gave no answer", subject="cluster prod", request_id="r-2"))
    assert (error.what, error.subject, error.request_id, error.exit_code) == (
        "the change may or may not have been made: EKS gave no answer",
        "cluster prod",
        "r-2",
        7,
    )


@pytest.mark.parametrize("secret", ["eyJhbGci.eyJzdWIi.c2lnbmF0dXJl", "k8s-aws-v1.aHR0cHM", "X-Amz-Signature=0a1b2c"])
def test_a_token_that_a_service_repeats_is_never_shown(secret: str) -> None:
    error = said("ValidationException", f"Value '{secret}' at 'token' is wrong")
    assert secret not in error.what
    assert error.what == "EKS does not accept DescribeCluster (Value '[token]' at 'token' is wrong)"


def test_a_podid_error_is_left_as_it_is() -> None:
    error = Conflict("x")
    assert translate(error, service="eks", operation="X") is error


# --- the table itself ---------------------------------------------------------------------------------------------


def test_every_kind_has_a_class_and_every_sentence_can_be_filled() -> None:
    assert set(KINDS) == set(Kind)
    for rule in (*SERVICE_RULES, *SDK_RULES.values()):
        error = translate(
            answer(next(iter(rule.codes), "x"), rule.fragment), service="eks", operation="X", origin=ORIGIN
        )
        assert "{" not in error.what
        assert rule.sentence or rule.kind is Kind.DENIED


def test_every_sdk_rule_names_a_class_that_botocore_has_or_had() -> None:
    for name in SDK_RULES:
        assert hasattr(sdk, name) or hasattr(botocore.parsers, name), name


def test_every_declared_error_of_the_operations_podid_uses_is_in_the_table() -> None:
    """The models declare what each operation may answer: none of it may be unclassified."""
    session = botocore.session.get_session()
    operations = {
        "eks": [
            "CreatePodIdentityAssociation",
            "UpdatePodIdentityAssociation",
            "DescribePodIdentityAssociation",
            "ListPodIdentityAssociations",
            "DeletePodIdentityAssociation",
            "DescribeCluster",
            "ListClusters",
            "CreateAddon",
            "UpdateAddon",
            "DeleteAddon",
            "DescribeAddon",
            "DescribeAddonVersions",
            "DescribeAddonConfiguration",
            "ListNodegroups",
            "DescribeNodegroup",
            "TagResource",
        ],
        "eks-auth": ["AssumeRoleForPodIdentity"],
        "iam": [
            "GetRole",
            "CreateRole",
            "DeleteRole",
            "UpdateAssumeRolePolicy",
            "PutRolePolicy",
            "AttachRolePolicy",
            "DetachRolePolicy",
            "DeleteRolePolicy",
            "SimulatePrincipalPolicy",
        ],
    }
    unclassified = {}
    for service, names in operations.items():
        model = session.get_service_model(service)
        for name in names:
            for shape in model.operation_model(name).error_shapes:
                code = shape.error_code
                if type(said(code, "text", service=service, operation=name)) is PodidError:
                    unclassified[code] = name
    assert unclassified == {}, json.dumps(unclassified)
