"""AWS Signature Version 4, as whoever checks one sees it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, unquote

from podid.sandbox.http import HttpRequest

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Signature:
    """What a request says of its signer, in the Authorization header or in a presigned query."""

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
        """Seconds since the epoch, or None for a time that cannot be read."""
        try:
            return datetime.strptime(self.timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
        except ValueError:
            return None

    def fits(self, request: HttpRequest, secret: str) -> bool:
        """Whether `secret` signed this request."""
        return hmac.compare_digest(_sign(self, request, secret), self.value.encode())


def read_signature(request: HttpRequest) -> Signature | None:
    """None for a request that is not signed."""
    header = request.header("authorization")
    if header.startswith(_ALGORITHM):
        parts = dict(part.strip().split("=", 1) for part in header[len(_ALGORITHM) :].split(",") if "=" in part)
        return _read(parts, request.header("x-amz-date"), request.header("x-amz-security-token"), presigned=False)
    given = request.arguments
    if "X-Amz-Credential" not in given:
        return None
    parts = {name.removeprefix("X-Amz-"): value for name, value in given.items()}
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
