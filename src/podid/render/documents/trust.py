"""Verdicts on trust policies."""

from collections.abc import Sequence
from typing import Annotated, Literal

from typing_extensions import TypedDict

from podid.domain.findings import Severity
from podid.domain.trust import ScopeKind, TrustVerdict
from podid.render.documents.common import About, ArnText, PolicyObject


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
    file: Annotated[str, About("`-` is stdin.")]
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
