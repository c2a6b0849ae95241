"""What a URL means: group, resource, namespace, name, subresource, verb."""

from dataclasses import dataclass

from podid.sandbox.http import HttpRequest
from podid.sandbox.kube import kinds
from podid.sandbox.kube.authz import ResourceAccess
from podid.sandbox.kube.kinds import KubeKind

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "GET": "get", "HEAD": "get"}


@dataclass(frozen=True, slots=True)
class ApiTarget:
    """A resource request; `kind` is None when the sandbox does not serve the resource."""

    group: str
    version: str
    plural: str
    namespace: str
    name: str
    sub: str
    verb: str

    @property
    def kind(self) -> KubeKind | None:
        return kinds.BY_PATH.get((self.group, self.version, self.plural))

    @property
    def review(self) -> str:
        """The kind of a review such as SelfSubjectAccessReview, or nothing."""
        return kinds.REVIEWS.get((self.group, self.version, self.plural), "")

    @property
    def access(self) -> ResourceAccess:
        # a namespace is authorized as if it lay in itself
        ns = self.name if self.plural == "namespaces" and not self.group else self.namespace
        resource = f"{self.plural}/{self.sub}" if self.sub else self.plural
        return ResourceAccess(self.verb, self.group, resource, ns, self.name)


def parse(request: HttpRequest) -> ApiTarget | None:
    """None when the path names no resource (discovery, health, version)."""
    steps = [step for step in request.decoded_path.split("/") if step]
    if len(steps) >= 3 and steps[0] == "api":
        group, version, rest = "", steps[1], steps[2:]
    elif len(steps) >= 4 and steps[0] == "apis":
        group, version, rest = steps[1], steps[2], steps[3:]
    else:
        return None
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    plural, name, sub = [*rest, "", ""][:3]
    return ApiTarget(group, version, plural, namespace, name, sub, _verb(request, name))


def _verb(request: HttpRequest, name: str) -> str:
    verb = _VERBS.get(request.method, request.method.lower())
    if verb == "get" and not name:
        return "watch" if request.flag("watch") else "list"
    if verb == "get" and request.flag("watch"):
        return "watch"
    return "deletecollection" if verb == "delete" and not name else verb
