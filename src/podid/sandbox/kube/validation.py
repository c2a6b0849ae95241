"""What an API server refuses with 422, as far as podid and its tests can meet it."""

import re
from typing import Any

from podid.sandbox.kube import kinds
from podid.sandbox.kube.kinds import KubeKind
from podid.sandbox.kube.objects import Obj, get
from podid.sandbox.kube.selectors import matches
from podid.sandbox.kube.status import DNS_SUBDOMAIN, bad_request, cause, invalid, invalid_value, required

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
# kubernetes 37 spells its types List[X] and Dict[str, X], earlier versions list[X] and dict(str, X)
_LIST_OF = re.compile(r"[Ll]ist\[(.+)\]")
_MAP_OF = re.compile(r"[Dd]ict[\[(]str, (.+)[\])]")
# RBAC names are path segments: https://kubernetes.io/docs/reference/access-authn-authz/rbac/
_PATH_SEGMENT_KINDS = (kinds.ROLES, kinds.ROLE_BINDINGS, kinds.CLUSTER_ROLES, kinds.CLUSTER_ROLE_BINDINGS)
_MUTABLE_POD_FIELDS = ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds")
_IMMUTABLE_POD = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def check_create(kind: KubeKind, obj: Obj) -> None:
    """Raises the API server's 422 for a new object that it would not store."""
    name = str(obj["metadata"].get("name", ""))
    causes = _name_causes(kind, name)
    if kind is kinds.PODS:
        causes += _pod_spec_causes(obj.get("spec") or {}, "spec")
    elif kind in (kinds.DEPLOYMENTS, kinds.REPLICA_SETS, kinds.STATEFUL_SETS, kinds.DAEMON_SETS):
        causes += _workload_causes(obj)
    elif kind is kinds.JOBS:
        causes += _job_causes(obj)
    if causes:
        raise invalid(kind.name, name, causes, kind.group)


def _name_causes(kind: KubeKind, name: str) -> list[Obj]:
    if not name:
        return [required("metadata.name", "name or generateName is required")]
    if kind in _PATH_SEGMENT_KINDS:
        return []
    if len(name) > 253 or not _SUBDOMAIN.fullmatch(name):
        return [invalid_value("metadata.name", f'"{name}"', DNS_SUBDOMAIN)]
    return []


def _pod_spec_causes(spec: Obj, path: str) -> list[Obj]:
    causes: list[Obj] = []
    containers = spec.get("containers")
    if not containers:
        causes.append(required(f"{path}.containers"))
    volumes = {volume.get("name") for volume in spec.get("volumes") or ()}
    for field in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(field) or ()):
            causes += _container_causes(container, f"{path}.{field}[{index}]", volumes)
    return causes


def _container_causes(container: Obj, path: str, volumes: set[Any]) -> list[Obj]:
    causes: list[Obj] = []
    if not container.get("name"):
        causes.append(required(f"{path}.name"))
    if not container.get("image"):
        causes.append(required(f"{path}.image"))
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        if mount.get("name") not in volumes:
            field = f"{path}.volumeMounts[{index}].name"
            causes.append(cause("FieldValueNotFound", f'Not found: "{mount.get("name")}"', field))
    return causes


def _workload_causes(obj: Obj) -> list[Obj]:
    spec = obj["spec"]
    causes: list[Obj] = []
    selector = spec.get("selector")
    template_labels = get(spec, "template", "metadata", "labels", default={})
    if not selector:
        causes.append(required("spec.selector"))
    elif not matches(selector, template_labels):
        shown = "{" + ",".join(f'"{key}":"{value}"' for key, value in sorted(template_labels.items())) + "}"
        causes.append(
            invalid_value("spec.template.metadata.labels", shown, "`selector` does not match template `labels`")
        )
    return causes + _pod_spec_causes(get(spec, "template", "spec", default={}), "spec.template.spec")


def _job_causes(obj: Obj) -> list[Obj]:
    template = get(obj, "spec", "template", "spec", default={})
    causes = _pod_spec_causes(template, "spec.template.spec")
    if template.get("restartPolicy") not in ("Never", "OnFailure"):
        message = f'Unsupported value: "{template.get("restartPolicy")}": supported values: "OnFailure", "Never"'
        causes.append(cause("FieldValueNotSupported", message, "spec.template.spec.restartPolicy"))
    return causes


def check_update(kind: KubeKind, before: Obj, after: Obj) -> None:
    """Raises the API server's refusal of a change to what cannot change."""
    name = before["metadata"]["name"]
    causes: list[Obj] = []
    for field in ("name", "namespace", "uid"):
        if before["metadata"].get(field) != after["metadata"].get(field):
            if field == "uid":
                raise bad_request(f"the UID of the object ({after['metadata'].get('uid')}) does not match the record")
            causes.append(invalid_value(f"metadata.{field}", f'"{after["metadata"].get(field)}"', "field is immutable"))
    if kind is kinds.PODS and _frozen_pod(before) != _frozen_pod(after):
        causes.append(cause("FieldValueForbidden", f"Forbidden: {_IMMUTABLE_POD}", "spec"))
    if kind in (kinds.DEPLOYMENTS, kinds.REPLICA_SETS, kinds.STATEFUL_SETS, kinds.DAEMON_SETS):
        if before["spec"]["selector"] != after["spec"].get("selector"):
            causes.append(cause("FieldValueInvalid", "Invalid value: field is immutable", "spec.selector"))
        else:
            causes += _workload_causes(after)
    if causes:
        raise invalid(kind.name, name, causes, kind.group)


def _frozen_pod(pod: Obj) -> Obj:
    spec = {key: value for key, value in pod["spec"].items() if key not in _MUTABLE_POD_FIELDS}
    for field in ("containers", "initContainers"):
        if field in spec:
            spec[field] = [{k: v for k, v in entry.items() if k != "image"} for entry in spec[field]]
    return spec


def check_strict(kind: KubeKind, obj: Obj) -> None:
    """`fieldValidation=Strict`: 400 for fields that the kind does not have, by the Kubernetes client's own schema."""
    from kubernetes.client import models

    unknown = _unknown_fields(models, _model_name(kind), obj, "")
    if unknown:
        told = ", ".join(f'unknown field "{field}"' for field in unknown)
        raise bad_request(
            f'{kind.name} in version "{kind.version}" cannot be handled as a {kind.name}: strict decoding error: {told}'
        )


def _model_name(kind: KubeKind) -> str:
    return {"Event": "CoreV1Event"}.get(kind.name, f"V1{kind.name}")


def _unknown_fields(models: Any, type_name: str, value: Any, path: str) -> list[str]:
    if match := _LIST_OF.fullmatch(type_name):
        entries = value if isinstance(value, list) else []
        return [
            field
            for index, entry in enumerate(entries)
            for field in _unknown_fields(models, match[1], entry, f"{path}[{index}]")
        ]
    if match := _MAP_OF.fullmatch(type_name):
        members = value.items() if isinstance(value, dict) else []
        return [f for key, entry in members for f in _unknown_fields(models, match[1], entry, f"{path}.{key}")]
    model = getattr(models, type_name, None)
    if model is None or not isinstance(value, dict):
        return []
    types = {spelled: model.openapi_types[python] for python, spelled in model.attribute_map.items()}
    unknown: list[str] = []
    for key, entry in value.items():
        where = f"{path}.{key}" if path else key
        unknown += _unknown_fields(models, types[key], entry, where) if key in types else [where]
    return unknown
