"""The status of a service account and of its pods, wherever it is part of a document."""

from collections.abc import Sequence
from typing import Annotated, Literal, NotRequired

from typing_extensions import TypedDict

from podid.domain.credentials import CredentialSource
from podid.domain.members import About, Argv, ArnText, BrokenLink, MissingRight, ModeId, Time
from podid.domain.status import IdentityState

State = Annotated[
    IdentityState | None, About("docs/explanations/states.md lists them; null where too little was read to claim one.")
]
Reason = Annotated[str | None, About("Why the state is no better; null from configured on.")]


class TokenBody(TypedDict):
    roleArn: ArnText
    sessionName: str
    expiresAt: Time | None
    ofPod: Annotated[str, About("The pod whose token EKS Auth accepted: this one, or one of the same template.")]


class PodStatusBody(TypedDict):
    namespace: str
    name: Annotated[str | None, About("Null for the pod that would be made now.")]
    node: str | None
    workload: Annotated[str | None, About("KIND NAMESPACE/NAME.")]
    state: State
    id: ModeId
    link: BrokenLink
    reason: Reason
    uses: Annotated[CredentialSource | None, About("The credentials that an SDK in its main container takes.")]
    certain: Annotated[bool | None, About("Whether these are all that an SDK could take.")]
    staleUntil: Annotated[Time | None, About("Until when a stale pod may keep the previous role.")]
    token: Annotated[TokenBody | None, About("What EKS Auth issued to podid.")]
    seenAt: Annotated[Time | None, About("When CloudTrail has a session of this pod.")]


class LinkTenBody(TypedDict):
    state: Literal["broken"]
    id: str
    reason: str


class NotCheckedBody(TypedDict):
    link: Annotated[int, About("1 to 9.")]
    subject: Annotated[str | None, About("What could not be read; null where nothing of the link was read.")]
    permission: MissingRight


class AdviceBody(TypedDict):
    id: str
    message: str


class ProbeBody(TypedDict):
    """A pod of podid's own that asked the agent of its node."""

    job: Annotated[str, About("NAMESPACE/NAME of the Job, which was deleted.")]
    node: str | None
    roleArn: Annotated[ArnText | None, About("The role that it got.")]
    link: BrokenLink
    id: ModeId
    message: Annotated[str | None, About("Why it got no role.")]
    unknown: Annotated[str | None, About("Why that could not be found out.")]


class AllowedBody(TypedDict):
    action: str
    resource: str
    allowed: Annotated[bool | None, About("Null where it could not be decided.")]
    reason: str
    id: ModeId
    permission: MissingRight


class IdentityStatusBody(TypedDict):
    namespace: str
    serviceAccount: str
    associationId: str | None
    roleArn: Annotated[ArnText | None, About("The role that pods get: the target role, where there is one.")]
    state: State
    id: ModeId
    link: BrokenLink
    reason: Reason
    permission: MissingRight
    fix: Annotated[Sequence[Argv], About("Command lines that mend the cause.")]
    newPod: Annotated[PodStatusBody, About("The pod that would be made now.")]
    pods: Annotated[Sequence[PodStatusBody] | None, About("Running pods; null where pods were not read.")]
    optedOut: Annotated[Sequence[str], About("Running pods that ask the webhook to leave them alone.")]
    permissions: Annotated[LinkTenBody | None, About("An error on what the role may do. No state depends on it.")]
    advice: Annotated[Sequence[AdviceBody], About("Findings that never lower a state.")]
    checkedLinks: Annotated[Sequence[int], About("The links that were checked to the end, 1 to 9.")]
    notChecked: Sequence[NotCheckedBody]
    probes: NotRequired[Annotated[Sequence[ProbeBody], About("`podid verify` only: with `--probe`.")]]
    allowed: NotRequired[Annotated[Sequence[AllowedBody], About("`podid verify` only: with `--can`.")]]


class IdentityStatusDocument(IdentityStatusBody):
    """`podid status NAMESPACE/NAME`, `podid verify NAMESPACE/NAME`."""

    kind: Literal["IdentityStatus"]


class IdentityStatusListDocument(TypedDict):
    """`podid status`, and `podid verify` of several."""

    kind: Literal["IdentityStatusList"]
    items: Sequence[IdentityStatusBody]
