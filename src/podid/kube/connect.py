"""Connections to a cluster's API server: endpoint, certificates and credentials.

The kubernetes package is imported only for a connection. Its `Configuration` handles exec plugins, client certificates,
tokens and proxies as kubectl does. The differences between its versions 35, 36 and 37 are handled here.
"""

import base64
import threading
from collections.abc import Callable, Mapping
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import urllib3

from podid.calls.deadline import NEVER, Deadline
from podid.calls.http import limit_pools
from podid.domain.aws import Cluster
from podid.domain.errors import Conflict, CredentialsError, InvalidInput, NotFound, UnreadableAnswer
from podid.domain.foreign import Malformed
from podid.domain.refusals import Template, argv
from podid.domain.text import plain_urls
from podid.kube import kubeconfig as kubeconfigs
from podid.kube.errors import Where
from podid.kube.kubeconfig import Context, Kubeconfig
from podid.kube.user import check_files, exec_plugin, impersonation, run, with_token

TokenSource = Callable[[], tuple[str, datetime]]

_Through = Callable[[Context, Cluster, str], "Connection"]

# a token is renewed this long before it expires, so that a slow request does not outlive it
RENEW_BEFORE = timedelta(seconds=60)
_GET_TOKEN: Template = ("aws", "eks", "get-token", "--cluster-name", "{cluster}", ("--region", "{region}"))


class Connection:
    """An API server's address and the caller's credentials. Safe to use from several threads.

    `how` describes the route for `-v`: "context demo of the kubeconfig (its server is the cluster's)". `unverified`:
    the kubeconfig turns off verification of the server's certificate.
    """

    def __init__(
        self,
        configuration: Any,
        *,
        where: Where,
        renew: Callable[[], None],
        login: str,
        ca_pem: str = "",
        unverified: bool = False,
        impersonation: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self._configuration = configuration
        self._renew = renew
        self._login = login
        self._ca_pem = ca_pem
        self._lock = threading.Lock()
        self.where = where
        self.unverified = unverified
        self._impersonation = impersonation

    @property
    def host(self) -> str:
        return str(self._configuration.host)

    @property
    def how(self) -> str:
        return self.where.how

    def headers(self) -> urllib3.HTTPHeaderDict:
        """Return the headers that authenticate a request, with those for impersonation. Raise CredentialsError rather
        than send an anonymous request."""
        with self._lock:
            settings = self._configuration.auth_settings()
            credentials = {
                s["key"]: s["value"] for s in settings.values() if s.get("in") == "header" and s.get("value")
            }
            self._require_credentials(bool(credentials))
        headers = urllib3.HTTPHeaderDict(credentials)
        for name, value in self._impersonation:
            headers.add(name, value)
        return headers

    def renew(self) -> None:
        """Get new credentials: the server rejected the current ones, which have not expired by their date."""
        with self._lock:
            self._renew()
            self._require_credentials(bool(self._configuration.api_key))

    def new_pool(self) -> urllib3.PoolManager:
        """Return a pool without open connections, with the configuration's proxy and certificates."""
        from kubernetes.client.rest import RESTClientObject

        if self.unverified:  # podid prints its own warning, once
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        try:
            pool: urllib3.PoolManager = RESTClientObject(self._configuration).pool_manager
        except ImportError as error:
            # urllib3 has SOCKS proxies by this package only
            message = f"{self.where.server} has a SOCKS proxy, which requires the Python package PySocks"
            raise InvalidInput(message, hint=("pip", "install", "PySocks")) from error
        pool.pool_classes_by_scheme = dict(
            pool.pool_classes_by_scheme
        )  # the original is shared by all pools of urllib3
        limit_pools(pool.pool_classes_by_scheme)
        if self._ca_pem:
            # not every version accepts a CA as data, and a temporary file would remain after a kill
            pool.connection_pool_kw["ca_cert_data"] = self._ca_pem
        return pool

    def _require_credentials(self, has_token: bool) -> None:
        has_certificate = bool(self._configuration.cert_file and self._configuration.key_file)
        if has_token or has_certificate or not self.host.startswith("https"):
            return
        source = self._login or "the user entry of the kubeconfig"
        raise CredentialsError(
            f"{source} provides no credentials for {self.where.server}",
            subject=self.where.cluster,
        )


def connect(
    cluster: Cluster,
    *,
    token: TokenSource,
    context: str = "",
    kubeconfig: str = "",
    env: Mapping[str, str],
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    deadline: Deadline = NEVER,
) -> Connection:
    """Return a connection to `cluster`. Send nothing yet.

    Raise Conflict if an explicit `context` is not the cluster's. Use the current context if its server or certificate
    authority is the cluster's. Otherwise connect without a kubeconfig: `token` returns a bearer token and its expiry.
    Raise NotFound, InvalidInput (kubeconfig), CredentialsError (no credentials after loading), Unavailable (a plugin
    that does not answer), and the errors of `token`.
    """
    through = partial(_through, env=env, now=now, deadline=deadline)
    try:
        config = kubeconfigs.read(kubeconfig, env)
    except InvalidInput:
        if context or kubeconfig:
            raise
        config = None  # a broken file that the user did not specify does not prevent a direct connection
    if context:
        return _explicit(cluster, config, context, through)
    current = config.contexts.get(config.current) if config is not None else None
    if current is not None and (matched := matches(current, cluster)):
        return through(current, cluster, f"its {matched} is the cluster's")
    return _direct(cluster, token, env, now)


def matches(context: Context, cluster: Cluster) -> str:
    """Return "server" or "CA", the part of the context that matches the cluster, or "" if neither matches."""
    if cluster.endpoint and _address(context.server) == _address(cluster.endpoint):
        return "server"
    ca = kubeconfigs.certificates(kubeconfigs.decode_ca(cluster.certificate_authority))
    return "CA" if ca and ca == context.ca else ""


def _explicit(cluster: Cluster, config: Kubeconfig | None, name: str, through: _Through) -> Connection:
    if config is None:
        raise NotFound(f"context {name!r} does not exist: no kubeconfig was found", subject=name)
    context = config.get(name)
    matched = matches(context, cluster)
    if not matched:
        raise Conflict(
            f"context {name!r} is not for cluster {cluster.name}: neither its server {context.server or '(none)'} nor "
            f"its certificate authority matches the cluster ({cluster.endpoint or 'no endpoint yet'})",
            subject=name,
            hint=_update_kubeconfig(cluster),
            advice="Omit --context to connect without a kubeconfig, or specify the context's cluster with --cluster.",
        )
    return through(context, cluster, f"its {matched} is the cluster's")


def _through(
    context: Context,
    cluster: Cluster,
    why: str,
    *,
    env: Mapping[str, str],
    now: Callable[[], datetime],
    deadline: Deadline,
) -> Connection:
    from kubernetes.config import kube_config
    from kubernetes.config.config_exception import ConfigException

    if not context.server:
        raise InvalidInput(f"context {context.name!r} of the kubeconfig has no cluster with a server")
    if not _is_url(context.server):
        raise InvalidInput(f"the server of context {context.name!r} of the kubeconfig is not an https URL")
    if context.proxy_url and not _is_proxy(context.proxy_url):
        raise InvalidInput(f"the proxy-url of context {context.name!r} of the kubeconfig is not a URL")
    if context.auth_provider:
        raise InvalidInput(
            f"context {context.name!r} of the kubeconfig uses auth-provider {context.auth_provider}, which podid does "
            "not support: exec plugins replaced auth providers",
            subject=context.name,
            hint=_update_kubeconfig(cluster),
            advice=(
                "Kubernetes 1.26 removed the cloud providers' auth providers. For EKS, use the exec "
                "plugin aws eks get-token."
            ),
        )
    try:
        acts_as = impersonation(context.user)
    except Malformed as error:
        raise InvalidInput(f"the user of context {context.name!r} of the kubeconfig is malformed: {error}") from None
    configuration = _new_configuration(env)
    untyped: Any = kube_config
    impersonated = f", as {context.user['as']}" if acts_as else ""
    where = _where(context.server, cluster, f"context {context.name} of the kubeconfig ({why}){impersonated}")

    def load() -> None:
        check_files(context.cluster, context.user)
        user, expires = _user(context, where, env, deadline)
        try:
            untyped.load_kube_config_from_dict(
                _alone(context, user), context=context.name, client_configuration=configuration, persist_config=False
            )
        except (ConfigException, OSError, ValueError) as error:
            raise InvalidInput(f"context {context.name!r} of the kubeconfig cannot be used: {error}") from error
        except (TypeError, AttributeError, KeyError) as error:
            # the package does not check the file; its message could quote values
            raise InvalidInput(f"context {context.name!r} of the kubeconfig is malformed") from error
        if expires is not None:
            configuration.refresh_api_key_hook = lambda _: load() if now() >= expires - RENEW_BEFORE else None
        # the package reads proxy-url itself since version 37. Without a value set here, it reads the environment for a
        # proxy before each request
        configuration.proxy = context.proxy_url or configuration.proxy

    load()
    connection = Connection(
        configuration,
        where=where,
        renew=load,
        login=context.login,
        unverified=context.unverified,
        impersonation=acts_as,
    )
    connection._require_credentials(bool(configuration.api_key))
    return connection


def _is_proxy(text: str) -> bool:
    try:
        parts = urllib3.util.parse_url(text)
    except urllib3.exceptions.LocationParseError:
        return False
    return bool(parts.scheme and parts.host)


def _user(
    context: Context, where: Where, env: Mapping[str, str], deadline: Deadline
) -> tuple[Mapping[str, Any], datetime | None]:
    """Return the context's user, with the credential in place of an exec plugin, and its expiry."""
    settings = context.user.get("exec")
    # as in kubectl, a token of the user has precedence over a plugin
    if not settings or any(context.user.get(name) for name in ("token", "tokenFile")):
        return with_token(context.user), None
    try:
        plugin = exec_plugin(settings, context.cluster)
    except Malformed as error:
        raise InvalidInput(f"the exec plugin of context {context.name!r} is malformed: {error}") from None
    hint = argv(_GET_TOKEN, where.words) if plugin.words[0].rpartition("/")[2] == "aws" else ()
    hint = hint or ("kubectl", "--context", context.name, "get", "--raw", "/version")
    credential = run(plugin, env, deadline, hint)
    user = {name: value for name, value in context.user.items() if name != "exec"}
    if credential.token:
        user["token"] = credential.token
    if credential.key:
        user["client-certificate-data"] = base64.b64encode(credential.certificate.encode()).decode()
        user["client-key-data"] = base64.b64encode(credential.key.encode()).decode()
    return user, credential.expires_at


def _alone(context: Context, user: Mapping[str, Any]) -> dict[str, Any]:
    """Return a kubeconfig with this context only, as a copy: the package changes its input."""
    cluster, user = (
        {name: value for name, value in entry.items() if value is not None} for entry in (context.cluster, user)
    )
    return deepcopy(
        {
            "current-context": context.name,
            "contexts": [{"name": context.name, "context": {"cluster": "cluster", "user": "user"}}],
            "clusters": [{"name": "cluster", "cluster": cluster}],
            "users": [{"name": "user", "user": user}],
        }
    )


def _new_configuration(env: Mapping[str, str]) -> Any:
    from kubernetes.client.configuration import Configuration

    configuration: Any = Configuration()
    if configuration.no_proxy is None:  # version 35 does not read it
        configuration.no_proxy = env.get("no_proxy") or env.get("NO_PROXY")
    return configuration


def _direct(cluster: Cluster, token: TokenSource, env: Mapping[str, str], now: Callable[[], datetime]) -> Connection:
    if not cluster.endpoint:
        raise Conflict(f"cluster {cluster.name} is {cluster.status} and has no API endpoint yet", subject=cluster.name)
    if not cluster.endpoint.startswith("https://"):
        raise UnreadableAnswer(
            f"the API endpoint of cluster {cluster.name} is not https ({cluster.endpoint}): podid sends no token to it",
            subject=cluster.name,
        )
    configuration = _new_configuration(env)
    configuration.host = cluster.endpoint
    expires: list[datetime] = []

    def renew() -> None:
        bearer, expires_at = token()
        expires[:] = [expires_at]
        configuration.api_key["authorization"] = f"Bearer {bearer}"

    def hook(_: object) -> None:
        if not expires or now() >= expires[0] - RENEW_BEFORE:
            renew()

    configuration.api_key["authorization"] = ""  # auth_settings() calls the hook only if it is set
    configuration.refresh_api_key_hook = hook
    where = _where(cluster.endpoint, cluster, f"endpoint of cluster {cluster.name}, with a token signed by podid")
    return Connection(configuration, where=where, renew=renew, login="the AWS credentials", ca_pem=_ca_of(cluster))


def _update_kubeconfig(cluster: Cluster) -> tuple[str, ...]:
    return ("aws", "eks", "update-kubeconfig", "--name", cluster.name, "--region", cluster.region)


def _ca_of(cluster: Cluster) -> str:
    """Return the cluster's CA as PEM. Without one, the system's authorities would decide: UnreadableAnswer then."""
    pem = kubeconfigs.decode_ca(cluster.certificate_authority)
    if not (pem.isascii() and kubeconfigs.certificates(pem)):
        raise UnreadableAnswer(
            f"the certificate authority that EKS returns for cluster {cluster.name} is not base64 of PEM",
            subject=cluster.name,
        )
    return pem


def _where(url: str, cluster: Cluster, how: str) -> Where:
    private = not cluster.public_endpoint
    return Where(host=plain_urls(url), cluster=cluster.name, region=cluster.region, private=private, how=how)


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("https", "http") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # an incomplete IPv6 address, or a port that is not a number
        return False


def _address(url: str) -> tuple[str, int, str]:
    try:
        parts = urlsplit(url)
    except ValueError:  # an incomplete IPv6 address
        return url, 0, ""
    try:
        port = parts.port
    except ValueError:
        port = None
    return (parts.hostname or "").lower(), port or (80 if parts.scheme == "http" else 443), parts.path.rstrip("/")
