"""Roles and associations for other tools to create: as JSON for IAM, for Terraform, for CloudFormation.

https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/eks_pod_identity_association
https://developer.hashicorp.com/terraform/language/syntax/configuration
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated, Any, Literal

from podid.domain.iam import DEFAULT_SESSION_SECONDS
from podid.domain.members import About, Document
from podid.domain.names import role_name
from podid.domain.owners import MANAGED_BY
from podid.domain.plan import Action, Plan, TargetTrustChange, Verb
from podid.ops.change.kinds import ASSOCIATION, ROLE
from podid.ops.change.propagation import awaited_in
from podid.render import sanitize
from podid.render.view import Table, View, columns, document

Form = Literal["json", "terraform", "cloudformation"]


class RoleFormDocument(Document, kind="RoleForm"):
    """`podid role create --print`."""

    role_name: str
    form: Form
    text: Annotated[str, About("The text of the file.")]


def role_form_view(form: Form, actions: Sequence[Action], owner_changes: Sequence[TargetTrustChange] = ()) -> View:
    """Return the role of the actions in that form, with the changes that the owner of its target role must make."""
    (role,) = (action.after for action in actions if action.kind == ROLE.name and action.after is not None)
    properties = role_properties(role, actions)
    name = str(properties["RoleName"])
    match form:
        case "json":
            text = _json({**properties, **_beside(owner_changes)})
        case "terraform":
            text = _role_text(properties) + commented(owner_changes)
        case "cloudformation":
            text = _cloudformation(properties, _beside(owner_changes))
    body = document(RoleFormDocument, role_name=name, form=form, text=text)
    table = Table(columns("ROLE", "FORM"), ((name, form),))
    return View(body, (table,), (name,), tuple(text.splitlines()), exact=True)


def role_properties(role: Mapping[str, Any], actions: Sequence[Action]) -> dict[str, object]:
    """Return the role of the actions with its policies, as `named_properties` does."""
    own: list[Mapping[str, Any]] = [
        item.after for item in actions if item.after is not None and item.keys.get("roleName") == role["roleName"]
    ]
    inline = {item["policyName"]: item["policyDocument"] for item in own if "policyName" in item}
    return named_properties(role, inline, [item["policyArn"] for item in own if "policyArn" in item])


def named_properties(
    role: Mapping[str, Any], inline: Mapping[str, object], attached: Sequence[str]
) -> dict[str, object]:
    """Return a role with its policies under the names of CloudFormation and the IAM API. Defaults of IAM and the tags
    of podid are omitted. `role` is the state of a role in a plan."""
    seconds = role["maxSessionDuration"]
    properties: dict[str, object] = {
        "RoleName": role["roleName"],
        "Path": "" if role["path"] == "/" else role["path"],
        "Description": role["description"],
        "MaxSessionDuration": None if seconds == DEFAULT_SESSION_SECONDS else seconds,
        "PermissionsBoundary": role["permissionsBoundary"],
        "AssumeRolePolicyDocument": role["trustPolicy"],
        "Policies": [{"PolicyName": name, "PolicyDocument": document} for name, document in inline.items()],
        "ManagedPolicyArns": list(attached),
        "Tags": [{"Key": key, "Value": text} for key, text in role["tags"].items() if MANAGED_BY.get(key) != text],
    }
    return {name: value for name, value in properties.items() if value}


def _beside(owner_changes: Sequence[TargetTrustChange]) -> dict[str, object]:
    """Return a separate member: no CloudFormation resource changes one statement of an existing role."""
    for item in owner_changes:
        notes = {"Notes": [_AWAITED]} if awaited_in(item.statements) else {}
        return {"TargetRole": {"RoleArn": item.target_role_arn, "AddToTrustPolicy": list(item.statements), **notes}}
    return {}


_AWAITED = "EKS generates the external id with the association: podid show NS/SA shows it, and the owner must insert it"


def commented(owner_changes: Sequence[TargetTrustChange]) -> str:
    """Return these changes as Terraform comments: a Terraform resource would hold the whole trust policy."""
    lines = []
    for item in owner_changes:
        lines.append(f"The owner of target role {item.target_role_arn} must add to its trust policy:")
        lines += json.dumps(list(item.statements), indent=2).splitlines()
        lines += [_AWAITED] if awaited_in(item.statements) else []
    return ("\n" + "".join(f"# {line}\n" for line in lines)) if lines else ""


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def logical_id(text: str) -> str:
    name = "".join(part.capitalize() for part in re.split(r"[^A-Za-z0-9]+", text))
    return name if name[:1].isalpha() else f"Role{name}"


def _cloudformation(properties: Mapping[str, object], beside: Mapping[str, object]) -> str:
    name = logical_id(str(properties["RoleName"]))
    return _json(
        {
            "AWSTemplateFormatVersion": "2010-09-09",
            **({"Metadata": beside} if beside else {}),
            "Resources": {name: {"Type": "AWS::IAM::Role", "Properties": properties}},
            "Outputs": {"RoleArn": {"Value": {"Fn::GetAtt": [name, "Arn"]}}},
        }
    )


class AssociationFormDocument(Document, kind="AssociationForm"):
    """`podid associate --print`."""

    form: Literal["terraform"]
    text: Annotated[str, About("The text of the file.")]


def associations_for_terraform(plan: Plan) -> View:
    """Return the associations of the plan as they would be afterwards, and the role that it would create."""
    actions = (*plan.actions, *plan.unchanged)
    states = [action.after for action in actions if action.kind == ASSOCIATION.name and action.after is not None]
    roles = [
        action.after
        for action in plan.actions
        if action.kind == ROLE.name and action.verb is Verb.CREATE and action.after is not None
    ]
    created = {str(role["roleName"]) for role in roles}
    names = labels([f"{state['namespace']}_{state['serviceAccount']}" for state in states])
    parts = [_role_text(role_properties(role, plan.actions)) for role in roles]
    for name, state in zip(names, states, strict=True):
        role = role_name(str(state["roleArn"]))
        reference = f"aws_iam_role.{label(role)}.arn" if role in created else hcl(state["roleArn"])
        parts.append(association_resource(name, state, plan.header.cluster, reference).text)
    text = "\n".join(parts) + commented(plan.owner_changes)
    body = document(AssociationFormDocument, form="terraform", text=text)
    refs = tuple(f"{state['namespace']}/{state['serviceAccount']}" for state in states)
    table = Table(columns("SERVICE ACCOUNT", "FORM"), tuple((ref, "terraform") for ref in refs))
    return View(body, (table,), refs, tuple(text.splitlines()), exact=True)


def _role_text(properties: Mapping[str, object]) -> str:
    return "\n".join(resource.text for resource in role_resources(properties))


# --- Terraform configuration: values, names and blocks ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource with its arguments as HCL text. `id` is its import identifier."""

    kind: str
    label: str
    arguments: Mapping[str, str]
    id: str = ""

    @property
    def address(self) -> str:
        return f"{self.kind}.{self.label}"

    @property
    def text(self) -> str:
        return block(f'resource "{self.kind}" "{self.label}"', self.arguments)


def block(head: str, arguments: Mapping[str, str]) -> str:
    return f"{head} {{\n{assignments(arguments)}}}\n"


def assignments(arguments: Mapping[str, str], indent: int = 2) -> str:
    """Return the arguments in the style of `terraform fmt`: equals signs of adjacent one-line values are aligned."""
    lines = []
    for one_line, items in groupby(arguments.items(), lambda item: "\n" not in item[1]):
        adjacent = dict(items)
        width = max(map(len, adjacent)) if one_line else 0
        lines += [f"{'':{indent}}{argument:{width}} = {value}\n" for argument, value in adjacent.items()]
    return "".join(lines)


def import_block(address: str, identifier: str) -> str:
    return block("import", {"to": address, "id": hcl(identifier)})


def label(text: str) -> str:
    """Return a valid Terraform name of a resource."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", text)
    return name if name[:1].isalpha() else f"_{name}"


def labels(texts: Sequence[str]) -> list[str]:
    """Return a distinct label for each text: equal labels get a number."""
    names: list[str] = []
    for text in texts:
        name, number = label(text), 1
        while name in names:
            number += 1
            name = f"{label(text)}_{number}"
        names.append(name)
    return names


def hcl(value: object, indent: int = 0) -> str:
    """Return the value as HCL. JSON is valid HCL except for templates (`${`, `%{`) and surrogate pairs."""
    text = (
        json.dumps(value, indent=2, separators=(",", " : "), ensure_ascii=False)
        .replace("${", "$${")
        .replace("%{", "%%{")
    )
    lines = (
        sanitize.escaped(line, lambda c: f"\\u{c:04x}" if c <= 0xFFFF else f"\\U{c:08x}") for line in text.split("\n")
    )
    text = "\n".join(lines)
    # a CI runner obeys `##[`
    return text.replace("##", "#\\u0023").replace("\n", "\n" + " " * indent)


_ARGUMENTS = {
    "RoleName": "name",
    "Path": "path",
    "Description": "description",
    "MaxSessionDuration": "max_session_duration",
    "PermissionsBoundary": "permissions_boundary",
}


def role_resources(properties: Mapping[str, Any], name: str = "") -> list[Resource]:
    """Return the resources of a role with CloudFormation's property names. `name` is the role's label."""
    role = str(properties["RoleName"])
    name, policies = name or label(role), properties.get("Policies", [])
    arns: Sequence[str] = properties.get("ManagedPolicyArns", [])
    arguments = {argument: hcl(properties[member]) for member, argument in _ARGUMENTS.items() if member in properties}
    arguments["assume_role_policy"] = f"jsonencode({hcl(properties['AssumeRolePolicyDocument'], 2)})"
    if "Tags" in properties:
        arguments["tags"] = hcl({tag["Key"]: tag["Value"] for tag in properties["Tags"]}, 2)
    resources = [Resource("aws_iam_role", name, arguments, role)]
    for own, policy in zip(labels([policy["PolicyName"] for policy in policies]), policies, strict=True):
        resources.append(inline_policy(f"{name}_{own}", f"aws_iam_role.{name}.id", role, policy))
    for own, arn in zip(labels([arn.rsplit("/", 1)[-1] for arn in arns]), arns, strict=True):
        arguments = {"role": f"aws_iam_role.{name}.name", "policy_arn": hcl(arn)}
        resources.append(Resource("aws_iam_role_policy_attachment", f"{name}_{own}", arguments, f"{role}/{arn}"))
    return resources


def inline_policy(name: str, reference: str, role: str, policy: Mapping[str, Any]) -> Resource:
    """Return the resource of an inline policy. `reference` is the expression for the role, `role` its name."""
    arguments = {
        "name": hcl(policy["PolicyName"]),
        "role": reference,
        "policy": f"jsonencode({hcl(policy['PolicyDocument'], 2)})",
    }
    return Resource("aws_iam_role_policy", name, arguments, f"{role}:{policy['PolicyName']}")


def association_resource(
    name: str, state: Mapping[str, Any], cluster: str, role: str, *, target: str = "", id_: str = ""
) -> Resource:
    """Return the resource of an association with the member names of the EKS API. `role` and `target` are HCL."""
    arguments = {
        "cluster_name": hcl(cluster),
        "namespace": hcl(state["namespace"]),
        "service_account": hcl(state["serviceAccount"]),
        "role_arn": role,
    }
    if state.get("targetRoleArn"):
        arguments["target_role_arn"] = target or hcl(state["targetRoleArn"])
    if state.get("disableSessionTags"):
        arguments["disable_session_tags"] = "true"
    if state.get("policy"):
        arguments["policy"] = hcl(state["policy"])
    if state.get("tags"):
        arguments["tags"] = hcl(state["tags"], 2)
    return Resource("aws_eks_pod_identity_association", name, arguments, id_)
