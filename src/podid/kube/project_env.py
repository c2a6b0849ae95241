"""The environment of containers, from the API's JSON: names of what decides on credentials and proxies, and values only
of what is no secret."""

from collections.abc import Iterator, Sequence
from sys import intern
from urllib.parse import urlsplit

from podid.domain.cluster import EnvSource
from podid.domain.foreign import Object, inner, inner_or_empty, interned, text, text_or
from podid.domain.network import NOT_SEEN
from podid.kube.plain import plain_url

# variables whose value is no secret, and says which credentials an SDK takes
PLAIN_ENV = frozenset(
    {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_ROLE_ARN",
        "AWS_REGION",
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_EC2_METADATA_DISABLED",
    }
)
# whose names are kept without their values
_KEPT_ENV = ("AWS_", "JAVA_", "JDK_JAVA_")
_PROXY_ENV = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"})
# of a DaemonSet, beside the AWS_* and proxies of any container: how the CNI treats pods with security groups, and where
# the agent sends its requests, of which the host is enough
_DAEMON_ENV = frozenset({"POD_SECURITY_GROUP_ENFORCING_MODE"})
_ENDPOINTS = frozenset({"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_EKS_AUTH"})
# the part of a NO_PROXY that can be about the agent; the rest names hosts that are nobody's business
_NO_PROXY = "NO_PROXY"
_NEAR_AGENT = ("*", "169.", "0.0.0.0/", "fd00:", "[fd00:", "::/")


def keys_of(item: Object) -> dict[str, str]:
    """The names of a ConfigMap's entries; the entries themselves are dropped here, but for what a NO_PROXY says of
    link-local addresses."""
    plain = inner_or_empty(item, "data")
    names = (key for member in (plain, inner_or_empty(item, "binaryData")) for key in member)
    return {key: _near_agent(text_or(plain, key)) if key.upper().endswith(_NO_PROXY) else "" for key in names}


def _near_agent(value: str) -> str:
    return ",".join(part.strip() for part in value.split(",") if part.strip().startswith(_NEAR_AGENT))


def env_of(items: Sequence[Object]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The variables that are kept, and those that are set to nothing."""
    kept: dict[str, str] = {}
    blank: list[str] = []
    for item in items:
        name, value = text(item, "name"), text_or(item, "value")
        if not name.startswith(_KEPT_ENV) and name.upper() not in _PROXY_ENV:
            continue
        name, empty = intern(name), not value and not item.get("valueFrom")
        if empty:
            blank.append(name)
        if name in PLAIN_ENV:
            kept[name] = intern(plain_url(value))
        elif name.upper() == _NO_PROXY:
            kept[name] = NOT_SEEN if item.get("valueFrom") else _near_agent(value)
        # an empty variable is none to an SDK
        elif not empty:
            kept[name] = ""
    return kept, tuple(blank)


def daemon_env(items: Sequence[Object]) -> dict[str, str]:
    """Those of a DaemonSet's container: a few with their values besides."""
    plain = {text(item, "name"): text_or(item, "value") for item in items if text(item, "name") in _DAEMON_ENV}
    hosts = {text(item, "name"): _host(text_or(item, "value")) for item in items if text(item, "name") in _ENDPOINTS}
    return env_of(items)[0] | plain | hosts


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def env_from(item: Object) -> Iterator[EnvSource]:
    """What one entry of `envFrom` names."""
    for member, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
        if item.get(member) is not None:
            yield EnvSource(kind, interned(inner(item, member), "name"), interned(item, "prefix"))
