"""Read the associations of a cluster and the roles that they use, for an export, and return them as a declaration."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from podid.calls import pacing
from podid.domain import declaration
from podid.domain.aws import Association, Cluster, Listed, Role, UnreadAssociation
from podid.domain.errors import ExitCode, InvalidInput, PodidError
from podid.domain.grouping import grouped
from podid.domain.iam import listed
from podid.domain.names import ServiceAccountRef, addon_name, is_pattern, parse_role_arn
from podid.domain.owners import MANAGED_BY, owner_of
from podid.domain.section import Unread
from podid.domain.text import short_list
from podid.domain.trust import OwnCondition, PodIdentity, ScopeKind, build_statement, effective_scope
from podid.domain.trust.request import NAMESPACE_TAG, SERVICE_ACCOUNT_TAG
from podid.ops.association.listing import in_order, unread_error
from podid.ops.association.read import namespace_not_found, without_association
from podid.ops.clients import Clients
from podid.ops.declare.request import ExportOptions
from podid.ops.options import SCOPES
from podid.ops.role.policies import session_policy_text

_TAGGING = "sts:TagSession"


@dataclass(frozen=True, slots=True)
class LiveRole:
    """A role with its policies. `attached` are ARNs."""

    role: Role
    attached: tuple[str, ...] = ()
    inline: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.role.name

    @property
    def tags(self) -> dict[str, str]:
        return own_tags(self.role.tags)


@dataclass(frozen=True, slots=True)
class LiveIdentities:
    """The associations and roles of an export. `notes` are facts that every form must mention. `unread` parts could not
    be read; `failure` is the error about associations among them."""

    cluster: Cluster
    associations: tuple[Association, ...] = ()
    roles: tuple[LiveRole, ...] = ()
    notes: tuple[str, ...] = ()
    unread: tuple[Unread, ...] = ()
    failure: PodidError | None = None

    @property
    def exit_code(self) -> ExitCode:
        return ExitCode.PARTIAL if self.unread or self.failure else ExitCode.OK

    def users(self, role: LiveRole) -> tuple[Association, ...]:
        """Return the exported associations that have the role, not as target role."""
        return tuple(item for item in self.associations if item.role_arn == role.role.arn)


def own_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags without podid's marks and without those that only AWS can set."""
    own = sorted(tags.items() - MANAGED_BY.items())
    marks = (declaration.OWNER_KEY, declaration.KEPT_KEY)
    return {key: value for key, value in own if key not in marks and not key.startswith("aws:")}


def minified(policy: str | None) -> str:
    """Return a session policy without white space, which counts for its length; other text unchanged."""
    try:
        return session_policy_text(json.loads(policy), "the session policy") if policy else ""
    except (ValueError, InvalidInput):
        return policy or ""


def read_identities(
    clients: Clients, cluster: Cluster, options: ExportOptions, *, namespace: str | None, in_namespaces: bool
) -> LiveIdentities:
    """Read associations with their roles, and with --roles every role that podid created in the account.
    `in_namespaces` is whether -n or -A is set. Raise NotFound for service accounts without an association. Continue
    after a role or an association that could not be read."""
    refs, items = options.service_accounts, list[Listed]()
    if refs or in_namespaces or not options.roles:
        items = _associations(clients, cluster, refs, namespace)
    described = tuple(item for item in items if isinstance(item, Association) and not item.owner_arn)
    names = sorted({name for item in described for name in _roles_in(item, cluster.account)})
    reader = _Reader(clients)
    roles = {role.name: role for role in reader.roles(names)}
    if options.roles:
        roles |= {role.name: role for role in reader.roles(reader.created_names()) if role.name not in roles}
    unread = reader.unread
    notes = (
        *_notes(items, roles.values()),
        *(f"role {name} does not exist" for name in reader.absent),
        *(f"not read: {part}" for part in unread),
    )
    own = tuple(roles[name] for name in sorted(roles) if not roles[name].role.service_linked)
    return LiveIdentities(cluster, described, own, notes, unread, unread_error(items, len(items)))


def _associations(
    clients: Clients, cluster: Cluster, refs: Sequence[ServiceAccountRef], namespace: str | None
) -> list[Listed]:
    pattern, one = namespace or "*", None if namespace and is_pattern(namespace) else namespace
    items = list(clients.eks.iter_associations(cluster.name, one, only=refs))
    chosen = [item for item in items if item.ref in refs or (not refs and fnmatchcase(item.ref.namespace, pattern))]
    missing = [ref for ref in refs if all(item.ref != ref for item in chosen)]
    if missing:
        error, *others = (without_association(cluster.name, ref, (item.ref for item in items)) for ref in missing)
        error.lines = tuple(other.message for other in others)
        raise error
    if namespace and not chosen and one and (absent := namespace_not_found(clients, namespace)):
        raise absent
    return in_order(chosen, "")


def _roles_in(association: Association, account: str) -> Iterator[str]:
    """Yield the names of its roles in the cluster's account. Only the owner of another account can read its roles."""
    for text in (association.role_arn, association.target_role_arn):
        try:
            arn = parse_role_arn(text) if text else None
        except InvalidInput:
            continue
        if arn is not None and arn.account == account:
            yield arn.resource_name


@dataclass(slots=True)
class _Reader:
    """Reads roles with their policies. `absent` roles do not exist; `failures` are the subjects and the error of each
    cause."""

    clients: Clients
    absent: list[str] = field(default_factory=list)
    failures: dict[str, tuple[list[str], PodidError]] = field(default_factory=dict)

    @property
    def unread(self) -> tuple[Unread, ...]:
        return tuple(
            Unread.of(short_list(sorted(dict.fromkeys(subjects))), error) for subjects, error in self.failures.values()
        )

    def roles(self, names: Collection[str]) -> list[LiveRole]:
        """Return the roles that could be read. One without its policies is omitted: a form of it would remove them."""
        roles = {role.name: role for role in self._roles(sorted(names))}
        read = []
        for name, answer in pacing.fan_out(pacing.attempt(self.clients.iam.get_policies), sorted(roles)):
            if isinstance(answer, PodidError):
                self._failed(f"policies of role {name}", answer)
            else:
                read.append(LiveRole(roles[name], tuple(policy.arn for policy in answer.attached), answer.inline))
        return sorted(read, key=lambda role: role.name)

    def created_names(self) -> list[str]:
        """Return the roles with podid's marks. IAM's list omits tags, so podid reads the roles whose trust policy
        mentions sts:TagSession: each trust policy of podid does."""
        roles = self.clients.iam.list_roles()
        names = [role.name for role in roles if not role.service_linked and _TAGGING in json.dumps(role.trust)]
        marked = (
            role
            for role in self._roles(names)
            if declaration.OWNER_KEY in role.tags or MANAGED_BY.items() <= role.tags.items()
        )
        return [role.name for role in marked]

    def _roles(self, names: Sequence[str]) -> Iterator[Role]:
        for name, answer in self.clients.iam.find_roles(names):
            if isinstance(answer, Role):
                yield answer
            elif answer is None:
                self.absent.append(name)
            else:
                self._failed(f"role {name}", answer)

    def _failed(self, subject: str, error: PodidError) -> None:
        self.failures.setdefault(error.permission or error.message, ([], error))[0].append(subject)


def _notes(items: Iterable[Listed], roles: Iterable[LiveRole]) -> Iterator[str]:
    """Yield the facts that every form must mention: parts that are omitted, and other tools that own a part."""
    items = list(items)
    owned = grouped((addon_name(item.owner_arn), str(item.ref)) for item in items if item.owner_arn)
    for addon, refs in owned.items():
        yield f"omitted: {short_list(refs)}, because the add-on {addon} owns the association"
    unread = [str(item.ref) for item in items if isinstance(item, UnreadAssociation) and not item.owner_arn]
    if unread:
        yield f"omitted: {short_list(unread)}, because the association could not be read"
    for item in items:
        owner = owner_of(item.tags) if isinstance(item, Association) and not item.owner_arn else None
        if owner is not None:
            yield f"the association of {item.ref} is managed by {owner.description}"
    described = [item for item in items if isinstance(item, Association)]
    targets = {arn: item.role_arn for item in described if (arn := item.target_role_arn)}
    for arn, role_arn in sorted(targets.items()):
        if not arn.startswith(f"{role_arn.partition(':role/')[0]}:role/"):
            yield f"target role {arn} is only referenced: it is in another account"
    for role in roles:
        if role.role.service_linked:
            yield f"omitted: role {role.name}, because AWS owns it"
        elif (owner := owner_of(role.role.tags, name=role.name)) is not None:
            yield f"role {role.name} is managed by {owner.description}"


_VERSION = "2012-10-17"


def declared(identities: LiveIdentities) -> declaration.Declaration:
    """Return the declaration that describes the identities. Its name is the cluster's."""
    names = {role.role.arn: role.name for role in identities.roles}
    return declaration.Declaration(
        name=identities.cluster.name,
        clusters=(declaration.ClusterChoice(name=identities.cluster.name),),
        roles=tuple(_role(role, identities) for role in identities.roles),
        associations=tuple(_association(item, names) for item in identities.associations),
    )


def _association(item: Association, names: Mapping[str, str]) -> declaration.DeclaredAssociation:
    return declaration.DeclaredAssociation(
        namespace=item.namespace,
        name=item.service_account,
        role=names.get(item.role_arn, item.role_arn),
        target_role=item.target_role_arn or "",
        session_tags=item.session_tags,
        session_policy=minified(item.policy),
        tags=own_tags(item.tags),
    )


def _role(role: LiveRole, identities: LiveIdentities) -> declaration.DeclaredRole:
    live = role.role
    inline = (declaration.InlinePolicy(name=name, document=document) for name, document in role.inline.items())
    managed = (declaration.PolicyReference(managed=arn) for arn in role.attached)
    return declaration.DeclaredRole(
        name=role.name,
        path=live.path,
        **_trust(live.trust, identities.cluster.arn, identities.users(role)),
        policies=(*inline, *managed),
        boundary=live.permissions_boundary_arn,
        max_session_seconds=live.max_session_seconds,
        description=live.description,
        tags=role.tags,
    )


def _trust(document: Mapping[str, object], cluster_arn: str, users: Sequence[Association]) -> dict[str, Any]:
    """Return the members of a declared role that give this trust policy: a scope if podid would write the same
    statements, otherwise the document."""
    statements = [item for item in listed(document.get("Statement")) if isinstance(item, Mapping)]
    live = _keys(statements)
    if document.get("Version") != _VERSION or document.keys() > {"Version", "Statement"} or not live:
        return {"trust": document}
    pods = [PodIdentity(cluster_arn, i.namespace, i.service_account, session_tags=i.session_tags) for i in users]
    named = [PodIdentity(cluster_arn, ref.namespace, ref.name) for ref in _subjects(statements)]
    conditions = tuple(_further(statements))
    for scope in map(ScopeKind, SCOPES):
        for identities, subjects in ((pods, False), (named, True)):
            if _built(identities, scope, conditions) != live:
                continue
            refs = tuple(ServiceAccountRef(pod.namespace, pod.service_account) for pod in identities)
            return {"scope": scope, "subjects": refs if subjects else (), "conditions": conditions}
    return {"trust": document}


def _keys(statements: Iterable[Mapping[str, object]]) -> set[str]:
    return {json.dumps(statement, sort_keys=True) for statement in statements}


def _built(pods: Sequence[PodIdentity], scope: ScopeKind, conditions: Sequence[OwnCondition]) -> set[str]:
    """Return the statements that podid would write for the pods; none if it would not."""
    try:
        return _keys(build_statement(pod, effective_scope(pod, scope), conditions) for pod in pods)
    except PodidError:
        return set()


def _subjects(statements: Iterable[Mapping[str, Any]]) -> Iterator[ServiceAccountRef]:
    for statement in statements:
        equals = _block(statement).get("StringEquals")
        names = [equals.get(key) for key in (NAMESPACE_TAG, SERVICE_ACCOUNT_TAG)] if equals else []
        if len(names) == 2 and all(isinstance(name, str) for name in names):
            yield ServiceAccountRef(str(names[0]), str(names[1]))


# the keys that podid's scopes set
_SCOPE_KEYS = {"aws:SourceAccount", "aws:SourceArn", NAMESPACE_TAG, SERVICE_ACCOUNT_TAG}


def _further(statements: Sequence[Mapping[str, Any]]) -> Iterator[OwnCondition]:
    """Yield the conditions of the first statement in addition to its scope. podid writes the same ones in each
    statement."""
    for operator, keys in _block(statements[0]).items():
        for key, values in keys.items():
            if key not in _SCOPE_KEYS:
                yield from (OwnCondition(operator, key, value) for value in listed(values) if isinstance(value, str))


def _block(statement: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    block = statement.get("Condition")
    pairs = block.items() if isinstance(block, Mapping) else ()
    return {operator: keys for operator, keys in pairs if isinstance(keys, Mapping)}
