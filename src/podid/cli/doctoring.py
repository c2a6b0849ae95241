"""What `podid doctor`, `podid explain` and `podid agent status|nodes` do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from podid.cli.restarting import need_kubernetes
from podid.domain.errors import InvalidInput, UsageError
from podid.domain.exit_codes import ExitCode
from podid.domain.findings import Severity

if TYPE_CHECKING:
    from podid.cli.invocation import Invocation
    from podid.domain.report import DoctorReport
    from podid.domain.snapshot import Snapshot

AGENT_CHECKS = ("agent-not-installed", "agent-pod-unhealthy", "addon-degraded-or-failed", "agent-not-on-node")


def run_doctor(
    run: Invocation,
    target: str | None,
    *,
    only: Sequence[str],
    skip: Sequence[str],
    list_checks: bool,
    all_verdicts: bool,
    fail_on: str,
    allow_unknown: bool,
) -> None:
    from podid.domain.report import exit_code
    from podid.ops.doctor import describe_checks, diagnose, parse_target, select
    from podid.render.doctor import check_list_view, doctor_view

    level = _level(fail_on)
    checks = select(only, skip)
    if list_checks:
        run.emit(check_list_view(describe_checks(checks)))
        return
    scope = parse_target(target or "", run.options.namespace or "")
    snapshot = _collect(run, [check.id for check in checks], str(target or ""), run.options.namespace or "")
    report = diagnose(snapshot, checks=checks, scope=scope)
    run.emit(doctor_view(report, all_verdicts=all_verdicts))
    run.finish(exit_code(report, fail_on=level, allow_unknown=allow_unknown))


def _level(text: str) -> Severity | None:
    if text == "never":
        return None
    try:
        return Severity(text)
    except ValueError:
        raise InvalidInput(f"--fail-on {text!r} is not one of error, warn, info, never", subject=text) from None


def _collect(run: Invocation, check_ids: Sequence[str], target: str = "", namespace: str = "") -> Snapshot:
    from podid.ops.collect import Clients, collect
    from podid.ops.doctor import parse_target, sections, select

    cluster = run.cluster()
    with run.working(f"looking at cluster {cluster.name}"):
        access = run.kube()
        clients = Clients(
            run.aws.eks,
            run.aws.iam,
            kube=None if access.failure is not None else access.reader,
            kube_failure=access.failure,
        )
        return collect(
            clients,
            cluster,
            sections(select(check_ids)),
            now=run.runtime.now(),
            scope=parse_target(target, namespace),
        )


def run_explain(run: Invocation, words: Sequence[str], *, list_pages: bool) -> None:
    from podid.ops import explain
    from podid.render.pages import explanation_view, page_list_view

    if list_pages:
        run.emit(page_list_view(explain.list_pages()))
        return
    if not words:
        raise UsageError("What is to be explained? Give an id or an error text", hint=("podid", "explain", "--list"))
    text = run.read_file("-") if list(words) == ["-"] else " ".join(words)
    run.emit(explanation_view(explain.explain(text)))


def run_agent_status(run: Invocation) -> None:
    from podid.domain.report import exit_code
    from podid.domain.snapshot import Known
    from podid.domain.workloads import is_agent
    from podid.ops.agent.coverage import coverage
    from podid.ops.doctor import diagnose, select
    from podid.render.agent import agent_status_view

    snapshot = _collect(run, AGENT_CHECKS)
    report = diagnose(snapshot, checks=select(AGENT_CHECKS))
    addon = snapshot.agent_addon.value if isinstance(snapshot.agent_addon, Known) else None
    sets = snapshot.daemon_sets.value if isinstance(snapshot.daemon_sets, Known) else None
    seen = None
    if sets is not None and isinstance(snapshot.nodes, Known) and isinstance(snapshot.agent_pods, Known):
        agents = [item for item in sets if is_agent(item)]
        seen = coverage(snapshot.nodes.value, agents, snapshot.agent_pods.value)
        sets = tuple(agents)
    code = exit_code(report)
    run.emit(agent_status_view(run.cluster().name, addon, sets, seen, report, _verdict(code, report)))
    run.finish(code)


def _verdict(code: ExitCode, report: DoctorReport) -> str:
    if any(item.check == "agent-not-installed" for item in report.findings):
        return "not-installed"
    return {ExitCode.OK: "healthy", ExitCode.UNDETERMINED: "unknown"}.get(code, "broken")


def run_agent_nodes(run: Invocation) -> None:
    from podid.ops.agent.coverage import read_coverage
    from podid.render.agent import node_list_view

    cluster = run.cluster()
    access = need_kubernetes(run)
    with run.working("reading nodes and agent pods"):
        seen = read_coverage(access.reader)
    run.emit(node_list_view(cluster.name, seen))
    run.finish(ExitCode.OK if seen.complete else ExitCode.ATTENTION)
