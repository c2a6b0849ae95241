"""The Terraform module terraform-aws-modules/eks-pod-identity/aws, one call for each role, with import blocks.

https://registry.terraform.io/modules/terraform-aws-modules/eks-pod-identity/aws, version 2.8.1. The module creates one
statement for all pods, to which `trust_policy_conditions` add conditions, and no inline policies. It always uses its
own role, whatever `role_arn` a row has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from podid.domain.aws import Association
from podid.domain.iam import listed
from podid.domain.names import PODS_PRINCIPAL
from podid.ops.export.live import LiveIdentities, LiveRole, own_tags
from podid.render.export.parts import DistinctNames, FormText, head, role_names, role_properties
from podid.render.export.terraform import REVIEW, associated, distinct, imported, requirements
from podid.render.hcl import Resource, block, hcl, import_block, inline_policy, label, labels, role_resources

VERSION = "2.8.1"
_SOURCE = "terraform-aws-modules/eks-pod-identity/aws"
_ACTIONS = {"sts:assumerole", "sts:tagsession"}
_KNOWN = {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Condition"}


def write(identities: LiveIdentities) -> FormText:
    names = role_names(identities, DistinctNames(label, "_"))
    references: dict[str, str] = {}
    blocks: list[str] = []
    resources: list[Resource] = []
    notes = [*identities.notes, *requirements(identities)]
    in_module: set[str] = set()
    for role in identities.roles:
        name = names[role.role.arn]
        trust = _trust(role.role.trust)
        if trust is None:
            notes.append(f"role {role.name}: the module cannot express its trust policy, so it is a resource")
            references[role.role.arn] = f"aws_iam_role.{name}.arn"
            resources += role_resources(role_properties(role), name)
            continue
        references[role.role.arn] = f"module.{name}.iam_role_arn"
        rows = [item for item in identities.users(role) if not item.policy]
        in_module |= {item.association_id for item in rows}
        notes += _notes(role, rows)
        blocks += _module(name, role, trust, rows, references)
        properties = role_properties(role)
        policies: Sequence[Mapping[str, Any]] = properties.get("Policies", [])
        own = labels([policy["PolicyName"] for policy in policies])
        resources += [
            inline_policy(f"{name}_{suffix}", f"module.{name}.iam_role_name", role.name, policy)
            for suffix, policy in zip(own, policies, strict=True)
        ]
    rest = DistinctNames(label, "_")
    for item in identities.associations:
        if item.association_id not in in_module:
            resources.append(associated(rest.of(f"{item.namespace}_{item.service_account}"), item, references))
            if item.policy:
                notes.append(f"{item.ref}: the module has no session policies, so the association is a resource")
    top = head(
        identities,
        f"module {_SOURCE} {VERSION}",
        "Requires Terraform 1.5.7 and hashicorp/aws 6.28.",
        REVIEW,
        notes=notes,
    )
    return FormText("\n".join((top, *blocks, *imported(distinct(resources)))), tuple(notes))


def _notes(role: LiveRole, rows: Sequence[Association]) -> Iterator[str]:
    if role.inline:
        yield f"role {role.name}: the module creates no inline policies, so they are resources"
    for item in rows:
        added = {key for key, value in role.tags.items() if own_tags(item.tags).get(key) is None}
        if added:
            yield f"{item.ref}: the module adds the tags of role {role.name} to the association"


def _module(
    name: str,
    role: LiveRole,
    trust: tuple[list[dict[str, object]], list[dict[str, object]]],
    rows: Sequence[Association],
    references: Mapping[str, str],
) -> list[str]:
    conditions, statements = trust
    detail = role.role
    policies = dict(zip(labels([arn.rsplit("/", 1)[-1] for arn in role.attached]), role.attached, strict=True))
    values: dict[str, object] = {
        "path": "" if detail.path == "/" else detail.path,
        "description": detail.description,
        "max_session_duration": detail.max_session_seconds,
        "permissions_boundary_arn": detail.permissions_boundary_arn,
        "trust_policy_conditions": conditions,
        "trust_policy_statements": statements,
        "additional_policy_arns": policies,
        "tags": role.tags,
    }
    arguments = {
        "source": hcl(_SOURCE),
        "version": hcl(VERSION),
        "name": hcl(role.name),
        "use_name_prefix": "false",
        **{key: hcl(value, 2) for key, value in values.items() if value},
    }
    if rows:
        arguments["associations"] = "{\n" + "".join(_row(item, references) for item in rows) + "  }"
    address = f"module.{name}"
    imports = [import_block(f"{address}.aws_iam_role.this[0]", role.name)]
    for key, arn in policies.items():
        imports.append(import_block(f"{address}.aws_iam_role_policy_attachment.this[{hcl(key)}]", f"{role.name}/{arn}"))
    for item in rows:
        target = f"{address}.aws_eks_pod_identity_association.this[{hcl(str(item.ref))}]"
        imports.append(import_block(target, f"{item.cluster_name},{item.association_id}"))
    return [*imports, block(f'module "{name}"', arguments, aligned=False)]


def _row(item: Association, references: Mapping[str, str]) -> str:
    members = {
        "cluster_name": hcl(item.cluster_name),
        "namespace": hcl(item.namespace),
        "service_account": hcl(item.service_account),
    }
    if item.target_role_arn:
        members["target_role_arn"] = references.get(item.target_role_arn) or hcl(item.target_role_arn)
    if item.disable_session_tags:
        members["disable_session_tags"] = "true"
    if tags := own_tags(item.tags):
        members["tags"] = hcl(tags, 6)
    lines = "".join(f"      {key} = {value}\n" for key, value in members.items())
    return f"    {hcl(str(item.ref))} = {{\n{lines}    }}\n"


def _trust(document: Mapping[str, object]) -> tuple[list[dict[str, object]], list[dict[str, object]]] | None:
    """Return the conditions of the statement for pods, and the other statements, in the module's words; None if the
    module would allow more or less."""
    statements = listed(document.get("Statement"))
    if not all(isinstance(item, Mapping) and item.keys() <= _KNOWN for item in statements):
        return None
    first = next((item for item in statements if isinstance(item, Mapping) and _for_pods(item)), None)
    if first is None:
        return None
    others = [_statement(item) for item in statements if item is not first and isinstance(item, Mapping)]
    return _conditions(first), others


def _for_pods(statement: Mapping[str, Any]) -> bool:
    actions = [str(action).lower() for action in listed(statement.get("Action"))]
    principal = statement.get("Principal")
    return (
        statement.get("Effect") == "Allow"
        and set(actions) == _ACTIONS
        and isinstance(principal, Mapping)
        and list(principal) == ["Service"]
        and listed(principal["Service"]) == [PODS_PRINCIPAL]
    )


def _statement(statement: Mapping[str, Any]) -> dict[str, object]:
    members = {
        "sid": statement.get("Sid"),
        "effect": statement.get("Effect"),
        "actions": listed(statement.get("Action")),
        "not_actions": listed(statement.get("NotAction")),
        "principals": _principals(statement.get("Principal")),
        "not_principals": _principals(statement.get("NotPrincipal")),
        "condition": _conditions(statement),
    }
    return {key: value for key, value in members.items() if value}


def _principals(principal: object) -> list[dict[str, object]]:
    if isinstance(principal, Mapping):
        return [{"type": kind, "identifiers": listed(names)} for kind, names in principal.items()]
    return [] if principal is None else [{"type": "*", "identifiers": listed(principal)}]


def _conditions(statement: Mapping[str, Any]) -> list[dict[str, object]]:
    condition = statement.get("Condition") or {}
    return [
        {"test": test, "variable": key, "values": [_text(value) for value in listed(values)]}
        for test, keys in condition.items()
        for key, values in keys.items()
    ]


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
