"""A role as a document and as text: who may assume it, and what it may do."""

import json
from collections.abc import Sequence
from typing import cast

from podid.domain.model import Role, RolePolicies
from podid.ops.role.read import RoleReading
from podid.render.associations import facts
from podid.render.view import Column, Document, Json, Table, View, document, timestamp


def role_body(role: Role, policies: RolePolicies | None) -> Document:
    body: Document = {
        "roleName": role.name,
        "roleArn": role.arn,
        "roleId": role.role_id,
        "path": role.path,
        "description": role.description or None,
        "createdAt": timestamp(role.created_at),
        "maxSessionDuration": role.max_session_seconds,
        "permissionsBoundary": role.permissions_boundary_arn or None,
        "tags": dict(role.tags),
        "trustPolicy": cast("Json", dict(role.trust)),
    }
    if policies is not None:
        body["attachedPolicies"] = [{"policyName": item.name, "policyArn": item.arn} for item in policies.attached]
        body["inlinePolicies"] = cast("Json", {name: dict(value) for name, value in policies.inline.items()})
    return body


def role_view(found: RoleReading, used_by: Sequence[str] | None) -> View:
    """`used_by` are the service accounts of the cluster whose associations name the role, None when no cluster was
    looked at."""
    role, policies = found.role, found.policies
    body = role_body(role, policies)
    body["access"] = list(found.access)
    body["usedBy"] = None if used_by is None else list(used_by)
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
    return View(document("Role", body), text="".join(lines), names=(role.name,))


def role_list_view(found: Sequence[tuple[Role, str]]) -> View:
    """Roles that pods can assume, each with the scope of its trust in words."""
    items: list[Json] = [{**role_body(role, None), "access": words} for role, words in found]
    columns = (
        Column("ROLE"),
        Column("PODS THAT MAY ASSUME IT"),
        Column("ARN", wide=True),
        Column("CREATED", wide=True),
    )
    rows = tuple((role.name, words, role.arn, timestamp(role.created_at) or "-") for role, words in found)
    return View(
        document("RoleList", {"items": items}),
        (Table(columns, rows, empty="no role trusts pods.eks.amazonaws.com"),),
        tuple(role.name for role, _ in found),
    )
