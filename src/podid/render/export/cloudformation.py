"""A CloudFormation template, with the identifiers that its import requires.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-eks-podidentityassociation.html
"""

from __future__ import annotations

import json
from typing import Any

from podid.domain.encoding import Json
from podid.ops.export.live import LiveIdentities
from podid.render.export.parts import (
    DistinctNames,
    FormText,
    association_members,
    capitalized,
    head,
    role_names,
    role_properties,
)
from podid.render.formats import to_yaml
from podid.render.forms import logical_id

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
_MOST_RESOURCES = 500


def write(identities: LiveIdentities) -> FormText:
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
        members = association_members(item)
        for key in ("roleArn", "targetRoleArn"):
            if members.get(key) in logical:
                members[key] = {"Fn::GetAtt": [logical[members[key]], "Arn"]}
        if "tags" in members:
            members["tags"] = [{"Key": key, "Value": value} for key, value in members["tags"].items()]
        name = names.of(f"{item.namespace} {item.service_account}")
        properties = {"ClusterName": item.cluster_name, **capitalized(members)}
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
