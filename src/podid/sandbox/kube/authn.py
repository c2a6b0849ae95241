"""Who is asking: static tokens, service account tokens and the bearer tokens of Amazon EKS."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from podid.sandbox.contract import TokenRefused
from podid.sandbox.http import HttpRequest
from podid.sandbox.kube.status import unauthorized
from podid.sandbox.kube.tokens import API_AUDIENCE, TokenIssuer
from podid.sandbox.sigv4 import read_signature

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


def service_account_groups(namespace: str) -> tuple[str, ...]:
    return "system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"


@dataclass(slots=True)
class Authenticator:
    """`identify` answers for an access key id with the ARN of its principal and its secret, or with None."""

    cluster_name: str
    issuer: TokenIssuer
    now: Callable[[], float]
    identify: Callable[[str], tuple[str, str] | None]
    groups_of: Callable[[str], tuple[str, ...] | None]
    """The groups of an IAM principal by ARN; None means that the cluster does not know it (401)."""
    tokens: dict[str, User] = field(default_factory=dict)
    principals: dict[str, tuple[str, ...] | None] = field(default_factory=dict)
    """What goes before `groups_of`."""

    def authenticate(self, header: str) -> User:
        """Raises the API server's 401 for a credential that it does not know."""
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
        except TokenRefused:
            raise unauthorized() from None
        return User(claims.subject, claims.service_account_uid, service_account_groups(claims.namespace))

    def _eks(self, token: str) -> User:
        arn = self._principal(token)
        if arn is None:
            raise unauthorized()
        groups = self.principals[arn] if arn in self.principals else self.groups_of(arn)
        if groups is None:
            raise unauthorized()
        extra = (("arn", (arn,)), ("canonicalArn", (arn,)))
        return User(arn, f"aws-iam-authenticator:{arn}", (*groups, "system:authenticated"), extra)

    def _principal(self, token: str) -> str | None:
        """The ARN behind a presigned GetCallerIdentity, if it is meant for this cluster and still fresh.

        The cluster's name is in a signed header that the token does not carry, so only signing again can check it.
        https://docs.aws.amazon.com/eks/latest/best-practices/identity-and-access-management.html
        """
        encoded = token.removeprefix(EKS_PREFIX)
        try:
            url = urlsplit(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode())
        except ValueError:
            return None
        headers = {"host": url.netloc, "x-k8s-aws-id": self.cluster_name}
        request = HttpRequest("GET", f"{url.path}?{url.query}", headers)
        signature = read_signature(request)
        if signature is None or request.arguments.get("Action") != "GetCallerIdentity":
            return None
        age = self.now() - (signature.signed_at() or 0)
        known = self.identify(signature.access_key_id)
        if known is None or "x-k8s-aws-id" not in signature.signed_headers or not -300 <= age < EKS_TOKEN_SECONDS:
            return None
        arn, secret = known
        return arn if signature.fits(request, secret) else None
