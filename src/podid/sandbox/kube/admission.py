"""Admission: the steps between a request and the store.

Runs the admission plugins of a pod in their order, with Pod Security
(https://kubernetes.io/docs/concepts/security/pod-security-standards/). Also raises the API server's 422 in the cases
that podid and its tests need.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from podid.domain.workloads import MIRROR_POD
from podid.sandbox.kube import kinds
from podid.sandbox.kube.kinds import KubeKind, default_pod, default_pod_spec
from podid.sandbox.kube.objects import Obj, clone, get, labels
from podid.sandbox.kube.selectors import matches
from podid.sandbox.kube.status import DNS_SUBDOMAIN, bad_request, cause, forbidden, invalid, invalid_value, required
from podid.sandbox.kube.store import Store
from podid.sandbox.kube.webhook import Webhook

_ENFORCE = "pod-security.kubernetes.io/enforce"
_RESTRICTED_VOLUMES = frozenset(
    ["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"]
)
_BASELINE_CAPABILITIES = frozenset(
    (
        *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP"),
        *("SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    )
)

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
_TOKEN_MOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


def pod_security_violation(namespace: Obj, pod: Obj) -> str:
    """Return the reason for a refusal by the namespace's `enforce` label, or an empty string."""
    level = labels(namespace).get(_ENFORCE, "privileged")
    if level not in ("baseline", "restricted"):
        return ""
    version = labels(namespace).get(f"{_ENFORCE}-version", "latest")
    violations = list(_baseline(pod["spec"]))
    if level == "restricted":
        violations += _restricted(pod["spec"])
    return f'violates PodSecurity "{level}:{version}": {", ".join(violations)}' if violations else ""


def _named(word: str, names: list[str]) -> str:
    return f"{word}{'s' * (len(names) != 1)} " + ", ".join(f'"{name}"' for name in names)


def _containers(spec: Obj) -> dict[str, Obj]:
    """Return each container by name, with the fields of its security context as its own fields."""
    containers = (*(spec.get("initContainers") or ()), *(spec.get("containers") or ()))
    return {entry["name"]: {**entry, **get(entry, "securityContext", default={})} for entry in containers}


def _failing(spec: Obj, test: Callable[[Obj], object]) -> list[str]:
    return [name for name, container in _containers(spec).items() if test(container)]


def _added(container: Obj) -> set[str]:
    return set(get(container, "capabilities", "add", default=())) - _BASELINE_CAPABILITIES


def _host_ports(container: Obj) -> list[str]:
    return [str(port["hostPort"]) for port in container.get("ports") or () if port.get("hostPort")]


def _baseline(spec: Obj) -> Iterator[str]:
    hosts = [field for field in ("hostNetwork", "hostPID", "hostIPC") if spec.get(field)]
    if hosts:
        yield f"host namespaces ({', '.join(f'{field}=true' for field in hosts)})"
    if added := {name: extra for name, container in _containers(spec).items() if (extra := _added(container))}:
        shown = ", ".join(f'"{capability}"' for capability in sorted(set().union(*added.values())))
        yield (
            f"non-default capabilities ({_named('container', list(added))} must not include {shown} in "
            "securityContext.capabilities.add)"
        )
    if paths := [volume["name"] for volume in spec.get("volumes") or () if "hostPath" in volume]:
        yield f"hostPath volumes ({_named('volume', paths)})"
    if ports := {
        name: host_ports for name, container in _containers(spec).items() if (host_ports := _host_ports(container))
    }:
        numbers = ", ".join(port for host_ports in ports.values() for port in host_ports)
        yield f"hostPort ({_named('container', list(ports))} uses hostPort {numbers})"
    if names := _failing(spec, lambda c: c.get("privileged")):
        yield f"privileged ({_named('container', names)} must not set securityContext.privileged=true)"


def _restricted(spec: Obj) -> Iterator[str]:
    if names := _failing(spec, lambda c: c.get("allowPrivilegeEscalation") is not False):
        yield (
            f"allowPrivilegeEscalation != false ({_named('container', names)} must set "
            "securityContext.allowPrivilegeEscalation=false)"
        )
    if names := _failing(spec, lambda c: "ALL" not in get(c, "capabilities", "drop", default=())):
        yield (
            f"unrestricted capabilities ({_named('container', names)} must set "
            'securityContext.capabilities.drop=["ALL"])'
        )
    for volume in spec.get("volumes") or ():
        for kind in volume.keys() - {"name", *_RESTRICTED_VOLUMES}:
            yield f'restricted volume types ({_named("volume", [volume["name"]])} uses restricted volume type "{kind}")'
    of_pod: Obj = get(spec, "securityContext", default={})
    if names := _failing(spec, lambda c: not c.get("runAsNonRoot", of_pod.get("runAsNonRoot"))):
        yield f"runAsNonRoot != true (pod or {_named('container', names)} must set securityContext.runAsNonRoot=true)"
    profile, allowed = get(of_pod, "seccompProfile", "type"), ("RuntimeDefault", "Localhost")
    if names := _failing(spec, lambda c: get(c, "seccompProfile", "type", default=profile) not in allowed):
        yield (
            f"seccompProfile (pod or {_named('container', names)} must set "
            'securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")'
        )


def check_create(kind: KubeKind, obj: Obj) -> None:
    """Raise the API server's 422 for an invalid new object."""
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
    """Raise the API server's refusal of a change to an immutable field."""
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
    """Raise 400 for unknown fields (`fieldValidation=Strict`), according to the schema of the Kubernetes client."""
    from kubernetes.client import models

    unknown = _unknown_fields(models, _model_name(kind), obj, "")
    if unknown:
        text = ", ".join(f'unknown field "{field}"' for field in unknown)
        raise bad_request(
            f'{kind.name} in version "{kind.version}" cannot be handled as a {kind.name}: strict decoding error: {text}'
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


class Admission:
    """Runs ServiceAccount, the Pod Identity webhook, defaults, and last Pod Security."""

    def __init__(self, store: Store, webhook: Webhook) -> None:
        self._store = store
        self._webhook = webhook

    def mutate(self, pod: Obj, namespace: Obj, caller: int) -> Obj:
        """Return the admitted pod. Raise 403 if the service account does not exist."""
        if MIRROR_POD in (pod["metadata"].get("annotations") or ()):
            pod = _mirror(pod)
        else:
            account = self._account(pod)
            pod = self._with_token(pod, account)
            pod = self._webhook.mutate(pod, namespace, account, caller)
        pod = clone(pod)
        default_pod_spec(pod["spec"])
        default_pod(pod)
        return pod

    def validate(self, pod: Obj, namespace: Obj) -> None:
        """Raise 403 if the pod violates the Pod Security level that the namespace enforces."""
        if why := pod_security_violation(namespace, pod):
            raise forbidden(kinds.PODS, pod["metadata"]["name"], why)

    def _account(self, pod: Obj) -> Obj:
        namespace, name = pod["metadata"]["namespace"], pod["spec"].get("serviceAccountName") or "default"
        account = self._store.find(kinds.SERVICE_ACCOUNTS, namespace, name)
        if account is None:
            why = f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found'
            raise forbidden(kinds.PODS, pod["metadata"].get("name", ""), why)
        return account

    def _with_token(self, pod: Obj, account: Obj) -> Obj:
        pod = clone(pod)
        spec = pod["spec"]
        spec["serviceAccountName"] = spec["serviceAccount"] = account["metadata"]["name"]
        if account.get("imagePullSecrets") and not spec.get("imagePullSecrets"):
            spec["imagePullSecrets"] = clone(account)["imagePullSecrets"]
        if not spec.get("automountServiceAccountToken", account.get("automountServiceAccountToken", True)):
            return pod
        name = f"kube-api-access-{self._store.suffix()}"
        mounted = False
        for container in [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]:
            mounts = container.setdefault("volumeMounts", [])
            if not any(mount.get("mountPath") == _TOKEN_MOUNT for mount in mounts):
                mounts.append({"name": name, "readOnly": True, "mountPath": _TOKEN_MOUNT})
                mounted = True
        if mounted:
            spec["volumes"] = [*(spec.get("volumes") or ()), _token_volume(name)]
        return pod


def _mirror(pod: Obj) -> Obj:
    """Keep the mirror pod of a static pod unchanged."""
    if pod["spec"].get("serviceAccountName"):
        raise forbidden(kinds.PODS, pod["metadata"]["name"], "a mirror pod may not reference service accounts")
    return pod


def _token_volume(name: str) -> Obj:
    field = {"apiVersion": "v1", "fieldPath": "metadata.namespace"}
    sources = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": field}]}},
    ]
    return {"name": name, "projected": {"sources": sources, "defaultMode": 420}}
