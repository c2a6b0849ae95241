"""Terraform configuration: values, names and blocks.

https://developer.hashicorp.com/terraform/language/syntax/configuration
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from podid.render import sanitize


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource with its arguments as HCL text. `id` is its import identifier."""

    kind: str
    label: str
    arguments: Mapping[str, str]
    id: str = ""
    aligned: bool = True

    @property
    def address(self) -> str:
        return f"{self.kind}.{self.label}"

    @property
    def text(self) -> str:
        return block(f'resource "{self.kind}" "{self.label}"', self.arguments, aligned=self.aligned)


def block(head: str, arguments: Mapping[str, str], *, aligned: bool = True) -> str:
    width = max(map(len, arguments)) if aligned else 0
    lines = [f"  {argument:{width}} = {value}" for argument, value in arguments.items()]
    return "\n".join((f"{head} {{", *lines, "}", ""))


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
        one, number = label(text), 1
        while one in names:
            number += 1
            one = f"{label(text)}_{number}"
        names.append(one)
    return names


def hcl(value: object, indent: int = 0) -> str:
    """Return the value as HCL. JSON is valid HCL except for templates (`${`, `%{`) and surrogate pairs."""
    text = json.dumps(value, indent=2, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")
    text = "\n".join("".join(map(_escaped, line)) if sanitize.line(line) != line else line for line in text.split("\n"))
    # a CI runner obeys `##[`
    return text.replace("##", "#\\u0023").replace("\n", "\n" + " " * indent)


def _escaped(character: str) -> str:
    """Return an escape that HCL reads, for a character that podid does not print."""
    if sanitize.line(character) == character:
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


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
    resources = [Resource("aws_iam_role", name, arguments, role, aligned=False)]
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
