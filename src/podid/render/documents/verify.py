"""What verify finds."""

from collections.abc import Sequence
from typing import Annotated, Literal

from typing_extensions import TypedDict

from podid.ops.association.verify import VerifyState
from podid.render.documents.common import About, ArnText, BrokenLink, MissingRight, Names, Time


class IdentityBody(TypedDict):
    roleArn: ArnText
    account: str
    sessionName: str
    expiresAt: Time | None


class PodProofBody(TypedDict):
    namespace: str
    name: str
    node: str
    injected: bool
    missingContainers: Names
    state: VerifyState
    reason: str
    link: BrokenLink
    permission: MissingRight
    identity: Annotated[IdentityBody | None, About("Whose credentials came back, as AWS says.")]


class VerifyReportDocument(TypedDict):
    """`podid verify`. No token and no credential is ever in it."""

    kind: Literal["VerifyReport"]
    clusterName: str
    namespace: str
    serviceAccount: str
    roleArn: ArnText
    state: VerifyState
    reason: str
    link: BrokenLink
    permission: MissingRight
    pods: Sequence[PodProofBody]
