"""Terraform and OpenTofu: resources with import blocks, or calls of a module. And the import file of Pulumi, whose AWS
provider has the same import identifiers.

https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/eks_pod_identity_association
https://registry.terraform.io/modules/terraform-aws-modules/eks-pod-identity/aws
https://www.pulumi.com/docs/iac/guides/migration/import/. Types as in @pulumi/aws 7.48.0.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from podid.domain.aws import Association
from podid.domain.iam import listed
from podid.domain.names import PODS_PRINCIPAL
from podid.ops.declare.export import LiveIdentities, LiveRole, own_tags
from podid.render import forms
from podid.render.export import parts
from podid.render.formats import to_json

# the first version of the provider that writes session policies: hashicorp/terraform-provider-aws#48869
_POLICY_VERSION = "6.57.1"
_REVIEW = (
    "The import blocks adopt the existing resources. Run terraform plan: it must show only imports, apart from tags."
)


def write_terraform(identities: LiveIdentities) -> parts.FormText:
    roles, names = (
        parts.role_names(identities, parts.DistinctNames(forms.label, "_")),
        parts.DistinctNames(forms.label, "_"),
    )
    references = {arn: f"aws_iam_role.{name}.arn" for arn, name in roles.items()}
    resources: list[forms.Resource] = []
    for role in identities.roles:
        resources += forms.role_resources(parts.role_properties(role), roles[role.role.arn])
    for item in identities.associations:
        resources.append(_associated(names.of(f"{item.namespace}_{item.service_account}"), item, references))
    notes = (*identities.notes, *_requirements(identities))
    top = parts.head(identities, "Terraform 1.5 or OpenTofu 1.6 and later", _REVIEW, notes=notes)
    return parts.FormText("\n".join((top, *_imported(resources))), notes)


def _requirements(identities: LiveIdentities) -> tuple[str, ...]:
    if any(item.policy for item in identities.associations):
        return (f"session policies require version {_POLICY_VERSION} or later of the provider hashicorp/aws",)
    return ()


def _associated(name: str, item: Association, references: Mapping[str, str]) -> forms.Resource:
    """Return the resource of an association. `references` are expressions by role ARN."""
    target = references.get(item.target_role_arn or "", "")
    role = references.get(item.role_arn) or forms.hcl(item.role_arn)
    state, id_ = parts.association_members(item), f"{item.cluster_name},{item.association_id}"
    return forms.association_resource(name, state, item.cluster_name, role, target=target, id_=id_)


def _imported(resources: Iterable[forms.Resource]) -> Iterator[str]:
    """Yield the resources with their import blocks, under distinct addresses: role `a` with policy `b-c` and role `a-b`
    with policy `c` would share one."""
    names = parts.DistinctNames(str, "_")
    for item in resources:
        resource = replace(item, label=names.of(item.address).partition(".")[2])
        yield forms.import_block(resource.address, item.id)
        yield resource.text


# version 2.8.1 creates one statement for all pods, to which `trust_policy_conditions` add conditions, and no inline
# policies. It always uses its own role, whatever `role_arn` a row has.
_MODULE_VERSION = "2.8.1"
_SOURCE = "terraform-aws-modules/eks-pod-identity/aws"
_ACTIONS = {"sts:assumerole", "sts:tagsession"}
_KNOWN = {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Condition"}


def write_terraform_module(identities: LiveIdentities) -> parts.FormText:
    names = parts.role_names(identities, parts.DistinctNames(forms.label, "_"))
    references: dict[str, str] = {}
    blocks: list[str] = []
    resources: list[forms.Resource] = []
    notes = [*identities.notes, *_requirements(identities)]
    in_module: set[str] = set()
    for role in identities.roles:
        name = names[role.role.arn]
        trust = _trust(role.role.trust)
        if trust is None:
            notes.append(f"role {role.name}: the module cannot express its trust policy, so it is a resource")
            references[role.role.arn] = f"aws_iam_role.{name}.arn"
            resources += forms.role_resources(parts.role_properties(role), name)
            continue
        references[role.role.arn] = f"module.{name}.iam_role_arn"
        rows = [item for item in identities.users(role) if not item.policy]
        in_module |= {item.association_id for item in rows}
        notes += _notes(role, rows)
        blocks += _module(name, role, trust, rows, references)
        properties = parts.role_properties(role)
        policies: Sequence[Mapping[str, Any]] = properties.get("Policies", [])
        suffixes = forms.labels([policy["PolicyName"] for policy in policies])
        resources += [
            forms.inline_policy(f"{name}_{suffix}", f"module.{name}.iam_role_name", role.name, policy)
            for suffix, policy in zip(suffixes, policies, strict=True)
        ]
    own_labels = parts.DistinctNames(forms.label, "_")
    for item in identities.associations:
        if item.association_id not in in_module:
            resources.append(_associated(own_labels.of(f"{item.namespace}_{item.service_account}"), item, references))
            if item.policy:
                notes.append(f"{item.ref}: the module has no session policies, so the association is a resource")
    top = parts.head(
        identities,
        f"module {_SOURCE} {_MODULE_VERSION}",
        "Requires Terraform 1.5.7 and hashicorp/aws 6.28.",
        _REVIEW,
        notes=notes,
    )
    return parts.FormText("\n".join((top, *blocks, *_imported(resources))), tuple(notes))


def _notes(role: LiveRole, rows: Sequence[Association]) -> Iterator[str]:
    if role.inline:
        yield f"role {role.name}: the module creates no inline policies, so they are resources"
    for item in rows:
        if any(own_tags(item.tags).get(key) is None for key in role.tags):
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
    policies = dict(zip(forms.labels([arn.rsplit("/", 1)[-1] for arn in role.attached]), role.attached, strict=True))
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
        "source": forms.hcl(_SOURCE),
        "version": forms.hcl(_MODULE_VERSION),
        "name": forms.hcl(role.name),
        "use_name_prefix": "false",
        **{key: forms.hcl(value, 2) for key, value in values.items() if value},
    }
    if rows:
        arguments["associations"] = "{\n" + "".join(_row(item, references) for item in rows) + "  }"
    address = f"module.{name}"
    imports = [forms.import_block(f"{address}.aws_iam_role.this[0]", role.name)]
    for key, arn in policies.items():
        imports.append(
            forms.import_block(f"{address}.aws_iam_role_policy_attachment.this[{forms.hcl(key)}]", f"{role.name}/{arn}")
        )
    for item in rows:
        target = f"{address}.aws_eks_pod_identity_association.this[{forms.hcl(str(item.ref))}]"
        imports.append(forms.import_block(target, f"{item.cluster_name},{item.association_id}"))
    return [*imports, forms.block(f'module "{name}"', arguments)]


def _row(item: Association, references: Mapping[str, str]) -> str:
    members = {
        "cluster_name": forms.hcl(item.cluster_name),
        "namespace": forms.hcl(item.namespace),
        "service_account": forms.hcl(item.service_account),
    }
    if item.target_role_arn:
        members["target_role_arn"] = references.get(item.target_role_arn) or forms.hcl(item.target_role_arn)
    if item.disable_session_tags:
        members["disable_session_tags"] = "true"
    if tags := own_tags(item.tags):
        members["tags"] = forms.hcl(tags, 6)
    return f"    {forms.hcl(str(item.ref))} = {{\n{forms.assignments(members, 6)}    }}\n"


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


def write_pulumi(identities: LiveIdentities) -> parts.FormText:
    names = {kind: parts.object_names() for kind in ("role", "policy", "attachment", "association")}
    resources: list[dict[str, str]] = []

    def add(kind: str, name: str, token: str, identifier: str) -> None:
        resources.append({"type": token, "name": names[kind].of(name), "id": identifier})

    for role in identities.roles:
        add("role", role.name, "aws:iam/role:Role", role.name)
        for policy in role.inline:
            add("policy", f"{role.name}-{policy}", "aws:iam/rolePolicy:RolePolicy", f"{role.name}:{policy}")
        for arn in role.attached:
            token = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
            add("attachment", f"{role.name}-{arn.rsplit('/', 1)[-1]}", token, f"{role.name}/{arn}")
    for item in identities.associations:
        token = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
        name = f"{item.namespace}-{item.service_account}"
        add("association", name, token, f"{item.cluster_name},{item.association_id}")
    return parts.FormText(to_json({"resources": resources}), identities.notes)
