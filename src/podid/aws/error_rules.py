"""What AWS's services say, and what podid makes of it: one `ErrorRule` an error; what the SDK says is in
`podid.aws.errors`, and so are the words that templates may use.

To teach podid a new error, add a rule in its service's part and a line to tests/aws/test_errors.py. Sources: the
declared errors of botocore's service models, the public issues that a rule names, and
https://docs.aws.amazon.com/eks/latest/APIReference/CommonErrors.html.
"""

from functools import partial

from podid.domain import errors
from podid.domain.refusals import ErrorRule, Template

# of commands that renew credentials
PROFILE = ("--profile", "{profile}")

INVALID = ("InvalidParameterException", "InvalidRequestException", "ValidationException", "ValidationError")
# the advice and the hint take turns: whose profile uses IAM Identity Center signs in again
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
_ASK = "Ask whoever administers the account to allow {permission}{resource}."
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
    "the request was signed with a time that is too far from AWS's: this machine's clock is wrong ({text})",
    advice="Set this machine's clock.",
)
_does_not_fit = partial(
    ErrorRule,
    errors.Rejected,
    "the session policy of {subject} does not fit ({text})",
    advice="Shorten the policy; a session policy also needs session tags to be off.",
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
# what is not there now is not there a second later: a region that is behind, a proxy, an endpoint that plays AWS
_not_served = partial(ErrorRule, errors.NotServed, "{service} does not serve {operation} here{on} ({code}: {text})")

_exists = partial(ErrorRule, errors.AlreadyExists, "{subject} exists already ({text})")
_quota = partial(ErrorRule, errors.LimitExceeded, "a quota of {service} is used up ({text})")
_eks = partial(ErrorRule, service="eks")
_redeeming = partial(ErrorRule, errors.Rejected, service="eks-auth", operations=("AssumeRoleForPodIdentity",))
_iam = partial(ErrorRule, service="iam")


def _both(*codes: str) -> tuple[str, ...]:
    """Each as it is, and with "Exception" at its end, where a model says so."""
    return tuple(name for code in codes for name in (code, f"{code}Exception"))


SERVICE_RULES: tuple[ErrorRule, ...] = (
    # --- every service ------------------------------------------------------------------------------------------------
    # --- credentials ---
    _expired(),
    _expired(fragments=("security token included in the request is expired",)),
    _sign_in(
        "{service} does not know the AWS credentials{whose} ({text})",
        codes=("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "AuthFailure"),
        advice="The access key was deleted, belongs to another partition, or lacks its session token.",
    ),
    _wrong_clock(codes=_BAD_SIGNATURE, fragments=("signature expired", "signature not yet current")),
    _wrong_clock(codes=("RequestTimeTooSkewed",)),
    _sign_in(
        "the secret access key{whose} is not the one that belongs to its access key ({text})",
        codes=(*_BAD_SIGNATURE, "IncompleteSignature", "IncompleteSignatureException"),
        advice="Enter the key pair again, and check this machine's clock.",
    ),
    _sign_in(
        "{service} got a request without credentials ({text})",
        codes=("MissingAuthenticationToken", "MissingAuthenticationTokenException"),
        advice="Give credentials with --profile or the AWS_* variables.",
    ),
    # --- rights ---
    _denied(advice=_ASK),
    _denied(
        # authorised on the association's ARN: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelastickubernetesservice.html
        operations=("DescribePodIdentityAssociation", "UpdatePodIdentityAssociation", "DeletePodIdentityAssociation"),
        advice=f"{_ASK} A policy for the cluster's ARN does not cover its associations.",
    ),
    _denied(
        fragments=("iam:passrole",),
        id="passrole-denied",
        advice="Allow iam:PassRole on {passed} where iam:PassedToService is pods.eks.amazonaws.com: "
        "whoever associates a role must be allowed to pass it.",
    ),
    _denied(
        fragments=("explicit deny",),
        advice="A policy denies {permission} explicitly: allowing it elsewhere does not help.",
    ),
    _denied(
        fragments=("session policy",), advice="The session policy of these credentials must allow {permission} as well."
    ),
    _denied(
        fragments=("permissions boundary",), advice="The caller's permissions boundary must allow {permission} as well."
    ),
    _denied(
        fragments=("service control policy", "resource control policy"),
        advice="The organization's own policy denies it: no policy in this account can allow it.",
    ),
    # --- what exists, and what does not ---
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
        "{subject} is being changed, or in use ({text})",
        codes=("ResourceInUseException", "DeleteConflict", "DeleteConflictException", "InvalidStateException"),
    ),
    _quota(codes=("ResourceLimitExceededException", "LimitExceeded", "ServiceQuotaExceededException")),
    # --- what is not accepted ---
    _does_not_fit(fragments=("packedpolicytoolarge",)),
    _does_not_fit(codes=("PackedPolicyTooLarge", "PackedPolicyTooLargeException")),
    ErrorRule(
        errors.Rejected,
        "{service} does not accept {operation}{on} ({text})",
        codes=(
            *INVALID,
            *("ClientException", "BadRequestException", "InvalidParameterValue", "MalformedQueryString"),
            "InvalidAction",
        ),
    ),
    # --- throttles and failures ---
    _throttled(codes=THROTTLING_CODES),
    _throttled(statuses=(429,)),
    _failed(codes=_FAILURE_CODES),
    _failed(statuses=(500, 502, 503, 504, 509)),
    # --- not AWS ---
    ErrorRule(
        errors.UnreadableAnswer,
        "what answered {operation}{on} in the place of {service} says HTTP {code}, and not as AWS would ({text})",
        # AWS has a word for each of its refusals; botocore puts the status where there is none
        codes=tuple(str(status) for status in range(300, 500) if status != 429),
        advice="Check AWS_ENDPOINT_URL and the proxy: it may want you to sign in.",
    ),
    # --- operations that are not there ---
    _not_served(codes=("UnknownOperationException", "UnknownOperation", "NotImplemented", "NotImplementedException")),
    _not_served(codes=_FAILURE_CODES, statuses=(501,)),
    _not_served(statuses=(501,)),
    _not_served(fragments=("has not been implemented", "not implemented", "not yet implemented")),
    # a service words its own failures; a gateway's page for one of 502 to 504 may be another one in a second
    ErrorRule(
        errors.UnreadableAnswer,
        "{service} answered {operation}{on} with {text} ({code})",
        statuses=(500,),
        fragments=("<!doctype html", "<html"),
        advice="Check AWS_ENDPOINT_URL and the proxy.",
    ),
    # --- the rest ---
    ErrorRule(errors.Rejected, "{service} refused {operation}{on} ({code}: {text})"),
    # --- EKS alone ----------------------------------------------------------------------------------------------------
    _eks(
        errors.RoleUnknown,
        "EKS does not know the role of {subject} ({text})",
        codes=INVALID,
        # the retry of https://github.com/hashicorp/terraform-provider-aws/pull/34717 is for this text
        fragments=("role provided in the request does not exist",),
        advice="A role made seconds ago is known within two minutes; otherwise check its ARN, path included.",
    ),
    _eks(
        errors.TrustRefused,
        "EKS does not accept the trust policy of the role of {subject} ({text})",
        codes=INVALID,
        # https://github.com/hashicorp/terraform-provider-aws/issues/41483
        fragments=("trust policy of the role provided is invalid",),
        advice="It must let pods.eks.amazonaws.com do sts:AssumeRole and sts:TagSession.",
    ),
    _eks(
        errors.Rejected,
        "the role of {subject} is in another account than the cluster ({text})",
        # https://github.com/eksctl-io/eksctl/issues/8718 does not record the code
        fragments=("cross-account pass role is not allowed",),
        id="cross-account-role-arn",
        advice="Associate a role of the cluster's account, and name the other account's role as the target role.",
    ),
    _eks(
        errors.Rejected,
        "an association id has 19 characters, a- and 17 more ({text})",
        codes=INVALID,
        # https://github.com/aws-samples/eks-workshop-v2/issues/882
        fragments=("should be 19 characters long",),
    ),
    _eks(
        errors.Rejected,
        "this version of the add-on cannot use Pod Identity ({text})",
        codes=INVALID,
        # https://github.com/terraform-aws-modules/terraform-aws-eks/issues/3520
        fragments=("pod identity feature is not supported for addon",),
        id="addon-pod-identity-unsupported",
        advice="Upgrade the add-on, or associate its service account yourself.",
    ),
    _eks(
        errors.Rejected,
        "the add-on's configuration does not follow its schema ({text})",
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
    # --- EKS Auth: of a service account's token, and of the role that is associated with it ---------------------------
    _redeeming(
        "EKS Auth does not accept the service account token{on}: it has expired ({text})",
        codes=("ExpiredTokenException",),
    ),
    _redeeming(
        "EKS Auth does not accept the service account token{on} ({text})",
        codes=("InvalidTokenException",),
        advice="The token must be for the audience pods.eks.amazonaws.com, of this cluster, and bound to a pod.",
    ),
    # it comes as a missing right, and is none of the caller's
    _redeeming(
        "EKS may not assume the associated role{on}: its trust policy does not admit it ({text})",
        codes=("AccessDeniedException",),
        fragments=("eks does not have permissions to assume the associated role",),
    ),
    # --- IAM alone ----------------------------------------------------------------------------------------------------
    # IAM declares LimitExceededException, whose code on the wire is LimitExceeded; elsewhere it is a throttle
    _quota(service="iam", codes=("LimitExceededException",)),
    _iam(
        errors.ConcurrentModification,
        "somebody else was changing {subject} at the same time ({text})",
        codes=_both("ConcurrentModification"),
    ),
    _iam(errors.Conflict, "IAM may be changing {subject} still ({text})", codes=_both("EntityTemporarilyUnmodifiable")),
    _iam(
        errors.Rejected,
        "{subject} belongs to an AWS service, which alone may change it ({text})",
        codes=_both("UnmodifiableEntity"),
    ),
    _iam(
        errors.Rejected,
        "IAM does not accept the policy of {subject}: a principal in it does not exist ({text})",
        codes=_both("MalformedPolicyDocument"),
        fragments=("invalid principal",),
        advice="A principal that was deleted reads back as AROA… or AIDA… and cannot be written again: take it out.",
    ),
    _iam(
        errors.Rejected,
        "IAM does not accept the policy of {subject} ({text})",
        codes=_both("MalformedPolicyDocument", "InvalidInput"),
    ),
    _iam(errors.Rejected, "the policy cannot be attached to {subject} ({text})", codes=_both("PolicyNotAttachable")),
    _iam(errors.Rejected, "IAM cannot evaluate a policy of {subject} ({text})", codes=_both("PolicyEvaluation")),
    # --- CloudTrail alone ---------------------------------------------------------------------------------------------
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
