"""What the SDK takes from this machine as it comes: files, for which it would wait whatever they are, and credentials,
of which it makes headers."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from podid.domain.errors import CredentialsError, UsageError
from podid.local import files

_TOKEN_FILES = ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")


def check_token_files(env: Mapping[str, str], profiles: Iterable[Mapping[str, Any]]) -> None:
    """`profiles` are the settings of those in force. Raises UsageError for a file that cannot be read."""
    if not env.get("AWS_ACCESS_KEY_ID"):  # which comes first
        for name in _TOKEN_FILES:
            _check(name, env.get(name))
    for settings in profiles:
        _check("web_identity_token_file", settings.get("web_identity_token_file"))


def check_ca_bundle(core: Any, env: Mapping[str, str]) -> None:
    """Raises UsageError for a bundle of certificates that cannot be read."""
    configured = core.get_config_variable("ca_bundle")
    if configured:
        _check("AWS_CA_BUNDLE" if env.get("AWS_CA_BUNDLE") else "ca_bundle", configured)
    else:
        _check("REQUESTS_CA_BUNDLE", env.get("REQUESTS_CA_BUNDLE"))


def _check(name: str, path: object) -> None:
    if isinstance(path, str) and path:
        try:
            files.check_readable(Path(path))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "its name is not one of a file"
            raise UsageError(f"the file of {name}, {path}, cannot be read: {reason}", subject=path) from error


def check_credentials(access_key_id: str, session_token: str | None, whose: str) -> None:
    """Raises CredentialsError for what no header can carry, such as the line break at the end of a file. `whose` is
    " of profile PROFILE", or empty."""
    for name, value in (("access key id", access_key_id), ("session token", session_token or "")):
        if not (value.isascii() and value.isprintable()):
            raise CredentialsError(
                f"the {name} of the AWS credentials{whose} holds a character that it cannot have, such as a line break"
            )
