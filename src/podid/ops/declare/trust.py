"""The trust policy of a declared role."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from podid.domain import trust
from podid.domain.aws import Role
from podid.domain.declaration import DeclaredRole
from podid.domain.errors import InvalidInput
from podid.domain.names import Arn
from podid.domain.plan import Action, Place, State, document
from podid.domain.text import short_list
from podid.ops.change.kinds import ROLE_TRUST
from podid.ops.clients import Clients
from podid.ops.declare.clusters import ClusterSubjects
from podid.ops.role.access import also_allowed
from podid.ops.role.plan import extended
from podid.ops.role.quota import TrustQuota
from podid.ops.role.uses import read_all_uses

Tags = Mapping[str, str]


def declared_trust(
    role: DeclaredRole,
    subjects: Sequence[ClusterSubjects],
    current: trust.Policy | None,
    tags: Tags,
    quota: TrustQuota,
    *,
    whole: bool,
) -> trust.Policy | None:
    """Return the trust policy of the role, `current` if it needs no change; None if it would allow no service account.
    Statements that podid did not write stay. With `whole`, those that podid wrote for the clusters of `subjects` and
    that are no longer declared are removed, unless an association outside the files needs them; otherwise missing ones
    are only added. Raise Conflict if the policy would be too long, or denies a service account; InvalidInput, with its
    line, for a condition that can never match.
    """
    if role.trust is not None:
        declared = trust.parse_policy(role.trust)
        if current is not None and trust.equal(declared.document, current.document):
            return current
        quota.check(declared, role.name, current=current)
        return declared
    identities = list(_identities(subjects, tags))
    try:
        policy = current
        if current is not None and whole:
            policy = _without_stale(role, subjects, identities, current, tuple(_staying(role, subjects, tags)))
        if identities:
            policy = extended(
                policy, role.name, identities, role.scope, role.conditions, notes=[], quota=quota, current=current
            )
        # no service account is declared any longer, but IAM requires at least one statement
        return policy or current
    except InvalidInput as error:  # the other members of the role have been checked
        message = f"{role.place('conditions')}: conditions: {error.message}"
        raise InvalidInput(message, advice=error.advice, subject=role.name) from error


def wider(role: DeclaredRole, live: Role, subjects: Sequence[ClusterSubjects]) -> Iterator[str]:
    """Yield notes on pods that the role allows besides the declared ones, by statements that podid did not write."""
    statements = trust.parse_policy(live.trust).statements
    if role.trust is None and not all(trust.written_by_podid(item.raw) for item in statements):
        for cluster in subjects:
            for words in also_allowed(live, cluster.cluster_arn, _identities((cluster,), live.tags), role.scope):
                yield f"role {role.name} also allows {words}: podid did not write this statement of its trust policy"


def _identities(subjects: Sequence[ClusterSubjects], tags: Tags) -> Iterator[trust.PodIdentity]:
    for cluster in subjects:
        for ref, session_tags in cluster.refs.items():
            yield trust.PodIdentity(
                cluster_arn=cluster.cluster_arn,
                namespace=ref.namespace,
                service_account=ref.name,
                session_tags=session_tags,
                role_tags=dict(tags),
            )


def _staying(role: DeclaredRole, subjects: Sequence[ClusterSubjects], tags: Tags) -> Iterator[trust.PodIdentity]:
    """Yield the service accounts outside the files that have the role and that the declared statements do not allow."""
    built = [trust.build_statement(who, role.scope, role.conditions) for who in _identities(subjects, tags)]
    declared = trust.parse_policy({"Version": "2012-10-17", "Statement": built})
    for who in _identities([replace(cluster, refs=cluster.staying) for cluster in subjects], tags):
        if trust.evaluate(declared, who).verdict is not trust.TrustVerdict.MATCH:
            yield who


def kept(role: DeclaredRole, live: Role, subjects: Sequence[ClusterSubjects]) -> Iterator[str]:
    """Yield a note on the service accounts outside the files that the trust policy still allows."""
    if role.trust is not None:
        return
    policy, no_match = trust.parse_policy(live.trust), trust.TrustVerdict.NO_MATCH
    staying = _staying(role, subjects, live.tags)
    names = [who.name for who in staying if trust.evaluate(policy, who).verdict is not no_match]
    if names:
        reason = "their associations have the role, but are not in the file"
        yield f"role {role.name} still allows {short_list(names)}: {reason}"


def users_elsewhere(
    clients: Clients, role: DeclaredRole, current: Role, subjects: Sequence[ClusterSubjects]
) -> Iterator[ClusterSubjects]:
    """Yield the users of the role in other clusters, which may lose access by a scope that is narrower than the
    account. Raise Undetermined if some could not be read."""
    statements = [item.raw for item in trust.parse_policy(current.trust).statements]
    wide = any(trust.written_by_podid(raw) and not trust.cluster_of(raw) for raw in statements)
    if role.trust is not None or role.scope is trust.ScopeKind.ACCOUNT or not wide:
        return
    uses = read_all_uses(clients.aws, Arn.parse(current.arn).account)
    uses.check_complete()
    for arn in sorted({*uses.clusters} - {cluster.cluster_arn for cluster in subjects}):
        users = {item.ref: item.session_tags for item in uses.associations[arn] if item.role_arn == current.arn}
        yield ClusterSubjects(arn, staying=users)


def _without_stale(
    role: DeclaredRole,
    subjects: Sequence[ClusterSubjects],
    identities: Sequence[trust.PodIdentity],
    current: trust.Policy,
    staying: Sequence[trust.PodIdentity],
) -> trust.Policy | None:
    built = [trust.meaning(trust.build_statement(who, role.scope, role.conditions)) for who in identities]
    clusters = {"", *(cluster.cluster_arn for cluster in subjects)}
    kept = [
        statement.raw
        for statement in current.statements
        if trust.meaning(statement.raw) in built
        or not trust.written_by_podid(statement.raw)
        or trust.cluster_of(statement.raw) not in clusters
        or any(_serves(current, statement, who) for who in staying)
    ]
    if len(kept) == len(current.statements):
        return current
    return current.with_statements(kept) if kept else None


def _serves(policy: trust.Policy, statement: trust.Statement, who: trust.PodIdentity) -> bool:
    alone = trust.evaluate(policy.with_statements([statement.raw]), who)
    return alone.assume_role.verdict is not trust.TrustVerdict.NO_MATCH


def by_cluster(action: Action, places: Sequence[Place]) -> Iterator[tuple[Action, ...]]:
    """Yield for each cluster the part of a change that removes its own statements; for the last one, all the others."""
    state = action.before
    for place in places[:-1]:
        old, new = (trust.parse_policy(document(item, "policyDocument")) for item in (state, action.after))
        stays = {trust.meaning(item.raw) for item in new.statements}
        kept = [
            item.raw
            for item in old.statements
            if trust.meaning(item.raw) in stays or trust.cluster_of(item.raw) != place.the_cluster.arn
        ]
        after = old.with_statements(kept) if kept else old
        if len(after.statements) == len(old.statements):
            yield ()
            continue
        following: State = {**(state or {}), "policyDocument": after.to_document()}
        yield (ROLE_TRUST.action(state, following, note=action.note),)
        state = following
    done = trust.equal(document(state, "policyDocument"), document(action.after, "policyDocument"))
    yield () if done else (ROLE_TRUST.action(state, action.after, note=action.note),)
