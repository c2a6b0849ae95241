"""The trust policy of a declared role."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from podid.domain import trust
from podid.domain.aws import Role
from podid.domain.declaration import DeclaredRole
from podid.domain.errors import Conflict, InvalidInput, Undetermined
from podid.domain.names import PODS_PRINCIPAL, Arn, ServiceAccountRef
from podid.domain.plan import Action
from podid.domain.text import short_list
from podid.ops.change.kinds import ROLE_TRUST
from podid.ops.clients import Clients
from podid.ops.declare.clusters import ClusterSubjects
from podid.ops.role.access import access_words, also_allowed
from podid.ops.role.plan import extended
from podid.ops.role.quota import TrustQuota
from podid.ops.role.uses import read_all_uses

Tags = Mapping[str, str]
_NO_MATCH = trust.TrustVerdict.NO_MATCH


# namespace and service account of a statement that names neither
_ANY = ServiceAccountRef("any", "any")


@dataclass(frozen=True, slots=True)
class RoleUser:
    """An association that is not declared and that needs the role. `known` is whether the association was read."""

    name: str
    request: trust.PodIdentity | trust.TargetHop
    known: bool = True


def declared_trust(
    role: DeclaredRole,
    subjects: Sequence[ClusterSubjects],
    current: trust.Policy | None,
    tags: Tags,
    quota: TrustQuota,
    *,
    whole: bool,
    kept: Collection[str] = (),
) -> trust.Policy | None:
    """Return the trust policy of the role, `current` if it needs no change; None if it would allow no service account.
    With `whole`, the statements that are not declared are removed, except those of `_stays`, whose fingerprints may be
    in `kept`; otherwise missing ones are only added. An association that is not declared keeps its access, by a
    statement of its own if necessary. Raise Conflict if that is not possible, if the policy would be too long, or if it
    denies a service account; Undetermined if an association that may need a statement could not be read; InvalidInput,
    with its line, for a condition that can never match.
    """
    if role.trust is not None:
        declared = trust.parse_policy(role.trust)
        if current is not None and trust.equal(declared.document, current.document):
            return current
        quota.check(declared, role.name, current=current)
        if current is not None and whole:
            named = (RoleUser(who.name, who) for who in _identities(subjects, tags))
            _check_users(role, current, declared, (*named, *users_of(role, subjects, tags)))
        return declared
    identities = list(_identities(subjects, tags)) or list(_anybody(role, subjects, tags))
    try:
        policy, users = current, tuple(users_of(role, subjects, tags))
        if current is not None and whole:
            policy = _without_undeclared(role, subjects, identities, current, users, kept)
        if identities:
            policy = extended(
                policy, role.name, identities, role.scope, role.conditions, notes=[], quota=quota, current=current
            )
        if current is not None and whole:
            policy = _serving(role, current, policy, users)
            if policy is not None:
                quota.check(policy, role.name, current=current)
        if policy is not None or current is None:
            return policy
        # no service account is declared any longer, but IAM requires a statement: podid's rather than that of others
        own = [item.raw for item in current.statements if trust.written_by_podid(item.raw)]
        return current.with_statements(own) if own else current
    except InvalidInput as error:  # the other members of the role have been checked
        message = f"{role.place('conditions')}: conditions: {error.message}"
        raise InvalidInput(message, advice=error.advice, subject=role.name) from error


def trust_changes(
    role: DeclaredRole,
    current: Role,
    subjects: Sequence[ClusterSubjects],
    quota: TrustQuota,
    *,
    whole: bool,
    kept: Collection[str],
) -> list[Action]:
    """Return the change of the trust policy; none if the policy stays. Raise as `declared_trust` does."""
    before = trust.parse_policy(current.trust)
    tags = {**current.tags, **role.tags}
    after = declared_trust(role, subjects, before, tags, quota, whole=whole, kept=kept)
    return [] if after is None or after == before else [ROLE_TRUST.change(current, after)]


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


def _anybody(role: DeclaredRole, subjects: Sequence[ClusterSubjects], tags: Tags) -> Iterator[trust.PodIdentity]:
    """Yield a service account of each cluster for a role without one, if the scope of the role names none. It yields
    none if the conditions do not hold for every service account."""
    if role.scope not in (trust.ScopeKind.CLUSTER, trust.ScopeKind.ACCOUNT):
        return
    for who in _identities([replace(cluster, refs={_ANY: True}) for cluster in subjects], tags):
        try:
            trust.build_statement(who, role.scope, role.conditions)
        except InvalidInput:
            return
        yield who


def users_of(role: DeclaredRole, subjects: Sequence[ClusterSubjects], tags: Tags) -> Iterator[RoleUser]:
    """Yield the associations that are not declared and that need the role: as their own role, without a declared
    statement that allows them, or as target role."""
    for who in _staying(role, subjects, tags):
        cluster = next(item for item in subjects if item.cluster_arn == who.cluster_arn)
        yield RoleUser(who.name, who, known=ServiceAccountRef(who.namespace, who.service_account) not in cluster.unread)
    for cluster in subjects:
        for item in cluster.chained:
            pod = trust.PodIdentity.of(cluster.cluster_arn, item, role_tags=None)
            yield RoleUser(pod.name, trust.TargetHop(item.role_arn, pod, item.external_id, role_tags=dict(tags)))


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
    clients: Clients, role: DeclaredRole, current: Role, subjects: Sequence[ClusterSubjects], kept: Collection[str]
) -> Iterator[ClusterSubjects]:
    """Yield the users of the role in other clusters, if the change of the trust policy may take access from them. Raise
    Undetermined if some could not be read."""
    own, account = {cluster.cluster_arn for cluster in subjects}, Arn.parse(current.arn).account
    declared = () if role.trust is None else trust.parse_policy(role.trust).statements
    stays = {trust.meaning(item.raw) for item in declared}
    narrows = any(
        item.allow and trust.meaning(item.raw) not in stays and _reaches_elsewhere(item, account, own)
        for item in trust.parse_policy(current.trust).statements
        if role.trust is not None or not (_of_other_cluster(item, {"", *own}) or _stays(item, kept))
    )
    if not narrows or (role.trust is None and role.scope is trust.ScopeKind.ACCOUNT and _all_of_podid(current)):
        return
    uses = read_all_uses(clients.aws, account)
    uses.check_complete()
    for arn in sorted({*uses.clusters} - own):
        items = uses.associations[arn]
        users = {item.ref: item.session_tags for item in items if item.role_arn == current.arn}
        chained = tuple(item for item in items if item.target_role_arn == current.arn)
        yield ClusterSubjects(arn, staying=users, chained=chained)


def _all_of_podid(role: Role) -> bool:
    return all(trust.written_by_podid(item.raw) for item in trust.parse_policy(role.trust).statements)


def _reaches_elsewhere(statement: trust.Statement, account: str, own: Collection[str]) -> bool:
    """Return whether the statement may allow pods of other clusters than `own` ones, or roles of the account."""
    if trust.cluster_of(statement.raw) in own:
        return False
    ours = (PODS_PRINCIPAL, "*", account)
    return statement.not_principal or any(
        name in ours or f":iam::{account}:" in name for _, name in statement.principals
    )


def removed_notes(role: Role, after: trust.Policy, clusters: Sequence[str]) -> Iterator[str]:
    """Yield a note on each statement that the role loses, with the principals that the statement allows."""
    before = trust.parse_policy(role.trust)
    remaining = {trust.meaning(item.raw) for item in after.statements}
    for item in before.statements:
        if trust.meaning(item.raw) not in remaining:
            words = access_words(replace(role, trust=before.with_statements([item.raw]).document), clusters)
            allows = " and ".join(text.removeprefix("also ") for text in words) or "nobody"
            yield f"role {role.name}: {item.label} of its trust policy is not in the file; it allows {allows}"


def fingerprints(role: DeclaredRole, policy: trust.Policy) -> str:
    """Return the value of the tag with the statements that the file leaves to others; empty for none."""
    if role.trust is not None:
        return ""
    others = (item.raw for item in policy.statements if item.allow and not trust.written_by_podid(item.raw))
    return " ".join(dict.fromkeys(map(trust.fingerprint, others)))


def _without_undeclared(
    role: DeclaredRole,
    subjects: Sequence[ClusterSubjects],
    identities: Sequence[trust.PodIdentity],
    current: trust.Policy,
    users: Sequence[RoleUser],
    kept: Collection[str],
) -> trust.Policy | None:
    """Return the policy without the statements that are not declared; None if none remains. It keeps podid's statements
    for other clusters, which other runs of the file write, and what `_stays`."""
    built = [trust.meaning(trust.build_statement(who, role.scope, role.conditions)) for who in identities]
    clusters = {"", *(cluster.cluster_arn for cluster in subjects)}
    staying = [
        statement.raw
        for statement in current.statements
        if trust.meaning(statement.raw) in built
        or _of_other_cluster(statement, clusters)
        or _stays(statement, kept)
        or any(_serves(current, statement, user) for user in users)
    ]
    if len(staying) == len(current.statements):
        return current
    return current.with_statements(staying) if staying else None


def _of_other_cluster(statement: trust.Statement, clusters: Collection[str]) -> bool:
    arn = trust.cluster_of(statement.raw)
    return trust.written_by_podid(statement.raw) and arn not in clusters and not set("*?") & set(arn)


def _stays(statement: trust.Statement, kept: Collection[str]) -> bool:
    """Return whether the role keeps a statement that is neither declared nor podid's: one that existed when the file
    adopted the role, or a Deny, written to stop an access."""
    return not statement.allow or trust.fingerprint(statement.raw) in kept


def _serves(policy: trust.Policy, statement: trust.Statement, user: RoleUser) -> bool:
    """Return whether a user may need the statement, and the statement is made for such users: podid's for pods, and one
    that names only the role which assumes the target role."""
    if isinstance(user.request, trust.TargetHop):
        own = {name for _, name in statement.principals} <= {user.request.base_role_arn} and not statement.not_principal
    else:
        own = trust.written_by_podid(statement.raw)
    alone = policy.with_statements([statement.raw])
    return own and trust.evaluate(alone, user.request).assume_role.verdict is not _NO_MATCH


def _judged(policy: trust.Policy | None, user: RoleUser) -> trust.TrustVerdict:
    return _NO_MATCH if policy is None else trust.evaluate(policy, user.request).verdict


def _losing(current: trust.Policy, after: trust.Policy | None, users: Iterable[RoleUser]) -> Iterator[RoleUser]:
    """Yield the users that the policy may allow now and does not afterwards."""
    for user in users:
        if _judged(current, user) is not _NO_MATCH and _judged(after, user) is _NO_MATCH:
            yield user


def _check_users(role: DeclaredRole, current: trust.Policy, after: trust.Policy, users: Iterable[RoleUser]) -> None:
    for user in _losing(current, after, users):
        _check_read(role, user)
        message = f"The trust policy in the file does not allow {user.name}, whose association uses role {role.name}"
        advice = "Add a statement to trust, or change or delete the association first."
        raise Conflict(message, advice=advice, subject=role.name)


def _check_read(role: DeclaredRole, user: RoleUser) -> None:
    if not user.known:
        message = f"It is not known whether the association of {user.name} uses role {role.name}"
        raise Undetermined(message, advice="Nothing was changed.", subject=role.name)


def _serving(
    role: DeclaredRole, current: trust.Policy, policy: trust.Policy | None, users: Sequence[RoleUser]
) -> trust.Policy | None:
    """Return the policy with a statement of its own for each user that would lose access."""
    for user in tuple(_losing(current, policy, users)):
        _check_read(role, user)
        if _judged(current, user) is not trust.TrustVerdict.MATCH:
            message = f"The association of {user.name} uses role {role.name} by a statement that podid cannot evaluate"
            advice = "Declare the association, or delete it."
            raise Conflict(message, advice=advice, subject=role.name)
        policy = trust.serving(policy, user.request)
    return policy
