"""Verdicts on trust policies, and edited policies, as documents and as text."""

import json
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Literal

from podid.domain.findings import Severity
from podid.domain.grouping import grouped
from podid.domain.members import FLAT, About, ArnText, Document, From, Key, PolicyObject, document_of, list_of
from podid.domain.trust import ActionVerdict, Evaluation, Scope, Statement, TrustCheck, TrustFinding, TrustVerdict
from podid.ops.trust.check import PolicyAccess, PolicyAccesses, PolicyChecks
from podid.ops.trust.edit import FileEdit
from podid.ops.trust.files import called
from podid.render.marks import ANSWERS
from podid.render.view import Line, Table, View, one_or_list, table_of


class ActionVerdicts(Document):
    assume_role: Annotated[ActionVerdict, Key("sts:AssumeRole")]
    tag_session: Annotated[ActionVerdict, Key("sts:TagSession")]


class TrustBody(Document):
    verdict: Annotated[TrustVerdict, About("The verdict on both actions together.")]
    actions: Annotated[ActionVerdicts, From("")]
    scope: Annotated[Scope | None, About("The scope of the statement that allows these pods; null if none does.")]
    findings: Sequence[TrustFinding]


@dataclass(frozen=True, slots=True)
class TrustReport:
    """The verdict of one policy on one service account."""

    file: str
    check: TrustCheck
    evaluation: Evaluation


class TrustReportBody(Document):
    file: Annotated[str, About("`-` is stdin; with `--role` the name of the role.")]
    namespace: Annotated[str, From("evaluation.pod.namespace")]
    service_account: Annotated[str, From("evaluation.pod.service_account")]
    cluster_arn: Annotated[ArnText, From("evaluation.pod.cluster_arn")]
    hop: Annotated[
        Literal[1, 2], From("evaluation.hop"), About("1 for the role of the association, 2 for its target role.")
    ]
    evaluation: Annotated[TrustBody, FLAT]
    proposed: Annotated[
        PolicyObject | None,
        From("check.proposed.document"),
        About("The policy with the smallest addition that allows them; null if none is required."),
    ]
    diff: Annotated[str, From("check.diff"), About("From the policy to the proposed one; empty without a proposal.")]
    advice: Annotated[Sequence[str], From("check.advice")]


TrustReportDocument = document_of(
    "TrustReport", TrustReportBody, "`podid trust check` for one policy and one service account."
)
TrustReportListDocument = list_of(
    "TrustReportList", TrustReportBody, "`podid trust check` for several policies or service accounts."
)


def check_view(policies: PolicyChecks) -> View:
    """Return a TrustReport for one policy and one request, else a TrustReportList."""
    checks = policies.checks
    reports = [TrustReport(file, check, evaluation) for file, check in checks for evaluation in check.evaluations]
    document = one_or_list(TrustReportDocument, TrustReportListDocument, reports)
    lines = _blocks(_check_lines(file, check) for file, check in checks)
    return View(document, (_check_table(reports),), tuple(file for file, _ in checks), lines)


def _blocks(blocks: Iterable[Iterable[str | Line]]) -> tuple[str | Line, ...]:
    """Return the blocks with an empty line between two."""
    return tuple(chain.from_iterable(("", *block) for block in blocks))[1:]


def _check_table(reports: Sequence[TrustReport]) -> Table:
    """Return a row for each policy, service account and action."""
    rows = [(item, action) for item in reports for action in item.evaluation.actions]
    return table_of(
        rows,
        ("FILE", lambda row: called(row[0].file)),
        ("NAMESPACE", lambda row: row[0].evaluation.pod.namespace),
        ("SERVICE ACCOUNT", lambda row: row[0].evaluation.pod.service_account),
        ("HOP", lambda row: row[0].evaluation.hop),
        ("ACTION", lambda row: row[1].action),
        ("VERDICT", lambda row: row[1].verdict),
        ("STATEMENT", lambda row: row[1].statement),
        ("REASON", lambda row: row[1].reason),
    )


def finding_lines(
    findings: Iterable[TrustFinding], indent: str, style: str = "", *, above: Container[str] = ()
) -> Iterator[Line]:
    """Yield each finding, and its fix below it; the fix alone if the message is already one of the texts `above`."""
    for finding in findings:
        head = f"{indent}{finding.severity} {finding.id}: "
        if finding.message in above:
            yield Line(f"{head}{finding.fix}", style)
        else:
            yield Line(f"{head}{finding.message}", style)
            yield Line(f"{indent}  {finding.fix}")


_ALLOWS = {
    TrustVerdict.MATCH: "{} allows {}",
    TrustVerdict.NO_MATCH: "{} does not allow {}",
    TrustVerdict.UNKNOWN: "it is not known whether {} allows {}",
}
_ANSWERS = {TrustVerdict.MATCH: True, TrustVerdict.NO_MATCH: False, TrustVerdict.UNKNOWN: None}


def _marked(verdict: TrustVerdict, text: str, indent: str = "") -> Line:
    mark, style = ANSWERS[_ANSWERS[verdict]]
    return Line(f"{indent}{mark} {text}", style, len(indent) + 1 if indent else None)


def _pods(evaluation: Evaluation) -> str:
    pod = evaluation.pod
    return f"{pod.namespace}/{pod.service_account} in cluster {pod.cluster_name}"


def _check_lines(file: str, check: TrustCheck) -> Iterator[str | Line]:
    several = len(check.evaluations) > 1
    who = f"all {len(check.evaluations)} service accounts" if several else "".join(map(_pods, check.evaluations))
    yield _marked(check.verdict, _ALLOWS[check.verdict].format(called(file), who))
    open_to_all = check.open_to_all
    yield from finding_lines(open_to_all, "  ", "bad")
    for evaluation in check.evaluations:
        if several:
            yield _marked(evaluation.verdict, _pods(evaluation), "  ")
        answers = grouped(((action.verdict, action.reason), action.action) for action in evaluation.actions)
        for (verdict, reason), actions in answers.items():
            yield _marked(verdict, f"{', '.join(actions)}: {reason or verdict}", "    ")
        if evaluation.scope is not None:
            yield f"    allows {evaluation.scope.words}"
        findings = (item for item in evaluation.findings if item not in open_to_all)
        yield from finding_lines(findings, "    ", above=[reason for _, reason in answers])
    yield from (f"  {sentence}" for sentence in check.advice)
    if check.diff:
        yield "  to change:"
        yield from (f"    {line}" for line in check.diff.split("\n"))


def _principals(statement: Statement) -> list[str]:
    but = "all but " if statement.not_principal else ""
    return [but + name for _, name in statement.principals]


def _actions(statement: Statement) -> list[str]:
    but = "all but " if statement.not_action else ""
    return [but + action for action in statement.actions]


def _conditions(statement: Statement) -> list[str]:
    return [f"{c.operator} {c.key} {', '.join(c.values)}" for c in statement.conditions]


def _effect(statement: Statement) -> str:
    return "Allow" if statement.allow else "Deny"


class TrustStatementBody(Document):
    statement: Annotated[int, From("index"), About("Index in the policy, from 0.")]
    sid: str
    effect: Annotated[Literal["Allow", "Deny"], From(_effect)]
    principals: Annotated[Sequence[str], From(_principals), About("`*` is everyone; `all but …` for NotPrincipal.")]
    actions: Annotated[Sequence[str], From(_actions), About("`all but …` for NotAction.")]
    conditions: Annotated[Sequence[str], From(_conditions), About("Operator, key and values; all must match.")]


class TrustAccessBody(Document):
    file: Annotated[str, From("name"), About("`-` is stdin; with `--role` the name of the role.")]
    verdict: Annotated[
        TrustVerdict, From("pods.verdict"), About("Whether any pod can assume the role with EKS Pod Identity.")
    ]
    scopes: Annotated[Sequence[str], From("pods.scopes"), About("The pods that can assume the role, in words.")]
    reasons: Annotated[
        Sequence[str],
        From(lambda access: (*access.pods.unclear, *access.pods.shut)),
        About("The reason why no pod can, or the pods for which the verdict is not known."),
    ]
    statements: Annotated[Sequence[TrustStatementBody], From("policy.statements")]
    findings: Annotated[Sequence[TrustFinding], About("Worst first.")]
    advice: Sequence[str]


TrustAccessDocument = document_of(
    "TrustAccess", TrustAccessBody, "`podid trust check` for one policy and no service account in particular."
)
TrustAccessListDocument = list_of(
    "TrustAccessList", TrustAccessBody, "`podid trust check` for several policies and no service account in particular."
)


def access_view(accesses: PolicyAccesses) -> View:
    """Return a TrustAccess for one policy, else a TrustAccessList."""
    table = table_of(
        [(called(item.name), statement) for item in accesses.items for statement in item.policy.statements],
        ("FILE", lambda row: row[0]),
        ("STATEMENT", lambda row: row[1].index),
        ("SID", lambda row: row[1].sid or None),
        ("EFFECT", lambda row: _effect(row[1])),
        ("PRINCIPAL", lambda row: ", ".join(_principals(row[1]))),
        ("ACTION", lambda row: ", ".join(_actions(row[1]))),
        ("CONDITION", lambda row: "; ".join(_conditions(row[1])) or None),
    )
    document = one_or_list(TrustAccessDocument, TrustAccessListDocument, accesses.items)
    names = tuple(item.name for item in accesses.items)
    return View(document, (table,), names, _blocks(map(_access_lines, accesses.items)))


_ANY_POD = {
    TrustVerdict.MATCH: "pods can assume the role",
    TrustVerdict.NO_MATCH: "no pod can assume the role",
    TrustVerdict.UNKNOWN: "it is not known whether pods can assume the role",
}


def _access_lines(item: PolicyAccess) -> Iterator[str | Line]:
    yield f"{called(item.name)}: {_ANY_POD[item.pods.verdict]}"
    yield from (f"  {sentence}" for sentence in item.pods.sentences)
    for finding in item.findings:
        yield from finding_lines([finding], "  ", "bad" if finding.severity is Severity.ERROR else "")
    for statement in item.policy.statements:
        does = "allows" if statement.allow else "denies"
        yield f"  {statement.label} {does} {', '.join(_principals(statement))}: {', '.join(_actions(statement))}"
        yield from (f"    if {condition}" for condition in _conditions(statement))
    yield from (f"  {sentence}" for sentence in item.advice)


class TrustEditBody(Document):
    file: Annotated[str, From("file.name"), About("`-` is stdin.")]
    outcome: Annotated[Literal["changed", "no-change"], From("edit.outcome")]
    policy: Annotated[PolicyObject, From("edit.policy.document"), About("The whole policy after the edit.")]
    statement: Annotated[
        int | None,
        From("edit.statement"),
        About("Index, from 0, of the statement that was written or removed, or that decided."),
    ]
    notes: Annotated[Sequence[str], About("The edit, or the reason why there is none; then further notes.")]
    diff: Annotated[str, About("From the old policy to the new one; empty without a change.")]
    size: Annotated[
        int, From("edit.size"), About("Number of characters without white space; the default quota of IAM is 2,048.")
    ]


TrustEditDocument = document_of("TrustEdit", TrustEditBody, "`podid trust add`, `remove` and `tighten` on a file.")
TrustEditListDocument = list_of(
    "TrustEditList", TrustEditBody, "`podid trust add`, `remove` and `tighten` on several files."
)


def edits_view(edits: Sequence[FileEdit], *, in_place: bool) -> View:
    """Return a TrustEdit for one file, else a TrustEditList. As text the new policy itself; with `in_place` the
    outcome."""
    table = table_of(
        edits,
        ("FILE", "file.called"),
        ("OUTCOME", "edit.outcome"),
        ("STATEMENT", "edit.statement"),
        ("SIZE", "edit.size"),
        ("NOTE", "edit.reason"),
    )
    lines: list[str] = []
    for item in edits:
        edit = item.edit
        if in_place:
            lines += [f"{item.file.called}: {edit.outcome}, {edit.reason}", *(f"  {note}" for note in edit.notes)]
        else:  # in ASCII: an escaped character is the same JSON value
            lines += json.dumps(dict(edit.policy.document), indent=2).split("\n")
    document = one_or_list(TrustEditDocument, TrustEditListDocument, edits)
    return View(document, (table,), tuple(item.file.name for item in edits), tuple(lines))
