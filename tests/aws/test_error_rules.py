"""The message that a user reads for each error of AWS."""

from aws.error_answers import ME, SSO, error_of, shown
from harness import table
from podid.aws.errors import Origin
from podid.domain.errors import (
    AccessDenied,
    AlreadyExists,
    ClusterNotFound,
    ConcurrentModification,
    Conflict,
    CredentialsError,
    LimitExceeded,
    NotFound,
    NotRecognized,
    PodidError,
    Rejected,
    RoleUnknown,
    TrustRefused,
    UnreadableAnswer,
)

# --- rights -------------------------------------------------------------------------------------------------------


DENIALS = [
    (
        f"User: {ME} is not authorized to perform: eks:ListPodIdentityAssociations on resource: "
        "arn:aws:eks:eu-west-1:111122223333:cluster/prod",
        "ListPodIdentityAssociations",
        f"{ME} is not authorized to perform eks:ListPodIdentityAssociations on "
        "arn:aws:eks:eu-west-1:111122223333:cluster/prod",
        "eks:ListPodIdentityAssociations",
        "Ask an administrator of the account for this permission.",
    ),
    (
        f"User: {ME} is not authorized to perform: eks:DescribePodIdentityAssociation on resource: "
        "arn:aws:eks:eu-west-1:111122223333:podidentityassociation/prod/a-1 because no identity-based policy "
        "allows the eks:DescribePodIdentityAssociation action",
        "DescribePodIdentityAssociation",
        f"{ME} is not authorized to perform eks:DescribePodIdentityAssociation on "
        "arn:aws:eks:eu-west-1:111122223333:podidentityassociation/prod/a-1, because no identity-based policy "
        "allows it",
        "eks:DescribePodIdentityAssociation",
        "Ask an administrator of the account for this permission. "
        "A policy for the cluster's ARN does not cover its associations.",
    ),
    (
        f"User: {ME} is not authorized to perform: iam:PassRole on resource: arn:aws:iam::111122223333:role/shop",
        "CreatePodIdentityAssociation",
        f"{ME} is not authorized to perform iam:PassRole on arn:aws:iam::111122223333:role/shop",
        "iam:PassRole",
        "Allow iam:PassRole on arn:aws:iam::111122223333:role/shop where iam:PassedToService is "
        "pods.eks.amazonaws.com. The caller must be allowed to pass a role to associate it.",
    ),
    (
        f"User: {ME} is not authorized to perform: eks:DescribeCluster on resource: * with an explicit deny in a "
        "service control policy",
        "DescribeCluster",
        f"{ME} is not authorized to perform eks:DescribeCluster, with an explicit deny in a service control policy",
        "eks:DescribeCluster",
        "A policy of the organization denies it. No policy in this account can allow it.",
    ),
    (
        f"User: {ME} is not authorized to perform: eks:DescribeCluster on resource: * because no permissions "
        "boundary allows the eks:DescribeCluster action",
        "DescribeCluster",
        f"{ME} is not authorized to perform eks:DescribeCluster, because no permissions boundary allows it",
        "eks:DescribeCluster",
        "The caller's permissions boundary must allow eks:DescribeCluster as well.",
    ),
    (
        f"User: {ME} is not authorized to perform: eks:DescribeCluster on resource: * because no session policy "
        "allows the eks:DescribeCluster action",
        "DescribeCluster",
        f"{ME} is not authorized to perform eks:DescribeCluster, because no session policy allows it",
        "eks:DescribeCluster",
        "The session policy of these credentials must allow eks:DescribeCluster as well.",
    ),
    (
        f"User: {ME} is not authorized to perform: eks:DescribeCluster on resource: * with an explicit deny in an "
        "identity-based policy",
        "DescribeCluster",
        f"{ME} is not authorized to perform eks:DescribeCluster, with an explicit deny in an identity-based policy",
        "eks:DescribeCluster",
        "A policy denies eks:DescribeCluster explicitly. An allow in another policy does not override it.",
    ),
    (
        f"User: {ME} is not authorized to perform: iam:GetRole on resource: role shop because no identity-based "
        "policy allows the iam:GetRole action",
        "GetRole",
        f"{ME} is not authorized to perform iam:GetRole on role shop, because no identity-based policy allows it",
        "iam:GetRole",
        "Ask an administrator of the account for this permission.",
    ),
    (
        "Access denied",
        "DescribeCluster",
        "EKS denies eks:DescribeCluster for cluster prod (Access denied)",
        "eks:DescribeCluster",
        "Ask an administrator of the account for this permission.",
    ),
]


@table(("text", "operation", "sentence", "permission", "advice"), DENIALS)
def test_denied(text: str, operation: str, sentence: str, permission: str, advice: str) -> None:
    error = error_of("AccessDeniedException", text, operation=operation, subject="cluster prod", status=403)
    assert isinstance(error, AccessDenied)
    assert (error.message, error.permission, error.advice, error.subject) == (
        sentence,
        permission,
        advice,
        "cluster prod",
    )


def test_a_role_that_does_not_trust_eks_is_not_the_callers_missing_permission() -> None:
    error = error_of(
        "AccessDeniedException",
        "Unauthorized Exception! EKS does not have permissions to assume the associated role.",
        service="eks-auth",
        operation="AssumeRoleForPodIdentity",
        subject="shop/orders",
    )
    assert shown(error) == (
        Rejected,
        "EKS cannot assume the associated role for shop/orders: the role's trust policy does not allow EKS "
        "to assume it "
        "(Unauthorized Exception! EKS does not have permissions to assume the associated role)",
        (),
        "",
    )


def test_the_callers_missing_permission_to_redeem_a_token() -> None:
    error = error_of(
        "AccessDeniedException",
        f"User: {ME} is not authorized to perform: eks-auth:AssumeRoleForPodIdentity",
        service="eks-auth",
        operation="AssumeRoleForPodIdentity",
    )
    assert isinstance(error, AccessDenied)
    assert error.permission == "eks-auth:AssumeRoleForPodIdentity"


# --- credentials --------------------------------------------------------------------------------------------------

RENEW = "Renew the credentials in the way they were created, then run the command again."


CREDENTIALS = [
    (
        "ExpiredTokenException",
        "The security token included in the request is expired",
        "the AWS credentials of profile dev have expired (The security token included in the request is expired)",
    ),
    ("ExpiredToken", "The token is old.", "the AWS credentials of profile dev have expired (The token is old)"),
    (
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
        "EKS does not recognize the AWS credentials of profile dev (The security token included in the "
        "request is invalid)",
    ),
    (
        "InvalidClientTokenId",
        "The security token included in the request is invalid.",
        "EKS does not recognize the AWS credentials of profile dev (The security token included in the "
        "request is invalid)",
    ),
    (
        "InvalidSignatureException",
        "Signature expired: 20261124T101010Z is now earlier than 20261124T120000Z (20261124T120500Z - 5 min.)",
        "the clock of this machine differs too much from AWS's clock (Signature "
        "expired: 20261124T101010Z is now earlier than 20261124T120000Z (20261124T120500Z - 5 min.))",
    ),
    (
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided.",
        "the secret access key of profile dev does not belong to the access key "
        "(The request signature we calculated does not match the signature you provided)",
    ),
    ("MissingAuthenticationTokenException", "Missing", "EKS received a request without credentials (Missing)"),
]


@table(("code", "text", "sentence"), CREDENTIALS)
def test_credentials(code: str, text: str, sentence: str) -> None:
    error = error_of(code, text, status=403)
    unknown = sentence.startswith("EKS does not recognize")
    assert (type(error), error.message) == (NotRecognized if unknown else CredentialsError, sentence)


def test_expired_credentials_of_identity_center_are_renewed_by_signing_in() -> None:
    assert error_of("ExpiredToken", "old", origin=SSO).hint == ("aws", "sso", "login", "--profile", "dev")
    assert error_of("ExpiredToken", "old", origin=Origin(sso=True)).hint == ("aws", "sso", "login")
    assert shown(error_of("ExpiredToken", "old"))[2:] == ((), RENEW)


def test_an_expired_service_account_token_is_not_the_callers() -> None:
    error = error_of(
        "ExpiredTokenException", "Token expired", service="eks-auth", operation="AssumeRoleForPodIdentity", origin=SSO
    )
    assert shown(error) == (
        Rejected,
        "EKS Auth does not accept the service account token: the token has expired (Token expired)",
        (),
        "",
    )


# --- what EKS and IAM refuse --------------------------------------------------------------------------------------


REFUSALS = [
    *(
        (
            "eks",
            "DescribeCluster",
            status,
            "",
            UnreadableAnswer,
            f"the response to DescribeCluster for X, HTTP {status}, does not have the format of EKS (no explanation)",
        )
        for status in ("302", "403", "407")  # a sign-in page, a filter, a proxy
    ),
    (
        "eks",
        "CreatePodIdentityAssociation",
        "InvalidParameterException",
        "Role provided in the request does not exist.",
        RoleUnknown,
        "EKS cannot find the role of X (Role provided in the request does not exist)",
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
        "the role of X is not in the cluster's account (Cross-account pass role is not allowed)",
    ),
    (
        "eks",
        "DescribePodIdentityAssociation",
        "InvalidParameterException",
        "associationId should be 19 characters long",
        Rejected,
        "an association ID has 19 characters: a- and 17 more (associationId should be 19 characters long)",
    ),
    (
        "eks",
        "DescribeCluster",
        "ResourceNotFoundException",
        "No cluster found for name: prd.",
        ClusterNotFound,
        "cluster prd does not exist in eu-west-1",
    ),
    (
        "eks",
        "DescribePodIdentityAssociation",
        "ResourceNotFoundException",
        "gone",
        NotFound,
        "X does not exist in eu-west-1 (gone)",
    ),
    (
        "eks",
        "DescribeAddon",
        "ResourceNotFoundException",
        "No addon: X found in cluster: prd",
        NotFound,
        "X does not exist in eu-west-1",
    ),
    (
        "eks",
        "DescribeAddon",
        "ResourceNotFoundException",
        "No update found for ID: 17",
        NotFound,
        "X does not exist in eu-west-1 (No update found for ID: 17)",
    ),
    ("iam", "GetRole", "NoSuchEntity", "The role is gone", NotFound, "X does not exist (The role is gone)"),
    ("iam", "CreateRole", "EntityAlreadyExists", "there", AlreadyExists, "X already exists (there)"),
    (
        "cloudtrail",
        "LookupEvents",
        "InvalidTimeRangeException",
        "too early",
        Rejected,
        "CloudTrail does not accept LookupEvents for X (too early)",
    ),
    ("iam", "CreateRole", "LimitExceeded", "1000 roles", LimitExceeded, "a quota of IAM is exceeded (1000 roles)"),
    (
        "iam",
        "UpdateAssumeRolePolicy",
        "ConcurrentModification",
        "wait",
        ConcurrentModification,
        "another request changed X at the same time (wait)",
    ),
    (
        "iam",
        "DeleteRole",
        "DeleteConflict",
        "detach first",
        Conflict,
        "X is being changed or is in use (detach first)",
    ),
    (
        "iam",
        "UpdateAssumeRolePolicy",
        "UnmodifiableEntity",
        "no",
        Rejected,
        "only the AWS service that owns X can change it (no)",
    ),
    (
        "iam",
        "CreateRole",
        "InvalidInput",
        "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
        Rejected,
        "IAM does not accept CreateRole for X (Duplicate tag keys found. Please note that Tag keys are case "
        "insensitive)",
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
        "a quota of EKS is exceeded (5000)",
    ),
    ("eks", "UpdateAddon", "ResourceInUseException", "busy", Conflict, "X is being changed or is in use (busy)"),
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
        "the session policy of X is too large (PackedPolicyTooLarge: 120%)",
    ),
    (
        "cloudformation",
        "DescribeStackResources",
        "ValidationError",
        "Stack for orders does not exist",
        NotFound,
        "no stack in eu-west-1 has X (Stack for orders does not exist)",
    ),
    (
        "cloudformation",
        "DescribeStackResources",
        "ValidationError",
        "PhysicalResourceId is too long",
        Rejected,
        "CloudFormation does not accept DescribeStackResources for X (PhysicalResourceId is too long)",
    ),
    ("sns", "GetTopicAttributes", "NotFound", "no topic", NotFound, "X does not exist, or has no policy (no topic)"),
    ("eks", "DescribeAddon", "NotFound", "no route", Rejected, "EKS refused DescribeAddon for X (NotFound: no route)"),
]


@table(("service", "operation", "code", "text", "kind", "sentence"), REFUSALS)
def test_refusals(service: str, operation: str, code: str, text: str, kind: type[PodidError], sentence: str) -> None:
    error = error_of(code, text, service=service, operation=operation, subject="X")
    assert (type(error), error.message) == (kind, sentence)
    if isinstance(error, Rejected):
        assert error.service_code == code


def test_the_id_of_the_existing_association_is_in_the_message() -> None:
    error = error_of(
        "ResourceInUseException",
        "Association already exists: a-9njjin9gfghecgocd",
        operation="CreatePodIdentityAssociation",
        subject="the association of shop/orders",
        status=409,
    )
    assert isinstance(error, AlreadyExists)
    assert (error.existing_id, error.message) == (
        "a-9njjin9gfghecgocd",
        "the association of shop/orders already exists (Association already exists: a-9njjin9gfghecgocd)",
    )


def test_a_role_that_may_be_too_new_has_a_class_of_its_own() -> None:
    new = error_of("InvalidParameterException", "Role provided in the request does not exist.")
    trust = error_of("InvalidParameterException", "Trust policy of the role provided is invalid.")
    other = error_of("InvalidParameterException", "bad version")
    assert [type(error) for error in (new, trust, other)] == [RoleUnknown, TrustRefused, Rejected]


def test_an_unknown_code_keeps_awss_own_words() -> None:
    error = error_of("TeapotException", "I am {not} a coffee machine.", subject="cluster prod")
    assert shown(error) == (
        Rejected,
        "EKS refused DescribeCluster for cluster prod (TeapotException: I am {not} a coffee machine)",
        (),
        "",
    )
    assert error.exit_code == 6
