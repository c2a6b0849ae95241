"""What every handler of EKS and EKS Auth is given, and the pages that the list operations answer in."""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from podid.sandbox.aws.authorization import IamAuthorizer
from podid.sandbox.aws.errors import AwsError
from podid.sandbox.aws.moto_backend import IamStore
from podid.sandbox.aws.policy import Keys
from podid.sandbox.aws.protocol import Params, RestJsonService
from podid.sandbox.credentials import Credential
from podid.sandbox.world import ClusterRecord, World

Result = Mapping[str, Any]
Handler = Callable[["Call", Params], Result]
Item = TypeVar("Item")
PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class Call:
    """One request on its way through a handler."""

    world: World
    service: RestJsonService
    iam: IamStore
    rights: IamAuthorizer
    caller: Credential
    region: str
    keys: Keys

    def authorize(self, action: str, resource: str, keys: Keys | None = None) -> None:
        """AccessDenied unless the caller may do `action` on `resource` too, in the same call."""
        self.rights.check(self.caller, action, resource, {**self.keys, **(keys or {})})

    def error(self, code: str, message: str, **members: str | None) -> AwsError:
        return self.service.error(code, message, **members)

    def error_access(self, message: str) -> AwsError:
        """AccessDeniedException, which the model of EKS does not declare for most operations."""
        return AwsError("AccessDenied", message, 403)

    def cluster(self, name: str) -> ClusterRecord:
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
