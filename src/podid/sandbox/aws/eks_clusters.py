"""Clusters, node groups, Fargate profiles, access entries, insights and tags."""

import base64
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import uuid4

from podid.sandbox.aws.protocol import Params, timestamp
from podid.sandbox.aws.service import Call, Handler, Result, page
from podid.sandbox.world import ClusterRecord, World

# Discard port: nothing answers, and nothing leaves the machine.
_NO_ENDPOINT = "https://127.0.0.1:9"
_TAG_LIMIT = 50


def describe(call: Call, params: Params) -> Result:
    return {"cluster": _body(call, call.cluster(params["name"]))}


def list_(call: Call, params: Params) -> Result:
    names, token = page(sorted(call.world.clusters) if call.region == call.world.region else [], params)
    return {"clusters": names, "nextToken": token}


def list_nodegroups(call: Call, params: Params) -> Result:
    names, token = page(sorted(call.cluster(params["clusterName"]).nodegroups), params)
    return {"nodegroups": names, "nextToken": token}


def describe_nodegroup(call: Call, params: Params) -> Result:
    cluster, name = call.cluster(params["clusterName"]), params["nodegroupName"]
    if name not in cluster.nodegroups:
        raise call.error(
            "ResourceNotFoundException",
            f"No node group found for name: {name}.",
            clusterName=cluster.name,
            nodegroupName=name,
        )
    return {"nodegroup": _with_tags(call, cluster.nodegroups[name], "nodegroupArn")}


def list_fargate_profiles(call: Call, params: Params) -> Result:
    names, token = page(sorted(call.cluster(params["clusterName"]).fargate_profiles), params)
    return {"fargateProfileNames": names, "nextToken": token}


def describe_fargate_profile(call: Call, params: Params) -> Result:
    cluster, name = call.cluster(params["clusterName"]), params["fargateProfileName"]
    if name not in cluster.fargate_profiles:
        raise call.error(
            "ResourceNotFoundException",
            f"No Fargate Profile found with name: {name}.",
            clusterName=cluster.name,
            fargateProfileName=name,
        )
    return {"fargateProfile": _with_tags(call, cluster.fargate_profiles[name], "fargateProfileArn")}


def list_access_entries(call: Call, params: Params) -> Result:
    arns, token = page(sorted(call.cluster(params["clusterName"]).access_entries), params)
    return {"accessEntries": arns, "nextToken": token}


def describe_access_entry(call: Call, params: Params) -> Result:
    cluster, arn = call.cluster(params["clusterName"]), params["principalArn"]
    if arn not in cluster.access_entries:
        raise call.error(
            "ResourceNotFoundException",
            f"The specified principalArn could not be found. You can view your available access entries with "
            f"list-access-entries. principalArn: {arn}",
            clusterName=cluster.name,
        )
    return {"accessEntry": _with_tags(call, cluster.access_entries[arn], "accessEntryArn")}


def create_access_entry(call: Call, params: Params) -> Result:
    cluster, arn = call.cluster(params["clusterName"]), params["principalArn"]
    groups = params.get("kubernetesGroups") or []
    if arn in cluster.access_entries:
        message = "The specified access entry resource is already in use on this cluster."
        raise call.error("ResourceInUseException", message, clusterName=cluster.name)
    if call.iam.find(arn) is None:
        message = "The specified principalArn is invalid: invalid principal."
        raise call.error("InvalidParameterException", message, clusterName=cluster.name)
    if reserved := [name for name in groups if name.startswith("system:")]:
        message = f"The kubernetes group name {reserved[0]} is invalid, it cannot start with system:"
        raise call.error("InvalidParameterException", message, clusterName=cluster.name)
    entry = new_access_entry(call.world, cluster, arn, groups, params.get("type") or "STANDARD")
    call.world.tags[entry["accessEntryArn"]] = dict(params.get("tags") or {})
    return {"accessEntry": _with_tags(call, entry, "accessEntryArn")}


def delete_access_entry(call: Call, params: Params) -> Result:
    describe_access_entry(call, params)
    cluster = call.cluster(params["clusterName"])
    cluster.administrators.discard(params["principalArn"])
    del cluster.access_entries[params["principalArn"]]
    return {}


def new_access_entry(
    world: World, cluster: ClusterRecord, principal: str, groups: Iterable[str], kind: str
) -> dict[str, Any]:
    """An access entry, put in place; to the API server a user is its ARN."""
    resource = principal.rsplit(":", 1)[-1].replace("/", f"/{world.account}/", 1)
    now = timestamp(world.clock.now())
    entry = {
        "clusterName": cluster.name,
        "principalArn": principal,
        "kubernetesGroups": list(groups),
        "accessEntryArn": world.arn(f"access-entry/{cluster.name}/{resource}/{uuid4()}"),
        "createdAt": now,
        "modifiedAt": now,
        "username": "system:node:{{EC2PrivateDNSName}}" if kind == "EC2_LINUX" else principal,
        "type": kind,
    }
    cluster.access_entries[principal] = entry
    return entry


def list_insights(call: Call, params: Params) -> Result:
    call.cluster(params["clusterName"])
    return {"insights": []}


def describe_insight(call: Call, params: Params) -> Result:
    call.cluster(params["clusterName"])
    raise call.error("ResourceNotFoundException", f"No insight found for id: {params['id']}")


def tag(call: Call, params: Params) -> Result:
    arn = _known_arn(call, params["resourceArn"])
    tags = call.world.tags.get(arn, {}) | params["tags"]
    if len(tags) > _TAG_LIMIT:
        raise call.error("BadRequestException", f"The maximum number of tags is {_TAG_LIMIT}")
    call.world.tags[arn] = tags
    return {}


def untag(call: Call, params: Params) -> Result:
    arn = _known_arn(call, params["resourceArn"])
    for key in params["tagKeys"]:
        call.world.tags.get(arn, {}).pop(key, None)
    return {}


def list_tags(call: Call, params: Params) -> Result:
    return {"tags": dict(call.world.tags.get(_known_arn(call, params["resourceArn"]), {}))}


HANDLERS: Mapping[str, Handler] = {
    "DescribeCluster": describe,
    "ListClusters": list_,
    "ListNodegroups": list_nodegroups,
    "DescribeNodegroup": describe_nodegroup,
    "ListFargateProfiles": list_fargate_profiles,
    "DescribeFargateProfile": describe_fargate_profile,
    "ListAccessEntries": list_access_entries,
    "DescribeAccessEntry": describe_access_entry,
    "CreateAccessEntry": create_access_entry,
    "DeleteAccessEntry": delete_access_entry,
    "ListInsights": list_insights,
    "DescribeInsight": describe_insight,
    "TagResource": tag,
    "UntagResource": untag,
    "ListTagsForResource": list_tags,
}


def resource_arn(world: World, labels: Mapping[str, str]) -> str:
    """What IAM checks a call of EKS or EKS Auth against, from the labels of its path; "*" for the whole account.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelastickubernetesservice.html
    """
    if "resourceArn" in labels:
        return labels["resourceArn"]
    name = labels.get("name") or labels.get("clusterName")
    if name is None:
        return "*"
    if "associationId" in labels:
        return world.arn(f"podidentityassociation/{name}/{labels['associationId']}")
    cluster = world.clusters.get(name)
    if "addonName" in labels:
        addon = cluster.addons.get(labels["addonName"]) if cluster is not None else None
        return addon.arn if addon is not None else world.arn(f"addon/{name}/{labels['addonName']}/*")
    for label, kind, group, arn_member in (
        ("nodegroupName", "nodegroup", cluster and cluster.nodegroups, "nodegroupArn"),
        ("fargateProfileName", "fargateprofile", cluster and cluster.fargate_profiles, "fargateProfileArn"),
        ("principalArn", "access-entry", cluster and cluster.access_entries, "accessEntryArn"),
    ):
        if label in labels:
            known = (group or {}).get(labels[label])
            return str(known[arn_member]) if known else world.arn(f"{kind}/{name}/*")
    return world.arn(f"cluster/{name}")


def _body(call: Call, cluster: ClusterRecord) -> dict[str, Any]:
    half = call.world.kubernetes if cluster.name == call.world.cluster_name else None
    body = {"endpoint": half.endpoint_url if half else _NO_ENDPOINT, **_with_tags(call, cluster.body, "arn")}
    if half is not None:
        body["certificateAuthority"] = {"data": base64.b64encode(half.ca_pem.encode()).decode()}
    return body


def _with_tags(call: Call, body: Mapping[str, object], arn_member: str) -> dict[str, Any]:
    return {**body, "tags": dict(call.world.tags.get(str(body[arn_member]), {}))}


def _known_arn(call: Call, arn: str) -> str:
    for cluster in call.world.clusters.values():
        if arn == cluster.arn or any(arn == item.arn for item in cluster.addons.values()):
            return arn
        prefix = call.world.arn(f"podidentityassociation/{cluster.name}/")
        if arn.startswith(prefix) and arn.removeprefix(prefix) in cluster.associations:
            return arn
        for group in (cluster.nodegroups, cluster.fargate_profiles, cluster.access_entries):
            for body in group.values():
                if arn in (body.get("nodegroupArn"), body.get("fargateProfileArn"), body.get("accessEntryArn")):
                    return arn
    raise call.error("NotFoundException", f"Resource was not found: {arn}")
