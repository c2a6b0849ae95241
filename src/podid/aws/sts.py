"""STS: who the calls are made as, and tokens for the cluster."""

import threading
from collections.abc import Callable

from podid.aws import decode
from podid.aws.api import Api
from podid.aws.token import bearer_token, enable_tokens
from podid.aws.values import BearerToken, Credentials
from podid.domain.aws import Caller
from podid.domain.rights import needs


class Sts:
    """`as_caller` makes an STS for other credentials."""

    def __init__(self, api: Api, as_caller: Callable[[Credentials], Api]) -> None:
        self._api = api
        self._as_caller = as_caller
        self._lock = threading.Lock()
        self._caller: Caller | None = None
        enable_tokens(api.client)

    @needs("sts:GetCallerIdentity")
    def get_caller(self) -> Caller:
        """Asked once; CredentialsError where there are no credentials or AWS refuses them."""
        with self._lock:
            if self._caller is None:
                self._caller = _get_caller(self._api)
            return self._caller

    @property
    def known_account(self) -> str:
        """The caller's, empty as long as nobody has asked for it."""
        return self._caller.account if self._caller is not None else ""

    @needs(get_caller)
    def caller_of(self, credentials: Credentials) -> Caller:
        """Who AWS says these credentials are."""
        return _get_caller(self._as_caller(credentials))

    @needs()
    def get_cluster_token(self, cluster: str) -> BearerToken:
        """A token for the cluster's API server: see `podid.aws.token`."""
        return bearer_token(self._api.client, cluster, origin=self._api.origin)


def _get_caller(api: Api) -> Caller:
    return api.read("GetCallerIdentity", {}, "the caller", decode.caller)
