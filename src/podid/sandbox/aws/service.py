"""Shared parts of the handlers: the caller, authorization, the call, and pages of lists."""

import base64
import hmac
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from podid.sandbox.aws.moto_backend import IamStore, Tags
from podid.sandbox.aws.policy import AwsPrincipal, Keys, decide
from podid.sandbox.aws.protocol import AwsError, Params, RestJsonService, access_denied
from podid.sandbox.credentials import Credential, KeyRing, Signature
from podid.sandbox.http import HttpRequest
from podid.sandbox.world import ClusterRecord, World

_INVALID_TOKEN = "The security token included in the request is invalid."
_EXPIRED_TOKEN = "The security token included in the request is expired"
_BAD_SIGNATURE = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)

Result = Mapping[str, Any]
Handler = Callable[["Call"], Result]
Item = TypeVar("Item")
PAGE_SIZE = 100
_TOKEN = "podid-sandbox:"


def authenticate(request: HttpRequest, signature: Signature | None, credentials: KeyRing) -> Credential:
    """Return the credential that signed the request. Raise AWS's error for an unknown key, a bad signature or an
    expired token."""
    if signature is None:
        raise AwsError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
    credential = credentials.find(signature.access_key_id)
    if credential is None or not hmac.compare_digest(credential.session_token.encode(), signature.token.encode()):
        raise AwsError("InvalidClientTokenId", _INVALID_TOKEN, 403)
    if not signature.fits(request, credential.secret_access_key):
        raise AwsError("SignatureDoesNotMatch", _BAD_SIGNATURE, 403)
    late = signature.expires is not None and (signature.signed_at() or 0) + signature.expires < time.time()
    if late or credentials.is_expired(credential):
        raise AwsError("ExpiredToken", _EXPIRED_TOKEN, 403)
    return credential


class IamAuthorizer:
    """IAM's decision on a call: first the denied actions of the sandbox, then the caller's policies."""

    def __init__(self, credentials: KeyRing, iam: IamStore) -> None:
        self._credentials = credentials
        self._iam = iam

    def check(
        self, caller: Credential, action: str, resource: str, keys: Keys | None = None, *, shown: str | None = None
    ) -> None:
        """Raise AccessDenied in IAM's words. `shown` is the resource in the service's spelling."""
        if reason := self.refusal(caller, action, resource, keys or {}):
            raise access_denied(caller.arn, action, resource if shown is None else shown, reason)

    def refusal(self, caller: Credential, action: str, resource: str, keys: Keys, *, granted: bool = False) -> str:
        """Return IAM's reason to refuse the call, or nothing. `granted`: the resource's policy names the caller itself,
        in the same account. Then no identity-based policy has to allow the call; denials, boundary and session policy
        still apply.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics-single-account.html
        https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
        """
        denial = self._credentials.denial(caller.access_key_id, action, resource)
        if denial is not None:
            return (
                _denied("identity-based policy") if denial.explicit else _not_allowed("identity-based policy", action)
            )
        if caller.administrator:
            return ""
        keys = {**self._common_keys(), **principal_keys(caller, self._iam), **keys}
        decided = {
            layer: [decide(document, action, resource, keys) for document in documents]
            for layer, documents in self._layers(caller).items()
        }
        for layer, decisions in decided.items():
            if any(decision.denied for decision in decisions):
                return _denied(layer)
        for layer, decisions in decided.items():
            waived = granted and layer == "identity-based policy"
            if not waived and not any(decision.allowed for decision in decisions):
                return _not_allowed(layer, action)
        return ""

    def _layers(self, caller: Credential) -> Mapping[str, list[str]]:
        """Return the sets of policies that must each allow the call."""
        principal = caller.role_arn or caller.arn
        layers = {"identity-based policy": self._iam.identity_policies(principal)}
        if (boundary := self._iam.boundary(principal)) is not None:
            layers["permissions boundary"] = [boundary]
        if caller.session_policy:
            layers["session policy"] = [caller.session_policy]
        # each policy is a layer of its own, with the same text in IAM's message
        layers |= {f"service control policy{' ' * n}": [text] for n, text in enumerate(self._iam.control_policies)}
        return layers

    def _common_keys(self) -> Keys:
        now = self._credentials.clock.now()
        return {
            "aws:CurrentTime": (datetime.fromtimestamp(now, UTC).isoformat(),),
            "aws:EpochTime": (str(int(now)),),
            "aws:SecureTransport": ("true",),
            "aws:SourceIp": ("127.0.0.1",),
            "aws:ViaAWSService": ("false",),
        }


def _denied(layer: str) -> str:
    return f"with an explicit deny in a{'n' * (layer[0] == 'i')} {layer.rstrip()}"


def _not_allowed(layer: str, action: str) -> str:
    return f"because no {layer.rstrip()} allows the {action} action"


def principal_keys(caller: Credential, iam: IamStore) -> Keys:
    """Return the condition keys about the caller. A session tag overrides the role's own tag."""
    tags = dict(iam.tags(caller.role_arn or caller.arn)) | dict(caller.session_tags)
    return {
        "aws:PrincipalArn": (caller.role_arn or caller.arn,),
        "aws:PrincipalAccount": (caller.account,),
        "aws:PrincipalType": ("AssumedRole" if caller.role_arn else "User",),
        "aws:userid": (caller.user_id,),
        **({} if caller.role_arn else {"aws:username": (caller.arn.rsplit("/", 1)[-1],)}),
        **{f"aws:PrincipalTag/{key}": (value,) for key, value in tags.items()},
    }


def tag_keys(resource: Tags = (), requested: Tags = (), names: tuple[str, ...] = ()) -> Keys:
    """Return the condition keys of the resource's tags, and of the tags that a call sets or names."""
    keys = {f"aws:ResourceTag/{key}": (value,) for key, value in resource}
    keys |= {f"aws:RequestTag/{key}": (value,) for key, value in requested}
    all_names = (*(key for key, _ in requested), *names)
    return keys | ({"aws:TagKeys": all_names} if all_names else {})


def as_principal(caller: Credential) -> AwsPrincipal:
    """Return the caller in the form that trust policies match."""
    return AwsPrincipal(tuple(arn for arn in (caller.arn, caller.role_arn) if arn), caller.account)


@dataclass(frozen=True, slots=True)
class Call:
    """One request and its handler's context."""

    world: World
    service: RestJsonService
    iam: IamStore
    permissions: IamAuthorizer
    caller: Credential
    region: str
    keys: Keys
    params: Params

    def authorize(self, action: str, resource: str, keys: Keys | None = None) -> None:
        """Raise AccessDenied unless the caller is also authorized to perform `action` on `resource` in this call."""
        self.permissions.check(self.caller, action, resource, {**self.keys, **(keys or {})})

    def error(self, code: str, message: str) -> AwsError:
        """Return an error of the model, with the request's values for the members that the error declares."""
        return self.service.error(code, message, {"clusterName": self.params.get("name"), **self.params})

    def invalid(self, message: str) -> AwsError:
        return self.error("InvalidParameterException", message)

    def not_found(self, message: str) -> AwsError:
        return self.error("ResourceNotFoundException", message)

    @property
    def is_local(self) -> bool:
        """Return whether account and region of the request are those of the clusters."""
        return (self.caller.account, self.region) == (self.world.account, self.world.region)

    def cluster(self) -> ClusterRecord:
        """Return the cluster of the request, after due add-on transitions. Raise ResourceNotFoundException in EKS's
        words."""
        name = self.params.get("clusterName") or self.params["name"]
        with self.world.lock:
            cluster = self.world.clusters.get(name) if self.is_local else None
            if cluster is None:
                raise self.not_found(f"No cluster found for name: {name}.")
            self.world.settle(cluster)
            return cluster

    def page(self, items: Iterable[Item], *, largest: int = PAGE_SIZE) -> tuple[list[Item], str | None]:
        """Return one page of `items` and the token of the next page. Raise InvalidParameterException for a foreign
        token."""
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
