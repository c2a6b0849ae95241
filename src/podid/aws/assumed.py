"""Credentials of a role that podid assumes itself, for another account; and the parts that several sessions share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.credentials import RefreshableCredentials

from podid.aws.decode import Credentials
from podid.calls.pacing import Pacer

SESSION_NAME = "podid"
# services with one limit for all regions of an account
_GLOBAL = ("iam", "organizations", "account")


@dataclass(frozen=True, slots=True)
class Pool:
    """The parts that the sessions of one command share: the models of the services, of which each session otherwise
    decodes its own, and the pacer of each account, service and region."""

    loader: Any
    _pacers: dict[tuple[str, str, str], Pacer] = field(default_factory=dict)

    def pacer(self, owner: str, service: str, region: str, make: Callable[[], Pacer]) -> Pacer:
        """Return the pacer of a service; `owner` is the account, or the profile for its credentials."""
        key = (owner, service, "" if service in _GLOBAL else region)
        return self._pacers.get(key) or self._pacers.setdefault(key, make())


class RoleProvider:
    """botocore's source of credentials (its component `credential_provider`): those that `assume` returns, renewed
    before they expire."""

    def __init__(self, assume: Callable[[], Credentials]) -> None:
        self._assume = assume

    def load_credentials(self) -> Any:
        return RefreshableCredentials.create_from_metadata(
            metadata=self._metadata(), refresh_using=self._metadata, method="assume-role"
        )

    def _metadata(self) -> dict[str, str]:
        credentials = self._assume()
        return {
            "access_key": credentials.access_key_id,
            "secret_key": credentials.secret_access_key,
            "token": credentials.session_token,
            "expiry_time": (credentials.expires_at or datetime.now(UTC)).isoformat(),
        }
