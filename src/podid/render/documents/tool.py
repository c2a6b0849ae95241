"""podid itself: its rights, its sandbox, its errors."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, NotRequired

from typing_extensions import TypedDict

from podid.domain.errors import ExitCode
from podid.domain.findings import Severity
from podid.domain.members import About, ArnText, Names, Pairs, PolicyObject
from podid.domain.own_rights import Outcome
from podid.render.documents.changes import SettledBody

GrantedPolicy = Annotated[PolicyObject | None, About("null where nothing of AWS is needed: IAM takes no empty policy.")]
SandboxState = Literal["running", "already running", "reset", "stopped", "not running"]


class ManifestList(TypedDict):
    """For `kubectl apply -f -`."""

    apiVersion: Literal["v1"]
    kind: Literal["List"]
    items: Sequence[Annotated[Mapping[str, object], About("A Role or ClusterRole.")]]


OptionalRightBody = TypedDict(
    "OptionalRightBody",
    {
        "permission": str,
        "for": Annotated[str, About("What it serves: a flag, or a closer look.")],
        "iamPolicy": GrantedPolicy,
        "kubernetes": ManifestList,
    },
)


class PermissionsDocument(TypedDict):
    """Any command with `--show-permissions`."""

    kind: Literal["Permissions"]
    command: str
    iamPolicy: GrantedPolicy
    kubernetes: ManifestList
    optional: Annotated[Sequence[OptionalRightBody], About("Granted only on purpose.")]


class OwnRightBody(TypedDict):
    right: Annotated[str, About("An IAM action, or a Kubernetes verb and resource.")]
    outcome: Annotated[Outcome, About("missing can be granted; denied is taken away whatever is granted.")]
    where: Annotated[str | None, About("The resource or the namespace that it was asked for; null for all.")]
    reason: str | None
    permission: Annotated[str | None, About("What the caller lacks to know it.")]


OwnOptionalBody = TypedDict(
    "OwnOptionalBody",
    {
        "for": Annotated[str, About("What it serves: a flag, or a closer look.")],
        "rights": Sequence[OwnRightBody],
        "missing": Annotated[OptionalRightBody | None, About("What grants it; null where nothing is missing.")],
    },
)


class GrantBody(TypedDict):
    iamPolicy: GrantedPolicy
    kubernetes: ManifestList


class RightsSummary(TypedDict):
    held: int
    missing: int
    denied: int
    unknown: int


class RightsReportDocument(TypedDict):
    """`podid doctor --me`."""

    kind: Literal["RightsReport"]
    commands: Names
    callerArn: ArnText
    principalArn: Annotated[str | None, About("Whose policies IAM simulated; null where it could not.")]
    cluster: str | None
    namespace: Annotated[str | None, About("Where what changes something was asked for; null for all.")]
    summary: Annotated[RightsSummary, About("Of what is needed in every case.")]
    rights: Annotated[Sequence[OwnRightBody], About("Needed in every case.")]
    optional: Annotated[Sequence[OwnOptionalBody], About("Needed by one way of the command; none counts.")]
    missing: Annotated[GrantBody, About("What grants what is missing of `rights`.")]
    notSeen: str


class WhoAmIDocument(TypedDict):
    """`podid whoami`."""

    kind: Literal["WhoAmI"]
    callerArn: ArnText
    account: str
    credentialsSource: Annotated[str, About("What gave the credentials, as botocore calls it.")]
    region: str
    regionSource: Annotated[str, About("A flag, a variable, a profile or a kube context.")]
    cluster: Annotated[str | None, About("Its name; null where none could be chosen.")]
    clusterSource: str | None
    context: Annotated[str | None, About("The kube context in force.")]
    kubeconfig: Annotated[Names, About("The files that were read.")]


class SandboxDocument(TypedDict):
    """`podid sandbox start`, `status`, `stop` and `reset`."""

    kind: Literal["Sandbox"]
    state: SandboxState
    endpointUrl: NotRequired[Annotated[str, About("For AWS_ENDPOINT_URL.")]]
    account: NotRequired[str]
    region: NotRequired[str]
    cluster: NotRequired[str]
    kubeconfig: NotRequired[Annotated[str | None, About("A file.")]]
    pid: NotRequired[int]
    log: NotRequired[Annotated[str, About("A file.")]]


class SandboxEnvironmentDocument(TypedDict):
    """`podid sandbox env`."""

    kind: Literal["SandboxEnvironment"]
    export: Pairs
    unset: Names


class SandboxFailureBody(TypedDict):
    id: Annotated[str, About("As `podid explain` names it.")]
    title: str
    severity: Severity
    link: Annotated[int, About("Of the way to credentials; 0 is podid's own access.")]
    state: Annotated[Literal["possible", "in place", "healed"], About("possible: it can be put in place.")]
    subject: Annotated[str | None, About("Whom it is about; null where it is not in place.")]


class SandboxFailureListDocument(TypedDict):
    """`podid sandbox break` and `heal`."""

    kind: Literal["SandboxFailureList"]
    items: Sequence[SandboxFailureBody]


class CompletionDocument(TypedDict):
    """`podid completion`."""

    kind: Literal["Completion"]
    shell: Literal["bash", "zsh", "fish"]
    script: str


class ErrorBody(TypedDict):
    code: Annotated[str, About("One of docs/reference/errors.md.")]
    message: Annotated[str, About("One sentence with the object in it.")]
    hint: Annotated[str | None, About("A command that may help, quoted for a shell.")]
    subject: Annotated[str | None, About("What it is about.")]
    exitCode: Annotated[int, About("What podid leaves with.", enum=[int(c) for c in ExitCode if c is not ExitCode.OK])]
    requestId: Annotated[str | None, About("AWS's request id.")]
    permission: NotRequired[Annotated[str, About("The IAM action or Kubernetes right that is missing.")]]
    advice: NotRequired[str]
    details: NotRequired[Annotated[Sequence[str], About("Lines to look at: a difference, a list.")]]
    settled: NotRequired[
        Annotated[Sequence[SettledBody], About("What became of changes that earlier runs were cut short in.")]
    ]
    id: NotRequired[Annotated[str, About("The failure mode that it was seen to be, as `podid explain` names it.")]]


class ErrorDocument(TypedDict):
    """What goes to stderr with `-o json` and `-o jsonl`, on one line."""

    error: ErrorBody
