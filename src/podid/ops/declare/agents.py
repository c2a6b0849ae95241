"""Plan the agent add-on that a file declares."""

from __future__ import annotations

from dataclasses import replace

from podid.domain.errors import Conflict, InvalidInput, NotFound, PodidError
from podid.domain.fileplan import FileConflict, NotRead
from podid.domain.names import AGENT_ADDON
from podid.domain.plan import Plan
from podid.ops.addon.conflicts import conflict_notes
from podid.ops.agent.install import plan_install, read_facts
from podid.ops.agent.request import InstallRequest
from podid.ops.change.kinds import ADDON
from podid.ops.declare.clusters import FileSite


def plan_agent(site: FileSite) -> tuple[Plan, list[FileConflict], list[NotRead], int]:
    """Return the plan of the agent, why it cannot become as declared, what could not be read, and the number of agents
    that are as declared. Raise NotFound for a version that EKS does not offer."""
    nothing = Plan(header=site.place.header, actions=(), separate=True)
    declaration = next((item for item in site.declarations if item.agent is not None), None)
    if declaration is None or declaration.agent is None:
        return nothing, [], [], 0
    agent = declaration.agent
    request = InstallRequest(addon_version=agent.version, values=dict(agent.configuration or {}))
    try:
        facts = read_facts(site.clients, site.place, request)
        plan = plan_install(request, site.place.the_cluster, site.place.header, facts)
    except (NotFound, InvalidInput) as error:
        key = "version" if isinstance(error, NotFound) else "configuration"
        error.message = f"{agent.place(key)}: agent.{key}: {error.message}"
        raise
    except Conflict as error:
        at = agent.place("version")
        conflict = FileConflict(
            kind=ADDON.name, target=AGENT_ADDON, at=at, message=error.message, lines=error.lines, error=error
        )
        return nothing, [conflict], [], 0
    except PodidError as error:
        return nothing, [], [NotRead.of(f"add-on {AGENT_ADDON}", error)], 0
    if facts.current is not None and plan.actions:
        plan = plan.noting(conflict_notes(site.clients.kube, facts.current, request.resolve_conflicts))
    return replace(plan, unchanged=(), separate=True), [], [], int(not plan.actions)
