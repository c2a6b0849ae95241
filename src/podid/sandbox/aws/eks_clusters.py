"""Clusters, node groups, Fargate profiles, access entries, insights and tags."""

import base64
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import uuid4

from podid.sandbox.aws.protocol import timestamp
from podid.sandbox.aws.service import Call, Handler, Result
from podid.sandbox.world import ClusterRecord, World

# Discard port: no process answers, and no packet leaves the machine.
_NO_ENDPOINT = "https://127.0.0.1:9"
_TAG_LIMIT = 50


def describe(call: Call) -> Result:
    return {"cluster": _body(call, call.cluster())}


def list_(call: Call) -> Result:
    names, token = call.page(sorted(call.world.clusters) if call.is_local else ())
    return {"clusters": names, "nextToken": token}


def _listed(group: str, member: str) -> Handler:
    """Return the handler that lists the names in one group of a cluster."""

    def handler(call: Call) -> Result:
        names, token = call.page(sorted(getattr(call.cluster(), group)))
        return {member: names, "nextToken": token}

    return handler


def _described(group: str, name: str, member: str, arn: str, missing: str) -> Handler:
    """Return the handler that describes the object whose name is in parameter `name`."""

    def handler(call: Call) -> Result:
        body = getattr(call.cluster(), group).get(call.params[name])
        if body is None:
            raise call.not_found(missing.format(call.params[name]))
        return {member: _with_tags(call, body, arn)}

    return handler


def _by_entries(handler: Handler) -> Handler:
    """Return the handler for clusters that grant access by access entries."""

    def checked(call: Call) -> Result:
        if call.cluster().body["accessConfig"]["authenticationMode"] == "CONFIG_MAP":
            raise call.error(
                "InvalidRequestException",
                "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this "
                "operation.",
            )
        return handler(call)

    return checked


_describe_access_entry = _described(
    "access_entries",
    "principalArn",
    "accessEntry",
    "accessEntryArn",
    "The specified principalArn could not be found. You can view your available access entries with "
    "list-access-entries. principalArn: {}",
)


def create_access_entry(call: Call) -> Result:
    cluster, arn, groups = call.cluster(), call.params["principalArn"], call.params.get("kubernetesGroups") or []
    if arn in cluster.access_entries:
        raise call.error(
            "ResourceInUseException", "The specified access entry resource is already in use on this cluster."
        )
    if call.iam.find(arn) is None:
        raise call.invalid("The specified principalArn is invalid: invalid principal.")
    if reserved := [name for name in groups if name.startswith("system:")]:
        raise call.invalid(f"The kubernetes group name {reserved[0]} is invalid, it cannot start with system:")
    entry = new_access_entry(call.world, cluster, arn, groups, call.params.get("type") or "STANDARD")
    call.world.tags[entry["accessEntryArn"]] = dict(call.params.get("tags") or {})
    return {"accessEntry": _with_tags(call, entry, "accessEntryArn")}


def delete_access_entry(call: Call) -> Result:
    _describe_access_entry(call)
    call.cluster().access_policies.pop(call.params["principalArn"], None)
    del call.cluster().access_entries[call.params["principalArn"]]
    return {}


# the policies that the sandbox has
_CLUSTER_ADMIN = "AmazonEKSClusterAdminPolicy"
_ACCESS_POLICIES = ("AmazonEKSAdminPolicy", "AmazonEKSAdminViewPolicy", "AmazonEKSEditPolicy", "AmazonEKSViewPolicy")


def associate_access_policy(call: Call) -> Result:
    """Associate a policy with an entry. The rules of the policies in Kubernetes are not simulated, apart from those of
    an administrator of the whole cluster."""
    cluster, principal = call.cluster(), call.params["principalArn"]
    entry = _describe_access_entry(call)["accessEntry"]
    arn, scope = call.params["policyArn"], call.params["accessScope"]
    prefix, _, name = arn.rpartition("/")
    if prefix != f"arn:{call.world.partition}:eks::aws:cluster-access-policy" or name not in (
        *_ACCESS_POLICIES,
        _CLUSTER_ADMIN,
    ):
        raise call.invalid(f"The policyArn is invalid. Policy not found: {arn}")
    if entry["type"] != "STANDARD":
        raise call.invalid(f"Access policies can't be associated with access entries of type {entry['type']}")
    if (scope.get("type") == "namespace") is not bool(scope.get("namespaces")):
        raise call.invalid("The accessScope is invalid: namespaces are required for, and limited to, type namespace")
    cluster.access_policies.setdefault(principal, {})[arn] = scope
    return {
        "clusterName": cluster.name,
        "principalArn": principal,
        "associatedAccessPolicy": _associated(call, arn, scope),
    }


def list_associated_access_policies(call: Call) -> Result:
    cluster, principal = call.cluster(), call.params["principalArn"]
    _describe_access_entry(call)
    items, token = call.page(sorted(cluster.access_policies.get(principal, {}).items()))
    listed = [_associated(call, arn, scope) for arn, scope in items]
    return {
        "clusterName": cluster.name,
        "principalArn": principal,
        "associatedAccessPolicies": listed,
        "nextToken": token,
    }


def disassociate_access_policy(call: Call) -> Result:
    policies = call.cluster().access_policies.get(call.params["principalArn"], {})
    if policies.pop(call.params["policyArn"], None) is None:
        raise call.not_found(f"No such associated access policy: {call.params['policyArn']}")
    return {}


def _associated(call: Call, arn: str, scope: Mapping[str, Any]) -> dict[str, Any]:
    now = timestamp(call.world.clock.now())
    return {"policyArn": arn, "accessScope": dict(scope), "associatedAt": now, "modifiedAt": now}


def new_access_entry(
    world: World, cluster: ClusterRecord, principal: str, groups: Iterable[str], kind: str
) -> dict[str, Any]:
    """Store and return an access entry. The API server identifies a user by its ARN."""
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


# the members of an insight in ListInsights
_SUMMARY = (
    *("id", "name", "category", "kubernetesVersion", "lastRefreshTime", "lastTransitionTime", "description"),
    "insightStatus",
)


def list_insights(call: Call) -> Result:
    chosen = call.params.get("filter") or {}
    insights = [
        {key: value for key, value in body.items() if key in _SUMMARY}
        for body in call.cluster().insights.values()
        if body["category"] in chosen.get("categories", [body["category"]])
        and body["insightStatus"]["status"] in chosen.get("statuses", [body["insightStatus"]["status"]])
    ]
    page, token = call.page(insights)
    return {"insights": page, "nextToken": token}


def describe_insight(call: Call) -> Result:
    body = call.cluster().insights.get(call.params["id"])
    if body is not None:
        return {"insight": body}
    raise call.not_found(f"No insight found for id: {call.params['id']}")


def tag(call: Call) -> Result:
    arn = _known_arn(call)
    tags = call.world.tags.get(arn, {}) | call.params["tags"]
    if len(tags) > _TAG_LIMIT:
        raise call.error("BadRequestException", f"The maximum number of tags is {_TAG_LIMIT}")
    call.world.tags[arn] = tags
    return {}


def untag(call: Call) -> Result:
    for key in call.params["tagKeys"]:
        call.world.tags.get(_known_arn(call), {}).pop(key, None)
    return {}


def list_tags(call: Call) -> Result:
    return {"tags": dict(call.world.tags.get(_known_arn(call), {}))}


HANDLERS: Mapping[str, Handler] = {
    "DescribeCluster": describe,
    "ListClusters": list_,
    "ListNodegroups": _listed("nodegroups", "nodegroups"),
    "DescribeNodegroup": _described(
        "nodegroups", "nodegroupName", "nodegroup", "nodegroupArn", "No node group found for name: {}."
    ),
    "ListFargateProfiles": _listed("fargate_profiles", "fargateProfileNames"),
    "DescribeFargateProfile": _described(
        *("fargate_profiles", "fargateProfileName", "fargateProfile", "fargateProfileArn"),
        "No Fargate Profile found with name: {}.",
    ),
    **{
        operation: _by_entries(handler)
        for operation, handler in (
            ("ListAccessEntries", _listed("access_entries", "accessEntries")),
            ("DescribeAccessEntry", _describe_access_entry),
            ("CreateAccessEntry", create_access_entry),
            ("DeleteAccessEntry", delete_access_entry),
            ("AssociateAccessPolicy", associate_access_policy),
            ("ListAssociatedAccessPolicies", list_associated_access_policies),
            ("DisassociateAccessPolicy", disassociate_access_policy),
        )
    },
    "ListInsights": list_insights,
    "DescribeInsight": describe_insight,
    "TagResource": tag,
    "UntagResource": untag,
    "ListTagsForResource": list_tags,
}


def resource_arn(world: World, labels: Mapping[str, str]) -> str:
    """Return the ARN that IAM checks for a call of EKS or EKS Auth, from the labels of the path; "*" for the whole
    account.

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


def _known_arn(call: Call) -> str:
    """Return the parameter `resourceArn`. Refuse it if no such resource exists."""
    arn: str = call.params["resourceArn"]
    for cluster in call.world.clusters.values():
        bodies = (*cluster.nodegroups.values(), *cluster.fargate_profiles.values(), *cluster.access_entries.values())
        known = {cluster.arn, *(addon.arn for addon in cluster.addons.values())}
        known |= {
            str(body.get(f"{kind}Arn")) for body in bodies for kind in ("nodegroup", "fargateProfile", "accessEntry")
        }
        prefix = call.world.arn(f"podidentityassociation/{cluster.name}/")
        if arn in known or (arn.startswith(prefix) and arn.removeprefix(prefix) in cluster.associations):
            return arn
    raise call.error("NotFoundException", f"Resource was not found: {arn}")
