"""What every handler of EKS and EKS Auth is given, and the pages that the list operations answer in."""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from podid.sandbox.aws.errors import AwsError
from podid.sandbox.aws.protocol import Params, RestJsonService
from podid.sandbox.credentials import Credential
from podid.sandbox.world import Cluster, World

Result = Mapping[str, Any]
Handler = Callable[["Call", Params], Result]
Item = TypeVar("Item")
PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class RoleView:
    """A role as another service sees it."""

    arn: str
    role_id: str
    trust: str
    tags: tuple[tuple[str, str], ...] = ()


class Iam(Protocol):
    """What EKS, EKS Auth and STS ask of IAM."""

    def role(self, arn: str, *, as_of: float | None = None) -> RoleView | None:
        """The role, or None; with `as_of` as it was at that moment, so that propagation can be played."""

    def identity_policies(self, principal_arn: str) -> list[str]:
        """The documents of all attached and inline policies of a user or a role; none for one that is gone."""


class Authorizer(Protocol):
    """Raises AccessDenied unless the caller may do `action` on `resource`."""

    def __call__(
        self,
        credential: Credential,
        action: str,
        resource: str,
        context: Mapping[str, str] | None = None,
        *,
        shown: str | None = None,
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Call:
    """One request on its way through a handler."""

    world: World
    service: RestJsonService
    iam: Iam
    authorize: Authorizer
    caller: Credential
    region: str

    def error(self, code: str, message: str, **members: str | None) -> AwsError:
        return self.service.error(code, message, **members)

    def error_access(self, message: str) -> AwsError:
        """AccessDeniedException, which the model of EKS does not declare for most operations."""
        return AwsError("AccessDenied", message, 403)

    def cluster(self, name: str) -> Cluster:
        """The cluster with its add-ons up to date; ResourceNotFoundException in EKS's words."""
        with self.world.lock:
            cluster = self.world.clusters.get(name) if self.region == self.world.region else None
            if cluster is None:
                raise self.error("ResourceNotFoundException", f"No cluster found for name: {name}.", clusterName=name)
            self.world.settle(cluster)
            return cluster


def page(items: list[Item], params: Params, *, largest: int = PAGE_SIZE) -> tuple[list[Item], str | None]:
    """One page of `items`, and the token of the next; InvalidParameterException for a token that is not ours."""
    size = min(params.get("maxResults") or largest, largest)
    token = params.get("nextToken")
    start = _decode(token) if token else 0
    end = start + size
    return items[start:end], _encode(end) if end < len(items) else None


def _encode(offset: int) -> str:
    return base64.urlsafe_b64encode(f"podid-sandbox:{offset}".encode()).decode()


def _decode(token: str) -> int:
    try:
        text = base64.urlsafe_b64decode(token.encode()).decode()
        return int(text.removeprefix("podid-sandbox:"))
    except (ValueError, binascii.Error) as error:
        raise AwsError("InvalidParameterException", "nextToken is invalid") from error
