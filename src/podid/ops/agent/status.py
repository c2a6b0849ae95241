"""The agent's verdict: add-on, DaemonSets, coverage and what the doctor says of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeVar

from podid.domain.exit_codes import ExitCode
from podid.domain.model import Addon, DaemonSet
from podid.domain.place import Place
from podid.domain.report import DoctorReport
from podid.domain.snapshot import Known, Section
from podid.domain.workloads import is_agent
from podid.ops.agent.coverage import Coverage, coverage
from podid.ops.clients import Clients
from podid.ops.doctor.collect import collect
from podid.ops.doctor.diagnose import diagnose, select

T = TypeVar("T")
AgentVerdict = Literal["healthy", "broken", "not-installed", "unknown"]
AGENT_CHECKS = ("agent-not-installed", "agent-pod-unhealthy", "addon-degraded-or-failed", "agent-not-on-node")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentReading:
    """`daemon_sets` and `coverage` are None where the cluster could not be looked at; the report says why."""

    cluster: str
    addon: Addon | None
    daemon_sets: tuple[DaemonSet, ...] | None
    coverage: Coverage | None
    report: DoctorReport

    @property
    def exit_code(self) -> ExitCode:
        return self.report.exit_code()

    @property
    def verdict(self) -> AgentVerdict:
        if any(item.check == "agent-not-installed" for item in self.report.findings):
            return "not-installed"
        if self.exit_code is ExitCode.OK:
            return "healthy"
        return "unknown" if self.exit_code is ExitCode.UNDETERMINED else "broken"


def look_at_agent(clients: Clients, place: Place, *, now: datetime) -> AgentReading:
    checks = select(AGENT_CHECKS)
    snapshot = collect(clients, place, checks, now=now)
    sets, nodes, pods = _value(snapshot.daemon_sets), _value(snapshot.nodes), _value(snapshot.agent_pods)
    agents = None if sets is None else tuple(item for item in sets if is_agent(item))
    return AgentReading(
        cluster=place.cluster_name,
        addon=_value(snapshot.agent_addon),
        daemon_sets=agents if agents is not None and nodes is not None and pods is not None else sets,
        coverage=None if agents is None or nodes is None or pods is None else coverage(nodes, agents, pods),
        report=diagnose(snapshot, checks=checks),
    )


def _value(section: Section[T]) -> T | None:
    return section.value if isinstance(section, Known) else None
