"""The data of the error table: what AWS says, and what podid makes of it.

A rule's sentence may use {service} {operation} {subject} {on} {text} {code} {where} {note} {whose}, where {text} is
AWS's own message. To teach podid a new error, add a rule here and a line to tests/aws/test_errors.py.

Sources: the declared errors of botocore's service models, https://docs.aws.amazon.com/eks/latest/APIReference/CommonErrors.html,
and the public issues that a rule names.
"""

from dataclasses import dataclass
from enum import Enum, auto


class Kind(Enum):
    """One word for each class of error; `podid.aws.errors.KINDS` says which class that is."""

    DENIED = auto()
    CREDENTIALS = auto()
    NOT_FOUND = auto()
    CLUSTER_NOT_FOUND = auto()
    EXISTS = auto()
    CONFLICT = auto()
    CONCURRENT = auto()
    LIMIT = auto()
    REJECTED = auto()
    ROLE_UNKNOWN = auto()
    TRUST_REFUSED = auto()
    THROTTLED = auto()
    SERVER = auto()
    LOST = auto()
    UNREADABLE = auto()
    UNREACHABLE = auto()
    UNAVAILABLE = auto()
    USAGE = auto()
    INPUT = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Rule:
    """`codes`, `services`, `operation` and `fragment` narrow a rule down; empty matches everything. `login` is the
    command that renews credentials, `renewable` says that `aws sso login` does where the profile uses it, and `advice`
    is a sentence for what no command can do."""

    kind: Kind
    sentence: str
    codes: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    operation: str = ""
    fragment: str = ""
    advice: str = ""
    login: tuple[str, ...] = ()
    renewable: bool = False

    def matches(self, service: str, operation: str, code: str, text: str) -> bool:
        return (
            (not self.codes or code in self.codes)
            and (not self.services or service in self.services)
            and (not self.operation or operation == self.operation)
            and self.fragment.lower() in text.lower()
        )


def _any(*values: str) -> frozenset[str]:
    return frozenset(values)


_EKS = _any("eks")
_IAM = _any("iam")
_ASSUME = "AssumeRoleForPodIdentity"
_INVALID = _any("InvalidParameterException", "InvalidRequestException", "ValidationException", "ValidationError")
_RENEW = "Renew the credentials the way they were made, then run the command again."

# botocore.retries.standard and botocore's data/_retry.json; LimitExceededException is one of them, not a quota
THROTTLING_CODES = _any(
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

SERVICE_RULES: tuple[Rule, ...] = (
    # --- credentials ---
    Rule(
        Kind.CREDENTIALS,
        "the AWS credentials{whose} have expired ({text})",
        _any("ExpiredToken", "ExpiredTokenException", "RequestExpired"),
        fragment="security token included in the request is expired",
        advice=_RENEW,
        renewable=True,
    ),
    Rule(
        Kind.REJECTED,
        "EKS Auth does not accept the service account token{on}: it has expired ({text})",
        _any("ExpiredTokenException"),
        _any("eks-auth"),
        _ASSUME,
    ),
    Rule(
        Kind.REJECTED,
        "EKS Auth does not accept the service account token{on} ({text})",
        _any("InvalidTokenException"),
        _any("eks-auth"),
        _ASSUME,
        advice="The token must be for the audience pods.eks.amazonaws.com, of this cluster, and bound to a pod.",
    ),
    Rule(
        Kind.CREDENTIALS,
        "the AWS credentials{whose} have expired ({text})",
        _any("ExpiredToken", "ExpiredTokenException", "RequestExpired"),
        advice=_RENEW,
        renewable=True,
    ),
    Rule(
        Kind.CREDENTIALS,
        "{service} does not know the AWS credentials{whose} ({text})",
        _any("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "AuthFailure"),
        advice="The access key was deleted, belongs to another partition, or lacks its session token.",
    ),
    Rule(
        Kind.CREDENTIALS,
        "the request was signed with a time that is too far from AWS's: this machine's clock is wrong ({text})",
        _any("SignatureDoesNotMatch", "InvalidSignatureException", "RequestTimeTooSkewed"),
        fragment="signature expired",
        advice="Set this machine's clock.",
    ),
    Rule(
        Kind.CREDENTIALS,
        "the request was signed with a time that is too far from AWS's: this machine's clock is wrong ({text})",
        _any("SignatureDoesNotMatch", "InvalidSignatureException"),
        fragment="signature not yet current",
        advice="Set this machine's clock.",
    ),
    Rule(
        Kind.CREDENTIALS,
        "the request was signed with a time that is too far from AWS's: this machine's clock is wrong ({text})",
        _any("RequestTimeTooSkewed"),
        advice="Set this machine's clock.",
    ),
    Rule(
        Kind.CREDENTIALS,
        "the secret access key{whose} is not the one that belongs to its access key ({text})",
        _any(
            "SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature", "IncompleteSignatureException"
        ),
        advice="Enter the key pair again, and check this machine's clock.",
    ),
    Rule(
        Kind.CREDENTIALS,
        "{service} got a request without credentials ({text})",
        _any("MissingAuthenticationToken", "MissingAuthenticationTokenException"),
        advice="Give credentials with --profile or the AWS_* variables.",
    ),
    # --- EKS: the role of an association; before the rights, because some of it comes as AccessDeniedException ---
    Rule(
        Kind.ROLE_UNKNOWN,
        "EKS does not know the role of {subject} ({text})",
        _INVALID,
        _EKS,
        # the retry of https://github.com/hashicorp/terraform-provider-aws/pull/34717 is for this text
        fragment="Role provided in the request does not exist",
        advice="A role made seconds ago is known within two minutes; otherwise check its ARN, path included.",
    ),
    Rule(
        Kind.TRUST_REFUSED,
        "EKS does not accept the trust policy of the role of {subject} ({text})",
        _INVALID,
        _EKS,
        # https://github.com/hashicorp/terraform-provider-aws/issues/41483
        fragment="Trust policy of the role provided is invalid",
        advice="It must let pods.eks.amazonaws.com do sts:AssumeRole and sts:TagSession.",
    ),
    Rule(
        Kind.REJECTED,
        "the role of {subject} is in another account than the cluster ({text})",
        services=_EKS,
        # https://github.com/eksctl-io/eksctl/issues/8718 does not record the code
        fragment="Cross-account pass role is not allowed",
        advice="Associate a role of the cluster's account, and name the other account's role as the target role.",
    ),
    Rule(
        Kind.REJECTED,
        "the session policy of {subject} does not fit ({text})",
        fragment="PackedPolicyTooLarge",
        advice="Shorten the policy; a session policy also needs session tags to be off.",
    ),
    Rule(
        Kind.REJECTED,
        "the session policy of {subject} does not fit ({text})",
        _any("PackedPolicyTooLarge", "PackedPolicyTooLargeException"),
        advice="Shorten the policy; a session policy also needs session tags to be off.",
    ),
    Rule(
        Kind.REJECTED,
        "an association id has 19 characters, a- and 17 more ({text})",
        _INVALID,
        _EKS,
        # https://github.com/aws-samples/eks-workshop-v2/issues/882
        fragment="should be 19 characters long",
    ),
    Rule(
        Kind.REJECTED,
        "this version of the add-on cannot use Pod Identity ({text})",
        _INVALID,
        _EKS,
        # https://github.com/terraform-aws-modules/terraform-aws-eks/issues/3520
        fragment="Pod Identity feature is not supported for addon",
        advice="Upgrade the add-on, or associate its service account yourself.",
    ),
    Rule(
        Kind.REJECTED,
        "the add-on's configuration does not follow its schema ({text})",
        _INVALID,
        _EKS,
        fragment="Json schema validation failed",
    ),
    # --- rights ---
    Rule(
        Kind.REJECTED,
        "EKS may not assume the associated role{on}: its trust policy does not admit it ({text})",
        _any("AccessDeniedException"),
        _any("eks-auth"),
        _ASSUME,
        fragment="EKS does not have permissions to assume the associated role",
    ),
    Rule(
        Kind.DENIED,
        "",
        _any(
            "AccessDenied",
            "AccessDeniedException",
            "UnauthorizedOperation",
            "NotAuthorized",
            "OptInRequired",
            "UnauthorizedException",
            "ForbiddenException",
        ),
    ),
    # --- EKS: the rest ---
    Rule(
        Kind.CLUSTER_NOT_FOUND,
        "{subject} does not exist{where} ({text})",
        _any("ResourceNotFoundException"),
        _any("eks", "eks-auth"),
        fragment="No cluster found",
        advice="Check the cluster's name, the region and the profile.",
    ),
    Rule(
        Kind.NOT_FOUND,
        "{subject} does not exist{where} ({text})",
        _any("ResourceNotFoundException", "NotFoundException", "NoSuchEntity", "NoSuchEntityException"),
    ),
    Rule(Kind.EXISTS, "{subject} exists already ({text})", _any("EntityAlreadyExists", "EntityAlreadyExistsException")),
    Rule(Kind.EXISTS, "{subject} exists already ({text})", _any("ResourceInUseException"), fragment="already exists"),
    Rule(
        Kind.EXISTS,
        "{subject} exists already ({text})",
        _any("ResourceInUseException"),
        operation="CreatePodIdentityAssociation",
    ),
    Rule(
        Kind.CONFLICT,
        "{subject} is being changed, or in use ({text})",
        _any("ResourceInUseException", "DeleteConflict", "DeleteConflictException", "InvalidStateException"),
    ),
    Rule(
        Kind.LIMIT,
        "a quota of {service} is used up ({text})",
        _any("ResourceLimitExceededException", "LimitExceeded", "ServiceQuotaExceededException"),
    ),
    # IAM declares LimitExceededException, whose code on the wire is LimitExceeded; elsewhere it is a throttle
    Rule(Kind.LIMIT, "a quota of IAM is used up ({text})", _any("LimitExceededException"), _IAM),
    # --- IAM ---
    Rule(
        Kind.CONCURRENT,
        "somebody else was changing {subject} at the same time ({text})",
        _any("ConcurrentModification", "ConcurrentModificationException"),
    ),
    Rule(
        Kind.CONFLICT,
        "IAM may be changing {subject} still ({text})",
        _any("EntityTemporarilyUnmodifiable", "EntityTemporarilyUnmodifiableException"),
    ),
    Rule(
        Kind.REJECTED,
        "{subject} belongs to an AWS service, which alone may change it ({text})",
        _any("UnmodifiableEntity", "UnmodifiableEntityException"),
    ),
    Rule(
        Kind.REJECTED,
        "IAM does not accept the policy of {subject}: a principal in it does not exist ({text})",
        _any("MalformedPolicyDocument", "MalformedPolicyDocumentException"),
        fragment="Invalid principal",
        advice="A principal that was deleted reads back as AROA… or AIDA… and cannot be written again: take it out.",
    ),
    Rule(
        Kind.REJECTED,
        "IAM does not accept the policy of {subject} ({text})",
        _any("MalformedPolicyDocument", "MalformedPolicyDocumentException", "InvalidInput", "InvalidInputException"),
    ),
    Rule(
        Kind.REJECTED,
        "the policy cannot be attached to {subject} ({text})",
        _any("PolicyNotAttachable", "PolicyNotAttachableException"),
    ),
    Rule(
        Kind.REJECTED,
        "IAM cannot evaluate a policy of {subject} ({text})",
        _any("PolicyEvaluation", "PolicyEvaluationException"),
    ),
    # --- any service ---
    Rule(
        Kind.SERVER,
        "{service} failed to answer {operation}{on} ({code}: {text})",
        _any(
            "ServerException",
            "InternalFailure",
            "InternalError",
            "InternalServerError",
            "InternalServerException",
            "ServiceFailure",
            "ServiceFailureException",
            "ServiceUnavailable",
            "ServiceUnavailableException",
            "RequestTimeout",
            "RequestTimeoutException",
        ),
    ),
    Rule(
        Kind.REJECTED,
        "{service} does not accept {operation}{on} ({text})",
        _INVALID
        | _any(
            "ClientException", "BadRequestException", "InvalidParameterValue", "MalformedQueryString", "InvalidAction"
        ),
    ),
)

_NO_SEND = "{service} cannot be reached{where} for {operation} ({text}){note}"
_NO_ANSWER = "{service} gave no answer to {operation}{on} ({text})"
_CHAIN = "Give credentials with --profile, the AWS_* variables, or `aws configure`."

SDK_RULES: dict[str, Rule] = {
    "NoCredentialsError": Rule(Kind.CREDENTIALS, "there are no AWS credentials", advice=_CHAIN),
    "PartialCredentialsError": Rule(Kind.CREDENTIALS, "the AWS credentials are incomplete ({text})", advice=_CHAIN),
    "CredentialRetrievalError": Rule(
        Kind.CREDENTIALS, "the AWS credentials{whose} could not be had ({text})", advice=_RENEW, renewable=True
    ),
    "MetadataRetrievalError": Rule(
        Kind.CREDENTIALS, "the AWS credentials{whose} could not be had ({text})", advice=_RENEW, renewable=True
    ),
    "RefreshWithMFAUnsupportedError": Rule(
        Kind.CREDENTIALS,
        "the AWS credentials{whose} have expired, and need a new MFA code ({text})",
        advice=_RENEW,
        renewable=True,
    ),
    "SSOError": Rule(Kind.CREDENTIALS, "the sign-in{whose} has expired ({text})", login=("aws", "sso", "login")),
    "TokenRetrievalError": Rule(
        Kind.CREDENTIALS, "the sign-in{whose} has expired ({text})", login=("aws", "sso", "login")
    ),
    "LoginError": Rule(Kind.CREDENTIALS, "the sign-in{whose} has expired ({text})", login=("aws", "login")),
    "ProfileNotFound": Rule(Kind.USAGE, "there is no AWS profile of that name ({text})"),
    "ConfigParseError": Rule(Kind.USAGE, "the AWS configuration file cannot be read ({text})"),
    "ConfigNotFound": Rule(Kind.USAGE, "the AWS configuration file is missing ({text})"),
    "InvalidConfigError": Rule(Kind.USAGE, "the AWS configuration{whose} is wrong ({text})"),
    "UnknownCredentialError": Rule(Kind.USAGE, "the AWS configuration{whose} is wrong ({text})"),
    "InvalidRetryConfigurationError": Rule(Kind.USAGE, "the AWS configuration{whose} is wrong ({text})"),
    "InvalidSTSRegionalEndpointsConfigError": Rule(Kind.USAGE, "the AWS configuration{whose} is wrong ({text})"),
    "InvalidProxiesConfigError": Rule(Kind.USAGE, "the AWS configuration{whose} is wrong ({text})"),
    "InvalidEndpointConfigurationError": Rule(Kind.USAGE, "the AWS configuration{whose} is wrong ({text})"),
    "BaseEndpointResolverError": Rule(
        Kind.USAGE, "{service} has no endpoint{where} ({text})", advice="Give the region with --region or AWS_REGION."
    ),
    "EndpointProviderError": Rule(Kind.USAGE, "{service} has no endpoint{where} ({text})"),
    "UnknownRegionError": Rule(Kind.USAGE, "there is no such AWS region ({text})"),
    "InvalidRegionError": Rule(Kind.USAGE, "that is not the name of an AWS region ({text})"),
    "EndpointConnectionError": Rule(
        Kind.UNREACHABLE, _NO_SEND, advice="Check the network, the proxy and the region's name."
    ),
    "ConnectTimeoutError": Rule(Kind.UNREACHABLE, _NO_SEND, advice="Check the network and the proxy."),
    "ProxyConnectionError": Rule(
        Kind.UNREACHABLE, "the proxy on the way to {service} cannot be reached ({text})", advice="Check HTTPS_PROXY."
    ),
    "SSLError": Rule(
        Kind.UNAVAILABLE,
        "the certificate of {service} is not trusted ({text})",
        advice="Behind a proxy that inspects TLS, name its certificate in AWS_CA_BUNDLE.",
    ),
    "ReadTimeoutError": Rule(Kind.LOST, _NO_ANSWER),
    "ConnectionClosedError": Rule(Kind.LOST, _NO_ANSWER),
    "HTTPClientError": Rule(Kind.LOST, _NO_ANSWER),
    "ConnectionError": Rule(Kind.LOST, _NO_ANSWER),
    "ResponseParserError": Rule(
        Kind.UNREADABLE,
        "what answered {operation} is not {service} ({text})",
        advice="Check AWS_ENDPOINT_URL and the proxy.",
    ),
    "ParamValidationError": Rule(Kind.INPUT, "{operation}{on} cannot be asked like this ({text})"),
    "ValidationError": Rule(Kind.INPUT, "{operation}{on} cannot be asked like this ({text})"),
}
