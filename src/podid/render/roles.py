"""A role as a document and as text: who may assume it, and what it may do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from podid.domain.model import Role
from podid.ops.role.read import RoleReading
from podid.render.associations import facts
from podid.render.view import Column, Table, View, document, timestamp

if TYPE_CHECKING:
    from podid.render.documents import access as documents


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
    }


def role_view(found: RoleReading, used_by: Sequence[str] | None) -> View:
    """`used_by` are the service accounts of the cluster whose associations name the role, None when no cluster was
    looked at."""
    role, policies = found.role, found.policies
    body: documents.RoleDocument = {
        "kind": "Role",
        **role_body(role),
        "attachedPolicies": [{"policyName": item.name, "policyArn": item.arn} for item in policies.attached],
        "inlinePolicies": policies.inline,
        "access": found.access,
        "usedBy": used_by,
    }
    pairs = [
        ("role", role.arn),
        ("created", timestamp(role.created_at) or "-"),
        ("description", role.description or "-"),
        ("boundary", role.permissions_boundary_arn or "none"),
        ("attached", ", ".join(policy.name for policy in policies.attached) or "none"),
        ("inline", ", ".join(policies.inline) or "none"),
    ]
    if role.tags:
        pairs.append(("tags", ", ".join(f"{key}={value}" for key, value in sorted(role.tags.items()))))
    if used_by is not None:
        pairs.append(("used by", ", ".join(used_by) or "no association of this cluster"))
    lines = [facts(pairs), "trust:\n", *(f"  {line}\n" for line in found.access)]
    lines += [f"  {line}\n" for line in json.dumps(dict(role.trust), indent=2).splitlines()]
    return View(document(body), (_role_table([(role, "; ".join(found.access))]),), (role.name,), "".join(lines))


def role_list_view(found: Sequence[tuple[Role, str]]) -> View:
    """Roles that pods can assume, each with the scope of its trust in words."""
    body: documents.RoleListDocument = {
        "kind": "RoleList",
        "items": [{**role_body(role), "access": words} for role, words in found],
    }
    return View(document(body), (_role_table(found),), tuple(role.name for role, _ in found))


def _role_table(found: Sequence[tuple[Role, str]]) -> Table:
    titles = (
        Column("ROLE"),
        Column("PODS THAT MAY ASSUME IT", prose=True),
        Column("ARN", wide=True),
        Column("CREATED", wide=True),
    )
    rows = tuple((role.name, words, role.arn, timestamp(role.created_at) or "-") for role, words in found)
    return Table(titles, rows, empty="no role trusts pods.eks.amazonaws.com")
