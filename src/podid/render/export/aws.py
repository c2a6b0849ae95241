"""AWS's own forms: a CloudFormation template with the identifiers that its import requires, and a bash script of AWS
CLI commands that creates the roles and associations in the order that AWS requires.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-eks-podidentityassociation.html
https://docs.aws.amazon.com/cli/latest/reference/eks/create-pod-identity-association.html
"""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

from podid.domain.aws import Association
from podid.domain.encoding import Json
from podid.domain.iam import strings_in
from podid.ops.declare.export import LiveIdentities, LiveRole
from podid.render import sanitize
from podid.render.export.parts import (
    DistinctNames,
    FormText,
    association_members,
    compact,
    head,
    role_names,
    role_properties,
)
from podid.render.formats import to_yaml
from podid.render.forms import logical_id

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
_MOST_RESOURCES = 500


def write_cloudformation(identities: LiveIdentities) -> FormText:
    names = DistinctNames(logical_id, "")
    logical = role_names(identities, names)
    resources: dict[str, Any] = {}
    identifiers: list[dict[str, Any]] = []

    def add(name: str, kind: str, key: str, identifier: str, properties: dict[str, Any]) -> None:
        # an import requires a deletion policy
        resources[name] = {
            "Type": kind,
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Properties": properties,
        }
        identifiers.append({"ResourceType": kind, "LogicalResourceId": name, "ResourceIdentifier": {key: identifier}})

    for role in identities.roles:
        add(logical[role.role.arn], "AWS::IAM::Role", "RoleName", role.name, role_properties(role))
    for item in identities.associations:
        properties: dict[str, Any] = {"ClusterName": item.cluster_name}
        for key, value in association_members(item).items():
            if key in ("roleArn", "targetRoleArn") and value in logical:
                value = {"Fn::GetAtt": [logical[value], "Arn"]}
            elif key == "tags":
                value = [{"Key": tag, "Value": text} for tag, text in value.items()]
            properties[key[:1].upper() + key[1:]] = value
        name = names.of(f"{item.namespace} {item.service_account}")
        add(name, "AWS::EKS::PodIdentityAssociation", "AssociationArn", item.association_arn, properties)
    notes = identities.notes
    if len(resources) > _MOST_RESOURCES:
        notes = (*notes, f"CloudFormation accepts {_MOST_RESOURCES} resources in a template; this has {len(resources)}")
    how = (
        "Create the stack with an import: aws cloudformation create-change-set --change-set-type IMPORT",
        "--capabilities CAPABILITY_NAMED_IAM --resources-to-import FILE. FILE contains these identifiers:",
        *json.dumps(identifiers, indent=1).splitlines(),
    )
    template: dict[str, Json] = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}
    return FormText(head(identities, "CloudFormation template", *how, notes=notes) + to_yaml(template), notes)


# the AWS CLI sends the content of the file, and version 1 of the page
# https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-parameters-file.html
_FILES = ("file://", "fileb://", "http://", "https://")
_WAIT = "EKS accepts a new role only after some seconds."
_OF_ROLE = {
    "RoleName": "--role-name",
    "Path": "--path",
    "Description": "--description",
    "MaxSessionDuration": "--max-session-duration",
    "PermissionsBoundary": "--permissions-boundary",
    "AssumeRolePolicyDocument": "--assume-role-policy-document",
    "Tags": "--tags",
}
_OF_ASSOCIATION = {
    "namespace": "--namespace",
    "serviceAccount": "--service-account",
    "roleArn": "--role-arn",
    "targetRoleArn": "--target-role-arn",
    "policy": "--policy",
    "tags": "--tags",
}


def write_aws_cli(identities: LiveIdentities) -> FormText:
    lines = [line for role in _in_order(identities.roles) for line in _role(role)]
    if identities.roles and identities.associations:
        lines += [f"# {_WAIT}", "sleep 15", ""]
    for item in identities.associations:
        lines += [_association(item, identities.cluster.region), ""]
    notes = (
        *identities.notes,
        "the script only creates: it fails at the first object that exists, and deletes nothing",
    )
    top = "#!/usr/bin/env bash\n" + head(identities, "AWS CLI", notes=notes)
    return FormText("\n".join((f"{top}set -euo pipefail", "", *lines)).rstrip() + "\n", notes)


def _in_order(roles: Sequence[LiveRole]) -> Sequence[LiveRole]:
    """Return the roles so that each one follows those that its trust policy names: IAM refuses other principals."""
    by_arn = {role.role.arn: role for role in roles}
    graph = {arn: {text for text in strings_in(role.role.trust) if text in by_arn} for arn, role in by_arn.items()}
    try:
        return [by_arn[arn] for arn in TopologicalSorter(graph).static_order()]
    except CycleError:
        return roles


def _role(role: LiveRole) -> Iterator[str]:
    properties = role_properties(role)
    options: dict[str, object] = {}
    for key, option in _OF_ROLE.items():
        value = properties.get(key)
        if key == "Description" and str(value).startswith(_FILES):  # values in JSON are never names of files
            option, value = "--cli-input-json", {key: value}
        if value:
            options[option] = value
    yield _command("iam create-role", options)
    for name, document in role.inline.items():
        policy = {"--role-name": role.name, "--policy-name": name, "--policy-document": document}
        yield _command("iam put-role-policy", policy)
    for arn in role.attached:
        yield _command("iam attach-role-policy", {"--role-name": role.name, "--policy-arn": arn})
    yield _command("iam wait role-exists", {"--role-name": role.name})
    yield ""


def _association(item: Association, region: str) -> str:
    members = association_members(item)
    options = {option: members[key] for key, option in _OF_ASSOCIATION.items() if key in members}
    command = "eks create-pod-identity-association"
    flags = ("--disable-session-tags",) if item.disable_session_tags else ()
    return _command(command, {"--region": region, "--cluster-name": item.cluster_name, **options}, flags)


def _command(operation: str, options: Mapping[str, object], flags: tuple[str, ...] = ()) -> str:
    """Return a command with an option a line. Values besides text are JSON."""
    parts = [f"aws {operation}"]
    for option, value in options.items():
        text = value if isinstance(value, str) else compact(value)
        # otherwise the AWS CLI reads a value like -x as an option
        parts.append(f"{option}{'=' if text.startswith('-') else ' '}{_quoted(text)}")
    return " \\\n  ".join((*parts, *flags))


def _quoted(text: str) -> str:
    """Return one word of bash, with escapes for characters that podid does not print."""
    if sanitize.defused(sanitize.line(text)) == text:
        return shlex.quote(text)
    plain = text.replace("\\", "\\\\").replace("'", "\\'").replace("##", "#\\u0023")
    return "$'" + sanitize.escaped(plain, lambda code: f"\\U{code:08x}") + "'"
