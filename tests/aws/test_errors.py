"""The error table: what a user reads for what AWS and its SDK say."""

import json
import ssl

import botocore.exceptions as sdk
import botocore.parsers
import botocore.session
import pytest

from podid.aws.error_rules import SDK_RULES, SERVICE_RULES, THROTTLING_CODES, Kind
from podid.aws.errors import (
    KINDS,
    ClusterNotFound,
    ConcurrentModification,
    ConnectionLost,
    Origin,
    RoleUnknown,
    ServerFailed,
    TrustRefused,
    Unreachable,
    UnreadableAnswer,
    lost_answer,
    permission_of,
    role_not_yet_known,
    translate,
)
from podid.domain.errors import (
    AccessDenied,
    AlreadyExists,
    Conflict,
    CredentialsError,
    InvalidInput,
    LimitExceeded,
    NotFound,
    PodidError,
    Rejected,
    Throttled,
    Unavailable,
    UsageError,
)

ORIGIN = Origin("dev", "eu-west-1")
SSO = Origin("dev", "eu-west-1", sso=True)
ME = "arn:aws:sts::111122223333:assumed-role/dev/me"


def answer(code: str, text: str, status: int = 400) -> sdk.ClientError:
    return sdk.ClientError(
        {"Error": {"Code": code, "Message": text}, "ResponseMetadata": {"RequestId": "r-1", "HTTPStatusCode": status}},
        "Operation",
    )


def said(
    code: str,
    text: str,
    *,
    service: str = "eks",
    operation: str = "DescribeCluster",
    subject: str = "",
    status: int = 400,
    origin: Origin = ORIGIN,
) -> PodidError:
    error = translate(answer(code, text, status), service=service, operation=operation, subject=subject, origin=origin)
    assert error.request_id == "r-1"
    return error


def shown(error: PodidError) -> tuple[type[PodidError], str, tuple[str, ...], str]:
    return type(error), error.what, error.hint, error.advice


# --- rights -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "operation", "what", "permission", "advice"),
    [
        (
            f"User: {ME} is not authorized to perform: eks:ListPodIdentityAssociations on resource: "
            "arn:aws:eks:eu-west-1:111122223333:cluster/prod",
            "ListPodIdentityAssociations",
            f"{ME} may not eks:ListPodIdentityAssociations on arn:aws:eks:eu-west-1:111122223333:cluster/prod",
            "eks:ListPodIdentityAssociations",
            "Ask whoever administers the account to allow eks:ListPodIdentityAssociations on "
            "arn:aws:eks:eu-west-1:111122223333:cluster/prod.",
        ),
        (
            f"User: {ME} is not authorized to perform: eks:DescribePodIdentityAssociation on resource: "
            "arn:aws:eks:eu-west-1:111122223333:podidentityassociation/prod/a-1 because no identity-based policy "
            "allows the eks:DescribePodIdentityAssociation action",
            "DescribePodIdentityAssociation",
            f"{ME} may not eks:DescribePodIdentityAssociation on "
            "arn:aws:eks:eu-west-1:111122223333:podidentityassociation/prod/a-1, because no identity-based policy "
            "allows the eks:DescribePodIdentityAssociation action",
            "eks:DescribePodIdentityAssociation",
            "Ask whoever administers the account to allow eks:DescribePodIdentityAssociation on "
            "arn:aws:eks:eu-west-1:111122223333:podidentityassociation/prod/a-1. "
            "A policy for the cluster's ARN does not cover its associations.",
        ),
        (
            f"User: {ME} is not authorized to perform: iam:PassRole on resource: arn:aws:iam::111122223333:role/shop",
            "CreatePodIdentityAssociation",
            f"{ME} may not iam:PassRole on arn:aws:iam::111122223333:role/shop",
            "iam:PassRole",
            "Allow iam:PassRole on arn:aws:iam::111122223333:role/shop where iam:PassedToService is "
            "pods.eks.amazonaws.com: whoever associates a role must be allowed to pass it.",
        ),
        (
            f"User: {ME} is not authorized to perform: eks:DescribeCluster on resource: * with an explicit deny in a "
            "service control policy",
            "DescribeCluster",
            f"{ME} may not eks:DescribeCluster, with an explicit deny in a service control policy",
            "eks:DescribeCluster",
            "The organization's own policy denies it: no policy in this account can allow it.",
        ),
        (
            f"User: {ME} is not authorized to perform: eks:DescribeCluster on resource: * because no permissions "
            "boundary allows the eks:DescribeCluster action",
            "DescribeCluster",
            f"{ME} may not eks:DescribeCluster, because no permissions boundary allows the eks:DescribeCluster action",
            "eks:DescribeCluster",
            "The caller's permissions boundary must allow eks:DescribeCluster as well.",
        ),
        (
            f"User: {ME} is not authorized to perform: eks:DescribeCluster on resource: * because no session policy "
            "allows the eks:DescribeCluster action",
            "DescribeCluster",
            f"{ME} may not eks:DescribeCluster, because no session policy allows the eks:DescribeCluster action",
            "eks:DescribeCluster",
            "The session policy of these credentials must allow eks:DescribeCluster as well.",
        ),
        (
            f"User: {ME} is not authorized to perform: eks:DescribeCluster on resource: * with an explicit deny in an "
            "identity-based policy",
            "DescribeCluster",
            f"{ME} may not eks:DescribeCluster, with an explicit deny in an identity-based policy",
            "eks:DescribeCluster",
            "A policy denies eks:DescribeCluster explicitly: allowing it elsewhere does not help.",
        ),
        (
            f"User: {ME} is not authorized to perform: iam:GetRole on resource: role shop because no identity-based "
            "policy allows the iam:GetRole action",
            "GetRole",
            f"{ME} may not iam:GetRole on role shop, because no identity-based policy allows the iam:GetRole action",
            "iam:GetRole",
            "Ask whoever administers the account to allow iam:GetRole on role shop.",
        ),
        (
            "Access denied",
            "DescribeCluster",
            "EKS denies eks:DescribeCluster for cluster prod (Access denied)",
            "eks:DescribeCluster",
            "Ask whoever administers the account to allow eks:DescribeCluster.",
        ),
    ],
)
def test_denied(text: str, operation: str, what: str, permission: str, advice: str) -> None:
    error = said("AccessDeniedException", text, operation=operation, subject="cluster prod", status=403)
    assert isinstance(error, AccessDenied)
    assert (error.what, error.permission, error.advice, error.subject) == (what, permission, advice, "cluster prod")


def test_permission_of() -> None:
    assert permission_of("eks", "ListPodIdentityAssociations") == "eks:ListPodIdentityAssociations"
    assert permission_of("eks-auth", "AssumeRoleForPodIdentity") == "eks-auth:AssumeRoleForPodIdentity"


def test_a_role_that_does_not_trust_eks_is_not_the_callers_missing_right() -> None:
    error = said(
        "AccessDeniedException",
        "Unauthorized Exception! EKS does not have permissions to assume the associated role.",
        service="eks-auth",
        operation="AssumeRoleForPodIdentity",
        subject="shop/orders",
    )
    assert shown(error) == (
        Rejected,
        "EKS may not assume the associated role for shop/orders: its trust policy does not admit it "
        "(Unauthorized Exception! EKS does not have permissions to assume the associated role)",
        (),
        "",
    )


def test_the_callers_missing_right_to_redeem_a_token() -> None:
    error = said(
        "AccessDeniedException",
        f"User: {ME} is not authorized to perform: eks-auth:AssumeRoleForPodIdentity",
        service="eks-auth",
        operation="AssumeRoleForPodIdentity",
    )
    assert isinstance(error, AccessDenied)
    assert error.permission == "eks-auth:AssumeRoleForPodIdentity"


# --- credentials --------------------------------------------------------------------------------------------------

RENEW = "Renew the credentials the way they were made, then run the command again."


@pytest.mark.parametrize(
    ("code", "text", "what"),
    [
        (
            "ExpiredTokenException",
            "The security token included in the request is expired",
            "the AWS credentials of profile dev have expired (The security token included in the request is expired)",
        ),
        ("ExpiredToken", "The token is old.", "the AWS credentials of profile dev have expired (The token is old)"),
        (
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
            "EKS does not know the AWS credentials of profile dev "
            "(The security token included in the request is invalid)",
        ),
        (
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
            "EKS does not know the AWS credentials of profile dev "
            "(The security token included in the request is invalid)",
        ),
        (
            "InvalidSignatureException",
            "Signature expired: 20261124T101010Z is now earlier than 20261124T120000Z (20261124T120500Z - 5 min.)",
            "the request was signed with a time that is too far from AWS's: this machine's clock is wrong (Signature "
            "expired: 20261124T101010Z is now earlier than 20261124T120000Z (20261124T120500Z - 5 min.))",
        ),
        (
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided.",
            "the secret access key of profile dev is not the one that belongs to its access key "
            "(The request signature we calculated does not match the signature you provided)",
        ),
        ("MissingAuthenticationTokenException", "Missing", "EKS got a request without credentials (Missing)"),
    ],
)
def test_credentials(code: str, text: str, what: str) -> None:
    error = said(code, text, status=403)
    assert (type(error), error.what) == (CredentialsError, what)


def test_expired_credentials_of_identity_center_are_renewed_by_signing_in() -> None:
    assert said("ExpiredToken", "old", origin=SSO).hint == ("aws", "sso", "login", "--profile", "dev")
    assert said("ExpiredToken", "old", origin=Origin(sso=True)).hint == ("aws", "sso", "login")
    assert shown(said("ExpiredToken", "old"))[2:] == ((), RENEW)


def test_an_expired_service_account_token_is_not_the_callers() -> None:
    error = said(
        "ExpiredTokenException", "Token expired", service="eks-auth", operation="AssumeRoleForPodIdentity", origin=SSO
    )
    assert shown(error) == (
        Rejected,
        "EKS Auth does not accept the service account token: it has expired (Token expired)",
        (),
        "",
    )


# --- what EKS and IAM refuse --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "operation", "code", "text", "kind", "what"),
    [
        (
            "eks",
            "CreatePodIdentityAssociation",
            "InvalidParameterException",
            "Role provided in the request does not exist.",
            RoleUnknown,
            "EKS does not know the role of X (Role provided in the request does not exist)",
        ),
        (
            "eks",
            "UpdatePodIdentityAssociation",
            "InvalidParameterException",
            "Trust policy of the role provided is invalid.",
            TrustRefused,
            "EKS does not accept the trust policy of the role of X (Trust policy of the role provided is invalid)",
        ),
        (
            "eks",
            "CreatePodIdentityAssociation",
            "InvalidRequestException",
            "Cross-account pass role is not allowed.",
            Rejected,
            "the role of X is in another account than the cluster (Cross-account pass role is not allowed)",
        ),
        (
            "eks",
            "DescribePodIdentityAssociation",
            "InvalidParameterException",
            "associationId should be 19 characters long",
            Rejected,
            "an association id has 19 characters, a- and 17 more (associationId should be 19 characters long)",
        ),
        (
            "eks",
            "DescribeCluster",
            "ResourceNotFoundException",
            "No cluster found for name: prd.",
            ClusterNotFound,
            "cluster prd does not exist in eu-west-1 (No cluster found for name: prd)",
        ),
        (
            "eks",
            "DescribePodIdentityAssociation",
            "ResourceNotFoundException",
            "gone",
            NotFound,
            "X does not exist in eu-west-1 (gone)",
        ),
        ("iam", "GetRole", "NoSuchEntity", "The role is gone", NotFound, "X does not exist (The role is gone)"),
        ("iam", "CreateRole", "EntityAlreadyExists", "there", AlreadyExists, "X exists already (there)"),
        ("iam", "CreateRole", "LimitExceeded", "1000 roles", LimitExceeded, "a quota of IAM is used up (1000 roles)"),
        (
            "iam",
            "UpdateAssumeRolePolicy",
            "ConcurrentModification",
            "wait",
            ConcurrentModification,
            "somebody else was changing X at the same time (wait)",
        ),
        (
            "iam",
            "DeleteRole",
            "DeleteConflict",
            "detach first",
            Conflict,
            "X is being changed, or in use (detach first)",
        ),
        (
            "iam",
            "UpdateAssumeRolePolicy",
            "UnmodifiableEntity",
            "no",
            Rejected,
            "X belongs to an AWS service, which alone may change it (no)",
        ),
        (
            "iam",
            "UpdateAssumeRolePolicy",
            "MalformedPolicyDocument",
            'Invalid principal in policy: "AWS":"AROAX"',
            Rejected,
            "IAM does not accept the policy of X: a principal in it does not exist "
            '(Invalid principal in policy: "AWS":"AROAX")',
        ),
        (
            "eks",
            "CreatePodIdentityAssociation",
            "ResourceLimitExceededException",
            "5000",
            LimitExceeded,
            "a quota of EKS is used up (5000)",
        ),
        ("eks", "UpdateAddon", "ResourceInUseException", "busy", Conflict, "X is being changed, or in use (busy)"),
        (
            "eks",
            "CreateAddon",
            "InvalidParameterException",
            "bad version",
            Rejected,
            "EKS does not accept CreateAddon for X (bad version)",
        ),
        (
            "eks",
            "CreatePodIdentityAssociation",
            "InvalidRequestException",
            "PackedPolicyTooLarge: 120%",
            Rejected,
            "the session policy of X does not fit (PackedPolicyTooLarge: 120%)",
        ),
    ],
)
def test_refusals(service: str, operation: str, code: str, text: str, kind: type[PodidError], what: str) -> None:
    error = said(code, text, service=service, operation=operation, subject="X")
    assert (type(error), error.what) == (kind, what)
    if isinstance(error, Rejected):
        assert error.service_code == code


def test_the_id_of_the_existing_association_is_in_the_message() -> None:
    error = said(
        "ResourceInUseException",
        "Association already exists: a-9njjin9gfghecgocd",
        operation="CreatePodIdentityAssociation",
        subject="the association of shop/orders",
        status=409,
    )
    assert isinstance(error, AlreadyExists)
    assert (error.existing_id, error.what) == (
        "a-9njjin9gfghecgocd",
        "the association of shop/orders exists already (Association already exists: a-9njjin9gfghecgocd)",
    )


def test_only_a_role_that_may_be_too_new_is_worth_another_try() -> None:
    new = said("InvalidParameterException", "Role provided in the request does not exist.")
    trust = said("InvalidParameterException", "Trust policy of the role provided is invalid.")
    other = said("InvalidParameterException", "bad version")
    assert [role_not_yet_known(error) for error in (new, trust, other, ValueError())] == [True, True, False, False]


def test_an_unknown_code_keeps_awss_own_words() -> None:
    error = said("TeapotException", "I am {not} a coffee machine.", subject="cluster prod")
    assert shown(error) == (
        PodidError,
        "EKS refused DescribeCluster for cluster prod (TeapotException: I am {not} a coffee machine)",
        (),
        "",
    )
    assert error.exit_code == 1


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
