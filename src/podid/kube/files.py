"""What a kubeconfig leaves to files, before the kubernetes package opens them: it would wait for a named pipe, and take
whatever a token is into a header."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from podid.domain.errors import InvalidInput
from podid.local import files

_READ_BY_THE_PACKAGE = ("certificate-authority", "client-certificate", "client-key")


def check_files(cluster: Mapping[str, Any], user: Mapping[str, Any]) -> None:
    """Raises InvalidInput for a file of them that cannot be read, or is none."""
    for name in _READ_BY_THE_PACKAGE:
        path = cluster.get(name) or user.get(name)
        if path:
            try:
                files.check_readable(Path(path))
            except (OSError, ValueError) as error:
                raise _unreadable(name, path, error) from error


def with_token(user: Mapping[str, Any]) -> Mapping[str, Any]:
    """The user with the token that is in its tokenFile, as kubectl takes it: without white space around. Raises
    InvalidInput for a file that cannot be read, and a token that no header can carry."""
    path, token = user.get("tokenFile"), user.get("token")
    if path:
        try:
            token = files.read(Path(path)).decode().strip()
        except (OSError, ValueError) as error:
            raise _unreadable("tokenFile", path, error) from error
    if token and not (token.isascii() and token.isprintable()):
        where = f"the kubeconfig's tokenFile {path}" if path else "the token of the kubeconfig's user"
        raise InvalidInput(f"{where} holds a character that it cannot have, such as a line break", subject=path or "")
    return {**{name: value for name, value in user.items() if name != "tokenFile"}, "token": token}


def _unreadable(name: str, path: str, error: Exception) -> InvalidInput:
    reason = error.strerror if isinstance(error, OSError) else "it is not text"
    return InvalidInput(f"the kubeconfig's {name} {path} cannot be read: {reason}", subject=path)
