"""A role that somebody else is to make: as IAM's JSON, for Terraform, for CloudFormation."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from podid.domain.model import Cluster
from podid.ops.role.create import DEFAULT_SESSION_SECONDS, RoleRequest, new_trust
from podid.render.view import Table, View, columns, document

if TYPE_CHECKING:
    from podid.ops.role.target import Owed
    from podid.render.documents import access as documents

Form = Literal["json", "terraform", "cloudformation"]


def role_form_view(form: Form, request: RoleRequest, cluster: Cluster, owed: Owed | None = None) -> View:
    """The role as it would be made, in that form, with what is `owed` at its target role beside it. Raises Conflict
    when IAM would not take its trust policy."""
    properties = role_properties(
        name=request.name,
        path=request.path,
        description=request.description,
        seconds=request.max_session_seconds,
        boundary=request.permissions_boundary_arn,
        trust=new_trust(request, cluster).to_document(),
        policies=request.policies,
        managed=request.managed_policy_arns,
        tags=request.tags,
    )
    match form:
        case "json":
            text = _json({**properties, **_beside(owed)})
        case "terraform":
            text = terraform_role(properties) + _commented(owed)
        case "cloudformation":
            text = _cloudformation(properties, _beside(owed))
    body: documents.RoleFormDocument = {
        "kind": "RoleForm",
        "roleName": request.name,
        "form": form,
        "text": text,
    }
    table = Table(columns("ROLE", "FORM"), ((request.name, form),))
    return View(document(body), (table,), (request.name,), tuple(text.splitlines()))


def role_properties(
    *,
    name: str,
    path: str,
    description: str,
    seconds: int | None,
    boundary: str | None,
    trust: Mapping[str, object],
    policies: Mapping[str, object],
    managed: Sequence[str],
    tags: Mapping[str, str],
) -> dict[str, object]:
    """As CloudFormation and IAM's API call them; what is IAM's default or was not asked for is left out."""
    wanted: dict[str, object] = {
        "RoleName": name,
        "Path": "" if path == "/" else path,
        "Description": description,
        "MaxSessionDuration": None if seconds == DEFAULT_SESSION_SECONDS else seconds,
        "PermissionsBoundary": boundary,
        "AssumeRolePolicyDocument": trust,
        "Policies": [{"PolicyName": policy, "PolicyDocument": said} for policy, said in policies.items()],
        "ManagedPolicyArns": list(managed),
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }
    return {member: value for member, value in wanted.items() if value}


def _beside(owed: Owed | None) -> dict[str, object]:
    """A member of its own: no resource of the form changes one statement of a role that is somebody else's."""
    if owed is None:
        return {}
    notes = {"Notes": list(owed.notes)} if owed.notes else {}
    return {
        "TargetRole": {"RoleArn": owed.target_role_arn, "AddToTrustPolicy": list(owed.statements), **notes},
    }


def _commented(owed: Owed | None) -> str:
    """The same for Terraform, whose resource of the target role holds its whole trust policy."""
    if owed is None:
        return ""
    text = json.dumps(list(owed.statements), indent=2)
    said = f"The owner of target role {owed.target_role_arn} must add to its trust policy:"
    lines = [said, *text.splitlines(), *owed.notes]
    return "\n" + "".join(f"# {line}\n" for line in lines)


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _cloudformation(properties: Mapping[str, object], beside: Mapping[str, object]) -> str:
    logical = "".join(part.capitalize() for part in re.split(r"[^A-Za-z0-9]+", str(properties["RoleName"])))
    name = logical if logical[:1].isalpha() else f"Role{logical}"
    return _json(
        {
            "AWSTemplateFormatVersion": "2010-09-09",
            **({"Metadata": beside} if beside else {}),
            "Resources": {name: {"Type": "AWS::IAM::Role", "Properties": properties}},
            "Outputs": {"RoleArn": {"Value": {"Fn::GetAtt": [name, "Arn"]}}},
        }
    )


_ARGUMENTS = {
    "RoleName": "name",
    "Path": "path",
    "Description": "description",
    "MaxSessionDuration": "max_session_duration",
    "PermissionsBoundary": "permissions_boundary",
}


def terraform_role(properties: Mapping[str, object]) -> str:
    """The resources of a role whose properties are as CloudFormation calls them."""
    name = label(str(properties["RoleName"]))
    lines = [f'resource "aws_iam_role" "{name}" {{']
    lines += [
        f"  {argument} = {hcl(properties[member])}" for member, argument in _ARGUMENTS.items() if member in properties
    ]
    lines.append(f"  assume_role_policy = jsonencode({hcl(properties['AssumeRolePolicyDocument'], 2)})")
    tags = {tag["Key"]: tag["Value"] for tag in _items(properties, "Tags")}
    if tags:
        lines.append(f"  tags = {hcl(tags, 2)}")
    lines.append("}")
    policies = _items(properties, "Policies")
    own = labels([str(policy["PolicyName"]) for policy in policies])
    for each, policy in zip(own, policies, strict=True):
        lines += [
            "",
            f'resource "aws_iam_role_policy" "{name}_{each}" {{',
            f"  name   = {hcl(policy['PolicyName'])}",
            f"  role   = aws_iam_role.{name}.id",
            f"  policy = jsonencode({hcl(policy['PolicyDocument'], 2)})",
            "}",
        ]
    arns = properties.get("ManagedPolicyArns", [])
    assert isinstance(arns, list)
    for each, arn in zip(labels([arn.rsplit("/", 1)[-1] for arn in arns]), arns, strict=True):
        lines += [
            "",
            f'resource "aws_iam_role_policy_attachment" "{name}_{each}" {{',
            f"  role       = aws_iam_role.{name}.name",
            f"  policy_arn = {hcl(arn)}",
            "}",
        ]
    return "\n".join(lines) + "\n"


def _items(properties: Mapping[str, object], member: str) -> list[dict[str, object]]:
    value = properties.get(member, [])
    return value if isinstance(value, list) else []


def label(text: str) -> str:
    """A name that Terraform takes for a resource."""
    found = re.sub(r"[^A-Za-z0-9_]", "_", text)
    return found if found[:1].isalpha() else f"_{found}"


def labels(texts: Sequence[str]) -> list[str]:
    """One each: names that differ only in what a label cannot hold get a number."""
    found: list[str] = []
    for text in texts:
        one, number = label(text), 1
        while one in found:
            number += 1
            one = f"{label(text)}_{number}"
        found.append(one)
    return found


def hcl(value: object, indent: int = 0) -> str:
    """JSON is an HCL expression, but for its templates (`${` and `%{` would be evaluated) and for characters that JSON
    escapes in two halves."""
    text = json.dumps(value, indent=2, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")
    return text.replace("\n", "\n" + " " * indent)
