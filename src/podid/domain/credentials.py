"""Which credentials an SDK in a container takes, of those that it would find.

The order: https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from podid.domain.members import OR_NULL, About, Key, members, schema_name


class CredentialSource(StrEnum):
    """Where an SDK takes credentials from, in the order in which it asks."""

    STATIC_KEYS = "static-keys"
    PROFILE = "profile"
    IRSA = "irsa"
    CREDENTIALS_FILE = "credentials-file"
    OTHER_ENDPOINT = "other-endpoint"
    POD_IDENTITY = "pod-identity"
    NODE_ROLE = "node-role"
    NONE = "none"


@schema_name("CredentialSourceBody")
@members("source certain detail")
@dataclass(frozen=True, slots=True)
class CredentialCandidate:
    """One source of a container. `detail` is what in the pod names it; `certain` is whether it is seen to give
    credentials, and `detail` says what could not be seen where it is not."""

    source: CredentialSource
    detail: Annotated[str, OR_NULL, About("What in the pod names it, or what could not be seen.")] = ""
    certain: Annotated[bool, About("Whether it is seen to give credentials; false where podid does not read it.")] = (
        True
    )


@members("container uses certain candidates")
@dataclass(frozen=True, slots=True)
class ContainerUse:
    """The sources of a container, in the order in which an SDK asks them."""

    container: Annotated[str, Key("name")]
    candidates: Annotated[tuple[CredentialCandidate, ...], Key("sources"), About("In the order in which an SDK asks.")]

    @property
    def uses(
        self,
    ) -> Annotated[CredentialSource, About("The first that is seen to give credentials: an SDK takes that one.")]:
        """The first that is seen to give credentials; else the last, which nothing that is seen comes before."""
        return self.candidates[self._winner].source

    @property
    def unless(self) -> tuple[CredentialCandidate, ...]:
        """What comes before it if there is more in it than could be seen."""
        return self.candidates[: self._winner]

    @property
    def certain(self) -> Annotated[bool, About("false where something before it could not be seen.")]:
        return self.candidates[self._winner].certain and not self.unless

    @property
    def passed_over(self) -> tuple[CredentialCandidate, ...]:
        """What an SDK does not come to."""
        return self.candidates[self._winner + 1 :]

    @property
    def _winner(self) -> int:
        sure = (number for number, item in enumerate(self.candidates) if item.certain)
        return next(sure, len(self.candidates) - 1)
