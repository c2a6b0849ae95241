"""The API server without its sockets: a request in, a response out."""

from podid.sandbox.faults import Fault
from podid.sandbox.http import HttpRequest
from podid.sandbox.kube import discovery, kinds
from podid.sandbox.kube.authn import Authenticator, User
from podid.sandbox.kube.authz import Authorizer, path_refusal
from podid.sandbox.kube.bodies import KubeAnswer, check_acceptable, decoded
from podid.sandbox.kube.impersonation import impersonated, permissions_for
from podid.sandbox.kube.resources import ResourceApi
from podid.sandbox.kube.reviews import review
from podid.sandbox.kube.routes import ApiTarget, parse
from podid.sandbox.kube.simulation import Simulation
from podid.sandbox.kube.status import StatusError, method_not_allowed, no_such_resource
from podid.sandbox.kube.subresources import Subresources
from podid.sandbox.kube.watch import watch

NOT_FOUND = "404 page not found\n"
_HEALTH = ("/readyz", "/healthz", "/livez")


class ApiServer:
    """Authenticates, authorizes, routes. Takes the store's lock for each request."""

    def __init__(
        self,
        simulation: Simulation,
        authenticator: Authenticator,
        authorizer: Authorizer,
        resources: ResourceApi,
        subresources: Subresources,
        kubernetes_version: str,
    ) -> None:
        self._simulation = simulation
        self._authenticator = authenticator
        self._authorizer = authorizer
        self._resources = resources
        self._subresources = subresources
        self._version = kubernetes_version
        self.custom: set[str] = set()
        """The groups of custom resources that are installed."""
        self.endpoint = ""

    def handle(self, request: HttpRequest) -> KubeAnswer:
        """Never raises StatusError: a refusal is a response too."""
        try:
            with self._simulation.settled():
                user = self._impersonated(request, self._authenticator.authenticate(request.header("authorization")))
                target = parse(request)
                if target is None:
                    return self._path(request, user)
                self._authorizer.check(user, target.access)
                return self._resource(request, target, user)
        except StatusError as refusal:
            return KubeAnswer(refusal.status, refusal.body)

    def _impersonated(self, request: HttpRequest, user: User) -> User:
        """https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/"""
        other = impersonated(request)
        if other is None:
            return user
        for access in permissions_for(request):
            self._authorizer.check(user, access)
        return other

    def _path(self, request: HttpRequest, user: User) -> KubeAnswer:
        path = request.decoded_path.rstrip("/") or "/"
        if not self._authorizer.path_allowed(user, path):
            raise path_refusal(user, request.method.lower(), request.decoded_path)
        if request.method not in ("GET", "HEAD"):
            raise method_not_allowed()
        if any(path == health or path.startswith(f"{health}/") for health in _HEALTH):
            return KubeAnswer(200, "ok")
        steps = path.strip("/").split("/")
        if path == "/version":
            return KubeAnswer(200, discovery.version(self._version))
        if path == "/api":
            return KubeAnswer(200, discovery.api_versions(self.endpoint))
        if path == "/api/v1":
            return KubeAnswer(200, discovery.resource_list(""))
        if path == "/apis":
            return KubeAnswer(200, discovery.group_list(self.custom))
        if steps[0] == "apis" and steps[1] in discovery.GROUPS:
            if len(steps) == 2:
                return KubeAnswer(200, {"kind": "APIGroup", "apiVersion": "v1", **discovery.group(steps[1])})
            if steps[2:] == ["v1"]:
                return KubeAnswer(200, discovery.resource_list(steps[1]))
        if steps[:2] == ["openapi", "v3"]:
            return self._openapi(steps[2:])
        if path == "/openid/v1/jwks":
            return KubeAnswer(200, self._simulation.issuer.jwks())
        return KubeAnswer(404, NOT_FOUND)

    def _openapi(self, steps: list[str]) -> KubeAnswer:
        if not steps:
            return KubeAnswer(200, discovery.openapi_index())
        if steps == ["api", "v1"]:
            return KubeAnswer(200, discovery.openapi(""))
        if steps[0] == "apis" and steps[-1] == "v1" and len(steps) == 3 and steps[1] in discovery.GROUPS:
            return KubeAnswer(200, discovery.openapi(steps[1]))
        return KubeAnswer(404, NOT_FOUND)

    def _resource(self, request: HttpRequest, target: ApiTarget, user: User) -> KubeAnswer:
        served = target.group in ("", *discovery.GROUPS, *self.custom)
        if not served or target.version != discovery.version_of(target.group):
            return KubeAnswer(404, NOT_FOUND)
        if target.review:
            if target.verb != "create":
                raise method_not_allowed()
            given = decoded(request, target.review)
            now = self._simulation.store.now()
            return KubeAnswer(201, review(target.review, given, user, self._authorizer, now))
        if target.sub != "log":
            check_acceptable(request)
        kind = target.kind
        if kind is kinds.LEASES:
            self._simulation.kubelet.renew_leases()
        if kind is None or kind.namespaced < bool(target.namespace):
            raise no_such_resource()
        if kind.namespaced and not target.namespace and target.verb not in ("list", "watch"):
            raise no_such_resource() if target.name else method_not_allowed()
        if target.verb == "watch":
            simulation = self._simulation
            events = watch(simulation.store, kind, target.namespace, target.name, request, simulation.catch_up)
            return KubeAnswer(200, lines=events)
        if target.sub:
            return self._subresources.serve(kind, target, request)
        return self._resources.serve(kind, target, request)


_REASONS = {429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable", 504: "Timeout"}


def broken(fault: Fault) -> KubeAnswer:
    """What a fault of the wire answers in place of the API server."""
    status, wait = (429, fault.retry_after or 1) if fault.kind == "throttle" else (fault.status, fault.retry_after)
    told = fault.message or "the server is currently unable to handle the request"
    details = {"retryAfterSeconds": wait} if wait else None
    body = StatusError(status, _REASONS.get(status, ""), told, details).body
    return KubeAnswer(status, body, headers={"Retry-After": str(wait)} if wait else {})
