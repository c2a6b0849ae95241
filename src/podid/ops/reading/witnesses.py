"""What CloudTrail tells of credentials as they are given; read only where somebody asks for it."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from podid.domain.cloudtrail import NodeTrail, PodSession, Redemption, newest, node_trail
from podid.domain.errors import PodidError
from podid.domain.evidence import LogSighting
from podid.domain.snapshot import NOT_READ, Known, Missing, Section, attempt, known_or, missing
from podid.domain.workloads import covering, users_of_nodes
from podid.facts.agent_logs import rule_of

if TYPE_CHECKING:
    from podid.domain.cluster import Node
    from podid.ops.reading.source import Source

# two calls a second of 50 events each
TRAIL_SINCE, MOST_EVENTS = timedelta(hours=6), 500
SESSIONS_SINCE, MOST_SESSIONS, MOST_ROLES = timedelta(days=7), 50, 10
# of a node's own calls, many of which are its network plugin's
MOST_NODES, MOST_NODE_CALLS = 10, 100


def redemptions(source: Source) -> tuple[Redemption, ...]:
    """Of this cluster, newest first."""
    since = source.now - TRAIL_SINCE
    events = newest(source.clients.cloudtrail.iter_redemptions(since), since, MOST_EVENTS).events
    return tuple(event for event in events if event.cluster == source.cluster.name)


def cloudtrail(source: Source) -> dict[str, Section[tuple[LogSighting, ...]]]:
    """What agents met, by node; one whose last request went well is running."""
    names = {node.provider_id.rpartition("/")[2]: node.name for node in known_or(source.before("nodes"), ())}
    by_node: dict[str, list[Redemption]] = defaultdict(list)
    for event in source.value("redemptions"):
        by_node[names.get(event.session_name, event.session_name)].append(event)
    return {node: Known(_seen(node, events)) for node, events in sorted(by_node.items())}


def _seen(node: str, events: list[Redemption]) -> tuple[LogSighting, ...]:
    """`events` are newest first."""
    found: dict[str, list[Redemption]] = defaultdict(list)
    for event in events:
        text = f"{event.error_code}: {event.error_message}"
        if event.error_code and (rule := rule_of(text)) is not None and not rule.noise:
            found[rule.id].append(event)
    return tuple(
        LogSighting(
            id=mode,
            node=node,
            count=len(several),
            sample=f"{several[0].error_code}: {several[0].error_message}",
            last=several[0].at,
            running=not events[0].error_code,
        )
        for mode, several in found.items()
    )


def sessions(source: Source) -> dict[str, Section[tuple[PodSession, ...]]]:
    """Of the roles that were named, or the first ones: a call for each, and two a second."""
    found: dict[str, Section[tuple[PodSession, ...]]] = {}
    since = source.now - SESSIONS_SINCE
    arns = list(dict.fromkeys(a.role_arn for a in source.named))
    for arn in arns[:MOST_ROLES]:
        found[arn] = attempt(partial(_sessions_of, source, arn, since))
    told = f"of roles, the first {MOST_ROLES} were looked for in CloudTrail; name a service account for its own"
    left = Missing(told, error_code=NOT_READ.error_code)
    return found | dict.fromkeys(arns[MOST_ROLES:], left)


def _sessions_of(source: Source, arn: str, since: datetime) -> tuple[PodSession, ...]:
    return newest(source.clients.cloudtrail.iter_sessions(arn, since), since, MOST_SESSIONS).events


def node_calls(source: Source) -> dict[str, Section[NodeTrail]]:
    """Of the nodes that host pods which carry credentials, those first that host service accounts that no node before
    them does."""
    nodes: tuple[Node, ...] = source.value("nodes")
    ids = {node.name: node.provider_id.rpartition("/")[2] for node in nodes if "/i-" in node.provider_id}
    named = {association.ref for association in source.named}
    users = {node: {ref for ref in refs if ref in named} for node, refs in users_of_nodes(source.value("pods")).items()}
    hosts = {node: refs for node, refs in users.items() if refs and node in ids}
    since = source.now - TRAIL_SINCE
    found: dict[str, Section[NodeTrail]] = {}
    for node in covering(hosts)[:MOST_NODES]:
        calls = source.clients.cloudtrail.iter_node_calls(ids[node], since)
        try:
            found[node] = Known(node_trail(newest(calls, since, MOST_NODE_CALLS)))
        except PodidError as error:
            return {**found, node: missing(error)}
    return found
