"""Service account tokens: the TokenRequest API signs them, EKS Auth and the API server review them."""

import base64
import json
from functools import cached_property
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from podid.sandbox.contract import TokenClaims, TokenRefused
from podid.sandbox.kube import kinds
from podid.sandbox.kube.objects import Obj, get, name, namespace, rfc3339, uid
from podid.sandbox.kube.status import StatusError, bad_request, invalid, invalid_value, not_found, required
from podid.sandbox.kube.store import Store

API_AUDIENCE = "https://kubernetes.default.svc"
MIN_SECONDS, DEFAULT_SECONDS, MAX_SECONDS = 600, 3600, 86400


class TokenIssuer:
    """Signs tokens with RS256 and its own key. Callers hold the store's lock."""

    def __init__(self, store: Store, issuer: str) -> None:
        self._store = store
        self._issuer = issuer

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        # created at first use: it takes 0.1 s, and many runs never sign
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def request(self, account: Obj, request: Obj, *, dry_run: bool = False) -> Obj:
        """Answer a TokenRequest for a service account. Raise StatusError as the API server does."""
        spec = request.get("spec") or {}
        seconds = spec.get("expirationSeconds", DEFAULT_SECONDS)
        if problem := _bad_seconds(seconds):
            cause = invalid_value("spec.expirationSeconds", str(seconds), problem)
            raise invalid("TokenRequest", "", [cause], "authentication.k8s.io")
        audiences = spec.get("audiences") or [API_AUDIENCE]
        reference = spec.get("boundObjectRef")
        pod = self._bound_pod(account, reference) if reference else None
        now = self._store.now()
        issued = min(int(seconds), MAX_SECONDS)
        claims = self._claims(account, pod, audiences, int(now), issued)
        metadata = {field: account["metadata"][field] for field in ("name", "namespace", "uid")}
        return {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {**metadata, "creationTimestamp": rfc3339(now)},
            "spec": {"audiences": audiences, "expirationSeconds": seconds, "boundObjectRef": reference},
            "status": {"token": "" if dry_run else self._sign(claims), "expirationTimestamp": rfc3339(now + issued)},
        }

    def _bound_pod(self, account: Obj, reference: Obj) -> Obj:
        if (reference.get("apiVersion"), reference.get("kind")) != ("v1", "Pod"):
            kind = f"{reference.get('apiVersion')}, Kind={reference.get('kind')}"
            raise bad_request(f"cannot bind token to object of type {kind}")
        pod_name = str(reference.get("name", ""))
        if not pod_name:
            raise invalid("TokenRequest", "", [required("spec.boundObjectRef.name")], "authentication.k8s.io")
        pod = self._store.find(kinds.PODS, namespace(account), pod_name)
        if pod is None:
            raise not_found(kinds.PODS, pod_name)
        if pod["spec"]["serviceAccountName"] != name(account):
            raise bad_request(
                f'cannot bind token for serviceaccount "{name(account)}" to pod running with different '
                "serviceaccount name."
            )
        if reference.get("uid") not in (None, "", uid(pod)):
            message = (
                f"the UID in the bound object reference ({reference['uid']}) does not match the UID in record. "
                "The object might have been deleted and then recreated"
            )
            raise StatusError(
                409,
                "Conflict",
                f'Operation cannot be fulfilled on pods "{pod_name}": {message}',
                {"name": pod_name, "kind": "pods"},
            )
        return pod

    def _claims(self, account: Obj, pod: Obj | None, audiences: list[str], now: int, seconds: int) -> Obj:
        private: Obj = {"namespace": namespace(account), "serviceaccount": {"name": name(account), "uid": uid(account)}}
        if pod is not None:
            private["pod"] = {"name": name(pod), "uid": uid(pod)}
            node = self._store.find(kinds.NODES, "", get(pod, "spec", "nodeName", default=""))
            if node is not None:
                private["node"] = {"name": name(node), "uid": uid(node)}
        return {
            "aud": audiences,
            "exp": now + seconds,
            "iat": now,
            "iss": self._issuer,
            "jti": self._store.new_uid(),
            "kubernetes.io": private,
            "nbf": now,
            "sub": f"system:serviceaccount:{namespace(account)}:{name(account)}",
        }

    def _sign(self, claims: Obj) -> str:
        head = {"alg": "RS256", "kid": self.key_id, "typ": "JWT"}
        signed = f"{_encode(head)}.{_encode(claims)}"
        signature = self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_b64(signature)}"

    @cached_property
    def key_id(self) -> str:
        digest = hashes.Hash(hashes.SHA256())
        digest.update(self._key.public_key().public_numbers().n.to_bytes(256, "big"))
        return digest.finalize().hex()[:40]

    def jwks(self) -> Obj:
        """Return the public key in the form of `/openid/v1/jwks`."""
        numbers = self._key.public_key().public_numbers()
        key = {"use": "sig", "kty": "RSA", "kid": self.key_id, "alg": "RS256"}
        key["n"], key["e"] = _b64(numbers.n.to_bytes(256, "big")), _b64(numbers.e.to_bytes(3, "big"))
        return {"keys": [key]}

    def review(self, token: str, audience: str) -> TokenClaims:
        """Return the claims of a token that is valid now. Raise TokenRefused."""
        claims = self._verified(token)
        if claims["iss"] != self._issuer:
            raise TokenRefused("InvalidTokenException", "The token's issuer is not this cluster.")
        if audience not in claims["aud"]:
            raise TokenRefused("InvalidTokenException", f"The audience of the token does not include {audience}.")
        now = self._store.now()
        if now >= claims["exp"]:
            raise TokenRefused("ExpiredTokenException", "The service account token has expired.")
        if now + 60 < claims["nbf"]:
            raise TokenRefused("InvalidTokenException", "The service account token is not valid yet.")
        private = claims["kubernetes.io"]
        pod = private.get("pod") or {}
        subject = TokenClaims(
            namespace=private["namespace"],
            service_account=private["serviceaccount"]["name"],
            pod=pod.get("name", ""),
            pod_uid=pod.get("uid", ""),
            service_account_uid=private["serviceaccount"]["uid"],
            expires=claims["exp"],
        )
        self._check_alive(subject)
        return subject

    def _verified(self, token: str) -> Obj:
        try:
            signed, _, signature = token.rpartition(".")
            head, _, body = signed.partition(".")
            algorithm = json.loads(_unb64(head))["alg"]
            claims: Any = json.loads(_unb64(body))
            self._key.public_key().verify(_unb64(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        except (ValueError, KeyError, TypeError, InvalidSignature):
            raise TokenRefused("InvalidTokenException", "The service account token cannot be verified.") from None
        if algorithm != "RS256" or not isinstance(claims, dict) or "kubernetes.io" not in claims:
            raise TokenRefused("InvalidTokenException", "The token is not a service account token.")
        return claims

    def _check_alive(self, claims: TokenClaims) -> None:
        account = self._store.find(kinds.SERVICE_ACCOUNTS, claims.namespace, claims.service_account)
        if account is None or uid(account) != claims.service_account_uid:
            raise TokenRefused("InvalidTokenException", "The service account of the token no longer exists.")
        if not claims.pod:
            return
        pod = self._store.find(kinds.PODS, claims.namespace, claims.pod)
        if pod is None or uid(pod) != claims.pod_uid:
            raise TokenRefused("InvalidTokenException", "The pod that the token is bound to no longer exists.")


def _bad_seconds(seconds: object) -> str:
    if not isinstance(seconds, int) or seconds < MIN_SECONDS:
        return "may not specify a duration less than 10 minutes"
    return "may not specify a duration larger than 2^32 seconds" if seconds > 1 << 32 else ""


def _encode(value: Obj) -> str:
    return _b64(json.dumps(value, separators=(",", ":")).encode())


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
