"""STS: the caller's identity, and role sessions that the role's trust policy allows.

moto's STS issues credentials for any role, even one that does not exist. Therefore these operations are podid's own.
EKS Auth assumes roles by the same rules.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from podid.sandbox.aws.forms import check_form
from podid.sandbox.aws.moto_backend import IamStore, RoleView, Tags
from podid.sandbox.aws.policy import FederatedPrincipal, Keys, Principal, decide
from podid.sandbox.aws.protocol import AwsError, Form, XmlValue, access_denied, form_tags, timestamp
from podid.sandbox.aws.service import IamAuthorizer, as_principal, principal_keys, tag_keys
from podid.sandbox.contract import TokenClaims, TokenRefused
from podid.sandbox.credentials import Credential
from podid.sandbox.world import World

NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
WEB_IDENTITY_AUDIENCE = "sts.amazonaws.com"
_HOUR = 3600
_KEY_ID = re.compile(r"[A-Z0-9]{16,128}")
# an ARN that belongs to no account of the sandbox
_STRANGER = "999988887777"
StsResult = Mapping[str, XmlValue]


@dataclass(frozen=True, slots=True)
class AssumeRequest:
    """The parameters of an AssumeRole call besides the role."""

    session_name: str
    tags: Tags = ()
    transitive_tags: Tags = ()
    external_id: str = ""
    source: Mapping[str, str] | None = None

    @property
    def actions(self) -> tuple[str, ...]:
        """Return the required actions: sts:TagSession only with tags."""
        return ("sts:AssumeRole", "sts:TagSession") if self.tags or self.transitive_tags else ("sts:AssumeRole",)


def refused_action(
    role: RoleView, principal: Principal, request: AssumeRequest, caller: Keys, actions: tuple[str, ...] = ()
) -> str:
    """Return the first action that the trust policy does not allow, or ""."""
    keys = trust_keys(role, request, caller)
    for name in actions or request.actions:
        if not decide(role.trust, name, role.arn, keys, principal=principal).passes:
            return name
    return ""


def trust_keys(role: RoleView, request: AssumeRequest, caller: Keys) -> Keys:
    """Return the condition keys of an AssumeRole call."""
    tags = request.tags + request.transitive_tags
    keys = {**caller, "sts:RoleSessionName": (request.session_name,), **tag_keys(role.tags, tags)}
    keys |= {f"iam:ResourceTag/{key}": (value,) for key, value in role.tags}
    if tags:
        keys["sts:TransitiveTagKeys"] = tuple(key for key, _ in tags)
    if request.external_id:
        keys["sts:ExternalId"] = (request.external_id,)
    return keys | {key: (value,) for key, value in (request.source or {}).items()}


def refused_chained(
    role: RoleView, caller: Credential, request: AssumeRequest, iam: IamStore, permissions: IamAuthorizer
) -> str:
    """Return the refused action as `refused_action` does, for a user or a role session. Its own policies must allow the
    action too, unless the trust policy names the caller itself."""
    principal, caller_keys = as_principal(caller), principal_keys(caller, iam)
    if refused := refused_action(role, principal, request, caller_keys):
        return refused
    keys = trust_keys(role, request, caller_keys)
    same_account = role.arn.split(":")[4] == caller.account
    for action in request.actions:
        named = not decide(role.trust, action, role.arn, keys, principal=principal).by_account
        if permissions.refusal(caller, action, role.arn, keys, granted=same_account and named):
            return action
    return ""


@dataclass(frozen=True, slots=True)
class StsService:
    """STS of one world. `UNSIGNED` operations require no credential."""

    world: World
    iam: IamStore
    permissions: IamAuthorizer

    UNSIGNED = ("AssumeRoleWithWebIdentity",)

    def call(self, action: str, form: Form, caller: Credential | None) -> StsResult:
        """Return the result of one operation. Raise InvalidAction for operations that the sandbox does not simulate."""
        check_form("sts", action, form)
        if action == "AssumeRoleWithWebIdentity":
            return self._web_identity(form)
        handlers: dict[str, Callable[[Form, Credential], StsResult]] = {
            "GetCallerIdentity": self._caller_identity,
            "AssumeRole": self._assume_role,
            "GetAccessKeyInfo": self._key_info,
        }
        handler = handlers.get(action)
        if handler is None or caller is None:
            raise AwsError("InvalidAction", f"Could not find operation {action} for version 2011-06-15", 400)
        return handler(form, caller)

    def _caller_identity(self, form: Form, caller: Credential) -> StsResult:
        return {"UserId": caller.user_id, "Account": caller.account, "Arn": caller.arn}

    def _key_info(self, form: Form, caller: Credential) -> StsResult:
        """Return the account of any access key. Real keys contain their account in an undocumented form; here, a key
        that this account did not issue belongs to another account."""
        key = form["AccessKeyId"]
        if not _KEY_ID.fullmatch(key):
            raise AwsError("ValidationError", "The access key ID is not valid", 400)
        self.permissions.check(caller, "sts:GetAccessKeyInfo", "*", shown="")
        return {"Account": self.world.account if self.world.credentials.find(key) else _STRANGER}

    def _assume_role(self, form: Form, caller: Credential) -> StsResult:
        arn = form["RoleArn"]
        request = AssumeRequest(
            session_name=form["RoleSessionName"],
            tags=form_tags(form),
            transitive_tags=caller.session_tags,
            external_id=form.get("ExternalId", ""),
        )
        denial = self.world.credentials.denial(caller.access_key_id, "sts:AssumeRole", arn)
        role = self.iam.role(arn)
        if denial is not None or role is None:
            raise access_denied_to_role(caller, "sts:AssumeRole", arn)
        refused = refused_chained(role, caller, request, self.iam, self.permissions)
        if refused:
            raise access_denied_to_role(caller, refused, arn)
        session = self.world.credentials.add_session(
            arn,
            request.session_name,
            role_id=role.role_id,
            seconds=_duration(form),
            policy=form.get("Policy", ""),
            tags=request.transitive_tags + request.tags,
        )
        return _session_result(session)

    def _web_identity(self, form: Form) -> StsResult:
        role = self.iam.role(form["RoleArn"])
        claims = self._review(form["WebIdentityToken"])
        cluster = self.world.clusters.get(self.world.cluster_name)
        issuer = _issuer(cluster.body) if cluster is not None else ""
        provider = FederatedPrincipal(f"arn:{self.world.partition}:iam::{self.world.account}:oidc-provider/{issuer}")
        request = AssumeRequest(
            session_name=form["RoleSessionName"],
            source={f"{issuer}:aud": WEB_IDENTITY_AUDIENCE, f"{issuer}:sub": claims.subject},
        )
        if role is None or refused_action(role, provider, request, {}, ("sts:AssumeRoleWithWebIdentity",)):
            raise AwsError("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403)
        session = self.world.credentials.add_session(
            role.arn, request.session_name, role_id=role.role_id, seconds=_duration(form), policy=form.get("Policy", "")
        )
        return {
            **_session_result(session),
            "SubjectFromWebIdentityToken": claims.subject,
            "Audience": WEB_IDENTITY_AUDIENCE,
            "Provider": provider.arn,
        }

    def _review(self, token: str) -> TokenClaims:
        half = self.world.kubernetes
        if half is None:
            raise AwsError("InvalidIdentityToken", "No OpenIDConnect provider found in your account", 400)
        try:
            return half.review_token(token, WEB_IDENTITY_AUDIENCE)
        except TokenRefused as error:
            expired = error.service_code == "ExpiredTokenException"
            shown = error.service_code if expired else "InvalidIdentityToken"
            raise AwsError(shown, str(error), 400) from error


def access_denied_to_role(caller: Credential, action: str, role_arn: str) -> AwsError:
    """Return STS's message, which has no reason: a trust policy is a resource policy, and the role may not exist at
    all."""
    return access_denied(caller.arn, action, role_arn, "")


def _session_result(session: Credential) -> dict[str, XmlValue]:
    expires = timestamp(session.expires_at or 0).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "Credentials": {
            "AccessKeyId": session.access_key_id,
            "SecretAccessKey": session.secret_access_key,
            "SessionToken": session.session_token,
            "Expiration": expires,
        },
        "AssumedRoleUser": {"AssumedRoleId": session.user_id, "Arn": session.arn},
    }


def _duration(form: Form) -> int:
    text = form.get("DurationSeconds", str(_HOUR))
    return int(text) if text.isdigit() else _HOUR


def _issuer(body: Mapping[str, object]) -> str:
    identity = body.get("identity")
    oidc = identity.get("oidc") if isinstance(identity, Mapping) else None
    issuer = oidc.get("issuer") if isinstance(oidc, Mapping) else None
    return str(issuer or "").removeprefix("https://")
