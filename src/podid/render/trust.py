"""Verdicts on trust policies as documents and as text."""

from typing import cast

from podid.domain import trust
from podid.domain.trust.check import body
from podid.ops.trust.check import PolicyChecks
from podid.render.view import Document, Json, View, document

Request = trust.PodIdentity | trust.TargetHop


def check_view(found: PolicyChecks) -> View:
    """A TrustReport for one policy and one request, else a TrustReportList of them."""
    checks = found.checks
    reports = [_report(file, check, evaluation) for file, check in checks for evaluation in check.evaluations]
    whole = (
        document("TrustReport", reports[0]) if len(reports) == 1 else document("TrustReportList", {"items": reports})
    )
    text = "\n".join(_text(file, check) for file, check in checks)
    return View(whole, text=text, names=tuple(f"{file}\t{check.verdict}" for file, check in checks))


def _report(file: str, check: trust.TrustCheck, evaluation: trust.Evaluation) -> Document:
    pod = _pod(evaluation.request)
    return {
        "file": file,
        "namespace": pod.namespace,
        "serviceAccount": pod.service_account,
        "clusterArn": pod.cluster_arn,
        "hop": 2 if isinstance(evaluation.request, trust.TargetHop) else 1,
        **cast("Document", body(evaluation)),
        "proposed": cast("Json", check.proposed.to_document() if check.proposed is not None else None),
        "diff": check.diff,
        "advice": list(check.advice),
    }


def _pod(request: Request) -> trust.PodIdentity:
    return request.pod if isinstance(request, trust.TargetHop) else request


def _text(file: str, check: trust.TrustCheck) -> str:
    lines = [f"{'stdin' if file == '-' else file}: {check.verdict}"]
    for evaluation in check.evaluations:
        pod = _pod(evaluation.request)
        lines.append(f"  {pod.namespace}/{pod.service_account} in cluster {pod.cluster_name}: {evaluation.verdict}")
        for action in (evaluation.assume_role, evaluation.tag_session):
            lines.append(f"    {action.action}: {action.verdict}" + (f", {action.reason}" if action.reason else ""))
        if evaluation.scope is not None:
            lines.append(f"    lets in {evaluation.scope.words}")
        for finding in evaluation.findings:
            lines.append(f"    {finding.severity} {finding.id}: {finding.message}")
            lines.append(f"      {finding.fix}")
    lines += [f"  {sentence}" for sentence in check.advice]
    if check.diff:
        lines += ["  to change:", *(f"    {line}" for line in check.diff.splitlines())]
    return "\n".join(lines) + "\n"
