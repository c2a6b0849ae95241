"""The agent and the nodes that it serves."""

from collections.abc import Sequence
from typing import Annotated, Literal

from typing_extensions import TypedDict

from podid.domain.findings import Severity
from podid.ops.agent.status import AgentVerdict
from podid.render.documents.common import About, MissingRight, Names


class AddonIssueBody(TypedDict):
    code: str
    message: str
    resourceIds: Names


class AddonBody(TypedDict):
    addonName: str
    addonVersion: str
    status: Annotated[str, About("EKS's own word.")]
    issues: Sequence[AddonIssueBody]


class DaemonSetBody(TypedDict):
    namespace: str
    name: str
    desired: int
    ready: int
    available: int
    updated: int
    images: Names


class NodeBody(TypedDict):
    node: str
    computeType: str
    os: str
    state: str
    agentPod: str | None
    reason: str | None


class CoverageBody(TypedDict):
    expected: int
    ready: int
    nodes: Sequence[NodeBody]


class AgentFindingBody(TypedDict):
    id: str
    severity: Severity
    subject: str
    message: str


class AgentUnknownBody(TypedDict):
    id: str
    reason: str
    permission: MissingRight


class AgentStatusDocument(TypedDict):
    """`podid agent status`."""

    kind: Literal["AgentStatus"]
    clusterName: str
    verdict: AgentVerdict
    addon: AddonBody | None
    daemonSets: Annotated[Sequence[DaemonSetBody] | None, About("null where the cluster could not be looked at.")]
    coverage: Annotated[CoverageBody | None, About("null where the cluster could not be looked at.")]
    findings: Sequence[AgentFindingBody]
    unknowns: Sequence[AgentUnknownBody]


class NodeListDocument(TypedDict):
    """`podid agent nodes`."""

    kind: Literal["NodeList"]
    clusterName: str
    items: Sequence[NodeBody]
