"""Who is asking: static tokens, service account tokens and the bearer tokens of Amazon EKS."""

import base64
import binascii
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import SplitResult, parse_qs, urlsplit

from podid.sandbox.kube.sigv4 import presigned_signature
from podid.sandbox.kube.status import unauthorized
from podid.sandbox.kube.tokens import API_AUDIENCE, TokenError, TokenIssuer

EKS_PREFIX = "k8s-aws-v1."
# aws-iam-authenticator and EKS accept a presigned request for 15 minutes, whatever X-Amz-Expires says
EKS_TOKEN_SECONDS = 15 * 60
MASTERS = "system:masters"


@dataclass(frozen=True, slots=True)
class User:
    """An authenticated caller."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()


ANONYMOUS = User("system:anonymous", groups=("system:unauthenticated",))


@dataclass(slots=True)
class Authenticator:
    """`identify` maps an access key id to the ARN of its principal, or to None when no such key exists."""

    cluster_name: str
    issuer: TokenIssuer
    now: Callable[[], float]
    identify: Callable[[str], str | None]
    tokens: dict[str, User] = field(default_factory=dict)
    principals: dict[str, tuple[str, ...] | None] = field(default_factory=dict)
    """Groups of a principal by ARN; None means that the cluster does not know it (401)."""
    secret_key: Callable[[str], str | None] | None = None
    """The secret of an access key. The cluster name is in a signed header that the token does not carry, so it can
    be checked only by signing again; without this, a token for another cluster passes."""
    default_groups: tuple[str, ...] | None = (MASTERS,)
    """Groups of every principal that is not in `principals`."""

    def authenticate(self, header: str | None) -> User:
        """Raises the API server's 401 for a credential that it does not know."""
        if not header:
            return ANONYMOUS
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            return ANONYMOUS
        token = token.strip()
        if (user := self.tokens.get(token)) is not None:
            return User(user.name, user.uid, (*user.groups, "system:authenticated"), user.extra)
        if token.startswith(EKS_PREFIX):
            return self._eks(token)
        return self._service_account(token)

    def _service_account(self, token: str) -> User:
        try:
            claims = self.issuer.review(token, API_AUDIENCE)
        except TokenError:
            raise unauthorized() from None
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{claims.namespace}", "system:authenticated")
        return User(claims.subject, claims.service_account_uid, groups)

    def _eks(self, token: str) -> User:
        arn = self._principal(token)
        groups = self.principals.get(arn, self.default_groups) if arn else None
        if arn is None or groups is None:
            raise unauthorized()
        extra = (("arn", (arn,)), ("canonicalArn", (arn,)))
        return User(arn, f"aws-iam-authenticator:{arn}", (*groups, "system:authenticated"), extra)

    def _principal(self, token: str) -> str | None:
        """The ARN behind a presigned GetCallerIdentity, if it is meant for this cluster and still fresh.

        https://docs.aws.amazon.com/eks/latest/best-practices/identity-and-access-management.html
        """
        encoded = token.removeprefix(EKS_PREFIX)
        try:
            url = urlsplit(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode())
            query = {key.lower(): values[0] for key, values in parse_qs(url.query).items()}
            signed_at = datetime.strptime(query["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
        except (binascii.Error, ValueError, KeyError):
            return None
        signed_headers = query.get("x-amz-signedheaders", "").split(";")
        if query.get("action") != "GetCallerIdentity" or "x-k8s-aws-id" not in signed_headers:
            return None
        if not -300 <= self.now() - signed_at < EKS_TOKEN_SECONDS:
            return None
        access_key = query.get("x-amz-credential", "").partition("/")[0]
        return self.identify(access_key) if self._signed_for_here(url, access_key) else None

    def _signed_for_here(self, url: SplitResult, access_key: str) -> bool:
        secret = self.secret_key(access_key) if self.secret_key else None
        if secret is None:
            return True
        given = parse_qs(url.query).get("X-Amz-Signature", [""])[0]
        headers = {"host": url.netloc, "x-k8s-aws-id": self.cluster_name}
        return hmac.compare_digest(given, presigned_signature(url, headers, secret))
