"""What every handler of EKS and EKS Auth is given, and the pages that the list operations answer in."""

import base64
from collections.abc import Callable, Iterable, Mapping
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
Handler = Callable[["Call"], Result]
Item = TypeVar("Item")
PAGE_SIZE = 100
_TOKEN = "podid-sandbox:"


@dataclass(frozen=True, slots=True)
class Call:
    """One request on its way through a handler."""

    world: World
    service: RestJsonService
    iam: IamStore
    permissions: IamAuthorizer
    caller: Credential
    region: str
    keys: Keys
    params: Params

    def authorize(self, action: str, resource: str, keys: Keys | None = None) -> None:
        """AccessDenied unless the caller may do `action` on `resource` too, in the same call."""
        self.permissions.check(self.caller, action, resource, {**self.keys, **(keys or {})})

    def error(self, code: str, message: str) -> AwsError:
        """An error of the model; the names that it has members for are those of the request."""
        return self.service.error(code, message, {"clusterName": self.params.get("name"), **self.params})

    def invalid(self, message: str) -> AwsError:
        return self.error("InvalidParameterException", message)

    def not_found(self, message: str) -> AwsError:
        return self.error("ResourceNotFoundException", message)

    @property
    def here(self) -> bool:
        """Whether the clusters are the caller's account's, and the region's that was asked."""
        return (self.caller.account, self.region) == (self.world.account, self.world.region)

    def cluster(self) -> ClusterRecord:
        """The cluster that the request names, its add-ons up to date; ResourceNotFoundException in EKS's words."""
        name = self.params.get("clusterName") or self.params["name"]
        with self.world.lock:
            cluster = self.world.clusters.get(name) if self.here else None
            if cluster is None:
                raise self.not_found(f"No cluster found for name: {name}.")
            self.world.settle(cluster)
            return cluster

    def page(self, items: Iterable[Item], *, largest: int = PAGE_SIZE) -> tuple[list[Item], str | None]:
        """One page of `items`, and the token of the next; InvalidParameterException for a token that is not ours."""
        everything = list(items)
        size = min(self.params.get("maxResults") or largest, largest)
        try:
            token = base64.urlsafe_b64decode(self.params.get("nextToken") or "").decode()
            start = int(token.removeprefix(_TOKEN) or 0)
        except ValueError as error:
            raise AwsError("InvalidParameterException", "nextToken is invalid") from error
        end = start + size
        following = base64.urlsafe_b64encode(f"{_TOKEN}{end}".encode()).decode()
        return everything[start:end], following if end < len(everything) else None
