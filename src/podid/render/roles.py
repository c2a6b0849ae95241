"""A role as a document and as text: who may assume it, what it may do, and what uses it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from podid.domain import trust
from podid.domain.aws import Role
from podid.domain.errors import InvalidInput
from podid.domain.permissions import policy_words
from podid.domain.text import utc
from podid.ops.role.findings import RoleFinding
from podid.ops.role.moved_on import MovedOn
from podid.ops.role.read import PodRole, PodRoles, RoleReading
from podid.ops.role.uses import RoleUse, Unread, used_words
from podid.render.associations import facts
from podid.render.trust import trust_body
from podid.render.view import NOTHING, Column, Table, View, age, document, timestamp

if TYPE_CHECKING:
    from podid.render.documents import access as documents

_MARK = {trust.TrustVerdict.MATCH: "admitted", trust.TrustVerdict.NO_MATCH: "not admitted"}


def role_body(role: Role) -> documents.RoleBody:
    return {
        "roleName": role.name,
        "roleArn": role.arn,
        "roleId": role.role_id,
        "path": role.path,
        "description": role.description or None,
        "createdAt": timestamp(role.created_at),
        "maxSessionDuration": role.max_session_seconds,
        "permissionsBoundary": role.permissions_boundary_arn or None,
        "tags": role.tags,
        "trustPolicy": role.trust,
        "lastUsedAt": timestamp(role.last_used_at),
        "lastUsedRegion": role.last_used_region or None,
    }


def unread_bodies(unread: Iterable[Unread]) -> list[documents.UnreadBody]:
    return [{"what": item.what, "reason": item.reason, "permission": item.permission or None} for item in unread]


def role_view(found: RoleReading, now: datetime) -> View:
    role = found.role
    body: documents.RoleDocument = {
        "kind": "Role",
        **role_body(role),
        "attachedPolicies": None
        if found.attached is None
        else [{"policyName": item.name, "policyArn": item.arn} for item in found.attached],
        "inlinePolicies": found.inline,
        "permissions": permission_bodies(found),
        "owner": None
        if found.owner is None
        else {"tool": found.owner.tool, "detail": found.owner.detail or None, "tag": found.owner.tag},
        "access": found.access,
        "otherPrincipals": _other_principals(role),
        "findings": [_finding_body(item) for item in found.findings],
        "usedBy": None if found.uses is None else list(dict.fromkeys(str(use.association.ref) for use in found.uses)),
        "associations": None if found.uses is None else [_use_body(use) for use in found.uses],
        "unknowns": unread_bodies(found.unread),
    }
    pairs = [
        ("role", role.arn),
        ("created", utc(role.created_at)),
        ("last used", last_used(role, now)),
        ("description", role.description or NOTHING),
        ("boundary", role.permissions_boundary_arn or "none"),
        ("attached", _listed(None if found.attached is None else [item.name for item in found.attached])),
        ("inline", _listed(found.inline)),
    ]
    if found.owner is not None:
        pairs.append(
            ("made by", f"{found.owner.words}, as tag {found.owner.tag} says; it may take back what others change")
        )
    if role.tags:
        pairs.append(("tags", ", ".join(f"{key}={value}" for key, value in sorted(role.tags.items()))))
    lines = [*facts(pairs), *permission_lines(found), *_uses_lines(found), *_finding_lines(found)]
    lines += ["trust:", *(f"  {line}" for line in found.access)]
    lines += [f"  {line}" for line in json.dumps(dict(role.trust), indent=2).splitlines()]
    lines += [f"not looked at: {item}" for item in found.unread]
    table = _role_table([(role, "; ".join(found.access), NOTHING, NOTHING)], now)
    return View(document(body), (table,), (role.name,), tuple(lines))


def permission_bodies(found: RoleReading) -> list[documents.RolePermissionsBody]:
    """What each policy of the role allows, in words."""
    inline: list[documents.RolePermissionsBody] = [
        {"policyName": name, "policyArn": None, "kind": "inline", "words": policy_words(body)}
        for name, body in (found.inline or {}).items()
    ]
    managed = [_managed_body(found, item.name, item.arn, "managed") for item in found.attached or ()]
    boundary = found.role.permissions_boundary_arn
    bounds = [_managed_body(found, boundary.rsplit("/", 1)[-1], boundary, "boundary")] if boundary else []
    return [*inline, *managed, *bounds]


def _managed_body(
    found: RoleReading, name: str, arn: str, kind: Literal["managed", "boundary"]
) -> documents.RolePermissionsBody:
    body = found.documents.get(arn)
    return {
        "policyName": name,
        "policyArn": arn,
        "kind": kind,
        "words": None if body is None else policy_words(body),
    }


def permission_lines(found: RoleReading) -> list[str]:
    """The same for a person, a block for each policy."""
    lines = []
    for item in permission_bodies(found):
        what = "never more than" if item["kind"] == "boundary" else "permissions"
        words = ["unknown"] if item["words"] is None else item["words"]
        lines += [f"{what} ({item['policyName']}):", *(f"  {line}" for line in words)]
    return lines


def _other_principals(role: Role) -> tuple[str, ...]:
    try:
        return trust.other_principals(trust.parse_policy(role.trust))
    except InvalidInput:
        return ()


def _finding_body(item: RoleFinding) -> documents.RoleFindingBody:
    return {
        "id": item.id,
        "severity": item.severity,
        "message": item.message,
        "fix": item.fix,
        "subjects": item.subjects,
    }


def _finding_lines(found: RoleReading) -> list[str]:
    """Those that no association's own lines say."""
    said = {(item.id, item.message) for use in found.uses or () for item in use.evaluation.findings}
    more = [item for item in found.findings if (item.id, item.message) not in said]
    return ["findings:", *(f"  {item.severity} {item.id}: {item.message}" for item in more)] if more else []


def last_used(role: Role, now: datetime) -> str:
    if role.last_used_at is None:
        return "never, as far as IAM remembers"
    where = f" in {role.last_used_region}" if role.last_used_region else ""
    return f"{age(role.last_used_at, now)} ago{where}"


def _listed(names: Iterable[str] | None) -> str:
    return "unknown" if names is None else ", ".join(names) or "none"


def _use_body(use: RoleUse) -> documents.RoleUseBody:
    association = use.association
    return {
        **trust_body(use.evaluation),
        "clusterArn": use.cluster_arn,
        "namespace": association.namespace,
        "serviceAccount": association.service_account,
        "associationId": association.association_id,
        "hop": use.hop,
    }


def _uses_lines(found: RoleReading) -> list[str]:
    if found.uses is None:
        return []
    if not found.uses:
        return ["used by: no association of the clusters that were read"]
    return ["used by:", *(line for use in found.uses for line in _use_lines(use))]


def _use_lines(use: RoleUse) -> list[str]:
    said = _MARK.get(use.evaluation.verdict, "not known")
    target = " as target role" if use.hop == 2 else ""
    lines = [f"  {used_words(use.association)}{target}: {said}"]
    return lines + [f"    {item.severity} {item.id}: {item.message}" for item in use.evaluation.findings]


def role_list_view(found: PodRoles, now: datetime, *, unused: bool = False) -> View:
    """Roles that pods can assume, each with the scope of its trust in words; `unused`: those that no association
    names."""
    body: documents.RoleListDocument = {
        "kind": "RoleList",
        "items": [
            {
                **role_body(item.role),
                "access": "; ".join(item.access.sentences),
                "associations": None if item.associations is None else len(item.associations),
                "refused": item.refused,
                "movedOn": None if item.moved is None else [_moved_body(item.role, moved) for moved in item.moved],
            }
            for item in found.admitting
        ],
        "admitNone": [{"roleName": item.role.name, "reason": "; ".join(item.access.shut)} for item in found.shut],
        "clusters": found.clusters,
        "unknowns": unread_bodies(found.unread),
    }
    rows = [(item.role, "; ".join(item.access.sentences), _count(item), _changed(item)) for item in found.admitting]
    empty = "no role that pods can assume is unused" if unused else "no role's trust policy admits pods"
    return View(document(body), (_role_table(rows, now, empty),), tuple(item.role.name for item in found.admitting))


def _moved_body(role: Role, moved: MovedOn) -> documents.MovedOnBody:
    return {
        "policyName": moved.policy,
        "preset": moved.preset,
        "presetHas": moved.more,
        "policyHas": moved.fewer,
        "command": moved.command(role.name),
    }


def _changed(item: PodRole) -> str:
    if item.moved is None:
        return "?"
    return ", ".join(dict.fromkeys(moved.preset for moved in item.moved)) or NOTHING


def _count(item: PodRole) -> str:
    if item.associations is None:
        return "?"
    return f"{len(item.associations)}, {item.refused} refused" if item.refused else str(len(item.associations))


def _role_table(found: Sequence[tuple[Role, str, str, str]], now: datetime, empty: str = "") -> Table:
    titles = (
        Column("ROLE"),
        Column("PODS THAT MAY ASSUME IT", prose=True),
        Column("ASSOCIATIONS", folds=1),
        Column("LAST USED", folds=2),
        Column("PRESET CHANGED", folds=3),
        Column("ARN", wide=True),
        Column("CREATED", wide=True),
    )
    rows = tuple(
        (
            role.name,
            words,
            count,
            age(role.last_used_at, now),
            changed,
            role.arn,
            timestamp(role.created_at) or NOTHING,
        )
        for role, words, count, changed in found
    )
    return Table(titles, rows, empty=empty)
