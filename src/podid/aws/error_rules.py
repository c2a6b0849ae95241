"""Errors of AWS's services as podid's errors: one `ErrorRule` for each. The rules for errors of the SDK, and the words
that templates may use, are in `podid.aws.errors`.

To add an error, add a rule in its service's part and a line to tests/aws/test_error_rules.py. Sources: the
declared errors of botocore's service models, the public issues that a rule names, and
https://docs.aws.amazon.com/eks/latest/APIReference/CommonErrors.html.
"""

from functools import partial

from podid.domain import errors
from podid.domain.refusals import ErrorRule, Template

# for hints that renew credentials
PROFILE = ("--profile", "{profile}")

INVALID = ("InvalidParameterException", "InvalidRequestException", "ValidationException", "ValidationError")
# a profile with IAM Identity Center gets the hint, any other source of credentials the advice
RENEW = "{renew}"
SIGN_IN: Template = ("{sso}", "sso", "login", PROFILE)

# botocore.retries.standard and botocore's data/_retry.json; LimitExceededException is one of them, not a quota
THROTTLING_CODES = (
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottledException",
    "RequestThrottled",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "TransactionInProgressException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "SlowDown",
    "PriorRequestNotComplete",
    "EC2ThrottledException",
)
_ASK = "Ask an administrator of the account for this permission."
_BAD_SIGNATURE = ("SignatureDoesNotMatch", "InvalidSignatureException")

_sign_in = partial(ErrorRule, errors.CredentialsError)
_expired = partial(
    _sign_in,
    "the AWS credentials{whose} have expired ({text})",
    codes=("ExpiredToken", "ExpiredTokenException", "RequestExpired"),
    hint=SIGN_IN,
    advice=RENEW,
)
_wrong_clock = partial(
    _sign_in,
    "the clock of this machine differs too much from AWS's clock ({text})",
    advice="Correct the clock of this machine.",
)
_does_not_fit = partial(
    ErrorRule,
    errors.Rejected,
    "the session policy of {subject} is too large ({text})",
    advice="Shorten the policy. A session policy also requires that session tags are turned off.",
    id="packed-policy-too-large",
)
_denied = partial(
    ErrorRule,
    errors.AccessDenied,
    "{denial}",
    id="tool-aws-denied",
    codes=(
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "UnauthorizedOperation",
        "NotAuthorized",
        "OptInRequired",
        "UnauthorizedException",
        "ForbiddenException",
    ),
)
_throttled = partial(ErrorRule, errors.Throttled, "{service} throttles requests ({operation}: {text})")
_failed = partial(ErrorRule, errors.ServerFailed, "{service} failed to answer {operation}{on} ({code}: {text})")
_FAILURE_CODES = (
    "ServerException",
    *("InternalFailure", "InternalError", "InternalServerError", "InternalServerException"),
    *("ServiceFailure", "ServiceFailureException", "ServiceUnavailable", "ServiceUnavailableException"),
    *("RequestTimeout", "RequestTimeoutException"),
)
# not retried: a region without the operation, a proxy and an endpoint that imitates AWS do not change in a second
_not_served = partial(
    ErrorRule, errors.NotServed, "this endpoint of {service} does not support {operation}{on} ({code}: {text})"
)

_exists = partial(ErrorRule, errors.AlreadyExists, "{subject} already exists ({text})")
_quota = partial(ErrorRule, errors.LimitExceeded, "a quota of {service} is exceeded ({text})")
_no_policy = partial(ErrorRule, errors.NotFound, "{subject} does not exist, or has no policy{said}")
_eks = partial(ErrorRule, service="eks")
_redeeming = partial(ErrorRule, errors.Rejected, service="eks-auth", operations=("AssumeRoleForPodIdentity",))
_iam = partial(ErrorRule, service="iam")


def _both(*codes: str) -> tuple[str, ...]:
    """Return each code as it is and with "Exception" at its end: IAM's models and answers differ."""
    return tuple(name for code in codes for name in (code, f"{code}Exception"))


SERVICE_RULES: tuple[ErrorRule, ...] = (
    # --- every service ------------------------------------------------------------------------------------------------
    # --- credentials --------------------------------------------------------------------------------------------------
    _expired(),
    _expired(fragments=("security token included in the request is expired",)),
    ErrorRule(
        errors.NotRecognized,
        "{service} does not recognize the AWS credentials{whose} ({text})",
        codes=("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "AuthFailure"),
        # the last cause: https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
        advice="The access key was deleted, belongs to another partition, or lacks its session token. Or the region is "
        "not enabled for the account.",
    ),
    _wrong_clock(codes=_BAD_SIGNATURE, fragments=("signature expired", "signature not yet current")),
    _wrong_clock(codes=("RequestTimeTooSkewed",)),
    _sign_in(
        "the secret access key{whose} does not belong to the access key ({text})",
        codes=(*_BAD_SIGNATURE, "IncompleteSignature", "IncompleteSignatureException"),
        advice="Enter the key pair again, and check the clock of this machine.",
    ),
    _sign_in(
        "{service} received a request without credentials ({text})",
        codes=("MissingAuthenticationToken", "MissingAuthenticationTokenException"),
        advice="Specify credentials with --profile or the AWS_* variables.",
    ),
    # --- permissions --------------------------------------------------------------------------------------------------
    _denied(advice=_ASK),
    _denied(
        # authorised on the association's ARN: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelastickubernetesservice.html
        operations=("DescribePodIdentityAssociation", "UpdatePodIdentityAssociation", "DeletePodIdentityAssociation"),
        advice=f"{_ASK} A policy for the cluster's ARN does not cover its associations.",
    ),
    _denied(
        fragments=("iam:passrole",),
        id="passrole-denied",
        advice="Allow iam:PassRole on {passed} where iam:PassedToService is pods.eks.amazonaws.com. "
        "The caller must be allowed to pass a role to associate it.",
    ),
    _denied(
        operations=("CreateAddon", "UpdateAddon"),
        fragments=("iam:passrole",),
        id="passrole-denied",
        advice="Allow iam:PassRole on {passed} where iam:PassedToService is pods.eks.amazonaws.com. "
        "For the IRSA role of an add-on, use eks.amazonaws.com.",
    ),
    _denied(
        fragments=("explicit deny",),
        advice="A policy denies {permission} explicitly. An allow in another policy does not override it.",
    ),
    _denied(
        fragments=("session policy",), advice="The session policy of these credentials must allow {permission} as well."
    ),
    _denied(
        fragments=("permissions boundary",), advice="The caller's permissions boundary must allow {permission} as well."
    ),
    _denied(
        fragments=("service control policy", "resource control policy"),
        advice="A policy of the organization denies it. No policy in this account can allow it.",
    ),
    # --- existing and missing objects ---------------------------------------------------------------------------------
    ErrorRule(
        errors.ClusterNotFound,
        "{cluster} does not exist{where}{said}",
        codes=("ResourceNotFoundException",),
        fragments=("no cluster found",),
        subject="{cluster}",
        advice="Check the cluster's name, the region and the profile.",
    ),
    ErrorRule(
        errors.NotFound,
        "{subject} does not exist{where}{said}",
        codes=("ResourceNotFoundException", "NotFoundException", "NoSuchEntity", "NoSuchEntityException"),
    ),
    _exists(codes=("EntityAlreadyExists", "EntityAlreadyExistsException")),
    ErrorRule(
        errors.Conflict,
        "{subject} is being changed or is in use ({text})",
        codes=("ResourceInUseException", "DeleteConflict", "DeleteConflictException", "InvalidStateException"),
    ),
    _quota(codes=("ResourceLimitExceededException", "LimitExceeded", "ServiceQuotaExceededException")),
    # --- rejected requests --------------------------------------------------------------------------------------------
    _does_not_fit(fragments=("packedpolicytoolarge",)),
    _does_not_fit(codes=("PackedPolicyTooLarge", "PackedPolicyTooLargeException")),
    ErrorRule(
        errors.Rejected,
        "{service} does not accept {operation}{on} ({text})",
        codes=(
            *INVALID,
            *("ClientException", "BadRequestException", "InvalidParameterValue", "MalformedQueryString"),
            *("InvalidAction", *_both("InvalidInput")),
        ),
    ),
    # --- throttles and failures ---------------------------------------------------------------------------------------
    _throttled(codes=THROTTLING_CODES),
    _throttled(statuses=(429,)),
    _failed(codes=_FAILURE_CODES),
    _failed(statuses=(500, 502, 503, 504, 509)),
    # --- not AWS ------------------------------------------------------------------------------------------------------
    ErrorRule(
        errors.UnreadableAnswer,
        "the response to {operation}{on}, HTTP {code}, does not have the format of {service} ({text})",
        # AWS has a code for each error; botocore uses the status where the answer has none
        codes=tuple(str(status) for status in range(300, 500) if status != 429),
        advice="Check AWS_ENDPOINT_URL and the proxy. The proxy may require you to sign in.",
    ),
    # --- operations that are not supported ----------------------------------------------------------------------------
    _not_served(codes=("UnknownOperationException", "UnknownOperation", "NotImplemented", "NotImplementedException")),
    _not_served(codes=_FAILURE_CODES, statuses=(501,)),
    _not_served(statuses=(501,)),
    _not_served(fragments=("has not been implemented", "not implemented", "not yet implemented")),
    # no service answers in HTML; a page of a gateway with 502 to 504 may pass, and is retried
    ErrorRule(
        errors.UnreadableAnswer,
        "{service} answered {operation}{on} with {text} ({code})",
        statuses=(500,),
        fragments=("<!doctype html", "<html"),
        advice="Check AWS_ENDPOINT_URL and the proxy.",
    ),
    # --- the rest -----------------------------------------------------------------------------------------------------
    ErrorRule(errors.Rejected, "{service} refused {operation}{on} ({code}: {text})"),
    # --- EKS only -----------------------------------------------------------------------------------------------------
    _eks(
        errors.RoleUnknown,
        "EKS cannot find the role of {subject} ({text})",
        codes=INVALID,
        # the retry of https://github.com/hashicorp/terraform-provider-aws/pull/34717 is for this text
        fragments=("role provided in the request does not exist",),
        advice="EKS can use a new role within two minutes. Otherwise check the role's ARN, including its path.",
    ),
    _eks(
        errors.TrustRefused,
        "EKS does not accept the trust policy of the role of {subject} ({text})",
        codes=INVALID,
        # https://github.com/hashicorp/terraform-provider-aws/issues/41483
        fragments=("trust policy of the role provided is invalid",),
        advice="The trust policy must allow sts:AssumeRole and sts:TagSession for pods.eks.amazonaws.com.",
    ),
    _eks(
        errors.Rejected,
        "the role of {subject} is not in the cluster's account ({text})",
        # https://github.com/eksctl-io/eksctl/issues/8718 does not record the code
        fragments=("cross-account pass role is not allowed",),
        id="cross-account-role-arn",
        advice="Associate a role in the cluster's account, and specify the other account's role as the target role.",
    ),
    _eks(
        errors.Rejected,
        "an association ID has 19 characters: a- and 17 more ({text})",
        codes=INVALID,
        # https://github.com/aws-samples/eks-workshop-v2/issues/882
        fragments=("should be 19 characters long",),
    ),
    _eks(
        errors.Rejected,
        "this version of the add-on does not support Pod Identity ({text})",
        codes=INVALID,
        # https://github.com/terraform-aws-modules/terraform-aws-eks/issues/3520
        fragments=("pod identity feature is not supported for addon",),
        id="addon-pod-identity-unsupported",
        advice="Update the add-on, or associate its service account directly.",
    ),
    _eks(
        errors.Rejected,
        "the configuration of the add-on does not match its schema ({text})",
        codes=INVALID,
        fragments=("json schema validation failed",),
        id="addon-config-schema-invalid",
    ),
    _exists(service="eks", codes=("ResourceInUseException",), fragments=("already exists",)),
    _exists(service="eks", operations=("CreatePodIdentityAssociation",), codes=("ResourceInUseException",)),
    _quota(
        service="eks",
        operations=("CreatePodIdentityAssociation",),
        codes=("ResourceLimitExceededException",),
        id="association-quota",
    ),
    # --- EKS Auth: the service account's token, and the associated role -----------------------------------------------
    _redeeming(
        "EKS Auth does not accept the service account token{on}: the token has expired ({text})",
        codes=("ExpiredTokenException",),
    ),
    _redeeming(
        "EKS Auth does not accept the service account token{on} ({text})",
        codes=("InvalidTokenException",),
        advice="The token must have the audience pods.eks.amazonaws.com, be of this cluster, and be bound to a pod.",
    ),
    # AWS reports AccessDenied, but no permission of the caller is missing
    _redeeming(
        "EKS cannot assume the associated role{on}: the role's trust policy does not allow EKS to assume it ({text})",
        codes=("AccessDeniedException",),
        fragments=("eks does not have permissions to assume the associated role",),
    ),
    # --- IAM only -----------------------------------------------------------------------------------------------------
    # IAM sends its LimitExceededException as LimitExceeded; of other services that code is a throttle
    _quota(service="iam", codes=("LimitExceededException",)),
    _iam(
        errors.ConcurrentModification,
        "another request changed {subject} at the same time ({text})",
        codes=_both("ConcurrentModification"),
    ),
    _iam(errors.Conflict, "IAM may still be changing {subject} ({text})", codes=_both("EntityTemporarilyUnmodifiable")),
    _iam(
        errors.Rejected,
        "only the AWS service that owns {subject} can change it ({text})",
        codes=_both("UnmodifiableEntity"),
    ),
    _iam(
        errors.Rejected,
        "IAM does not accept the policy of {subject}: a principal in it does not exist ({text})",
        codes=_both("MalformedPolicyDocument"),
        fragments=("invalid principal",),
        advice="IAM returns a deleted principal as AROA… or AIDA… and does not accept it. Remove it from the policy.",
    ),
    _iam(
        errors.Rejected,
        "IAM does not accept the policy of {subject} ({text})",
        codes=_both("MalformedPolicyDocument"),
    ),
    _iam(errors.Rejected, "the policy cannot be attached to {subject} ({text})", codes=_both("PolicyNotAttachable")),
    _iam(errors.Rejected, "IAM cannot evaluate a policy of {subject} ({text})", codes=_both("PolicyEvaluation")),
    ErrorRule(
        errors.NotFound,
        "the account of the caller is in no organization ({text})",
        service="organizations",
        codes=("AWSOrganizationsNotInUseException",),
    ),
    ErrorRule(
        errors.NotFound,
        "no stack{where} has {subject} ({text})",
        service="cloudformation",
        codes=("ValidationError",),
        fragments=("does not exist",),
    ),
    # --- policies of resources ----------------------------------------------------------------------------------------
    _no_policy(service="s3", codes=("NoSuchBucketPolicy", "NoSuchBucket")),
    _no_policy(service="sqs", codes=("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue")),
    _no_policy(service="sns", codes=("NotFound",)),
    _no_policy(service="dynamodb", codes=("PolicyNotFoundException",)),
    # --- CloudTrail only ----------------------------------------------------------------------------------------------
    ErrorRule(
        errors.Rejected,
        "CloudTrail does not accept {operation}{on} ({text})",
        service="cloudtrail",
        codes=(
            "InvalidLookupAttributesException",
            "InvalidTimeRangeException",
            "InvalidMaxResultsException",
            "InvalidNextTokenException",
            "InvalidEventCategoryException",
            "UnsupportedOperationException",
            "OperationNotPermittedException",
        ),
    ),
)
