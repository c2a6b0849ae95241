"""The credentials of a session, from botocore's own chain of sources, with podid's errors only."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from botocore.utils import parse_timestamp

from podid.aws.api import UNPARSABLE
from podid.aws.errors import Origin, translate
from podid.calls.deadline import Deadline, Overdue
from podid.domain.errors import CredentialsError, NotFound, Unavailable, UsageError
from podid.local import files

T = TypeVar("T")

# a program that provides credentials may wait for a person
SIGN_IN_SECONDS = 120.0
_EXPIRED = "credentials that have expired"
# the services of botocore's sources of credentials, by operation
_SERVICES = {"GetRoleCredentials": "sso", "CreateToken": "sso-oidc"}
# the settings by which a profile has a source of credentials
_SOURCES = {"aws_access_key_id", "credential_process", "sso_session", "sso_start_url", "source_profile"}


def sign_in(
    core: Any, profiles: Iterable[Mapping[str, Any]], env: Mapping[str, str], origin: Origin, deadline: Deadline
) -> None:
    """Get the credentials from their source: a program, IAM Identity Center or the instance. There is no time limit
    while a person must enter an MFA code. Later renewals during calls have a time limit and the same errors.
    `profiles` are the settings of the profile and of its source profiles."""
    profile = f" of profile {origin.profile}" if origin.profile else ""

    def load() -> Any:
        credentials = core.get_credentials()
        if credentials is not None:
            keys = credentials.get_frozen_credentials()
            check_credentials(keys.access_key, keys.token, profile)
        return credentials

    def limited(source: Callable[[], T]) -> T:
        return deadline.wait(source, SIGN_IN_SECONDS)

    def obtain(source: Callable[[], T], run: Callable[[Callable[[], T]], T] = limited) -> T:
        try:
            return run(source)
        except Overdue as error:
            raise Unavailable(
                f"no AWS credentials{profile} were returned {error}",
                advice="The source (credential_process, IAM Identity Center or a container endpoint) does not answer.",
            ) from None
        except (BotoCoreError, ClientError) as error:
            operation = getattr(error, "operation_name", "the sign-in")
            service = _SERVICES.get(operation, "sts")
            translated = translate(error, service=service, operation=operation, origin=origin)
            if isinstance(translated, NotFound):  # not the object of the call that renews the credentials
                raise CredentialsError(f"no AWS credentials{profile} were returned: {translated.message}") from error
            raise translated from error
        except EOFError as error:
            message = f"the AWS credentials{profile} require an MFA code, and podid is not connected to a terminal"
            raise CredentialsError(message) from error
        except OSError as error:
            reason = f"{error.strerror}: {error.filename}" if error.filename else str(error)
            raise CredentialsError(f"the source of the AWS credentials{profile} cannot be used ({reason})") from error
        except UNPARSABLE as error:
            # "still expired" is botocore's text; any other text may quote the credentials
            raise returned(_EXPIRED if "still expired" in str(error) else "a value that is not credentials") from error

    def returned(value: str) -> CredentialsError:
        return CredentialsError(f"the source of the AWS credentials{profile} returned {value}")

    def renewed(renew: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
        metadata = renew()
        if parse_timestamp(metadata["expiry_time"]) <= datetime.now(UTC):
            raise returned(_EXPIRED)
        return metadata

    check_token_files(env, profiles)
    by_a_person = any("mfa_serial" in settings for settings in profiles)
    credentials = obtain(load, lambda source: source()) if by_a_person else obtain(load)
    renew = getattr(credentials, "_refresh_using", None)  # only refreshable credentials have it
    if renew is not None:
        credentials._refresh_using = lambda: obtain(partial(renewed, renew))


def check_token_files(env: Mapping[str, str], profiles: Iterable[Mapping[str, Any]]) -> None:
    """Raise UsageError for a token file that cannot be read. `profiles` are the settings of the profiles in use."""
    # keys in variables, and most sources of a profile, take precedence over files that variables name
    if not env.get("AWS_ACCESS_KEY_ID") and not any(_SOURCES & settings.keys() for settings in profiles):
        for name in ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"):
            _check(name, env.get(name))
    for settings in profiles:
        _check("web_identity_token_file", settings.get("web_identity_token_file"))


def check_ca_bundle(core: Any, env: Mapping[str, str]) -> None:
    """Raise UsageError for a bundle of certificates that cannot be read."""
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
            reason = error.strerror if isinstance(error, OSError) else "the path is not valid"
            raise UsageError(f"the file {path} of {name} cannot be read: {reason}", subject=path) from error


def check_credentials(access_key_id: str, session_token: str | None, profile: str) -> None:
    """Raise CredentialsError for credentials that cannot be sent in a header, for example with a line break at the end.
    `profile` is " of profile PROFILE", or empty."""
    for name, value in (("access key ID", access_key_id), ("session token", session_token or "")):
        if not (value.isascii() and value.isprintable()):
            reason = "contains a character that is not allowed, such as a line break"
            raise CredentialsError(f"the {name} of the AWS credentials{profile} {reason}")
