"""The add-on operations: transitional states, configuration by schema, associations owned by add-ons.

https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateAddon.html
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

import yaml

from podid.sandbox.aws import eks_associations
from podid.sandbox.aws.addon_catalog import CATALOG, AddonKind, schema_violation
from podid.sandbox.aws.protocol import Params, timestamp
from podid.sandbox.aws.service import Call, Handler, Result
from podid.sandbox.world import AddonRecord, AddonUpdate, ClusterRecord

_BUSY = ("CREATING", "UPDATING", "DELETING")


def create(call: Call) -> Result:
    params = call.params
    cluster = call.cluster()
    kind = CATALOG.get(params["addonName"])
    if kind is None:
        raise call.invalid("Addon specified is not supported")
    if kind.name in cluster.addons:
        raise call.error("ResourceInUseException", "Addon already exists.")
    version = _version(call, cluster, kind, params.get("addonVersion"))
    _check_configuration(call, kind, params.get("configurationValues"))
    _check_irsa_role(call)
    if params.get("tags"):
        call.authorize("eks:TagResource", cluster.arn)
    associations = params.get("podIdentityAssociations") or []
    namespace = (params.get("namespaceConfig") or {}).get("namespace") or kind.namespace
    _check_associations(call, cluster, kind, version, associations, namespace)
    now = call.world.clock.now()
    addon = AddonRecord(
        name=kind.name,
        version=version,
        status="CREATING",
        arn=call.world.arn(f"addon/{cluster.name}/{kind.name}/{uuid4()}"),
        created_at=now,
        modified_at=now,
        namespace=namespace,
        configuration=params.get("configurationValues"),
        service_account_role_arn=params.get("serviceAccountRoleArn"),
    )
    _replace_associations(call, cluster, addon, associations)
    _begin(call, addon, "CREATING", "ACTIVE")
    cluster.preserved.pop(kind.name, None)
    cluster.addons[kind.name] = addon
    if params.get("tags"):
        call.world.tags[addon.arn] = dict(params["tags"])
    call.world.changed("addons")
    return {"addon": _body(call, cluster, addon)}


def describe(call: Call) -> Result:
    params = call.params
    cluster = call.cluster()
    return {"addon": _body(call, cluster, _find(call, cluster, params["addonName"]))}


def update(call: Call) -> Result:
    params = call.params
    cluster = call.cluster()
    addon = _find(call, cluster, params["addonName"])
    kind = CATALOG[addon.name]
    if addon.status in _BUSY:
        raise call.error(
            "ResourceInUseException", f"Addon {addon.name} cannot be updated as it is currently in {addon.status} state"
        )
    version = _version(call, cluster, kind, params.get("addonVersion") or addon.version)
    _check_configuration(call, kind, params.get("configurationValues"))
    _check_irsa_role(call)
    associations = params.get("podIdentityAssociations")
    if associations is not None:
        _check_associations(
            call, cluster, kind, version, associations, addon.namespace, owned=tuple(addon.association_ids)
        )
        _replace_associations(call, cluster, addon, associations)
    addon.version = version
    if params.get("configurationValues") is not None:
        addon.configuration = params["configurationValues"] or None
    # an update that omits the role removes it, from the service accounts too:
    # https://github.com/hashicorp/terraform-provider-aws/pull/19403, and issue 30645 about Pod Identity
    addon.service_account_role_arn = params.get("serviceAccountRoleArn")
    change = AddonUpdate(str(uuid4()), "InProgress", _update_params(params), call.world.clock.now())
    addon.updates[change.id] = change
    _begin(call, addon, "UPDATING", "ACTIVE")
    call.world.changed("addons")
    return {"update": _update_body(change)}


def _check_irsa_role(call: Call) -> None:
    """Check iam:PassRole for the role of IRSA: Service Authorization Reference, CreateAddon and UpdateAddon."""
    if role := call.params.get("serviceAccountRoleArn"):
        call.authorize("iam:PassRole", role, {"iam:PassedToService": ("eks.amazonaws.com",)})


def delete(call: Call) -> Result:
    params = call.params
    cluster = call.cluster()
    addon = _find(call, cluster, params["addonName"])
    preserve = bool(params.get("preserve"))
    addon.preserve = preserve
    if preserve:
        for association_id in addon.association_ids:
            owned = cluster.associations.get(association_id)
            if owned is not None:
                call.world.put_association(cluster, replace(owned, owner_arn=None))
    else:
        _remove_associations(call, cluster, addon)
    addon.association_ids = []
    _begin(call, addon, "DELETING", "")
    call.world.changed("addons")
    return {"addon": _body(call, cluster, addon)}


def list_(call: Call) -> Result:
    names, token = call.page(sorted(call.cluster().addons))
    return {"addons": names, "nextToken": token}


def describe_update(call: Call) -> Result:
    params = call.params
    cluster = call.cluster()
    addon = _find(call, cluster, params["addonName"]) if params.get("addonName") else None
    change = addon.updates.get(params["updateId"]) if addon is not None else None
    if change is None:
        raise call.not_found(f"No update found for ID: {params['updateId']}")
    return {"update": _update_body(change)}


def describe_versions(call: Call) -> Result:
    params = call.params
    name, kubernetes = params.get("addonName"), params.get("kubernetesVersion")
    if name and name not in CATALOG:
        raise call.not_found(f"Addon {name} not found")
    kinds = [
        kind
        for kind in CATALOG.values()
        if name in (None, kind.name)
        and (not params.get("types") or kind.type in params["types"])
        and (not params.get("publishers") or "eks" in params["publishers"])
        and (not params.get("owners") or kind.owner in params["owners"])
        and (kubernetes is None or kubernetes in kind.default_for)
    ]
    shown, token = call.page(kinds)
    return {"addons": [_versions_body(kind, kubernetes) for kind in shown], "nextToken": token}


def describe_configuration(call: Call) -> Result:
    params = call.params
    kind = CATALOG.get(params["addonName"])
    if kind is None or params["addonVersion"] not in kind.versions:
        raise call.not_found(f"No configuration found for addon {params['addonName']} version {params['addonVersion']}")
    supported = kind.supports_pod_identity(params["addonVersion"])
    return {
        "addonName": kind.name,
        "addonVersion": params["addonVersion"],
        "configurationSchema": kind.schema_text(),
        "podIdentityConfiguration": [
            {
                "serviceAccount": account,
                "recommendedManagedPolicies": [f"arn:{call.world.partition}:iam::aws:policy/{name}" for name in names],
            }
            for account, names in (kind.service_accounts.items() if supported else ())
        ],
    }


HANDLERS: Mapping[str, Handler] = {
    "CreateAddon": create,
    "DescribeAddon": describe,
    "UpdateAddon": update,
    "DeleteAddon": delete,
    "ListAddons": list_,
    "DescribeUpdate": describe_update,
    "DescribeAddonVersions": describe_versions,
    "DescribeAddonConfiguration": describe_configuration,
}


def _begin(call: Call, addon: AddonRecord, status: str, goal: str) -> None:
    """Set `status` now, and `goal` (or the status of a fault) after `delays.addon`."""
    now = call.world.clock.now()
    fault = call.world.addon_faults.get(addon.name) if goal else None
    addon.status, addon.modified_at = status, now
    addon.due = now + call.world.delays.addon
    addon.next_status = fault.status if fault else goal
    addon.issues = [{"code": fault.code, "message": fault.message, "resourceIds": []}] if fault else []


def _version(call: Call, cluster: ClusterRecord, kind: AddonKind, requested: str | None) -> str:
    version = requested or kind.default_for.get(cluster.version, "")
    if version not in kind.versions:
        raise call.invalid("Addon version specified is not supported")
    return version


def _check_configuration(call: Call, kind: AddonKind, text: str | None) -> None:
    if not text:
        return
    try:
        values = yaml.safe_load(text)  # JSON is a subset of YAML
    except yaml.YAMLError:
        values = text
    violation = schema_violation(kind.schema | {"type": "object"}, values)
    if violation:
        raise call.invalid(
            "ConfigurationValue provided in request is not supported: Json schema validation failed with error: "
            f"[{violation}]"
        )


def _check_associations(
    call: Call,
    cluster: ClusterRecord,
    kind: AddonKind,
    version: str,
    associations: list[Params],
    namespace: str,
    owned: tuple[str, ...] = (),
) -> None:
    if associations and not kind.supports_pod_identity(version):
        raise call.invalid(f"Pod Identity feature is not supported for addon version: {version}")
    for item in associations:
        account = item["serviceAccount"]
        if account not in kind.service_accounts:
            raise call.invalid(
                f"Service account {account} in pod identity configuration is not supported for addon {kind.name}"
            )
        eks_associations.check_role(call, item["roleArn"])
        subject = (namespace, account)
        if cluster.by_subject.get(subject) not in owned:
            eks_associations.refuse_duplicate(call, cluster, subject)


def _replace_associations(call: Call, cluster: ClusterRecord, addon: AddonRecord, associations: list[Params]) -> None:
    """Replace the whole set of associations. A service account that stays in the list keeps its association and its
    id."""
    roles = {item["serviceAccount"]: item["roleArn"] for item in associations}
    kept: list[str] = []
    for association_id in addon.association_ids:
        current = cluster.associations.get(association_id)
        if current is None:
            continue
        role_arn = roles.pop(current.service_account, None)
        if role_arn is None:
            call.world.remove_association(cluster, association_id)
            continue
        if role_arn != current.role_arn:
            changed = replace(
                current, role_arn=role_arn, modified_at=call.world.clock.now(), previous=call.world.history(current)
            )
            call.world.put_association(cluster, changed)
        kept.append(association_id)
    eks_associations.refuse_over_quota(call, cluster, len(roles))
    for account, role_arn in roles.items():
        created = eks_associations.new_association(
            call.world, cluster, (addon.namespace, account), role_arn, owner_arn=addon.arn
        )
        call.world.put_association(cluster, created)
        kept.append(created.id)
    addon.association_ids = kept
    call.world.changed("associations")


def _remove_associations(call: Call, cluster: ClusterRecord, addon: AddonRecord) -> None:
    for association_id in addon.association_ids:
        if association_id in cluster.associations:
            call.world.remove_association(cluster, association_id)
    call.world.changed("associations")


def _find(call: Call, cluster: ClusterRecord, name: str) -> AddonRecord:
    addon = cluster.addons.get(name)
    if addon is None:
        raise call.not_found(f"No addon: {name} found in cluster: {cluster.name}")
    return addon


def _body(call: Call, cluster: ClusterRecord, addon: AddonRecord) -> dict[str, Any]:
    visible = addon.issues if addon.status in ("DEGRADED", "CREATE_FAILED", "UPDATE_FAILED", "DELETE_FAILED") else []
    return {
        "addonName": addon.name,
        "clusterName": cluster.name,
        "status": addon.status,
        "addonVersion": addon.version,
        "health": {"issues": visible},
        "addonArn": addon.arn,
        "createdAt": timestamp(addon.created_at),
        "modifiedAt": timestamp(addon.modified_at),
        "serviceAccountRoleArn": addon.service_account_role_arn,
        "tags": dict(call.world.tags.get(addon.arn, {})),
        "publisher": "eks",
        "owner": "aws",
        "configurationValues": addon.configuration,
        "podIdentityAssociations": [
            cluster.associations[item].arn for item in addon.association_ids if item in cluster.associations
        ],
        "namespaceConfig": {"namespace": addon.namespace},
    }


def _versions_body(kind: AddonKind, kubernetes: str | None) -> dict[str, Any]:
    return {
        "addonName": kind.name,
        "type": kind.type,
        "publisher": "eks",
        "owner": kind.owner,
        "defaultNamespace": kind.namespace,
        "addonVersions": [
            {
                "addonVersion": version,
                "architecture": ["amd64", "arm64"],
                "computeTypes": ["ec2", "hybrid"],
                "compatibilities": [
                    {"clusterVersion": cluster, "platformVersions": ["*"], "defaultVersion": default == version}
                    for cluster, default in kind.default_for.items()
                    if kubernetes in (None, cluster)
                ],
                "requiresConfiguration": False,
                "requiresIamPermissions": kind.supports_pod_identity(version),
            }
            for version in kind.versions
        ],
    }


def _update_params(params: Params) -> list[dict[str, str]]:
    values = {
        "AddonVersion": params.get("addonVersion"),
        "ServiceAccountRoleArn": params.get("serviceAccountRoleArn"),
        "ResolveConflicts": params.get("resolveConflicts"),
        "ConfigurationValues": params.get("configurationValues"),
        "PodIdentityAssociations": (
            json.dumps(params["podIdentityAssociations"]) if params.get("podIdentityAssociations") is not None else None
        ),
    }
    return [{"type": name, "value": value} for name, value in values.items() if value is not None]


def _update_body(change: AddonUpdate) -> dict[str, Any]:
    return {
        "id": change.id,
        "status": change.status,
        "type": "AddonUpdate",
        "params": change.params,
        "createdAt": timestamp(change.created_at),
        "errors": change.errors,
    }
