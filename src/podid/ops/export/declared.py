"""Live identities as a declaration: podid's own file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from podid.domain.aws import Association
from podid.domain.declaration import (
    ClusterChoice,
    Declaration,
    DeclaredAssociation,
    DeclaredPolicy,
    DeclaredRole,
    PolicySource,
)
from podid.domain.errors import PodidError
from podid.domain.iam import listed
from podid.domain.names import ServiceAccountRef
from podid.domain.trust import OwnCondition, PodIdentity, ScopeKind, build_statement, effective_scope
from podid.domain.trust.request import NAMESPACE_TAG, SERVICE_ACCOUNT_TAG
from podid.ops.export.live import LiveIdentities, LiveRole, minified, own_tags
from podid.ops.options import SCOPES

_VERSION = "2012-10-17"


def declared(identities: LiveIdentities) -> Declaration:
    """Return the declaration that describes the identities. Its name is the cluster's."""
    names = {role.role.arn: role.name for role in identities.roles}
    return Declaration(
        name=identities.cluster.name,
        clusters=(ClusterChoice(name=identities.cluster.name),),
        roles=tuple(_role(role, identities) for role in identities.roles),
        associations=tuple(_association(item, names) for item in identities.associations),
    )


def _association(item: Association, names: Mapping[str, str]) -> DeclaredAssociation:
    return DeclaredAssociation(
        namespace=item.namespace,
        name=item.service_account,
        role=names.get(item.role_arn, item.role_arn),
        target_role=item.target_role_arn or "",
        session_tags=item.session_tags,
        session_policy=minified(item.policy),
        tags=own_tags(item.tags),
    )


def _role(role: LiveRole, identities: LiveIdentities) -> DeclaredRole:
    live = role.role
    inline = (
        DeclaredPolicy(source=PolicySource.DOCUMENT, name=name, document=document)
        for name, document in role.inline.items()
    )
    managed = (DeclaredPolicy(source=PolicySource.MANAGED, value=arn) for arn in role.attached)
    return DeclaredRole(
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
    """Yield the service accounts that statements name."""
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
