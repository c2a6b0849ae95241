"""What the SDK says where no answer came: `codes` are names of its classes, of which the one that is nearest counts, or
Python's of what it says no more of.

botocore is not imported: a class that an older botocore lacks costs nothing.
"""

from functools import partial

from podid.aws.error_rules.any_service import PROFILE, RENEW, SIGN_IN
from podid.domain.errors import (
    ConnectionLost,
    CredentialsError,
    InvalidInput,
    PodidError,
    Unavailable,
    Unreachable,
    UsageError,
)
from podid.domain.refusals import ErrorRule

_unreachable = partial(ErrorRule, Unreachable, "{service} cannot be reached{where} for {operation} ({text}){note}")
_signed_out = partial(ErrorRule, CredentialsError, "the sign-in{whose} has expired ({text})")
_CHAIN = "Give credentials with --profile, the AWS_* variables, or `aws configure`."

RULES: tuple[ErrorRule, ...] = (
    ErrorRule(CredentialsError, "there are no AWS credentials", codes=("NoCredentialsError",), advice=_CHAIN),
    ErrorRule(
        CredentialsError,
        "the AWS credentials are incomplete ({text})",
        codes=("PartialCredentialsError",),
        advice=_CHAIN,
    ),
    ErrorRule(
        CredentialsError,
        "the AWS credentials{whose} could not be obtained ({text})",
        codes=("CredentialRetrievalError", "MetadataRetrievalError"),
        hint=SIGN_IN,
        advice=RENEW,
    ),
    ErrorRule(
        CredentialsError,
        "the AWS credentials{whose} have expired, and need a new MFA code ({text})",
        codes=("RefreshWithMFAUnsupportedError",),
        hint=SIGN_IN,
        advice=RENEW,
    ),
    _signed_out(codes=("SSOError", "TokenRetrievalError"), hint=("aws", "sso", "login", PROFILE)),
    _signed_out(codes=("LoginError",), hint=("aws", "login", PROFILE)),
    ErrorRule(UsageError, "there is no AWS profile of that name ({text})", codes=("ProfileNotFound",)),
    ErrorRule(UsageError, "the AWS configuration file cannot be read ({text})", codes=("ConfigParseError",)),
    ErrorRule(UsageError, "the AWS configuration file is missing ({text})", codes=("ConfigNotFound",)),
    ErrorRule(
        UsageError,
        "the AWS configuration{whose} is wrong ({text})",
        codes=(
            "InvalidConfigError",
            "UnknownCredentialError",
            "InvalidRetryConfigurationError",
            "InvalidSTSRegionalEndpointsConfigError",
            "InvalidProxiesConfigError",
            "InvalidEndpointConfigurationError",
        ),
    ),
    ErrorRule(
        UsageError,
        "{service} has no endpoint{where} ({text})",
        codes=("BaseEndpointResolverError",),
        advice="Give the region with --region or AWS_REGION.",
    ),
    ErrorRule(UsageError, "{service} has no endpoint{where} ({text})", codes=("EndpointProviderError",)),
    ErrorRule(UsageError, "there is no such AWS region ({text})", codes=("UnknownRegionError",)),
    ErrorRule(UsageError, "that is not the name of an AWS region ({text})", codes=("InvalidRegionError",)),
    _unreachable(codes=("EndpointConnectionError",), advice="{check}"),
    ErrorRule(
        Unreachable,
        "{service} cannot be reached for {operation}: nothing listens at {address}",
        codes=("ConnectionRefusedError",),
        advice="{check}",
    ),
    _unreachable(codes=("ConnectTimeoutError",), advice="Check the network and the proxy."),
    ErrorRule(
        Unreachable,
        "the proxy on the way to {service} cannot be reached ({text})",
        codes=("ProxyConnectionError",),
        advice="Check HTTPS_PROXY.",
    ),
    ErrorRule(
        Unavailable,
        "the certificate of {service} is not trusted ({text})",
        codes=("SSLError",),
        advice="Behind a proxy that inspects TLS, name its certificate in AWS_CA_BUNDLE.",
    ),
    ErrorRule(
        ConnectionLost,
        "{service} gave no answer to {operation}{on} ({text})",
        codes=("ReadTimeoutError", "ConnectionClosedError", "HTTPClientError", "ConnectionError"),
    ),
    ErrorRule(
        InvalidInput,
        "{operation}{on} was refused before it was sent ({text})",
        codes=("ParamValidationError", "ValidationError"),
    ),
    ErrorRule(PodidError, "{service} could not be asked for {operation}{on} ({code}: {text})", codes=("Exception",)),
)
