"""Errors of AWS and its SDK as podid's errors: by the rules in `podid.aws.error_rules`, or by SDK_RULES where no answer
came.

Sentence, advice and hint of a rule may use these words:
{service} {operation} {subject} {code} {text}; {on} (" for SUBJECT"), {where} (" in REGION"), {whose} (" of profile
PROFILE"), {note} (a suggestion for a misspelt region);
{cluster} (the missing cluster) and {said} (the rest of AWS's text);
{profile}, {sso} ("aws" if the profile uses IAM Identity Center) and {renew} (the advice for other profiles);
{address} (where nothing listens) and {check} (the advice for it);
of a missing permission {denial} (the sentence), {permission}, {resource} (" on RESOURCE") and {passed}.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from podid.aws.error_rules import PROFILE, RENEW, SERVICE_RULES, SIGN_IN
from podid.domain import errors
from podid.domain.refusals import ErrorRule, Refusal, Words, closest
from podid.domain.text import cut, is_page, without_tokens

SERVICE_NAMES = {
    "cloudformation": "CloudFormation",
    "cloudtrail": "CloudTrail",
    "dynamodb": "DynamoDB",
    "ec2": "EC2",
    "eks": "EKS",
    "eks-auth": "EKS Auth",
    "iam": "IAM",
    "kms": "AWS KMS",
    "lambda": "Lambda",
    "s3": "S3",
    "secretsmanager": "Secrets Manager",
    "sns": "SNS",
    "sqs": "SQS",
    "organizations": "AWS Organizations",
    "account": "AWS Account Management",
    "sso": "IAM Identity Center",
    "sso-oidc": "IAM Identity Center",
    "sts": "STS",
    "accessanalyzer": "IAM Access Analyzer",
}
# the prefix of a service's actions, where it differs from botocore's name of the service
_PREFIXES = {"accessanalyzer": "access-analyzer"}

# AWS's text for a denied action; the resource and the reason are optional
_DENIAL = re.compile(
    r"User: (?P<caller>\S+) is not authorized to perform: (?P<action>[\w-]+:\w+)"
    r"(?: on resource: (?P<resource>(?:(?:role|user|group|policy|instance profile) )?\S+))?(?P<reason>.*)",
    re.DOTALL,
)
_ASSOCIATION_ID = re.compile(r"\ba-[a-z0-9]{8,}\b")
_CLUSTER_NAME = re.compile(r"No cluster found for name: ([\w-]+)")
_NOT_FOUND = re.compile(r"not (?:be )?found|\bno\b.*\bfound|not exist", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of calls, for hints: the profile ("" for none), whether it uses IAM Identity Center (`aws sso login`),
    a suggestion for a region that may be misspelt ("; did you mean eu-west-1?"), and the variable that sets the
    endpoint ("" for AWS's own). ARNs must be in `partition` and `region`. `login` is the source profile to sign
    in with; empty for the profile itself."""

    profile: str = ""
    region: str = ""
    sso: bool = False
    region_note: str = ""
    endpoint: str = ""
    partition: str = ""
    login: str = ""


def translate(
    error: Exception, *, service: str, operation: str, subject: str = "", origin: Origin | None = None
) -> errors.PodidError:
    """Return the PodidError to raise `from error`, for any exception of a botocore client."""
    if isinstance(error, errors.PodidError):
        return error
    response, address = getattr(error, "response", None), _refusing(error)
    if isinstance(response, Mapping):
        body, metadata = response.get("Error") or {}, response.get("ResponseMetadata") or {}
        code, text = (cut(str(body.get(key) or "").strip()) for key in ("Code", "Message"))
        status, request_id = int(metadata.get("HTTPStatusCode") or 0), cut(str(metadata.get("RequestId") or ""), 100)
        code = code or (str(status) if status else "")
        refusal = Refusal(service=service, operation=operation, code=code, text=text, status=status)
        rule = closest(SERVICE_RULES, refusal)
    else:
        code, text, request_id = type(error).__name__, cut(str(error).strip()), ""
        refusal = Refusal(service=service, operation=operation, code=code, text=text)
        names = ("ConnectionRefusedError",) if address else (cls.__name__ for cls in type(error).__mro__)
        rule = next(_SDK_RULES[name] for name in names if name in _SDK_RULES)
    words = {**_words(refusal, subject, origin or Origin()), "address": address}
    return rule.make(refusal, words, subject=subject, request_id=request_id)


def unreadable(service: str, operation: str, subject: str, why: str) -> errors.UnreadableAnswer:
    """Return the error for an answer of an unexpected form. `why` names members and quotes no value."""
    name, on = SERVICE_NAMES.get(service, service), f" for {subject}" if subject else ""
    return errors.UnreadableAnswer(
        f"{name}'s answer to {operation}{on} cannot be read: {why}",
        subject=subject,
        advice="Check AWS_ENDPOINT_URL and the proxy.",
    )


def _refusing(error: Exception) -> str:
    """Return the address that refused the connection, empty for any other failure."""
    url, cause = getattr(error, "kwargs", {}).get("endpoint_url"), error.__context__
    while cause is not None and not isinstance(cause, ConnectionRefusedError):
        cause = cause.__cause__ or cause.__context__
    return "/".join(str(url).split("/")[:3]) if url and cause is not None else ""


def _words(refusal: Refusal, subject: str, origin: Origin) -> dict[str, str]:
    cluster, association = _CLUSTER_NAME.search(refusal.text), _ASSOCIATION_ID.search(refusal.text)
    words = {
        "service": SERVICE_NAMES.get(refusal.service, refusal.service),
        "operation": refusal.operation,
        "subject": subject or "the requested resource",
        "on": f" for {subject}" if subject else "",
        "text": _shown(refusal.text),
        "code": refusal.code or "no code",
        "where": f" in {origin.region}" if origin.region and refusal.service != "iam" else "",
        "note": origin.region_note,
        "whose": f" of profile {origin.profile}" if origin.profile else "",
        "profile": origin.login or origin.profile,
        "sso": "aws" if origin.sso else "",
        "renew": ""
        if origin.sso
        else "Renew the credentials in the way they were created, then run the command again.",
        "check": f"{origin.endpoint} specifies this address. Check the variable, or start the server at the address."
        if origin.endpoint
        else "Check the network, the proxy and the name of the region.",
        "cluster": f"cluster {cluster.group(1)}" if cluster else subject,
        "existing": association.group() if association else "",
    }
    plain = _NOT_FOUND.search(refusal.text) and words["cluster"].rpartition(" ")[2] in refusal.text
    words["said"] = "" if plain and words["cluster"] else f" ({words['text']})"
    return words | _denial(refusal, words)


def _shown(text: str) -> str:
    if is_page(text):
        return "an HTML page"
    return without_tokens(text).rstrip(".") or "no explanation"


def _denial(refusal: Refusal, words: Words) -> dict[str, str]:
    """Return caller, action, resource and reason from AWS's text. Without them, derive the action from the operation:
    EKS, EKS Auth, IAM and STS use the same name for both."""
    match = _DENIAL.search(refusal.text)
    if not match:
        permission = f"{_PREFIXES.get(refusal.service, refusal.service)}:{refusal.operation}"
        denial = f"{words['service']} denies {permission}{words['on']} ({words['text']})"
        return {"denial": denial, "permission": permission, "resource": "", "passed": "the role"}
    permission = match["action"]
    resource = (match["resource"] or "").rstrip(".,;")
    reason = match["reason"].strip().rstrip(".").replace(f"allows the {permission} action", "allows it")
    denial = f"{match['caller']} is not authorized to perform {permission}" + (
        f" on {resource}" if resource not in ("", "*") else ""
    )
    return {
        "denial": denial + (f", {reason}" if reason else ""),
        "permission": permission,
        "resource": f" on {resource}" if resource else "",
        "passed": resource or "the role",
    }


# --- errors of the SDK ------------------------------------------------------------------------------------------------

_unreachable = partial(
    ErrorRule, errors.Unreachable, "{service} cannot be reached{where} for {operation} ({text}){note}"
)
_sign_in = partial(ErrorRule, errors.CredentialsError)
_usage = partial(ErrorRule, errors.UsageError)
_signed_out = partial(_sign_in, "the sign-in{whose} has expired ({text})")
_CHAIN = "Specify credentials with --profile, the AWS_* variables, or `aws configure`."

# `codes` are names of the SDK's or Python's error classes; the most derived class that has a rule decides. They are
# names, since older versions of botocore lack some of the classes
SDK_RULES: tuple[ErrorRule, ...] = (
    _sign_in("no AWS credentials found", codes=("NoCredentialsError",), advice=_CHAIN),
    _sign_in("the AWS credentials are incomplete ({text})", codes=("PartialCredentialsError",), advice=_CHAIN),
    _sign_in(
        "the AWS credentials{whose} could not be obtained ({text})",
        codes=("CredentialRetrievalError", "MetadataRetrievalError"),
        hint=SIGN_IN,
        advice=RENEW,
    ),
    _sign_in(
        "the AWS credentials{whose} have expired and require a new MFA code ({text})",
        codes=("RefreshWithMFAUnsupportedError",),
        hint=SIGN_IN,
        advice=RENEW,
    ),
    _signed_out(codes=("SSOError", "TokenRetrievalError"), hint=("aws", "sso", "login", PROFILE)),
    _signed_out(codes=("LoginError",), hint=("aws", "login", PROFILE)),
    _sign_in(
        "the AWS credentials{whose} require a Python package that is not installed ({text})",
        codes=("MissingDependencyException",),
        hint=("pip", "install", "botocore[crt]"),
    ),
    _usage("the AWS profile does not exist ({text})", codes=("ProfileNotFound",)),
    _usage("the AWS configuration file cannot be read ({text})", codes=("ConfigParseError",)),
    _usage("the AWS configuration file is missing ({text})", codes=("ConfigNotFound",)),
    _usage(
        "the AWS configuration{whose} is not valid ({text})",
        codes=(
            "InvalidConfigError",
            "UnknownCredentialError",
            "InvalidRetryConfigurationError",
            "InvalidSTSRegionalEndpointsConfigError",
            "InvalidProxiesConfigError",
            "InvalidEndpointConfigurationError",
        ),
    ),
    _usage(
        "{service} has no endpoint{where} ({text})",
        codes=("BaseEndpointResolverError",),
        advice="Specify the region with --region or AWS_REGION.",
    ),
    _usage("{service} has no endpoint{where} ({text})", codes=("EndpointProviderError",)),
    _usage("the AWS region does not exist ({text})", codes=("UnknownRegionError",)),
    _usage("the name is not an AWS region ({text})", codes=("InvalidRegionError",)),
    _unreachable(codes=("EndpointConnectionError",), advice="{check}"),
    ErrorRule(
        errors.Unreachable,
        "{service} cannot be reached for {operation}: nothing listens at {address}",
        codes=("ConnectionRefusedError",),
        advice="{check}",
    ),
    _unreachable(codes=("ConnectTimeoutError",), advice="Check the network and the proxy."),
    ErrorRule(
        errors.Unreachable,
        "the proxy for {service} cannot be reached ({text})",
        codes=("ProxyConnectionError",),
        advice="Check HTTPS_PROXY.",
    ),
    ErrorRule(
        errors.Unavailable,
        "the certificate of {service} is not trusted ({text})",
        codes=("SSLError",),
        advice="If a proxy inspects TLS, specify its certificate with AWS_CA_BUNDLE.",
    ),
    ErrorRule(
        errors.ConnectionLost,
        "{service} did not answer {operation}{on} ({text})",
        codes=("ReadTimeoutError", "ConnectionClosedError", "HTTPClientError", "ConnectionError"),
    ),
    ErrorRule(
        errors.InvalidInput,
        "the AWS SDK rejected the parameters of {operation}{on} ({text})",
        codes=("ParamValidationError", "ValidationError"),
    ),
    ErrorRule(
        errors.PodidError, "{service} could not be called for {operation}{on} ({code}: {text})", codes=("Exception",)
    ),
)
_SDK_RULES = {code: rule for rule in SDK_RULES for code in rule.codes}
