"""Who may call the sandbox: access keys, role sessions, and rights taken away one by one."""

import secrets
import string
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from podid.sandbox.clock import SandboxClock

_KEY_CHARACTERS = string.ascii_uppercase + "234567"


@dataclass(frozen=True, slots=True)
class Credential:
    """One access key and its principal. `role_arn` is set for role sessions; `administrator` skips policies."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    arn: str
    user_id: str
    account: str
    role_arn: str = ""
    session_policy: str = ""
    session_tags: tuple[tuple[str, str], ...] = ()
    expires_at: float | None = None
    administrator: bool = False


@dataclass(frozen=True, slots=True)
class Denial:
    """A right that was taken away: IAM wildcards allowed; an empty access key means everybody's."""

    action: str
    resource: str = "*"
    access_key_id: str = ""
    explicit: bool = False


class KeyRing:
    """All access keys the sandbox knows: its own, and those that `issued` finds in IAM. Thread-safe."""

    def __init__(self, clock: SandboxClock) -> None:
        self.clock = clock
        self.issued: Callable[[str], Credential | None] = lambda _: None
        self._lock = threading.Lock()
        self._by_key: dict[str, Credential] = {}
        self._expired: set[str] = set()
        self._denials: list[Denial] = []

    def add(self, credential: Credential) -> Credential:
        with self._lock:
            self._by_key[credential.access_key_id] = credential
        return credential

    def find(self, access_key_id: str) -> Credential | None:
        return self._by_key.get(access_key_id) or self.issued(access_key_id)

    def is_expired(self, credential: Credential) -> bool:
        """True once its lifetime is over, or after `expire`."""
        over = credential.expires_at is not None and credential.expires_at <= self.clock.now()
        return over or credential.access_key_id in self._expired

    def expire(self, access_key_id: str) -> None:
        """The key answers ExpiredToken from now on."""
        self._expired.add(access_key_id)

    def forget(self, access_key_id: str) -> None:
        """The key is unknown from now on (InvalidClientTokenId, UnrecognizedClientException)."""
        with self._lock:
            self._by_key.pop(access_key_id, None)

    def add_user(self, name: str, *, account: str, partition: str = "aws", administrator: bool = True) -> Credential:
        """A long-term access key of an IAM user; without `administrator` its attached and inline policies decide."""
        return self.add(
            Credential(
                access_key_id="AKIA" + _random_key(16),
                secret_access_key=secrets.token_urlsafe(30),
                session_token="",
                arn=f"arn:{partition}:iam::{account}:user/{name}",
                user_id="AIDA" + _random_key(17),
                account=account,
                administrator=administrator,
            )
        )

    def add_session(
        self,
        role_arn: str,
        session_name: str,
        *,
        role_id: str,
        seconds: float,
        policy: str = "",
        tags: tuple[tuple[str, str], ...] = (),
        administrator: bool = False,
    ) -> Credential:
        """A session of `role_arn` that lives `seconds`; its arn is the assumed-role ARN, without the role's path."""
        _, partition, _, _, account, resource = role_arn.split(":", 5)
        return self.add(
            Credential(
                access_key_id="ASIA" + _random_key(16),
                secret_access_key=secrets.token_urlsafe(30),
                session_token=secrets.token_urlsafe(96),
                arn=f"arn:{partition}:sts::{account}:assumed-role/{resource.rsplit('/', 1)[-1]}/{session_name}",
                user_id=f"{role_id}:{session_name}",
                account=account,
                role_arn=role_arn,
                session_policy=policy,
                session_tags=tags,
                expires_at=self.clock.now() + seconds,
                administrator=administrator,
            )
        )

    def deny(self, action: str, *, resource: str = "*", access_key_id: str = "", explicit: bool = False) -> Denial:
        """Takes a right away from everybody or from one key; `explicit` words it as an explicit deny."""
        denial = Denial(action, resource, access_key_id, explicit)
        with self._lock:
            self._denials.append(denial)
        return denial

    def allow_again(self, action: str = "*") -> None:
        """Gives back what `deny` took with exactly this action; everything for "*"."""
        with self._lock:
            self._denials = [denial for denial in self._denials if action not in ("*", denial.action)]

    def denial(self, access_key_id: str, action: str, resource: str) -> Denial | None:
        """The first denial that covers the call, or None."""
        for denial in tuple(self._denials):
            if (
                denial.access_key_id in ("", access_key_id)
                and fnmatchcase(action.lower(), denial.action.lower())
                and fnmatchcase(resource, denial.resource)
            ):
                return denial
        return None


def _random_key(length: int) -> str:
    return "".join(secrets.choice(_KEY_CHARACTERS) for _ in range(length))
