"""What is said of the agent: add-on, versions, nodes."""

from collections.abc import Sequence
from typing import Annotated, Literal

from typing_extensions import TypedDict

from podid.domain.findings import Severity
from podid.domain.members import About, ArnText, MissingRight, Names, Time
from podid.facts.nodes import NodeKind
from podid.ops.addon.read import Mechanism
from podid.ops.agent.status import AgentState


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
    hostPorts: Annotated[Sequence[int], About("The ports of its nodes that it declares.")]
    images: Names


class NodeBody(TypedDict):
    node: str
    computeType: str
    os: str
    kind: Annotated[NodeKind, About("Who makes the node, or what keeps the agent off it.")]
    eligible: Annotated[bool, About("Whether the agent's DaemonSets go there.")]
    state: str
    agentPod: str | None
    ready: Annotated[bool, About("Whether a Ready agent pod is there.")]
    restarts: Annotated[int, About("Of the agent's containers.")]
    needy: Annotated[
        Names | None, About("The service accounts with an association whose pods run there; null where nobody looked.")
    ]
    reason: str | None


class NodeKindBody(TypedDict):
    kind: NodeKind
    nodes: int
    expected: int
    ready: int
    restarts: int


class CoverageBody(TypedDict):
    expected: int
    ready: int
    kinds: Sequence[NodeKindBody]
    nodes: Sequence[NodeBody]


class NodeRoleBody(TypedDict):
    roleArn: ArnText
    usedBy: str
    allowed: Annotated[bool | None, About("Whether it may redeem tokens; null where it could not be looked at.")]


class AgentOfferBody(TypedDict):
    kubernetesVersion: str
    default: str | None
    latest: str | None
    nextKubernetesVersion: str | None
    nextDefault: str | None
    behind: Annotated[bool, About("Whether what is installed is older than EKS's default or the newest.")]


class AgentFindingBody(TypedDict):
    id: str
    severity: Severity
    subject: str
    message: str
    maskedBy: Annotated[str | None, About("The finding that explains this one.")]


class AgentUnknownBody(TypedDict):
    id: str
    reason: str
    permission: MissingRight


class AgentStatusDocument(TypedDict):
    """`podid agent status`."""

    kind: Literal["AgentStatus"]
    clusterName: str
    state: AgentState
    addon: Annotated[
        AddonBody | None, About("null where it is not installed, and where it could not be looked at: see unknowns.")
    ]
    offer: Annotated[AgentOfferBody | None, About("null where the versions could not be looked at.")]
    nodeRoles: Annotated[
        Sequence[NodeRoleBody] | None, About("Roles that live nodes have; null where nobody could tell them.")
    ]
    daemonSets: Annotated[Sequence[DaemonSetBody] | None, About("null where the cluster could not be looked at.")]
    coverage: Annotated[CoverageBody | None, About("null where the cluster could not be looked at.")]
    findings: Sequence[AgentFindingBody]
    unknowns: Sequence[AgentUnknownBody]


class AgentVersionBody(TypedDict):
    addonVersion: str
    installed: bool
    default: Annotated[bool, About("Whether EKS installs it where no version is named.")]
    latest: Annotated[bool, About("Whether it is the newest that fits.")]
    fits: bool
    reason: Annotated[str | None, About("Why EKS would not take it for this cluster.")]
    architectures: Names
    computeTypes: Names


class AgentVersionListDocument(TypedDict):
    """`podid agent versions`, newest first."""

    kind: Literal["AgentVersionList"]
    clusterName: str
    addonName: str
    kubernetesVersion: str
    platformVersion: str | None
    installed: str | None
    default: str | None
    latest: str | None
    nextKubernetesVersion: Annotated[str | None, About("The next minor version, where EKS has the add-on for it.")]
    nextDefault: Annotated[str | None, About("The default for it.")]
    items: Sequence[AgentVersionBody]


class NodeListDocument(TypedDict):
    """`podid agent nodes`."""

    kind: Literal["NodeList"]
    clusterName: str
    items: Sequence[NodeBody]


class AddonRowBody(TypedDict):
    addonName: str
    addonVersion: Annotated[str, About("What is installed, else what EKS would take.")]
    installed: bool
    status: Annotated[str | None, About("EKS's own word.")]
    namespace: str
    serviceAccount: Annotated[str | None, About("null for an add-on with none that could be given a role.")]
    supported: Annotated[
        bool | None, About("Whether this version can give it a role; null where that could not be looked at.")
    ]
    recommendedPolicyArns: Names
    mechanism: Annotated[
        Mechanism | None, About("How it gets a role now; null where the associations could not be looked at.")
    ]
    roleArn: Annotated[ArnText | None, About("null where it has none, and where that could not be looked at.")]
    associationId: str | None
    owner: Annotated[str | None, About("The add-on that owns the association; null for one that stands alone.")]


class AddonListDocument(TypedDict):
    """`podid addon list`: a row for each service account of each add-on."""

    kind: Literal["AddonList"]
    clusterName: str
    items: Sequence[AddonRowBody]


class LogTallyBody(TypedDict):
    id: Annotated[str | None, About("The failure mode's; null for a failure that podid does not know.")]
    noise: Annotated[bool, About("Whether it looks like a failure and is none.")]
    count: int
    firstSeen: Time | None
    lastSeen: Time | None
    nodes: Names
    affected: Annotated[Names, About("The pods that asked, or their addresses where no pod has them now.")]
    sample: Annotated[str, About("The last such line, in short.")]


class LogUnreadBody(TypedDict):
    pod: str
    reason: str


class AgentLogsDocument(TypedDict):
    """`podid agent logs`: failures first, noise last."""

    kind: Literal["AgentLogs"]
    clusterName: str
    sinceSeconds: int | None
    agents: Annotated[int, About("How many logs were read.")]
    lines: int
    autoModeNodes: Annotated[int, About("Nodes whose agent is built in and shows no log.")]
    unread: Sequence[LogUnreadBody]
    items: Sequence[LogTallyBody]


class LogLineBody(TypedDict):
    time: Time | None
    node: str
    pod: str
    id: Annotated[str | None, About("The failure mode that the line shows.")]
    noise: bool
    level: str | None
    text: str


class AgentLogLinesDocument(TypedDict):
    """`podid agent logs --raw`."""

    kind: Literal["AgentLogLines"]
    clusterName: str
    items: Sequence[LogLineBody]
