"""Callers of the sandbox: access keys, role sessions, denied actions, and AWS Signature Version 4.

https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
"""

import hashlib
import hmac
import secrets
import string
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from urllib.parse import quote, unquote

from podid.sandbox.contract import SandboxClock
from podid.sandbox.http import HttpRequest

_ALGORITHM = "AWS4-HMAC-SHA256"

_KEY_CHARACTERS = string.ascii_uppercase + "234567"


@dataclass(frozen=True, slots=True)
class Signature:
    """The parts of a request's signature, from the Authorization header or a presigned query."""

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    value: str
    timestamp: str
    token: str
    expires: int | None = None
    """Seconds that a presigned request is good for; None for one that carries its signature in a header."""

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"

    def signed_at(self) -> float | None:
        """Return seconds since the epoch, or None if the time is malformed."""
        try:
            return datetime.strptime(self.timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
        except ValueError:
            return None

    def fits(self, request: HttpRequest, secret: str) -> bool:
        """Return whether `secret` signed this request."""
        return hmac.compare_digest(_sign(self, request, secret), self.value.encode())


def read_signature(request: HttpRequest) -> Signature | None:
    """Return the signature of a request; None if it is not signed."""
    header = request.header("authorization")
    if header.startswith(_ALGORITHM):
        parts = dict(part.strip().split("=", 1) for part in header[len(_ALGORITHM) :].split(",") if "=" in part)
        return _read(parts, request.header("x-amz-date"), request.header("x-amz-security-token"), presigned=False)
    query = request.arguments
    if "X-Amz-Credential" not in query:
        return None
    parts = {name.removeprefix("X-Amz-"): value for name, value in query.items()}
    return _read(parts, parts.get("Date", ""), parts.get("Security-Token", ""), presigned=True)


def _read(parts: Mapping[str, str], timestamp: str, token: str, *, presigned: bool) -> Signature | None:
    credential = parts.get("Credential", "").rsplit("/", 4)
    if len(credential) != 5:
        return None
    expires = parts.get("Expires", "")
    return Signature(
        access_key_id=credential[0],
        date=credential[1],
        region=credential[2],
        service=credential[3],
        signed_headers=tuple(parts.get("SignedHeaders", "").split(";")),
        value=parts.get("Signature", ""),
        timestamp=timestamp,
        token=token,
        expires=(int(expires) if expires.isdecimal() else 0) if presigned else None,
    )


def _sign(signature: Signature, request: HttpRequest, secret: str) -> bytes:
    from botocore.utils import normalize_url_path

    pairs = [tuple(pair.partition("=")[::2]) for pair in request.query.split("&") if pair]
    query = "&".join(f"{name}={value}" for name, value in sorted(pairs) if unquote(name) != "X-Amz-Signature")
    headers = "".join(f"{name}:{' '.join(request.header(name).split())}\n" for name in signature.signed_headers)
    digest = request.header("x-amz-content-sha256") or hashlib.sha256(request.body).hexdigest()
    path = quote(normalize_url_path(request.path), safe="/~")
    signed = ";".join(signature.signed_headers)
    canonical = "\n".join((request.method, path, query, headers, signed, digest)).encode()
    to_sign = "\n".join((_ALGORITHM, signature.timestamp, signature.scope, hashlib.sha256(canonical).hexdigest()))
    key = f"AWS4{secret}".encode()
    for part in (*signature.scope.split("/"), to_sign):
        key = hmac.digest(key, part.encode(), "sha256")
    return key.hex().encode()


@dataclass(frozen=True, slots=True)
class Credential:
    """One access key and its principal. `role_arn` is set for role sessions; `administrator` skips policies."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    arn: str
    user_id: str
    account: str
    role_arn: str = ""
    session_policy: str = ""
    session_tags: tuple[tuple[str, str], ...] = ()
    expires_at: float | None = None
    administrator: bool = False

    @property
    def of_pod(self) -> bool:
        """Return whether EKS created this session for a pod."""
        return self.user_id.partition(":")[2].startswith("eks-")


@dataclass(frozen=True, slots=True)
class Denial:
    """A denied action; may contain IAM wildcards. An empty access key denies the action for everyone."""

    action: str
    resource: str = "*"
    access_key_id: str = ""
    explicit: bool = False


class KeyRing:
    """All access keys of the sandbox: its own, and the ones that `issued` reads from IAM. Thread-safe."""

    def __init__(self, clock: SandboxClock) -> None:
        self.clock = clock
        self.issued: Callable[[str], Credential | None] = lambda _: None
        self._lock = threading.Lock()
        self._by_key: dict[str, Credential] = {}
        self._expired: set[str] = set()
        self._denials: list[Denial] = []

    def add(self, credential: Credential) -> Credential:
        with self._lock:
            self._by_key[credential.access_key_id] = credential
        return credential

    def find(self, access_key_id: str) -> Credential | None:
        return self._by_key.get(access_key_id) or self.issued(access_key_id)

    def is_expired(self, credential: Credential) -> bool:
        """Return whether the lifetime of the key has passed, or `expire` was called."""
        over = credential.expires_at is not None and credential.expires_at <= self.clock.now()
        return over or credential.access_key_id in self._expired

    def expire(self, access_key_id: str) -> None:
        """Let requests with this key fail with ExpiredToken from now on."""
        self._expired.add(access_key_id)

    def forget(self, access_key_id: str) -> None:
        """Let requests with this key fail as with an unknown key (InvalidClientTokenId,
        UnrecognizedClientException)."""
        with self._lock:
            self._by_key.pop(access_key_id, None)

    def add_user(self, name: str, *, account: str, partition: str = "aws", administrator: bool = True) -> Credential:
        """Add a long-term access key of an IAM user; without `administrator` its attached and inline policies
        decide."""
        return self.add(
            Credential(
                access_key_id="AKIA" + _random_key(16),
                secret_access_key=secrets.token_urlsafe(30),
                session_token="",
                arn=f"arn:{partition}:iam::{account}:user/{name}",
                user_id="AIDA" + _random_key(17),
                account=account,
                administrator=administrator,
            )
        )

    def add_session(
        self,
        role_arn: str,
        session_name: str,
        *,
        role_id: str,
        seconds: float,
        policy: str = "",
        tags: tuple[tuple[str, str], ...] = (),
        administrator: bool = False,
    ) -> Credential:
        """Add a session of `role_arn` that is valid for `seconds`. Its ARN is the assumed-role ARN, without the role's
        path."""
        _, partition, _, _, account, resource = role_arn.split(":", 5)
        return self.add(
            Credential(
                access_key_id="ASIA" + _random_key(16),
                secret_access_key=secrets.token_urlsafe(30),
                session_token=secrets.token_urlsafe(96),
                arn=f"arn:{partition}:sts::{account}:assumed-role/{resource.rsplit('/', 1)[-1]}/{session_name}",
                user_id=f"{role_id}:{session_name}",
                account=account,
                role_arn=role_arn,
                session_policy=policy,
                session_tags=tags,
                expires_at=self.clock.now() + seconds,
                administrator=administrator,
            )
        )

    def deny(self, action: str, *, resource: str = "*", access_key_id: str = "", explicit: bool = False) -> Denial:
        """Deny an action for everyone or for one key. `explicit` makes the message that of an explicit deny."""
        denial = Denial(action, resource, access_key_id, explicit)
        with self._lock:
            self._denials.append(denial)
        return denial

    def allow_again(self, action: str = "*") -> None:
        """Revoke the denials of exactly this action; with "*", all."""
        with self._lock:
            self._denials = [denial for denial in self._denials if action not in ("*", denial.action)]

    def denial(self, access_key_id: str, action: str, resource: str) -> Denial | None:
        """Return the first denial that covers the call, or None."""
        for denial in tuple(self._denials):
            if (
                denial.access_key_id in ("", access_key_id)
                and fnmatchcase(action.lower(), denial.action.lower())
                and fnmatchcase(resource, denial.resource)
            ):
                return denial
        return None


def _random_key(length: int) -> str:
    return "".join(secrets.choice(_KEY_CHARACTERS) for _ in range(length))
