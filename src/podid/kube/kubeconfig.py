"""Kubeconfig files, read without the kubernetes package, whose import takes 130 ms.

Files are merged as kubectl does: of several files in KUBECONFIG, the first one that sets a value wins
(https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/#merging-kubeconfig-files).
"""

import base64
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml

from podid.domain.errors import InvalidInput, NotFound
from podid.local import files

T = TypeVar("T", str, bool, list[Any], dict[str, Any])

MAX_BYTES = 16 * 1024 * 1024
# values in one file, including repeated aliases; a cluster with its user and context has about thirty
MOST_VALUES = 500_000

_EKS_ARN = re.compile(r"arn:aws[a-z0-9-]*:eks:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):cluster/(?P<name>[^/]+)")
_EKSCTL = re.compile(r"(?:.*@)?(?P<name>[^@.]+)\.(?P<region>[a-z0-9-]+)\.eksctl\.io(?P<account>)")
# ID.REGION.eks.amazonaws.com, and of an IPv6 cluster ID.eks-cluster.REGION.api.aws:
# https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html
_EKS_HOST = re.compile(
    r"^https://[^/]*\.(?P<region>[a-z]+(?:-[a-z]+)+-\d+)\.(?:eks|api)\.[a-z0-9.]+(?::\d+)?/?$", re.IGNORECASE
)
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One context with its cluster and user. `ca` is the set of certificates (base64 of DER) that the server is
    verified against; `login` names the source of the credentials ("exec plugin aws", "token"…), `auth_provider` a
    source in the deprecated form. `cluster` and `user` are the entries themselves, with absolute paths."""

    name: str
    cluster_name: str
    server: str
    ca: frozenset[str]
    namespace: str = ""
    proxy_url: str = ""
    login: str = ""
    auth_provider: str = ""
    exec_args: tuple[str, ...] = ()
    exec_env: Mapping[str, str] = field(default_factory=dict)
    cluster: Mapping[str, Any] = field(default_factory=dict, repr=False)
    user: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def unverified(self) -> bool:
        return self.cluster.get("insecure-skip-tls-verify") is True


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """The merged files, in order; `current` is "" if no file sets a current context."""

    files: tuple[Path, ...]
    current: str
    contexts: Mapping[str, Context]

    def get(self, name: str) -> Context:
        """Return the context. Raise NotFound, which lists the contexts, if it does not exist."""
        context = self.contexts.get(name)
        if context is None:
            names = ", ".join(sorted(self.contexts)) or "none"
            raise NotFound(
                f"the kubeconfig has no context {name!r}. Its contexts: {names}",
                subject=name,
                hint=("kubectl", "config", "get-contexts"),
            )
        return context


def read(kubeconfig: str = "", env: Mapping[str, str] | None = None) -> Kubeconfig | None:
    """Return the kubeconfig at `kubeconfig`, else at KUBECONFIG, else ~/.kube/config; None if none exists.

    Raise NotFound if `kubeconfig` itself does not exist, InvalidInput for a file that is not a kubeconfig. A
    `kubeconfig` equal to the value of KUBECONFIG has the same effect as none.
    """
    env = os.environ if env is None else env
    if kubeconfig == env.get("KUBECONFIG"):
        kubeconfig = ""
    if kubeconfig and not Path(kubeconfig).expanduser().is_file():
        raise NotFound(f"kubeconfig file {kubeconfig} does not exist", subject=kubeconfig)
    documents = [(path, document) for path in _paths(kubeconfig, env) if (document := _load(path))]
    if not documents:
        return None
    current = [_member(document, "current-context", str, path) for path, document in documents]
    clusters, users, contexts = (_merged(documents, section) for section in ("clusters", "users", "contexts"))
    return Kubeconfig(
        files=tuple(path for path, _ in documents),
        current=next(filter(None, current), ""),
        contexts={name: _context(name, *entry, clusters, users) for name, entry in contexts.items()},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EksContext:
    """The EKS cluster of a context. Region and account are "" if the kubeconfig does not contain them."""

    context: str
    cluster: str
    region: str = ""
    account: str = ""


def current_eks_cluster(
    kubeconfig: str = "", context: str = "", env: Mapping[str, str] | None = None
) -> EksContext | None:
    """Return the EKS cluster of the specified or current context, or None if the context shows none.

    Sources: the arguments of `aws eks get-token` and `aws-iam-authenticator token`, and names as written by
    `aws eks update-kubeconfig` (the cluster's ARN) and by eksctl (user@NAME.REGION.eksctl.io).
    Raise as `read` does, and NotFound for a `context` that does not exist.
    """
    config = read(kubeconfig, env)
    if config is None or not (context or config.current in config.contexts):
        return None
    return eks_cluster_of(config.get(context or config.current))


def eks_cluster_of(context: Context) -> EksContext | None:
    """Return the EKS cluster of a context, or None if it is not recognisably one."""
    by_name, name = _from_names(context), _cluster_of_login(context)
    if not name:
        return by_name
    if by_name is not None and by_name.cluster == name:
        return by_name
    return EksContext(context=context.name, cluster=name, region=_region_of(context))


def certificates(pem: str) -> frozenset[str]:
    """Return the certificates of a PEM text, each as base64 of DER without white space, to ignore the layout."""
    return frozenset("".join(body.split()) for body in _PEM.findall(pem))


def decode_ca(data: str) -> str:
    """Return the PEM text of `certificate-authority-data` (base64 of PEM), "" for any other value."""
    try:
        return base64.b64decode(data, validate=False).decode("utf-8")
    except ValueError:
        return ""


def _paths(kubeconfig: str, env: Mapping[str, str]) -> list[Path]:
    if kubeconfig:
        return [Path(kubeconfig).expanduser()]
    listed = [part for part in env.get("KUBECONFIG", "").split(os.pathsep) if part]
    home = Path(env["HOME"]) if env.get("HOME") else Path.home()
    candidates = [Path(part).expanduser() for part in listed] or [home / ".kube" / "config"]
    return [path for path in candidates if path.is_file()]


def _load(path: Path) -> dict[str, Any]:
    try:
        document = _LOADER(files.read(path, MAX_BYTES).decode()).get_single_data()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InvalidInput(f"the kubeconfig {path} cannot be read: {reason}", subject=str(path)) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # the parser's message quotes the file, which contains credentials: only the line is printed
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        raise InvalidInput(f"the kubeconfig {path} is not valid YAML{where}", subject=str(path)) from None
    if document is None:
        return {}
    if not isinstance(document, dict) or not _moderate(document):
        raise InvalidInput(f"{path} is not a kubeconfig", subject=str(path))
    return document


def _moderate(document: object) -> bool:
    """Return whether the number of values is limited: YAML aliases can repeat values endlessly."""
    layer, count = [document], 0
    while layer:
        below: list[object] = []
        for item in layer:
            inside = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
            count += len(inside)
            if count > MOST_VALUES:
                return False
            below += inside
        layer = below
    return True


# the C parser is ten times faster on a kubeconfig with hundreds of clusters; PyYAML builds without it exist
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _merged(documents: list[tuple[Path, dict[str, Any]]], section: str) -> dict[str, tuple[Path, dict[str, Any]]]:
    """Return name -> (file of the entry, its body)."""
    merged: dict[str, tuple[Path, dict[str, Any]]] = {}
    for path, document in documents:
        for entry in _member(document, section, list, path):
            if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or not entry["name"]:
                raise InvalidInput(f"{path}: an entry of {section} has no name", subject=str(path))
            merged.setdefault(entry["name"], (path, _member(entry, section[:-1], dict, path)))
    return merged


def _member(holder: dict[str, Any], member: str, kind: type[T], path: Path) -> T:
    """Return the member, empty if it is missing. Raise InvalidInput if it is of another type, as kubectl does:
    `insecure-skip-tls-verify: "false"` is a text, and would count as true."""
    value = holder.get(member)
    if value is None:
        return kind()
    if not isinstance(value, kind):
        raise InvalidInput(f"the kubeconfig {path} is malformed: {member} is not {_WORDS[kind]}", subject=str(path))
    return value


def _context(
    name: str,
    path: Path,
    entry: dict[str, Any],
    clusters: dict[str, tuple[Path, dict[str, Any]]],
    users: dict[str, tuple[Path, dict[str, Any]]],
) -> Context:
    cluster_name, user_name, namespace = (_member(entry, member, str, path) for member in _CONTEXT_TEXTS)
    cluster_path, cluster = clusters.get(cluster_name, (Path(), {}))
    user_path, user = users.get(user_name, (Path(), {}))
    for holder, texts, where in ((cluster, _CLUSTER_TEXTS, cluster_path), (user, _USER_TEXTS, user_path)):
        for member in texts:
            _member(holder, member, str, where)
    _member(cluster, "insecure-skip-tls-verify", bool, cluster_path)
    plugin: dict[str, Any] = _member(user, "exec", dict, user_path)
    provider: dict[str, Any] = _member(user, "auth-provider", dict, user_path)
    arguments: list[Any] = _member(plugin, "args", list, user_path)
    variables: list[Any] = [item for item in _member(plugin, "env", list, user_path) if isinstance(item, dict)]
    command, provider_name = _member(plugin, "command", str, user_path), _member(provider, "name", str, user_path)
    env = {_member(item, "name", str, user_path): _member(item, "value", str, user_path) for item in variables}
    words = [_member({"one of args": argument}, "one of args", str, user_path) for argument in arguments]
    return Context(
        name=name,
        cluster_name=cluster_name,
        server=cluster.get("server") or "",
        ca=certificates(_ca_pem(cluster, cluster_path)),
        namespace=namespace,
        proxy_url=cluster.get("proxy-url") or "",
        login=_login(user, plugin),
        auth_provider=provider_name or "without a name" if provider else "",
        exec_args=(command, *words) if plugin else (),
        exec_env=env,
        cluster=_absolute(cluster, cluster_path),
        user=_absolute(user, user_path),
    )


_WORDS: dict[type, str] = {str: "text", bool: "true or false", list: "a list", dict: "an object"}
_FILES = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
_CONTEXT_TEXTS = ("cluster", "user", "namespace")
_CLUSTER_TEXTS = ("server", "certificate-authority", "certificate-authority-data", "proxy-url", "tls-server-name")
_USER_TEXTS = (
    *("token", "tokenFile", "client-certificate", "client-certificate-data", "client-key", "client-key-data"),
    *("username", "password"),
)


def _absolute(entry: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return the entry with absolute paths: of files, and of a plugin's command that contains a slash."""
    settings = {
        name: str(path.absolute().parent / value) if name in _FILES and value else value
        for name, value in entry.items()
    }
    plugin = settings.get("exec")
    if isinstance(plugin, dict) and isinstance(command := plugin.get("command"), str) and "/" in command:
        settings["exec"] = {**plugin, "command": str(path.absolute().parent / command)}
    return settings


def _ca_pem(cluster: dict[str, Any], beside: Path) -> str:
    if data := cluster.get("certificate-authority-data"):
        return decode_ca(str(data))
    if file := cluster.get("certificate-authority"):
        try:
            return files.read(beside.parent / str(file)).decode()
        except (OSError, ValueError):
            return ""  # the connection reports the file that cannot be read
    return ""


def _login(user: dict[str, Any], plugin: dict[str, Any]) -> str:
    if plugin:
        return f"exec plugin {plugin.get('command', '')}"
    if user.get("token") or user.get("tokenFile"):
        return "token"
    if user.get("client-certificate") or user.get("client-certificate-data"):
        return "client certificate"
    return "password" if user.get("username") else ""


def _cluster_of_login(context: Context) -> str:
    """Return the cluster in the arguments of the exec plugin."""
    if not context.exec_args:
        return ""
    command, *args = context.exec_args
    program = Path(command).name.removesuffix(".exe")
    flags = ("--cluster-name",) if program == "aws" else ("-i", "--cluster-id", "--cluster-name")
    return next((value for flag in flags if (value := _option(args, flag))), "")


def _option(args: list[str], flag: str) -> str:
    for position, arg in enumerate(args):
        if arg == flag and position + 1 < len(args):
            return args[position + 1]
        if arg.startswith(flag + "="):
            return arg.removeprefix(flag + "=")
    return ""


def _region_of(context: Context) -> str:
    region = _option(list(context.exec_args), "--region") or context.exec_env.get("AWS_REGION", "")
    if region := region or context.exec_env.get("AWS_DEFAULT_REGION", ""):
        return region
    if by_name := _from_names(context):
        return by_name.region
    host = _EKS_HOST.match(context.server)
    return host["region"] if host else ""


def _from_names(context: Context) -> EksContext | None:
    for text in (context.cluster_name, context.name):
        if match := (_EKS_ARN.fullmatch(text) or _EKSCTL.fullmatch(text)):
            return EksContext(
                context=context.name, cluster=match["name"], region=match["region"], account=match["account"]
            )
    return None
