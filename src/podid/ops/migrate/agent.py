"""The agent before a migration: with --install-agent it is the first change."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from podid.domain.plan import ChangeResult, Place, Plan
from podid.ops.agent.install import prepare
from podid.ops.agent.request import InstallRequest

if TYPE_CHECKING:
    from podid.ops.clients import Clients


def plan_agent(clients: Clients, place: Place, now: datetime) -> Plan:
    """Return the plan that installs the agent; empty if it is installed. Raise as `podid install-agent` does."""
    plan, installed = prepare(clients, place, InstallRequest(), now=now)
    return Plan(header=place.header, actions=()) if installed else plan


def joined(installed: ChangeResult, migrated: ChangeResult) -> ChangeResult:
    """Return both results as one. They are two runs, because an undo of the migration must not remove the agent from
    other pods."""
    return replace(
        migrated,
        plan=installed.plan.then(migrated.plan),
        done=(*installed.done, *migrated.done),
        notes=(*installed.notes, *migrated.notes),
    )
