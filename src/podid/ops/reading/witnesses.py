"""Past events: from CloudTrail, only on request, and from podid's journal, if EKS and IAM have no date."""

from collections import defaultdict
from datetime import datetime, timedelta
from functools import partial

from podid.domain.aws import Cluster
from podid.domain.cloudtrail import NodeTrail, PodSession, Redemption, newest, node_trail
from podid.domain.cluster import Node
from podid.domain.errors import PodidError
from podid.domain.evidence import NO_CHANGES, ROLE_SETTLES, LogSighting, RecentChanges
from podid.domain.grouping import grouped
from podid.domain.plan import State, Status
from podid.domain.snapshot import NOT_READ, Known, Missing, Section, attempt, known_or, missing
from podid.domain.workloads import covering, users_of_nodes
from podid.facts.agent_logs import rule_of
from podid.facts.restarts import LIFETIME
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ASSOCIATION, ROLE, ROLE_ATTACHMENT, ROLE_POLICY, ROLE_TRUST
from podid.ops.change.kinds.association import same_settings
from podid.ops.reading.readings import Source

# CloudTrail allows two calls per second, with 50 events each
TRAIL_SINCE, MOST_EVENTS = timedelta(hours=6), 500
SESSIONS_SINCE, MOST_SESSIONS, MOST_ROLES = timedelta(days=7), 50, 10
# many of a node's calls are from its network plugin
MOST_NODES, MOST_NODE_CALLS = 10, 100


def redemptions(source: Source) -> tuple[Redemption, ...]:
    """Return the redemptions for this cluster, newest first."""
    since = source.now - TRAIL_SINCE
    events = newest(source.clients.aws.cloudtrail.iter_redemptions(since), since, MOST_EVENTS).events
    return tuple(event for event in events if event.cluster == source.cluster.name)


def cloudtrail(source: Source) -> dict[str, Section[tuple[LogSighting, ...]]]:
    """Return errors of agents by node. An agent whose last request succeeded is running."""
    names = {node.provider_id.rpartition("/")[2]: node.name for node in known_or(source.before("nodes"), ())}
    by_node = grouped(
        (names.get(event.session_name, event.session_name), event) for event in source.value("redemptions")
    )
    return {node: Known(_failures(node, events)) for node, events in sorted(by_node.items())}


def _failures(node: str, events: list[Redemption]) -> tuple[LogSighting, ...]:
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
    """Return the sessions of the named roles, or of the first ones: one call each, two calls per second."""
    since = source.now - SESSIONS_SINCE
    arns = list(dict.fromkeys(a.role_arn for a in source.named))

    def read(arn: str) -> tuple[PodSession, ...]:
        return newest(source.clients.aws.cloudtrail.iter_sessions(arn, since), since, MOST_SESSIONS).events

    sections = {arn: attempt(partial(read, arn)) for arn in arns[:MOST_ROLES]}
    reason = f"CloudTrail was searched for the first {MOST_ROLES} roles only; pass a service account to search its role"
    omitted = Missing(reason, error_code=NOT_READ.error_code)
    return sections | dict.fromkeys(arns[MOST_ROLES:], omitted)


def node_calls(source: Source) -> dict[str, Section[NodeTrail]]:
    """Return the calls of nodes with injected pods, first of nodes that host service accounts not covered before."""
    nodes: tuple[Node, ...] = source.value("nodes")
    ids = {node.name: node.provider_id.rpartition("/")[2] for node in nodes if "/i-" in node.provider_id}
    named = {association.ref for association in source.named}
    users = {node: {ref for ref in refs if ref in named} for node, refs in users_of_nodes(source.value("pods")).items()}
    hosts = {node: refs for node, refs in users.items() if refs and node in ids}
    since = source.now - TRAIL_SINCE
    trails: dict[str, Section[NodeTrail]] = {}
    for node in covering(hosts)[:MOST_NODES]:
        calls = source.clients.aws.cloudtrail.iter_calls(ids[node], since)
        try:
            trails[node] = Known(node_trail(newest(calls, since, MOST_NODE_CALLS)))
        except PodidError as error:
            return {**trails, node: missing(error)}
    return trails


_ROLE_KINDS = (ROLE.name, ROLE_TRUST.name, ROLE_POLICY.name, ROLE_ATTACHMENT.name)
# the outcomes of a change that was made, or may have been
_MADE = (Status.DONE, Status.UNCHANGED, None)


def recent_changes(journal: Journal | None, cluster: Cluster, now: datetime) -> RecentChanges:
    """Return podid's own recent changes; none without a journal or if it cannot be read."""
    if journal is None:
        return NO_CHANGES
    try:
        steps = journal.steps_since(cluster.account, (*_ROLE_KINDS, ASSOCIATION.name), now - LIFETIME)
    except PodidError:
        return RecentChanges(cluster.account)
    roles: dict[str, datetime] = {}
    kept: dict[str, datetime] = {}
    effective: dict[str, datetime] = {}
    deleted: dict[str, State] = {}
    recorded: dict[str, State] = {}
    for run, step, moment in sorted(steps, key=lambda entry: (entry[2], entry[0].run_id, entry[1].number)):
        action = step.action
        if action.kind != ASSOCIATION.name:
            if now - moment <= ROLE_SETTLES:
                roles[action.keys["roleName"]] = moment
        elif (run.header.region, run.header.cluster) == (cluster.region, cluster.name) and step.status in _MADE:
            name = f"{action.keys['namespace']}/{action.keys['serviceAccount']}"
            kept.pop(name, None)
            before, after = action.before or deleted.pop(name, None), step.after or action.after
            if after is None:
                if before is not None and step.status is Status.DONE:
                    deleted[name] = before
            elif step.status is None or not _carries_the_same(before, after, created=action.before is None):
                effective[name] = moment
            else:
                kept[name] = moment
                # another person changed it since the earlier step, at a time that EKS no longer reports
                if name in recorded and not _carries_the_same(recorded[name], before, created=False):
                    effective[name] = moment
            if after is not None:
                recorded[name] = {**(before or {}), **after}
    return RecentChanges(cluster.account, roles, kept, effective, deleted)


def _carries_the_same(before: State | None, after: State | None, *, created: bool) -> bool:
    """Return whether both states give the same credentials. Settings missing in `after` were not changed, and those of
    an association that was created again are not set."""
    if before is None or after is None:
        return False
    return same_settings(before, after if created else {**before, **after})
