"""Every check there is, in the order in which credentials reach a pod: what comes first explains what follows."""

from podid.checks import agent, association
from podid.checks.base import Check

ALL: tuple[Check, ...] = (
    association.association_missing,
    association.association_namespace_not_found,
    association.association_sa_not_found,
    agent.agent_not_installed,
    agent.agent_pod_unhealthy,
    agent.addon_degraded_or_failed,
    agent.agent_not_on_node,
)

BY_ID = {check.id: check for check in ALL}
ORDER = {check.id: place for place, check in enumerate(ALL)}
