"""One table that turns what AWS and its SDK say into podid's errors.

`SERVICE_RULES` is read from top to bottom for an answer of a service (an error code, perhaps with a fragment of its
message), `SDK_RULES` for a failure inside the SDK (no answer at all). The first match wins; what nothing matches is a
plain PodidError with AWS's own words. botocore is not imported: its exceptions are known by the names of their classes,
so that one that an older botocore lacks costs nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from podid.aws.error_rules import SDK_RULES, SERVICE_RULES, THROTTLING_CODES, Kind, Rule
from podid.domain.errors import (
    AccessDenied,
    AlreadyExists,
    Conflict,
    CredentialsError,
    InvalidInput,
    LimitExceeded,
    LostAnswer,
    NotFound,
    PodidError,
    Rejected,
    RoleUnknown,
    Throttled,
    TrustRefused,
    Unavailable,
    UsageError,
)

SERVICE_NAMES = {"eks": "EKS", "eks-auth": "EKS Auth", "iam": "IAM", "sts": "STS", "ec2": "EC2"}


class ServerFailed(Unavailable):
    """The service answered with a 5xx: a read may be tried again, a write may or may not have been carried out."""


class ConnectionLost(Unavailable):
    """The request was sent and no whole answer came back."""


class Unreachable(Unavailable):
    """No connection could be made, so the service never saw the request."""


class UnreadableAnswer(Unavailable):
    """Something answered that does not speak the service's protocol: a captive portal, a proxy, a wrong endpoint."""


class ConcurrentModification(Conflict):
    """IAM was changing the same object for somebody else: read again, then write again."""

    code = "ConcurrentModification"


class ClusterNotFound(NotFound):
    """The cluster that a call named is what does not exist, not the thing inside it."""


KINDS: dict[Kind, type[PodidError]] = {
    Kind.DENIED: AccessDenied,
    Kind.CREDENTIALS: CredentialsError,
    Kind.NOT_FOUND: NotFound,
    Kind.CLUSTER_NOT_FOUND: ClusterNotFound,
    Kind.EXISTS: AlreadyExists,
    Kind.CONFLICT: Conflict,
    Kind.CONCURRENT: ConcurrentModification,
    Kind.LIMIT: LimitExceeded,
    Kind.REJECTED: Rejected,
    Kind.ROLE_UNKNOWN: RoleUnknown,
    Kind.TRUST_REFUSED: TrustRefused,
    Kind.THROTTLED: Throttled,
    Kind.SERVER: ServerFailed,
    Kind.LOST: ConnectionLost,
    Kind.UNREADABLE: UnreadableAnswer,
    Kind.UNREACHABLE: Unreachable,
    Kind.UNAVAILABLE: Unavailable,
    Kind.USAGE: UsageError,
    Kind.INPUT: InvalidInput,
    Kind.OTHER: PodidError,
}

# what AWS writes when it names the action that is missing; the resource and the reason are not always there
_DENIAL = re.compile(
    r"User: (?P<caller>\S+) is not authorized to perform: (?P<action>[\w-]+:\w+)"
    r"(?: on resource: (?P<resource>(?:(?:role|user|group|policy|instance profile) )?\S+))?(?P<reason>.*)",
    re.DOTALL,
)
_ASSOCIATION_ID = re.compile(r"\ba-[a-z0-9]{8,}\b")
_CLUSTER_NAME = re.compile(r"No cluster found for name: ([\w-]+)")
# a service may repeat a value that it refuses
_TOKEN = re.compile(r"eyJ[\w=-]+(\.[\w=-]+)*|k8s-aws-v1\.[\w=-]+|X-Amz-(Signature|Security-Token)=[^&'\"\s]+")
# authorised on the association's ARN: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelastickubernetesservice.html
_ON_ASSOCIATION_ARN = ("DescribePodIdentityAssociation", "UpdatePodIdentityAssociation", "DeletePodIdentityAssociation")
# 501 is missing on purpose: what is not implemented now is not implemented a second later
_SERVER_STATUS = frozenset({500, 502, 503, 504, 509})


@dataclass(frozen=True, slots=True)
class Origin:
    """Where calls come from, for hints: the profile's name ("" when none was named), whether it uses IAM Identity
    Center (`aws sso login`), and what to say when the region may be misspelt ("; did you mean eu-west-1?")."""

    profile: str = ""
    region: str = ""
    sso: bool = False
    region_note: str = ""


def permission_of(service: str, operation: str) -> str:
    """The IAM action that the operation needs: for EKS, EKS Auth, IAM, STS and EC2 the names are the same."""
    return f"{service}:{operation}"


def role_not_yet_known(error: BaseException) -> bool:
    """True when EKS refused a role that may only be too new: IAM takes seconds, rarely two minutes, to spread a new
    role or trust policy (https://github.com/hashicorp/terraform-provider-aws/pull/34717)."""
    return isinstance(error, RoleUnknown | TrustRefused)


def lost_answer(error: PodidError) -> LostAnswer:
    """What a write raises when `error` says that its answer did not arrive."""
    return LostAnswer(
        f"the change may or may not have been made: {error.what}",
        subject=error.subject,
        request_id=error.request_id,
        advice="Run the same command again: it looks first and changes only what is missing.",
    )


def translate(
    error: Exception, *, service: str, operation: str, subject: str = "", origin: Origin | None = None
) -> PodidError:
    """The PodidError to raise `from error`, for any exception that a botocore client can raise."""
    if isinstance(error, PodidError):
        return error
    origin = origin or Origin()
    response = getattr(error, "response", None)
    if isinstance(response, Mapping) and "Error" in response:
        return _from_answer(response, service, operation, subject, origin)
    return _from_sdk(error, service, operation, subject, origin)


def _from_answer(response: Mapping[str, Any], service: str, operation: str, subject: str, origin: Origin) -> PodidError:
    code = str(response["Error"].get("Code") or "")
    text = str(response["Error"].get("Message") or "").strip()
    metadata = response.get("ResponseMetadata") or {}
    request_id = str(metadata.get("RequestId") or "")
    status = int(metadata.get("HTTPStatusCode") or 0)
    rule = _service_rule(service, operation, code, text, status)
    words = _words(service, operation, subject, text, code, origin)
    if rule.kind is Kind.DENIED:
        return _denied(text, service, operation, words, request_id)
    if rule.kind is Kind.EXISTS:
        found = _ASSOCIATION_ID.search(text)
        return AlreadyExists(
            rule.sentence.format_map(words),
            existing_id=found.group() if found else "",
            subject=subject,
            request_id=request_id,
        )
    if rule.kind is Kind.CLUSTER_NOT_FOUND:
        found = _CLUSTER_NAME.search(text)
        words["subject"] = subject = f"cluster {found.group(1)}" if found else subject
    return _build(rule, words, subject, origin, request_id=request_id, service_code=code)


def _service_rule(service: str, operation: str, code: str, text: str, status: int) -> Rule:
    for rule in SERVICE_RULES:
        if rule.matches(service, operation, code, text):
            return rule
    if code in THROTTLING_CODES or status == 429:
        return Rule(Kind.THROTTLED, "{service} asks for fewer requests ({operation}: {text})")
    if status in _SERVER_STATUS:
        return Rule(Kind.SERVER, "{service} failed to answer {operation}{on} ({code}: {text})")
    return Rule(Kind.OTHER, "{service} refused {operation}{on} ({code}: {text})")


def _from_sdk(error: Exception, service: str, operation: str, subject: str, origin: Origin) -> PodidError:
    words = _words(service, operation, subject, str(error).strip(), type(error).__name__, origin)
    for cls in type(error).__mro__:
        rule = SDK_RULES.get(cls.__name__)
        if rule is not None:
            return _build(rule, words, subject, origin)
    return PodidError(
        "{service} could not be asked for {operation}{on} ({code}: {text})".format_map(words), subject=subject
    )


def _words(service: str, operation: str, subject: str, text: str, code: str, origin: Origin) -> dict[str, str]:
    name = SERVICE_NAMES.get(service, service)
    return {
        "service": name,
        "operation": operation,
        "subject": subject or "what was asked for",
        "on": f" for {subject}" if subject else "",
        "text": _TOKEN.sub("[token]", text).rstrip(".") or "no explanation",
        "code": code or "no code",
        "where": f" in {origin.region}" if origin.region and service != "iam" else "",
        "note": origin.region_note,
        "whose": f" of profile {origin.profile}" if origin.profile else "",
    }


def _build(
    rule: Rule, words: dict[str, str], subject: str, origin: Origin, *, request_id: str = "", service_code: str = ""
) -> PodidError:
    kind = KINDS[rule.kind]
    what = rule.sentence.format_map(words)
    hint = _login(rule, origin)
    advice = "" if hint else rule.advice.format_map(words)
    if issubclass(kind, Rejected):
        return kind(what, service_code=service_code, hint=hint, subject=subject, request_id=request_id, advice=advice)
    if issubclass(kind, AlreadyExists):
        return kind(what, subject=subject, request_id=request_id)
    return kind(what, hint=hint, subject=subject, request_id=request_id, advice=advice)


def _login(rule: Rule, origin: Origin) -> tuple[str, ...]:
    command = rule.login or (("aws", "sso", "login") if rule.renewable and origin.sso else ())
    if not command:
        return ()
    return (*command, "--profile", origin.profile) if origin.profile else command


def _denied(text: str, service: str, operation: str, words: dict[str, str], request_id: str) -> AccessDenied:
    """Caller, action, resource and reason in AWS's own words where it gives them."""
    found = _DENIAL.search(text)
    if not found:
        permission = permission_of(service, operation)
        what = f"{words['service']} denies {permission}{words['on']} ({words['text']})"
        return AccessDenied(
            what, permission=permission, subject=_subject(words), request_id=request_id, advice=_allow(permission, "")
        )
    permission = found["action"]
    resource = (found["resource"] or "").rstrip(".,;")
    reason = found["reason"].strip().rstrip(".")
    on = f" on {resource}" if resource and resource != "*" else ""
    what = f"{found['caller']} may not {permission}{on}" + (f", {reason}" if reason else "")
    return AccessDenied(
        what,
        permission=permission,
        subject=_subject(words),
        request_id=request_id,
        advice=_advice_on_denial(permission, operation, resource, reason),
    )


def _subject(words: Mapping[str, str]) -> str:
    return words["on"].removeprefix(" for ")


def _allow(permission: str, resource: str) -> str:
    on = f" on {resource}" if resource else ""
    return f"Ask whoever administers the account to allow {permission}{on}."


def _advice_on_denial(permission: str, operation: str, resource: str, reason: str) -> str:
    if "service control policy" in reason or "resource control policy" in reason:
        return "The organization's own policy denies it: no policy in this account can allow it."
    if "permissions boundary" in reason:
        return f"The caller's permissions boundary must allow {permission} as well."
    if "session policy" in reason:
        return f"The session policy of these credentials must allow {permission} as well."
    if "explicit deny" in reason:
        return f"A policy denies {permission} explicitly: allowing it elsewhere does not help."
    if permission == "iam:PassRole":
        return (
            f"Allow iam:PassRole on {resource or 'the role'} where iam:PassedToService is pods.eks.amazonaws.com: "
            "whoever associates a role must be allowed to pass it."
        )
    if operation in _ON_ASSOCIATION_ARN:
        return f"{_allow(permission, resource)} A policy for the cluster's ARN does not cover its associations."
    return _allow(permission, resource)
