"""What is told of the past: by CloudTrail, which is read only where somebody asks for it, and by podid's own journal of
changes that EKS and IAM do not date."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from podid.domain.aws import Cluster
from podid.domain.cloudtrail import NodeTrail, PodSession, Redemption, newest, node_trail
from podid.domain.errors import PodidError
from podid.domain.evidence import NO_CHANGES, ROLE_SETTLES, LogSighting, RecentChanges
from podid.domain.plan import State
from podid.domain.snapshot import NOT_READ, Known, Missing, Section, attempt, known_or, missing
from podid.domain.workloads import covering, users_of_nodes
from podid.facts.agent_logs import rule_of
from podid.facts.restarts import LIFETIME
from podid.ops.change.kinds import ASSOCIATION, ROLE, ROLE_ATTACHMENT, ROLE_POLICY, ROLE_TRUST

if TYPE_CHECKING:
    from podid.domain.cluster import Node
    from podid.ops.change.journal import Journal
    from podid.ops.reading.readings import Source

# two calls a second of 50 events each
TRAIL_SINCE, MOST_EVENTS = timedelta(hours=6), 500
SESSIONS_SINCE, MOST_SESSIONS, MOST_ROLES = timedelta(days=7), 50, 10
# of a node's own calls, many of which are its network plugin's
MOST_NODES, MOST_NODE_CALLS = 10, 100


def redemptions(source: Source) -> tuple[Redemption, ...]:
    """Of this cluster, newest first."""
    since = source.now - TRAIL_SINCE
    events = newest(source.clients.aws.cloudtrail.iter_redemptions(since), since, MOST_EVENTS).events
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
    by_mode: dict[str, list[Redemption]] = defaultdict(list)
    for event in events:
        text = f"{event.error_code}: {event.error_message}"
        if event.error_code and (rule := rule_of(text)) is not None and not rule.noise:
            by_mode[rule.id].append(event)
    return tuple(
        LogSighting(
            id=mode,
            node=node,
            count=len(several),
            sample=f"{several[0].error_code}: {several[0].error_message}",
            last=several[0].at,
            running=not events[0].error_code,
        )
        for mode, several in by_mode.items()
    )


def sessions(source: Source) -> dict[str, Section[tuple[PodSession, ...]]]:
    """Of the roles that were named, or the first ones: a call for each, and two a second."""
    sections: dict[str, Section[tuple[PodSession, ...]]] = {}
    since = source.now - SESSIONS_SINCE
    arns = list(dict.fromkeys(a.role_arn for a in source.named))
    for arn in arns[:MOST_ROLES]:
        sections[arn] = attempt(partial(_sessions_of, source, arn, since))
    reason = f"of roles, the first {MOST_ROLES} were looked for in CloudTrail; name a service account for its own"
    left = Missing(reason, error_code=NOT_READ.error_code)
    return sections | dict.fromkeys(arns[MOST_ROLES:], left)


def _sessions_of(source: Source, arn: str, since: datetime) -> tuple[PodSession, ...]:
    return newest(source.clients.aws.cloudtrail.iter_sessions(arn, since), since, MOST_SESSIONS).events


def node_calls(source: Source) -> dict[str, Section[NodeTrail]]:
    """Of the nodes that host pods which carry credentials, those first that host service accounts that no node before
    them does."""
    nodes: tuple[Node, ...] = source.value("nodes")
    ids = {node.name: node.provider_id.rpartition("/")[2] for node in nodes if "/i-" in node.provider_id}
    named = {association.ref for association in source.named}
    users = {node: {ref for ref in refs if ref in named} for node, refs in users_of_nodes(source.value("pods")).items()}
    hosts = {node: refs for node, refs in users.items() if refs and node in ids}
    since = source.now - TRAIL_SINCE
    trails: dict[str, Section[NodeTrail]] = {}
    for node in covering(hosts)[:MOST_NODES]:
        calls = source.clients.aws.cloudtrail.iter_node_calls(ids[node], since)
        try:
            trails[node] = Known(node_trail(newest(calls, since, MOST_NODE_CALLS)))
        except PodidError as error:
            return {**trails, node: missing(error)}
    return trails


_ROLE_KINDS = (ROLE.name, ROLE_TRUST.name, ROLE_POLICY.name, ROLE_ATTACHMENT.name)
# what credentials carry of their association
_CARRIED = ("roleArn", "targetRoleArn", "policy", "disableSessionTags")


def recent_changes(journal: Journal | None, cluster: Cluster, now: datetime) -> RecentChanges:
    """Nothing where there is no journal, or it cannot be read: it is not what is looked for."""
    if journal is None:
        return NO_CHANGES
    try:
        steps = journal.steps_since(cluster.account, (*_ROLE_KINDS, ASSOCIATION.name), now - LIFETIME)
    except PodidError:
        return RecentChanges(cluster.account)
    roles: dict[str, datetime] = {}
    kept: dict[str, datetime] = {}
    for run, step, moment in sorted(steps, key=lambda entry: (entry[2], entry[0].run_id, entry[1].number)):
        action = step.action
        if action.kind != ASSOCIATION.name:
            if now - moment <= ROLE_SETTLES:
                roles[action.keys["roleName"]] = moment
        elif run.header.cluster == cluster.name:
            name = f"{action.keys['namespace']}/{action.keys['serviceAccount']}"
            kept.pop(name, None)
            if step.status is not None and _carries_the_same(action.before, step.after or action.after):
                kept[name] = moment
    return RecentChanges(cluster.account, roles, kept)


def _carries_the_same(before: State | None, after: State | None) -> bool:
    """What the state after it does not name was left as it was."""
    if before is None or after is None:
        return False
    return all((before.get(name) or None) == (after.get(name, before.get(name)) or None) for name in _CARRIED)
