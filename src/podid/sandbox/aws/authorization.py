"""Who is calling (access keys, signatures), and whether IAM lets them."""

import hmac
import time
from collections.abc import Mapping
from datetime import UTC, datetime

from podid.sandbox.aws.errors import AwsError, access_denied
from podid.sandbox.aws.moto_backend import IamStore, Tags
from podid.sandbox.aws.policy import AwsPrincipal, Keys, decide
from podid.sandbox.credentials import Credential, KeyRing
from podid.sandbox.http import HttpRequest
from podid.sandbox.sigv4 import Signature

_INVALID_TOKEN = "The security token included in the request is invalid."
_EXPIRED_TOKEN = "The security token included in the request is expired"
_BAD_SIGNATURE = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)


def authenticate(request: HttpRequest, signature: Signature | None, credentials: KeyRing) -> Credential:
    """The credential that signed the request; AWS's error for an unknown key, a bad signature or an expired token."""
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
    """What IAM says of a call: rights taken away one by one, then the caller's policies."""

    def __init__(self, credentials: KeyRing, iam: IamStore) -> None:
        self._credentials = credentials
        self._iam = iam

    def check(
        self, caller: Credential, action: str, resource: str, keys: Keys | None = None, *, shown: str | None = None
    ) -> None:
        """Raises AccessDenied in IAM's words; `shown` is the resource as the service names it there."""
        if reason := self.refusal(caller, action, resource, keys or {}):
            raise access_denied(caller.arn, action, resource if shown is None else shown, reason)

    def refusal(self, caller: Credential, action: str, resource: str, keys: Keys, *, granted: bool = False) -> str:
        """Why IAM refuses the call, as it puts it; nothing when it lets the caller through. `granted` is whether the
        resource's own policy names the caller outright, in one account: then no identity-based policy has to allow it,
        while denials, boundary and session policy count as ever.

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
        """The policies that each have to allow the call."""
        principal = caller.role_arn or caller.arn
        layers = {"identity-based policy": self._iam.identity_policies(principal)}
        if (boundary := self._iam.boundary(principal)) is not None:
            layers["permissions boundary"] = [boundary]
        if caller.session_policy:
            layers["session policy"] = [caller.session_policy]
        # each is a layer of its own; IAM words them alike
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
    """The condition keys that tell of the caller; a session tag wins over the role's own tag."""
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
    """The condition keys of the tags that a resource has, and of those that a call sets or names."""
    keys = {f"aws:ResourceTag/{key}": (value,) for key, value in resource}
    keys |= {f"aws:RequestTag/{key}": (value,) for key, value in requested}
    all_names = (*(key for key, _ in requested), *names)
    return keys | ({"aws:TagKeys": all_names} if all_names else {})


def as_principal(caller: Credential) -> AwsPrincipal:
    """The caller as a trust policy may name it."""
    return AwsPrincipal(tuple(arn for arn in (caller.arn, caller.role_arn) if arn), caller.account)
