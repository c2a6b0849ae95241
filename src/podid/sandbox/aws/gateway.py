"""The entry point of the AWS half: finds the service in the credential scope, applies faults, authorizes, and
dispatches.

Only EKS, EKS Auth, IAM, Access Analyzer, STS, EC2, CloudFormation, CloudTrail, Organizations and the services of
resource policies are behind it. Clients cannot reach moto's own admin and metadata paths, because a path never selects
the service.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

from podid.sandbox.aws import (
    account,
    cloudformation,
    eks_addons,
    eks_associations,
    eks_auth,
    eks_clusters,
    organizations,
    resource_policies,
    trail,
)
from podid.sandbox.aws.forms import check_form
from podid.sandbox.aws.iam_rules import NAMESPACE as IAM_NAMESPACE
from podid.sandbox.aws.iam_rules import IamRules, validate_policy
from podid.sandbox.aws.last_use import LastAccessed
from podid.sandbox.aws.moto_backend import IamStore, answer_by_moto, clear_ec2, seed_ec2
from podid.sandbox.aws.past import Past
from podid.sandbox.aws.protocol import (
    AwsError,
    Form,
    JsonService,
    RestJsonService,
    parse_form,
    render,
    render_error,
)
from podid.sandbox.aws.service import Call, Handler, IamAuthorizer, authenticate, tag_keys
from podid.sandbox.aws.sts import NAMESPACE as STS_NAMESPACE
from podid.sandbox.aws.sts import StsService
from podid.sandbox.credentials import Credential, Signature, read_signature
from podid.sandbox.faults import Fault, Faults, Met
from podid.sandbox.http import HttpAnswer, HttpRequest
from podid.sandbox.world import World

# by the name in the credential scope: the name of the service model
REST_JSON = {
    "eks": "eks",
    "eks-auth": "eks-auth",
    "access-analyzer": "accessanalyzer",
    "lambda": "lambda",
    "account": "account",
}
JSON = {
    "cloudtrail": "cloudtrail",
    "dynamodb": "dynamodb",
    "organizations": "organizations",
    "kms": "kms",
    "secretsmanager": "secretsmanager",
    "sqs": "sqs",
}
QUERY = {"iam": "query", "sts": "query", "sns": "query", "cloudformation": "query", "ec2": "ec2"}
HANDLERS: dict[str, dict[str, Handler]] = {
    "eks": {**eks_clusters.HANDLERS, **eks_associations.HANDLERS, **eks_addons.HANDLERS},
    "eks-auth": {**eks_auth.HANDLERS},
    "access-analyzer": {"ValidatePolicy": validate_policy},
    "cloudtrail": {**trail.HANDLERS},
    **{service: dict(handlers) for service, handlers in resource_policies.HANDLERS.items()},
    "organizations": {**organizations.HANDLERS},
    "account": {**account.HANDLERS},
}


class Services(dict[str, RestJsonService]):
    """The services of the JSON protocols by name. The model of each is loaded at its first request."""

    def __contains__(self, name: object) -> bool:
        return name in REST_JSON or name in JSON

    def __missing__(self, name: str) -> RestJsonService:
        self[name] = RestJsonService(REST_JSON[name]) if name in REST_JSON else JsonService(JSON[name])
        return self[name]


@dataclass(frozen=True, slots=True)
class Named:
    """A request whose service, operation and protocol are known."""

    request: HttpRequest
    signature: Signature | None
    service: str
    operation: str
    protocol: str
    form: Form


class Gateway:
    """Answers one request at a time on each thread, on any number of threads."""

    def __init__(self, world: World, faults: Faults) -> None:
        self.world = world
        # further accounts and regions, see `Sandbox.add_place`
        self.elsewhere: dict[tuple[str, str], World] = {}
        self.faults = faults
        self.iam = IamStore(world.clock, world.partition)
        world.credentials.issued = self.iam.credential
        self.permissions = IamAuthorizer(world.credentials, self.iam)
        self.rules = IamRules(self.iam, world.partition)
        self.sts = StsService(world, self.iam, self.permissions)
        self.last_use = LastAccessed(world, self.iam)
        self.past = Past(self.iam)
        self._services = Services()
        self._ec2_ready = False

    def answer(self, request: HttpRequest) -> HttpAnswer:
        """Return the response. Raise Disconnect if a fault drops it."""
        request_id = str(uuid4())
        protocol, statuses, fault = "rest-json", {}, Met()
        try:
            named = self.name(request)
            protocol = named.protocol
            if named.service in self._services:
                statuses = self._services[named.service].error_statuses
            fault = self.faults.meet(named.service, named.operation, self._account(named))
            fault.before()
            if fault.breaks is not None:
                raise _broken(fault.breaks)
            answer = self._handle(named, request_id)
        except AwsError as error:
            answer = render_error(error, protocol, request_id, statuses)
        finally:
            self.world.notify()
        fault.after()
        return answer

    def name(self, request: HttpRequest) -> Named:
        """Return the operation of the request. Raise AwsError if the sandbox does not simulate its service."""
        signature = read_signature(request)
        is_form = request.media_type == "application/x-www-form-urlencoded"
        form = parse_form(request.body if is_form else b"", request.query) if is_form or request.query else {}
        service = signature.service if signature is not None else ""
        if signature is None and form.get("Action") in StsService.UNSIGNED:
            service = "sts"
        if service in self._services:
            operation, _ = self._services[service].match(request.method, request.path, request.header("x-amz-target"))
            return Named(request, signature, service, operation.name, "json" if service in JSON else "rest-json", form)
        if service == "s3" and request.method == "GET" and "policy" in request.query:
            return Named(request, signature, service, "GetBucketPolicy", "s3", form)
        if service in QUERY:
            return Named(request, signature, service, form.get("Action", ""), QUERY[service], form)
        if signature is None:
            raise AwsError("MissingAuthenticationToken", "Missing Authentication Token", 403)
        # Services of the JSON protocol carry the error code in the body.
        code = "UnknownOperationException"
        message = f"The podid sandbox does not simulate the service {service!r}."
        raise AwsError(code, message, 404, __type=code)

    @property
    def _worlds(self) -> tuple[World, ...]:
        return self.world, *self.elsewhere.values()

    def _account(self, named: Named) -> str:
        """Return the account of the key in the signature, which is not yet checked; empty for an unknown key."""
        key = named.signature.access_key_id if named.signature is not None else ""
        credential = self.world.credentials.find(key) if self.faults.by_account else None
        return credential.account if credential is not None else ""

    def _handle(self, named: Named, request_id: str) -> HttpAnswer:
        if named.service == "sts" and named.operation in StsService.UNSIGNED:
            result = self.sts.call(named.operation, named.form, None)
            return render(named.operation, result, STS_NAMESPACE, request_id)
        caller = authenticate(named.request, named.signature, self.world.credentials)
        if named.service == "eks-auth":
            with self._trailed(caller, _cluster_in(named.request.path)):
                return self._modelled(named, caller, request_id)
        if caller.of_pod:
            with self._called(named, caller):
                return self._answered(named, caller, request_id)
        return self._answered(named, caller, request_id)

    @contextmanager
    def _called(self, named: Named, caller: Credential) -> Iterator[None]:
        """Record a call with a pod's credentials in CloudTrail. Global services are recorded in us-east-1 only."""
        failure = None
        try:
            yield
        except AwsError as error:
            failure = AwsError("Client.UnauthorizedOperation", error.message) if named.service == "ec2" else error
            raise
        finally:
            if named.service != "iam" or self.world.region == "us-east-1":
                session, source = caller.user_id.partition(":")[2], f"{named.service}.amazonaws.com"
                agent = named.request.header("user-agent")
                trail.called(self.world, session, caller.role_arn, source, named.operation, agent, failure)
            self.last_use.tried(caller.role_arn, named.service, named.operation)

    def _answered(self, named: Named, caller: Credential, request_id: str) -> HttpAnswer:
        if named.service in self._services:
            return self._modelled(named, caller, request_id)
        if named.service == "s3":
            return self._bucket_policy(named, caller)
        if named.service == "sts":
            result = self.sts.call(named.operation, named.form, caller)
            return render(named.operation, result, STS_NAMESPACE, request_id)
        if named.service == "sns":
            return self._topic(named, caller, request_id)
        if named.service == "cloudformation":
            return self._cloudformation(named, caller, request_id)
        return self._ec2(named, caller) if named.service == "ec2" else self._iam(named, caller, request_id)

    def _bucket_policy(self, named: Named, caller: Credential) -> HttpAnswer:
        bucket = named.request.path.strip("/")
        self.permissions.check(caller, "s3:GetBucketPolicy", f"arn:{self.world.partition}:s3:::{bucket}")
        body = resource_policies.bucket_policy(self.world, bucket)
        return HttpAnswer(200, {"Content-Type": "application/json"}, body)

    def _topic(self, named: Named, caller: Credential, request_id: str) -> HttpAnswer:
        if named.operation != "GetTopicAttributes":
            raise AwsError(
                "InvalidAction", f"The podid sandbox does not simulate the operation {named.operation}.", 400
            )
        self.permissions.check(caller, f"sns:{named.operation}", named.form.get("TopicArn", ""), {})
        result = resource_policies.topic_attributes(self.world, named.form)
        return render(named.operation, result, resource_policies.SNS_NAMESPACE, request_id)

    def _cloudformation(self, named: Named, caller: Credential, request_id: str) -> HttpAnswer:
        if named.operation != "DescribeStackResources":
            raise AwsError(
                "InvalidAction", f"The podid sandbox does not simulate the operation {named.operation}.", 400
            )
        self.permissions.check(caller, f"cloudformation:{named.operation}", "*", {})
        result = cloudformation.describe_stack_resources(self.world, named.form)
        return render(named.operation, result, cloudformation.NAMESPACE, request_id)

    @contextmanager
    def _trailed(self, caller: Credential, cluster_name: str) -> Iterator[None]:
        """Record a call of EKS Auth in CloudTrail, refused or not."""
        try:
            yield
        except AwsError as error:
            trail.redeemed(self.world, caller, cluster_name, error)
            raise
        trail.redeemed(self.world, caller, cluster_name, None)

    def _modelled(self, named: Named, caller: Credential, request_id: str) -> HttpAnswer:
        service, request = self._services[named.service], named.request
        operation, labels = service.match(request.method, request.path, request.header("x-amz-target"))
        world = self.elsewhere.get((caller.account, _region(named)), self.world)
        resource = eks_clusters.resource_arn(world, labels)
        keys = {
            "aws:RequestedRegion": (_region(named),),
            **tag_keys(tuple(world.tags.get(resource, {}).items()), _request_tags(request.body)),
        }
        self.permissions.check(caller, f"{named.service}:{operation.name}", resource, keys)
        params = service.parse(operation, labels, request.query, request.body)
        handler = HANDLERS[named.service].get(operation.name)
        if handler is None:
            raise AwsError(
                "UnknownOperationException", f"The podid sandbox does not simulate the operation {operation.name}.", 404
            )
        call = Call(world, service, self.iam, self.permissions, caller, _region(named), keys, params)
        if named.service == "eks":
            with self.world.lock, world.lock, self.past.around(self.world, self._worlds, operation.name):
                result = handler(call)
        else:
            # The token review calls the Kubernetes half, whose threads call the World in turn.
            result = handler(call)
        headers = {"Content-Type": "application/json", "x-amzn-RequestId": request_id}
        return HttpAnswer(200, headers, service.serialise(operation, result))

    def _iam(self, named: Named, caller: Credential, request_id: str) -> HttpAnswer:
        action, form, account = named.operation, named.form, caller.account
        target = self.rules.target(account, caller, action, form)
        keys = self.rules.keys(form, target)
        self.permissions.check(caller, f"iam:{action}", target.arn, keys, shown=target.shown)
        if action.startswith("Create") and "aws:TagKeys" in keys:
            self.permissions.check(caller, action.replace("Create", "iam:Tag"), target.arn, keys, shown=target.shown)
        check_form("iam", action, form)
        with self.world.lock, self.past.around(self.world, self._worlds, action):
            self.rules.before(account, action, form)
            if action in self.last_use.operations:
                result = self.last_use.operations[action](form, caller)
                return render(action, result, IAM_NAMESPACE, request_id)
            if action == "SimulatePrincipalPolicy":
                return render(action, self.rules.simulate(form), IAM_NAMESPACE, request_id)
            doomed = self.rules.doomed(account, action, form)
            answer = _by_moto(named, caller)
            if answer.status < 300:
                self.rules.after(account, action, form, doomed)
            return answer

    def _ec2(self, named: Named, caller: Credential) -> HttpAnswer:
        keys = {"aws:RequestedRegion": (_region(named),)}
        self.permissions.check(caller, f"ec2:{named.operation}", "*", keys, shown="")
        with self.world.lock:
            if not self._ec2_ready:
                self._ec2_ready = True
                seed_ec2(self.world.region, self.world.account, self.world.cluster_name)
            return _by_moto(named, caller)

    def assume_for_pod(self, caller: Credential, token: str) -> Credential:
        """Return the session that EKS Auth issues to a node's agent for a pod's token. Raise AwsError if the agent
        lacks the permission."""
        with self._trailed(caller, self.world.cluster_name):
            return self._assume_for_pod(caller, token)

    def _assume_for_pod(self, caller: Credential, token: str) -> Credential:
        service, operation = "eks-auth", "AssumeRoleForPodIdentity"
        self.permissions.check(caller, f"{service}:{operation}", self.world.cluster_arn, {})
        params = {"clusterName": self.world.cluster_name, "token": token}
        call = Call(
            *(self.world, self._services[service], self.iam, self.permissions, caller, self.world.region),
            keys={},
            params=params,
        )
        key = str(HANDLERS[service][operation](call)["credentials"]["accessKeyId"])
        session = self.world.credentials.find(key)
        assert session is not None, "it was made just now"
        return session

    def forget_ec2(self) -> None:
        """Delete everything in EC2, which is seeded again at its next call."""
        if self._ec2_ready:
            clear_ec2()
            self._ec2_ready = False


def _cluster_in(path: str) -> str:
    """Return the name in `/clusters/NAME/…`."""
    parts = path.split("/")
    return unquote(parts[2]) if len(parts) > 2 else ""


def _broken(fault: Fault) -> AwsError:
    if fault.kind == "throttle":
        return AwsError("Throttling", "Rate exceeded", 400)
    code = {500: "InternalFailure", 501: "NotImplemented"}.get(fault.status, "ServiceUnavailable")
    return AwsError(code, "The request processing has failed because of an unknown error.", fault.status)


def _region(named: Named) -> str:
    return named.signature.region if named.signature is not None else ""


def _by_moto(named: Named, caller: Credential) -> HttpAnswer:
    assert named.signature is not None, "only what was signed gets here"
    # For presigned requests too, moto reads the region only from this header.
    authorization = f"AWS4-HMAC-SHA256 Credential={caller.access_key_id}/{named.signature.scope}, Signature=checked"
    return answer_by_moto("ec2" if named.service == "ec2" else "iam", named.request, caller.account, authorization)


def _request_tags(body: bytes) -> tuple[tuple[str, str], ...]:
    """Return the tags of a request that IAM checks before the service validates them."""
    try:
        document: Any = json.loads(body or b"{}")
    except ValueError:
        return ()
    tags = document.get("tags") if isinstance(document, dict) else None
    return tuple((key, str(value)) for key, value in tags.items()) if isinstance(tags, dict) else ()
