"""Associations, roles, and what a trust policy says to an association."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from typing_extensions import TypedDict

from podid.domain.credentials import CredentialSource
from podid.domain.findings import Severity
from podid.domain.members import About, Argv, ArnText, MissingRight, Names, Pairs, PolicyObject, ServiceAccounts, Time
from podid.domain.trust import ScopeKind, TrustVerdict
from podid.render.documents.status import IdentityStatusBody


class ActionVerdictBody(TypedDict):
    verdict: TrustVerdict
    statement: Annotated[int | None, About("Index of the deciding statement, from 0.")]
    sid: str | None
    reason: Annotated[str, About("One sentence; empty when there is nothing to say.")]


ActionVerdicts = TypedDict("ActionVerdicts", {"sts:AssumeRole": ActionVerdictBody, "sts:TagSession": ActionVerdictBody})


class TrustScopeBody(TypedDict):
    kind: ScopeKind
    words: str


class TrustFindingBody(TypedDict):
    id: str
    severity: Severity
    message: str
    fix: str


class TrustBody(TypedDict):
    verdict: Annotated[TrustVerdict, About("Of both actions together.")]
    actions: ActionVerdicts
    scope: Annotated[TrustScopeBody | None, About("How far what lets these pods in reaches; null where nothing does.")]
    findings: Sequence[TrustFindingBody]


class TrustReportBody(TrustBody):
    file: Annotated[str, About("`-` is stdin; with `--role` the role's name.")]
    namespace: str
    serviceAccount: str
    clusterArn: ArnText
    hop: Annotated[Literal[1, 2], About("1 is the association's role, 2 its target role.")]
    proposed: Annotated[
        PolicyObject | None, About("The smallest addition that lets in what is not let in; null when none is needed.")
    ]
    diff: Annotated[str, About("From the policy to the proposed one; empty when there is none.")]
    advice: Sequence[str]


class TrustReportDocument(TrustReportBody):
    """`podid trust check` for one policy and one service account."""

    kind: Literal["TrustReport"]


class TrustReportListDocument(TypedDict):
    """`podid trust check` for several policies or service accounts."""

    kind: Literal["TrustReportList"]
    items: Sequence[TrustReportBody]


class TrustStatementBody(TypedDict):
    statement: Annotated[int, About("Index in the policy, from 0.")]
    sid: str
    effect: Literal["Allow", "Deny"]
    principals: Annotated[Sequence[str], About("`*` is everybody; `all but …` where it is NotPrincipal.")]
    actions: Annotated[Sequence[str], About("`all but …` where it is NotAction.")]
    conditions: Annotated[Sequence[str], About("Operator, key and values; all of them have to hold.")]


class TrustAccessBody(TypedDict):
    file: Annotated[str, About("`-` is stdin; with `--role` the role's name.")]
    verdict: Annotated[TrustVerdict, About("Whether any pod may assume the role by EKS Pod Identity.")]
    scopes: Annotated[Sequence[str], About("Which pods may, in words.")]
    reasons: Annotated[Sequence[str], About("Why no pod may, or of which pods that is not known.")]
    statements: Sequence[TrustStatementBody]
    findings: Annotated[Sequence[TrustFindingBody], About("Worst first.")]
    advice: Sequence[str]


class TrustAccessDocument(TrustAccessBody):
    """`podid trust check` for one policy and no service account in particular."""

    kind: Literal["TrustAccess"]


class TrustAccessListDocument(TypedDict):
    """`podid trust check` for several policies and no service account in particular."""

    kind: Literal["TrustAccessList"]
    items: Sequence[TrustAccessBody]


class TrustEditBody(TypedDict):
    file: Annotated[str, About("`-` is stdin.")]
    outcome: Literal["changed", "no-change"]
    policy: Annotated[PolicyObject, About("The whole policy as it is after the edit.")]
    statement: Annotated[int | None, About("Index of the statement that was written, removed or that decided, from 0.")]
    notes: Annotated[Sequence[str], About("What was done or why nothing was, then what else to know.")]
    diff: Annotated[str, About("From the old policy to the new one; empty when nothing changed.")]
    size: Annotated[int, About("Characters without white space; IAM takes 2,048.")]


class TrustEditDocument(TrustEditBody):
    """`podid trust add`, `remove` and `tighten` on a file."""

    kind: Literal["TrustEdit"]


class TrustEditListDocument(TypedDict):
    """`podid trust add`, `remove` and `tighten` on several files."""

    kind: Literal["TrustEditList"]
    items: Sequence[TrustEditBody]


class AssociationBody(TypedDict):
    clusterName: str
    namespace: str
    serviceAccount: str
    roleArn: ArnText
    associationArn: ArnText
    associationId: Annotated[str, About("EKS's id, `a-` and 17 characters.")]
    tags: Pairs
    createdAt: Time | None
    modifiedAt: Time | None
    ownerArn: Annotated[str | None, About("The add-on that owns the association.")]
    disableSessionTags: Annotated[bool | None, About("null is the API's own default, which is false.")]
    targetRoleArn: Annotated[str | None, About("The role assumed from the first one.")]
    externalId: Annotated[str | None, About("What EKS sends as sts:ExternalId to the target role.")]
    policy: Annotated[str | None, About("The session policy, as JSON text.")]


class NotLookedAtBody(TypedDict):
    reason: str
    permission: Annotated[str | None, About("What the caller lacks, where it is a matter of rights.")]


class UnreadAssociationBody(TypedDict):
    clusterName: str
    namespace: str
    serviceAccount: str
    associationArn: ArnText
    associationId: str
    ownerArn: str | None
    unread: Annotated[NotLookedAtBody, About("Why nothing else is known; the exit code is 8.")]


class PodCountsBody(TypedDict):
    running: int
    injected: Annotated[int, About("With the injected fields.")]
    stale: Annotated[int, About("Without the injected fields, or older than a change that may not have reached them.")]


class ListedAssociationBody(AssociationBody):
    pods: Annotated[PodCountsBody | None, About("Set with `--pods`, `--stale` or a pod column; otherwise null.")]
    serviceAccountExists: Annotated[bool | None, About("Set with `--dangling` or the column `exists`; otherwise null.")]
    roleExists: Annotated[
        bool | None, About("Set with `--dangling` or the column `role-exists`; null too where it could not be read.")
    ]
    status: Annotated[
        IdentityStatusBody | None,
        About("Set with the column `status`, without `permissions` and `advice`, which are not read; otherwise null."),
    ]


class AssociationListDocument(TypedDict):
    """`podid list`. With `-o jsonl` each item is a line."""

    kind: Literal["AssociationList"]
    clusterName: Annotated[str | None, About("null where several clusters were read; each item has its own.")]
    items: Sequence[ListedAssociationBody | UnreadAssociationBody]


class SecondHopBody(TypedDict):
    targetRoleArn: ArnText
    externalId: Annotated[str | None, About("What EKS sends as sts:ExternalId.")]
    verdict: Annotated[TrustVerdict, About("Of the role's permission and the target role's trust together.")]
    permissions: Annotated[
        Mapping[str, str] | None,
        About("Action -> what IAM's policy simulator says of the association's role; null where it was not asked."),
    ]
    trust: Annotated[TrustBody | None, About("The target role's; null where it does not exist or could not be read.")]
    findings: Annotated[Sequence[TrustFindingBody], About("What is broken or fragile, by failure mode.")]
    unknowns: Sequence[NotLookedAtBody]


class UnreadBody(TypedDict):
    what: Annotated[str, About("What could not be looked at.")]
    reason: str
    permission: MissingRight


class RolePermissionsBody(TypedDict):
    policyName: str
    policyArn: ArnText | None
    kind: Annotated[Literal["inline", "managed", "boundary"], About("A boundary gives nothing: it limits the others.")]
    words: Annotated[Sequence[str] | None, About("A sentence for each statement; null where it could not be read.")]


class AccountBody(TypedDict):
    exists: bool
    createdAt: Time | None
    irsaRoleArn: Annotated[str | None, About("What the annotation of IRSA names, where it has one.")]


class CredentialSourceBody(TypedDict):
    source: CredentialSource
    certain: Annotated[bool, About("Whether it is seen to give credentials; false where podid does not read it.")]
    detail: Annotated[str | None, About("What in the pod names it, or what could not be seen.")]


class ContainerUseBody(TypedDict):
    name: str
    uses: Annotated[CredentialSource, About("The first that is seen to give credentials: an SDK takes that one.")]
    certain: Annotated[bool, About("false where something before it could not be seen.")]
    sources: Annotated[Sequence[CredentialSourceBody], About("In the order in which an SDK asks.")]


class WorkloadNameBody(TypedDict):
    kind: str
    name: str


class PodUseBody(TypedDict):
    name: str
    workload: Annotated[WorkloadNameBody, About("At the end of the owner chain; the pod itself where it has none.")]
    node: str | None
    phase: str
    stale: Annotated[bool, About("Without the injected fields, or older than a change that may not have reached it.")]
    containers: Sequence[ContainerUseBody]


class LastUseBody(TypedDict):
    """When a pod of the service account last got the role, as CloudTrail tells."""

    at: Annotated[Time | None, About("null where no pod got it since `since`.")]
    since: Annotated[Time | None, About("How far back was looked.")]
    pod: Annotated[str | None, About("null where the association sends no session tags: then it may be another's.")]
    sessionName: str | None
    packedPercent: Annotated[int | None, About("How much of the room for tags and session policy is taken.")]


class AssociationDocument(AssociationBody):
    """`podid show`: EKS's PodIdentityAssociation, and everything about its service account: what the trust policies of
    its roles say, what its role may do, and which credentials its pods use."""

    kind: Literal["Association"]
    status: IdentityStatusBody
    trust: Annotated[TrustBody | None, About("null where the role does not exist or may not be read.")]
    permissions: Annotated[
        Sequence[RolePermissionsBody] | None, About("What the role's policies say, in words; null where not known.")
    ]
    roleLastUsedAt: Annotated[Time | None, About("By whomever; null where IAM remembers no use, or was not asked.")]
    secondHop: Annotated[SecondHopBody | None, About("How the role gets to the target role; null where there is none.")]
    account: Annotated[AccountBody | None, About("The service account; null where the cluster could not be read.")]
    pods: Annotated[Sequence[PodUseBody] | None, About("Those that run; null where they could not be listed.")]
    lastUse: Annotated[LastUseBody | None, About("null unless asked for, and where CloudTrail could not be read.")]
    unknowns: Sequence[UnreadBody]


class RoleBody(TypedDict):
    roleName: str
    roleArn: ArnText
    roleId: str
    path: str
    description: str | None
    createdAt: Time | None
    maxSessionDuration: Annotated[int, About("Seconds.")]
    permissionsBoundary: Annotated[str | None, About("The boundary policy's ARN.")]
    tags: Pairs
    trustPolicy: PolicyObject
    lastUsedAt: Annotated[
        Time | None, About("null for a role that was not used within IAM's tracking period of 400 days.")
    ]
    lastUsedRegion: str | None


class MovedOnBody(TypedDict):
    policyName: str
    preset: str
    presetHas: Annotated[Names, About("Actions and resources that the preset gives and the policy has not.")]
    policyHas: Annotated[Names, About("Those that only the policy has.")]
    command: Annotated[Argv, About("What gives it anew; what shows the preset, where its values are not known.")]


class RoleListItem(RoleBody):
    access: Annotated[str, About("Which pods, in words.")]
    associations: Annotated[
        int | None, About("How many of the clusters that were read name it; null where none could be read.")
    ]
    refused: Annotated[int, About("How many of these the trust does not admit.")]
    movedOn: Annotated[
        Sequence[MovedOnBody] | None,
        About("Policies that are not what their presets give now; null where they could not be read."),
    ]


class ShutRoleBody(TypedDict):
    roleName: str
    reason: str


class RoleListDocument(TypedDict):
    """`podid role list`: the roles that pods can assume."""

    kind: Literal["RoleList"]
    items: Sequence[RoleListItem]
    admitNone: Annotated[Sequence[ShutRoleBody], About("Roles that name pods and let none in.")]
    clusters: Annotated[Sequence[ArnText], About("Those whose associations were read.")]
    unknowns: Sequence[UnreadBody]


class AttachedPolicyBody(TypedDict):
    policyName: str
    policyArn: ArnText


class OwnerBody(TypedDict):
    tool: str
    detail: Annotated[str | None, About("The stack or object of it, where a tag says.")]
    tag: Annotated[str, About("The tag that told. Tags are hints.")]


class RoleFindingBody(TrustFindingBody):
    subjects: Annotated[Sequence[str], About("The associations that it is about; none where it is about the role.")]


class RoleUseBody(TrustBody):
    clusterArn: ArnText
    namespace: str
    serviceAccount: str
    associationId: str
    hop: Annotated[Literal[1, 2], About("1 where it is the association's role, 2 where it is its target role.")]
    status: Annotated[IdentityStatusBody | None, About("Status of the service account; null where it was not checked.")]


class RoleDocument(RoleBody):
    """`podid role show`."""

    kind: Literal["Role"]
    attachedPolicies: Annotated[Sequence[AttachedPolicyBody] | None, About("null where they may not be read.")]
    inlinePolicies: Annotated[Mapping[str, PolicyObject] | None, About("By name; null where they may not be read.")]
    permissions: Annotated[Sequence[RolePermissionsBody], About("What its policies say, in words.")]
    owner: Annotated[OwnerBody | None, About("What would take back a change made here, as the tags say.")]
    access: Annotated[Sequence[str], About("Who may assume it, a sentence for each scope.")]
    otherPrincipals: Annotated[Sequence[str], About("Whom the trust names beside EKS Pod Identity.")]
    findings: Annotated[Sequence[RoleFindingBody], About("By failure mode, worst first.")]
    usedBy: Annotated[ServiceAccounts | None, About("Of the clusters that were read; null where none was.")]
    associations: Annotated[
        Sequence[RoleUseBody] | None,
        About("Those that name the role, with what its trust says to each; null where no cluster was read."),
    ]
    unknowns: Sequence[UnreadBody]


class PresetParameterBody(TypedDict):
    name: str
    help: str
    optional: bool


class PresetBody(TypedDict):
    presetName: str
    area: Literal["application", "controller"]
    title: str
    allows: Annotated[str, About("What it may do, in words; `{{name}}` stands for a parameter.")]
    parameters: Sequence[PresetParameterBody]
    serviceAccount: Annotated[str | None, About("The one of the workload's own installation.")]
    managedPolicies: Annotated[Sequence[str], About("Policies of AWS's own that it is made of, by name.")]
    version: Annotated[str | None, About("The line of the workload's releases that it was written for.")]
    checked: Annotated[str, About("The day on which that was.")]
    sources: Sequence[str]


class PresetListDocument(TypedDict):
    """`podid preset list`."""

    kind: Literal["PresetList"]
    items: Sequence[PresetBody]


class PresetDocument(PresetBody):
    """`podid preset show`."""

    kind: Literal["Preset"]
    words: str
    policy: Annotated[PolicyObject | None, About("null where it is made of AWS's own policies alone.")]
    placeholders: Annotated[Sequence[str], About("What stands in it as `{{name}}` and was not given.")]


class RoleFormDocument(TypedDict):
    """`podid role create --print`."""

    kind: Literal["RoleForm"]
    roleName: str
    form: Literal["json", "terraform", "cloudformation"]
    text: Annotated[str, About("What to put into a file.")]


class AssociationFormDocument(TypedDict):
    """`podid associate --print`."""

    kind: Literal["AssociationForm"]
    form: Literal["terraform"]
    text: Annotated[str, About("What to put into a file.")]
