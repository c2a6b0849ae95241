"""Read eksctl's ClusterConfig: iam.podIdentityAssociations. Rows of addons[] are associations of add-ons.

Keys and rules: eksctl `pkg/apis/eksctl.io/v1alpha5/iam.go` and `validation.go`, August 2026. A row either names a role
or describes one, whose trust policy eksctl does not narrow.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial

from podid.domain.names import LONGEST_ROLE_NAME
from podid.domain.text import did_you_mean, short_list
from podid.local.documents import DocumentNode, NotReadable
from podid.ops.declare.foreign_nodes import (
    ForeignFile,
    built,
    get,
    items,
    listed_nodes,
    members,
    node_of,
    own_tags,
    text,
)
from podid.ops.role.presets import Choice, fill, get_preset

_ROW = (
    *("namespace", "serviceAccountName", "createServiceAccount", "roleARN", "roleName", "targetRoleARN"),
    *("disableSessionTags", "policy", "tags", "permissionPolicy", "permissionPolicyName", "permissionPolicyARNs"),
    *("permissionsBoundaryARN", "wellKnownPolicies"),
)
_POLICIES = ("permissionPolicy", "permissionPolicyARNs", "wellKnownPolicies")
# of eksctl's cfn/builder: the name of an inline policy without permissionPolicyName
_INLINE = "Policy1"
_PRESETS = {
    "autoScaler": "cluster-autoscaler",
    "awsLoadBalancerController": "aws-load-balancer-controller",
    "externalDNS": "external-dns",
    "certManager": "cert-manager",
    "ebsCSIController": "ebs-csi",
    "efsCSIController": "efs-csi",
}
# eksctl attaches the managed policy for it
_MANAGED = {"imageBuilder": "AmazonEC2ContainerRegistryPowerUser"}


def read_cluster_config(node: DocumentNode, file: ForeignFile) -> None:
    cluster = text(get(node, "metadata", "name"))
    if not cluster:
        file.mistakes.add(node.at, "is required", "metadata.name")
    file.in_region(get(node, "metadata", "region"))
    for number, row in enumerate(items(get(node, "iam", "podIdentityAssociations"))):
        _row(row, f"iam.podIdentityAssociations[{number}]", cluster, file)
    automatic = _flag(get(node, "addonsConfig", "autoApplyPodIdentityAssociations"))
    for addon in items(get(node, "addons")):
        name, rows = text(get(addon, "name")), items(get(addon, "podIdentityAssociations"))
        if rows:
            file.owned_by_addon(name, [text(get(row, "serviceAccountName")) for row in rows])
        elif _flag(get(addon, "useDefaultPodIdentityAssociations")):
            file.notes.append(
                f"omitted: recommended roles of add-on {name}: podid addon associate {name} --recommended"
            )
    if automatic:
        file.notes.append("omitted: recommended roles of add-ons: podid addon associate --recommended --all")
    if accounts := items(get(node, "iam", "serviceAccounts")):
        names = [f"{text(get(row, 'metadata', 'namespace'))}/{text(get(row, 'metadata', 'name'))}" for row in accounts]
        file.notes.append(f"omitted: IAM roles for service accounts (IRSA) of {short_list(names)}: podid migrate plan")


def _flag(node: DocumentNode | None) -> bool:
    try:
        return node is not None and node.flag
    except NotReadable:
        return False


def _row(row: DocumentNode, key: str, cluster: str, file: ForeignFile) -> None:
    if not isinstance(row.value, dict):
        file.mistakes.add(row.at, "must be an object", key)
        return
    for name in row.value:
        if name not in _ROW:
            near = did_you_mean(name, _ROW, 1)
            file.mistakes.add(row.keys[name], f"is not a known key of eksctl{near}", f"{key}.{name}")
    role, policies = get(row, "roleARN"), [name for name in _POLICIES if get(row, name) is not None]
    if role is None:
        role = _role(row, cluster, file)
        if not policies:
            message = "requires roleARN, permissionPolicy, permissionPolicyARNs or wellKnownPolicies"
            file.mistakes.add(row.at, message, key)
    else:
        for name in policies:
            file.mistakes.add(row.keys[name], "cannot be used together with roleARN", f"{key}.{name}")
    member = partial(get, row)
    file.association(cluster, member, role, row.at, account="serviceAccountName", target="targetRoleARN")


def _role(row: DocumentNode, cluster: str, file: ForeignFile) -> DocumentNode:
    """Add the role that eksctl would create, and return its name. podid derives a name as `associate --create-role`
    does; the name that eksctl generates has a random part."""
    role_name = get(row, "roleName")
    parts = (cluster, text(get(row, "namespace")), text(get(row, "serviceAccountName")))
    name = role_name or DocumentNode(_derived("-".join(parts)), row.at)
    file.role(
        {
            "name": name,
            "policies": listed_nodes(_policies(row, text(name), file), row.at),
            "boundary": get(row, "permissionsBoundaryARN"),
            "tags": own_tags(get(row, "tags")),
        },
        row.at,
    )
    file.notes.append(
        f"role {text(name)}: eksctl's trust policy allows every pod; podid's allows only the service account"
    )
    if role_name is None:
        file.notes.append(f"role {text(name)}: eksctl generates another name; an existing role of eksctl is not reused")
    return name


def _derived(name: str) -> str:
    """Return a role name that depends only on the row."""
    if len(name) <= LONGEST_ROLE_NAME:
        return name
    return f"{name[: LONGEST_ROLE_NAME - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _policies(row: DocumentNode, role: str, file: ForeignFile) -> Iterator[DocumentNode]:
    document = get(row, "permissionPolicy")
    if document is not None:
        name = get(row, "permissionPolicyName") or DocumentNode(_INLINE, document.at)
        yield built({"name": name, "document": document}, document.at)
    for arn in items(get(row, "permissionPolicyARNs")):
        yield built({"managed": arn}, arn.at)
    well_known = get(row, "wellKnownPolicies")
    for key, flag in members(well_known).items():
        if well_known is not None and key not in (*_MANAGED, *_PRESETS):
            near = did_you_mean(key, (*_MANAGED, *_PRESETS), 1)
            file.mistakes.add(well_known.keys[key], f"is not a policy of eksctl{near}", f"wellKnownPolicies.{key}")
            continue
        try:
            chosen = flag.flag
        except NotReadable as error:
            file.mistakes.add(flag.at, str(error), f"wellKnownPolicies.{key}")
            continue
        if chosen:
            yield _well_known(key, role, flag, file)


def _well_known(key: str, role: str, flag: DocumentNode, file: ForeignFile) -> DocumentNode:
    if key in _MANAGED:
        return built({"managed": DocumentNode(_MANAGED[key], flag.at)}, flag.at)
    preset = get_preset(_PRESETS[key])
    missing = [parameter.name for parameter in preset.parameters if not parameter.optional]
    if not missing:
        return built({"preset": DocumentNode(preset.name, flag.at)}, flag.at)
    # eksctl names no resource; the file does not name the partition
    filled = fill(Choice(preset, dict.fromkeys(missing, ("*",))), {"partition": "*"})
    every = " and ".join(missing)
    file.notes.append(f"role {role}: {key} of eksctl allows every {every}; preset {preset.name} can name them")
    members = {"name": DocumentNode(preset.name, flag.at), "document": node_of(filled.document, flag.at)}
    return built(members, flag.at)
