"""Who is calling (access keys, signatures) and whether IAM lets them (denials, then the policies of role sessions)."""

import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, unquote

from botocore.utils import normalize_url_path

from podid.sandbox.aws.errors import AwsError, access_denied
from podid.sandbox.aws.policy import AwsPrincipal, Context, decide
from podid.sandbox.aws.service import Iam
from podid.sandbox.credentials import Credential, Credentials

_ALGORITHM = "AWS4-HMAC-SHA256"
_INVALID_TOKEN = "The security token included in the request is invalid."
_EXPIRED_TOKEN = "The security token included in the request is expired"
_BAD_SIGNATURE = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request as it came: `path` and `query` still percent-encoded, header names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Scope:
    """What the credential scope and its companions say, from the Authorization header or from a presigned query."""

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str
    timestamp: str
    token: str
    presigned: bool
    expires: int = 0


def read_scope(request: Request) -> Scope | None:
    """The Signature Version 4 parts of a request; None for one that is not signed."""
    header = request.headers.get("authorization", "")
    if header.startswith(_ALGORITHM):
        parts = dict(part.strip().split("=", 1) for part in header[len(_ALGORITHM) :].split(",") if "=" in part)
        timestamp = request.headers.get("x-amz-date", "")
        token = request.headers.get("x-amz-security-token", "")
        return _scope(parts, timestamp, token, presigned=False)
    if "X-Amz-Credential=" in request.query:
        query = dict(parse_qsl(request.query, keep_blank_values=True))
        parts = {name.removeprefix("X-Amz-"): value for name, value in query.items()}
        return _scope(parts, parts.get("Date", ""), parts.get("Security-Token", ""), presigned=True)
    return None


def _scope(parts: Mapping[str, str], timestamp: str, token: str, *, presigned: bool) -> Scope | None:
    credential = parts.get("Credential", "").rsplit("/", 4)
    if len(credential) != 5:
        return None
    expires = parts.get("Expires", "0")
    return Scope(
        access_key_id=credential[0],
        date=credential[1],
        region=credential[2],
        service=credential[3],
        signed_headers=tuple(parts.get("SignedHeaders", "").split(";")),
        signature=parts.get("Signature", ""),
        timestamp=timestamp,
        token=token,
        presigned=presigned,
        expires=int(expires) if expires.isdigit() else 0,
    )


def authenticate(request: Request, scope: Scope | None, credentials: Credentials) -> Credential:
    """The credential that signed the request; AWS's error for an unknown key, a bad signature or an expired token."""
    if scope is None:
        raise AwsError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
    credential = credentials.find(scope.access_key_id)
    if credential is None or not hmac.compare_digest(credential.session_token, scope.token):
        raise AwsError("InvalidClientTokenId", _INVALID_TOKEN, 403)
    if not hmac.compare_digest(_signature(request, scope, credential.secret_access_key), scope.signature):
        raise AwsError("SignatureDoesNotMatch", _BAD_SIGNATURE, 403)
    if credentials.is_expired(credential) or (scope.presigned and _is_past(scope)):
        raise AwsError("ExpiredToken", _EXPIRED_TOKEN, 403)
    return credential


def _is_past(scope: Scope) -> bool:
    try:
        signed = datetime.strptime(scope.timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return True
    return signed.timestamp() + scope.expires < time.time()


def _signature(request: Request, scope: Scope, secret: str) -> str:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html"""
    pairs = [tuple(pair.partition("=")[::2]) for pair in request.query.split("&") if pair]
    query = "&".join(f"{name}={value}" for name, value in sorted(pairs) if unquote(name) != "X-Amz-Signature")
    headers = "".join(f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in scope.signed_headers)
    digest = request.headers.get("x-amz-content-sha256") or hashlib.sha256(request.body).hexdigest()
    path = quote(normalize_url_path(request.path), safe="/~")
    canonical = "\n".join((request.method, path, query, headers, ";".join(scope.signed_headers), digest))
    day = f"{scope.date}/{scope.region}/{scope.service}/aws4_request"
    to_sign = "\n".join((_ALGORITHM, scope.timestamp, day, hashlib.sha256(canonical.encode()).hexdigest()))
    key = f"AWS4{secret}".encode()
    for part in (scope.date, scope.region, scope.service, "aws4_request", to_sign):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key.hex()


class IamAuthorizer:
    """Raises AccessDenied where AWS would: a right that was taken away, or a role session without the right."""

    def __init__(self, credentials: Credentials, iam: Iam) -> None:
        self._credentials = credentials
        self._iam = iam

    def __call__(
        self,
        credential: Credential,
        action: str,
        resource: str,
        context: Mapping[str, str] | None = None,
        *,
        shown: str | None = None,
    ) -> None:
        denial = self._credentials.denial(credential.access_key_id, action, resource)
        named = resource if shown is None else shown
        if denial is not None:
            raise access_denied(credential.arn, action, named, explicit=denial.explicit)
        if not credential.administrator and not self.permits(credential, action, resource, context or {}):
            raise access_denied(credential.arn, action, named)

    def permits(self, credential: Credential, action: str, resource: str, context: Mapping[str, str]) -> bool:
        """What the identity's own policies, and the session policy if there is one, say."""
        full = principal_context(credential, self._iam) | {key: (value,) for key, value in context.items()}
        documents = self._iam.identity_policies(credential.role_arn or credential.arn)
        if not _any_allows(documents, action, resource, full):
            return False
        return not credential.session_policy or _any_allows([credential.session_policy], action, resource, full)


def _any_allows(documents: list[str], action: str, resource: str, context: Context) -> bool:
    decisions = [decide(document, action, resource, context) for document in documents]
    return any(decision.allowed for decision in decisions) and not any(decision.denied for decision in decisions)


def principal_context(credential: Credential, iam: Iam) -> dict[str, tuple[str, ...]]:
    """The condition keys that tell of the caller; a session tag wins over the role's own tag."""
    role = iam.role(credential.role_arn) if credential.role_arn else None
    tags = dict(role.tags if role else ()) | dict(credential.session_tags)
    return {
        "aws:PrincipalArn": (credential.role_arn or credential.arn,),
        "aws:PrincipalAccount": (credential.account,),
        "aws:userid": (credential.user_id,),
        **{f"aws:PrincipalTag/{key}": (value,) for key, value in tags.items()},
    }


def as_principal(credential: Credential) -> AwsPrincipal:
    """The caller as a trust policy may name it."""
    return AwsPrincipal(tuple(arn for arn in (credential.arn, credential.role_arn) if arn), credential.account)
