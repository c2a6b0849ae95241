"""The user of a kubeconfig: files with credentials, the exec plugin, and impersonation."""

import contextlib
import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from podid.calls.deadline import Deadline, Overdue
from podid.domain import foreign
from podid.domain.errors import CredentialsError, InvalidInput, Unavailable
from podid.local import files

_READ_BY_THE_PACKAGE = ("certificate-authority", "client-certificate", "client-key")


def check_files(cluster: Mapping[str, Any], user: Mapping[str, Any]) -> None:
    """Raise InvalidInput if a file of the cluster or user cannot be read or is not a regular file."""
    for name in _READ_BY_THE_PACKAGE:
        path = cluster.get(name) or user.get(name)
        if path:
            try:
                files.check_readable(Path(path))
            except (OSError, ValueError) as error:
                raise _unreadable(name, path, error) from error


def with_token(user: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the user with the token from its tokenFile, stripped of white space as in kubectl. Raise InvalidInput if
    the file cannot be read or the token cannot be sent in a header."""
    path, token = user.get("tokenFile"), user.get("token")
    if path:
        try:
            token = files.read(Path(path)).decode().strip()
        except (OSError, ValueError) as error:
            raise _unreadable("tokenFile", path, error) from error
    if token and not (token.isascii() and token.isprintable()):
        where = f"the kubeconfig's tokenFile {path}" if path else "the token of the kubeconfig's user"
        raise InvalidInput(
            f"{where} contains a character that is not allowed, such as a line break", subject=path or ""
        )
    return {**{name: value for name, value in user.items() if name != "tokenFile"}, "token": token}


def _unreadable(name: str, path: str, error: Exception) -> InvalidInput:
    reason = error.strerror if isinstance(error, OSError) else "it is not text"
    return InvalidInput(f"the kubeconfig's {name} {path} cannot be read: {reason}", subject=path)


# characters that a header's name may not contain are percent-encoded: client-go, headerKeyEscape
_ESCAPED = re.compile(rb"[^!#$&'*+.^_`|~0-9A-Za-z-]")


def impersonation(user: foreign.Object) -> tuple[tuple[str, str], ...]:
    """Return the impersonation headers in order, one for each value; empty without impersonation. Raise Malformed."""
    headers = tuple(_headers(user))
    if headers and headers[0][0] != "Impersonate-User":
        raise foreign.Malformed("as is required with as-uid, as-groups or as-user-extra")
    for name, value in headers:
        if not value.isprintable():
            raise foreign.Malformed(f"the value for {name} contains control characters")
    # http.client writes text as Latin-1, and the API server reads UTF-8
    return tuple((name, value.encode().decode("latin-1")) for name, value in headers)


def _headers(user: foreign.Object) -> Iterator[tuple[str, str]]:
    for member, name in (("as", "Impersonate-User"), ("as-uid", "Impersonate-Uid")):
        if value := foreign.text_or(user, member):
            yield name, value
    for group in foreign.texts_or_none(user, "as-groups"):
        yield "Impersonate-Group", group
    extra = foreign.inner_or_empty(user, "as-user-extra")
    for key in extra:
        name = _ESCAPED.sub(lambda match: b"%%%02X" % match[0][0], str(key).encode()).decode()
        for value in foreign.texts_or_none(extra, key):
            yield f"Impersonate-Extra-{name}", value


PLUGIN_SECONDS = 30.0
LARGEST_OUTPUT = 1024 * 1024


@dataclass(frozen=True, slots=True)
class PluginCredential:
    """The credential of a user: a token, or a certificate with its key, both PEM."""

    token: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ExecPlugin:
    """A program to run. `words` are the command and its arguments, `info` is the value of KUBERNETES_EXEC_INFO."""

    words: tuple[str, ...]
    variables: Mapping[str, str] = field(repr=False)
    api_version: str
    info: Mapping[str, Any]

    @property
    def name(self) -> str:
        return f"exec plugin {self.words[0]}"


def exec_plugin(settings: foreign.Object, cluster: foreign.Object) -> ExecPlugin:
    """Return the plugin in the `exec` entry of a user; `cluster` is the context's. Raise Malformed."""
    api_version = foreign.text(settings, "apiVersion")
    spec: dict[str, Any] = {"interactive": False}
    if settings.get("provideClusterInfo") is True:
        spec["cluster"] = _cluster_info(cluster)
    return ExecPlugin(
        words=(foreign.text(settings, "command"), *foreign.texts_or_none(settings, "args")),
        variables={
            foreign.text(item, "name"): foreign.text_or(item, "value")
            for item in foreign.inners_or_none(settings, "env")
        },
        api_version=api_version,
        info={"apiVersion": api_version, "kind": "ExecCredential", "spec": spec},
    )


def run(plugin: ExecPlugin, env: Mapping[str, str], deadline: Deadline, hint: tuple[str, ...] = ()) -> PluginCredential:
    """Return the plugin's credential. Raise CredentialsError if the plugin fails, Unavailable if it does not end in
    time. `hint` is a command that shows the plugin's own error."""
    try:
        process = subprocess.Popen(  # noqa: S603  the user's own kubeconfig specifies it
            plugin.words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**env, **plugin.variables, "KUBERNETES_EXEC_INFO": json.dumps(plugin.info)},
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "its command or environment is not valid"
        raise InvalidInput(f"{plugin.name} cannot be run: {why}", subject=plugin.words[0]) from error
    try:
        output, code = deadline.wait(lambda: _read(process), PLUGIN_SECONDS)
    except Overdue as error:
        raise Unavailable(
            f"{plugin.name} returned no credentials {error}", subject=plugin.words[0], hint=hint
        ) from None
    finally:
        _end(process)
    if len(output) > LARGEST_OUTPUT:
        raise CredentialsError(f"{plugin.name} printed more than a credential", subject=plugin.words[0], hint=hint)
    if code != 0:
        raise CredentialsError(f"{plugin.name} failed with exit code {code}", subject=plugin.words[0], hint=hint)
    try:
        return _credential(foreign.as_object(json.loads(output)), plugin)
    except foreign.Malformed as error:
        why = str(error)
    except (ValueError, RecursionError):
        why = "it is not JSON"
    problem = f"the output of {plugin.name} is not a credential: {why}"
    raise CredentialsError(problem, subject=plugin.words[0], hint=hint)


def _read(process: "subprocess.Popen[bytes]") -> tuple[bytes, int]:
    assert process.stdout is not None
    output = process.stdout.read(LARGEST_OUTPUT + 1)
    return output, 0 if len(output) > LARGEST_OUTPUT else process.wait()


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill the plugin with its child processes. A plugin that writes to an unread pipe would never end."""
    # not poll(): children may survive the plugin, and the process group is reserved until wait()
    if process.returncode is None:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


_plugin_credential = foreign.record(
    PluginCredential, certificate="clientCertificateData", key="clientKeyData", expires_at="expirationTimestamp"
)


def _credential(answer: foreign.Object, plugin: ExecPlugin) -> PluginCredential:
    if foreign.text(answer, "apiVersion") != plugin.api_version:
        raise foreign.Malformed("its apiVersion differs from the kubeconfig's")
    credential = _plugin_credential(foreign.inner(answer, "status"))
    if not credential.token.isascii() or not credential.token.isprintable():
        raise foreign.Malformed("token is not ASCII text")
    if bool(credential.certificate) != bool(credential.key):
        raise foreign.Malformed("clientCertificateData and clientKeyData must both be present")
    if not credential.token and not credential.key:
        raise foreign.Malformed("token is missing")
    return credential


def _cluster_info(cluster: foreign.Object) -> dict[str, Any]:
    info = {name: value for name, value in cluster.items() if name != "extensions"}
    for extension in foreign.inners_or_none(cluster, "extensions"):
        if extension.get("name") == "client.authentication.k8s.io/exec":
            info["config"] = extension.get("extension")
    return info
