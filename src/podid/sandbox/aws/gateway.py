"""The front door: finds the service in the credential scope, meets the faults, and hands the call on.

Nothing but EKS, EKS Auth, IAM, STS and EC2 is behind it. moto's own admin and metadata paths cannot be reached, because
a path never chooses the service.
"""

import io
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from podid.sandbox.aws import eks_addons, eks_associations, eks_auth, eks_clusters
from podid.sandbox.aws.authorization import IamAuthorizer, Request, Scope, authenticate, read_scope
from podid.sandbox.aws.errors import Answer, AwsError, render_error
from podid.sandbox.aws.iam_moto import MotoIam
from podid.sandbox.aws.iam_rules import NAMESPACE as IAM_NAMESPACE
from podid.sandbox.aws.iam_rules import IamRules
from podid.sandbox.aws.protocol import RestJsonService
from podid.sandbox.aws.query import Form, parse_form, render
from podid.sandbox.aws.service import Call, Handler
from podid.sandbox.aws.sts import NAMESPACE as STS_NAMESPACE
from podid.sandbox.aws.sts import Sts
from podid.sandbox.credentials import Credential
from podid.sandbox.faults import Faults
from podid.sandbox.world import World

REST_JSON = ("eks", "eks-auth")
QUERY = {"iam": "query", "sts": "query", "ec2": "ec2"}
_HANDLERS: Mapping[str, Mapping[str, Handler]] = {
    "eks": {**eks_clusters.HANDLERS, **eks_associations.HANDLERS, **eks_addons.HANDLERS},
    "eks-auth": eks_auth.HANDLERS,
}
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelastickubernetesservice.html
_UNSCOPED = {"ListClusters", "DescribeAddonVersions", "DescribeAddonConfiguration"}
_THROTTLED = "Rate exceeded"


class Disconnect(Exception):
    """The connection ends without an answer."""


@dataclass(frozen=True, slots=True)
class _Named:
    """A request whose service, operation and protocol are known."""

    request: Request
    scope: Scope | None
    service: str
    operation: str
    protocol: str
    form: Form


class Gateway:
    """Answers one request at a time on each thread; any number of threads."""

    def __init__(self, world: World, faults: Faults, seed_ec2: Callable[[World], None]) -> None:
        self.world = world
        self.faults = faults
        self.iam = MotoIam(world.clock, world.partition)
        self.authorizer = IamAuthorizer(world.credentials, self.iam)
        self.rules = IamRules(self.iam, world.partition)
        self.sts = Sts(world, self.iam, self.authorizer)
        self._services = {name: RestJsonService(name) for name in REST_JSON}
        self._seed_ec2 = seed_ec2
        self._ec2_ready = False
        self._moto: dict[str, Any] = {}

    def answer(self, request: Request) -> Answer:
        """The response; Disconnect when a fault says that there is none."""
        request_id = str(uuid4())
        protocol, statuses = "rest-json", {}
        try:
            named = self._name(request)
            protocol = named.protocol
            if named.service in self._services:
                statuses = self._services[named.service].error_statuses
            return self._guarded(named, request_id)
        except AwsError as error:
            return render_error(error, protocol, request_id, statuses)

    def _name(self, request: Request) -> _Named:
        scope = read_scope(request)
        is_form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        form = (
            parse_form(request.body if is_form else b"", request.query) if is_form or "Action=" in request.query else {}
        )
        service = scope.service if scope is not None else ""
        if scope is None and form.get("Action") in Sts.UNSIGNED:
            service = "sts"
        if service in self._services:
            operation, _ = self._services[service].match(request.method, request.path)
            return _Named(request, scope, service, operation.name, "rest-json", form)
        if service in QUERY:
            return _Named(request, scope, service, form.get("Action", ""), QUERY[service], form)
        if scope is None:
            raise AwsError("MissingAuthenticationToken", "Missing Authentication Token", 403)
        # Services that speak JSON look for the code in the body.
        code = "UnknownOperationException"
        message = f"The podid sandbox does not play the service {service!r}."
        raise AwsError(code, message, 404, __type=code)

    def _guarded(self, named: _Named, request_id: str) -> Answer:
        outcome = self.faults.meet(named.service, named.operation)
        if outcome.seconds:
            time.sleep(outcome.seconds)
        if outcome.breaks == "reset":
            raise Disconnect
        if outcome.breaks == "throttle":
            error = AwsError("Throttling", _THROTTLED, 400)
            return self._refusal(named, error, request_id)
        if outcome.breaks == "fail":
            code = "InternalFailure" if outcome.status == 500 else "ServiceUnavailable"
            error = AwsError(code, "The request processing has failed because of an unknown error.", outcome.status)
            return self._refusal(named, error, request_id)
        try:
            answer = self._handle(named, request_id)
        except AwsError as error:
            answer = self._refusal(named, error, request_id)
        finally:
            self.world.notify()
        if outcome.lose_answer:
            raise Disconnect
        return answer

    def _refusal(self, named: _Named, error: AwsError, request_id: str) -> Answer:
        service = self._services.get(named.service)
        return render_error(error, named.protocol, request_id, service.error_statuses if service else {})

    def _handle(self, named: _Named, request_id: str) -> Answer:
        caller = None
        if not (named.service == "sts" and named.operation in Sts.UNSIGNED):
            caller = authenticate(named.request, named.scope, self.world.credentials)
        if named.service in self._services and caller is not None:
            return self._rest_json(named, caller, request_id)
        if named.service == "sts":
            return render(
                named.operation, self.sts.call(named.operation, named.form, caller), STS_NAMESPACE, request_id
            )
        if caller is None:
            raise AwsError("MissingAuthenticationToken", "Missing Authentication Token", 403)
        return self._ec2(named, caller) if named.service == "ec2" else self._iam(named, caller, request_id)

    def _rest_json(self, named: _Named, caller: Credential, request_id: str) -> Answer:
        service = self._services[named.service]
        request = named.request
        operation, labels = service.match(request.method, request.path)
        self.authorizer(caller, f"{named.service}:{operation.name}", self._eks_resource(operation.name, labels))
        params = service.parse(operation, labels, request.query, request.body)
        handler = _HANDLERS[named.service].get(operation.name)
        if handler is None:
            raise AwsError(
                "UnknownOperationException", f"The podid sandbox does not play the operation {operation.name}.", 404
            )
        region = named.scope.region if named.scope is not None else ""
        call = Call(self.world, service, self.iam, self.authorizer, caller, region)
        if named.service == "eks":
            with self.world.lock:
                result = handler(call, params)
        else:
            # The token review enters the Kubernetes half, which asks the World back from threads of its own.
            result = handler(call, params)
        headers = (("Content-Type", "application/json"), ("x-amzn-RequestId", request_id))
        return Answer(200, headers, service.serialise(operation, result))

    def _eks_resource(self, operation: str, labels: Mapping[str, str]) -> str:
        """The ARN that IAM checks the call against."""
        cluster = labels.get("name") or labels.get("clusterName")
        if operation in _UNSCOPED or (cluster is None and "resourceArn" not in labels):
            return "*"
        if "resourceArn" in labels:
            return labels["resourceArn"]
        if "associationId" in labels:
            return self.world.arn(f"podidentityassociation/{cluster}/{labels['associationId']}")
        if "addonName" in labels:
            return self._addon_arn(str(cluster), labels["addonName"])
        for label, kind in (("nodegroupName", "nodegroup"), ("fargateProfileName", "fargateprofile")):
            if label in labels:
                return self.world.arn(f"{kind}/{cluster}/{labels[label]}/*")
        return self.world.arn(f"cluster/{cluster}")

    def _addon_arn(self, cluster: str, addon: str) -> str:
        known = self.world.clusters.get(cluster)
        installed = known.addons.get(addon) if known is not None else None
        return installed.arn if installed is not None else self.world.arn(f"addon/{cluster}/{addon}/*")

    def _iam(self, named: _Named, caller: Credential, request_id: str) -> Answer:
        action, form, account = named.operation, named.form, caller.account
        target = self.rules.target(account, action, form)
        self.authorizer(caller, f"iam:{action}", target.arn, shown=target.shown)
        with self.world.lock:
            self.rules.before(account, action, form)
            if action == "SimulatePrincipalPolicy":
                return render(action, self.rules.simulate(form), IAM_NAMESPACE, request_id)
            doomed = self.rules.doomed(account, action, form)
            answer = self._by_moto(named, caller)
            if answer.status < 300:
                self.rules.after(account, action, form, doomed)
            return answer

    def _ec2(self, named: _Named, caller: Credential) -> Answer:
        self.authorizer(caller, f"ec2:{named.operation}", "*", shown="")
        with self.world.lock:
            if not self._ec2_ready:
                self._ec2_ready = True
                self._seed_ec2(self.world)
            return self._by_moto(named, caller)

    def forget_ec2(self) -> None:
        """EC2 is seeded again when it is next called."""
        self._ec2_ready = False

    def _by_moto(self, named: _Named, caller: Credential) -> Answer:
        if named.service not in self._moto:
            from moto.moto_server.werkzeug_app import create_backend_app

            # One application for each service, and not moto's dispatcher: that would also serve moto's own paths.
            self._moto[named.service] = create_backend_app("ec2" if named.service == "ec2" else "iam")
        headers = dict(named.request.headers)
        if named.scope is not None:
            # moto reads the region here only, also of a presigned request.
            day = f"{named.scope.date}/{named.scope.region}/{named.service}/aws4_request"
            headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={caller.access_key_id}/{day}, Signature=checked"
        request = replace(named.request, path="/", headers=headers)
        return _call_wsgi(self._moto[named.service], _environ(request, caller.account))


def _environ(request: Request, account: str) -> dict[str, Any]:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": request.path,
        "QUERY_STRING": request.query,
        "CONTENT_TYPE": request.headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(request.body)),
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
    }
    for name, value in request.headers.items():
        if name not in ("content-type", "content-length") and not name.startswith("x-moto"):
            environ["HTTP_" + name.upper().replace("-", "_")] = value
    environ["HTTP_X_MOTO_ACCOUNT_ID"] = account
    return environ


def _call_wsgi(app: Any, environ: dict[str, Any]) -> Answer:
    seen: dict[str, Any] = {}

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        seen["status"] = int(status.split()[0])
        seen["headers"] = [
            pair for pair in headers if pair[0].lower() not in ("content-length", "connection", "server", "date")
        ]

    chunks = app(environ, start_response)
    try:
        body = b"".join(chunks)
    finally:
        if hasattr(chunks, "close"):
            chunks.close()
    return Answer(seen["status"], tuple(seen["headers"]), body)
