"""The add-ons that the sandbox offers: versions by Kubernetes version, configuration schemas, Pod Identity support.

This is a small part of the list of DescribeAddonVersions. The agent's schema follows the values of its public chart,
https://github.com/aws/eks-pod-identity-agent/tree/main/charts.
"""

import json
from dataclasses import dataclass, field
from typing import Any

KUBERNETES_VERSIONS = ("1.36", "1.35", "1.34", "1.33", "1.32", "1.31")


@dataclass(frozen=True, slots=True)
class AddonKind:
    """One add-on: its versions (newest first), the default for each Kubernetes version, and the service accounts of its
    pods."""

    name: str
    type: str
    namespace: str
    versions: tuple[str, ...]
    default_for: dict[str, str]
    service_accounts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    without_pod_identity: tuple[str, ...] = ()
    schema: dict[str, Any] = field(default_factory=dict)
    owner: str = "aws"

    def supports_pod_identity(self, version: str) -> bool:
        return bool(self.service_accounts) and version not in self.without_pod_identity

    def schema_text(self) -> str:
        return json.dumps({"$schema": "http://json-schema.org/draft-07/schema#", **self.schema})


def _object(properties: dict[str, Any] | None = None) -> dict[str, Any]:
    if properties is None:
        return {"type": "object"}
    return {"type": "object", "additionalProperties": False, "properties": properties}


_SCHEDULING: dict[str, Any] = {
    "affinity": _object(),
    "nodeSelector": _object(),
    "tolerations": {"type": "array", "items": _object()},
    "resources": _object({"limits": _object(), "requests": _object(), "claims": {"type": "array"}}),
    "podAnnotations": _object(),
    "podLabels": _object(),
}
_DAEMONSET = _object({"create": {"type": "boolean"}})
_AGENT_SCHEMA = _object(
    {
        **_SCHEDULING,
        "priorityClassName": {"type": "string"},
        "updateStrategy": _object(),
        "imagePullSecrets": {"type": "array", "items": _object()},
        "env": _object(),
        "agent": _object(
            {
                "additionalArgs": {"type": "object", "additionalProperties": {"type": "string"}},
                "probePort": {"type": "integer", "minimum": 1, "maximum": 65535},
                "advertiseProxyPort": {"type": "boolean"},
            }
        ),
        "daemonsets": _object({"cloud": _DAEMONSET, "hybrid": _DAEMONSET, "hybrid-bottlerocket": _DAEMONSET}),
        "image": _object(
            {
                "containerRegistry": {"type": "string"},
                "pullPolicy": {"type": "string", "enum": ["Always", "IfNotPresent", "Never"]},
            }
        ),
    }
)
_COMMON_SCHEMA = _object({**_SCHEDULING, "replicaCount": {"type": "integer", "minimum": 0}, "env": _object()})


def _defaults(version: str, **older: str) -> dict[str, str]:
    """Return the default version for each Kubernetes version. `v1_31="…"` sets an older default."""
    return {kubernetes: older.get("v" + kubernetes.replace(".", "_"), version) for kubernetes in KUBERNETES_VERSIONS}


CATALOG: dict[str, AddonKind] = {
    kind.name: kind
    for kind in (
        AddonKind(
            *("eks-pod-identity-agent", "security", "kube-system"),
            (
                *("v1.3.10-eksbuild.3", "v1.3.10-eksbuild.2", "v1.3.9-eksbuild.5", "v1.3.8-eksbuild.2"),
                *("v1.3.4-eksbuild.1", "v1.2.0-eksbuild.1"),
            ),
            _defaults("v1.3.10-eksbuild.2", v1_36="v1.3.10-eksbuild.3", v1_31="v1.3.8-eksbuild.2"),
            schema=_AGENT_SCHEMA,
        ),
        AddonKind(
            *("aws-ebs-csi-driver", "storage", "kube-system"),
            ("v1.56.0-eksbuild.1", "v1.54.0-eksbuild.1", "v1.25.0-eksbuild.1"),
            _defaults("v1.54.0-eksbuild.1", v1_36="v1.56.0-eksbuild.1"),
            {"ebs-csi-controller-sa": ("service-role/AmazonEBSCSIDriverPolicy",)},
            without_pod_identity=("v1.25.0-eksbuild.1",),
            schema=_object({"controller": _object(), "node": _object(), "sidecars": _object()}),
        ),
        AddonKind(
            *("aws-efs-csi-driver", "storage", "kube-system", ("v2.1.15-eksbuild.1",)),
            _defaults("v2.1.15-eksbuild.1"),
            {"efs-csi-controller-sa": ("service-role/AmazonEFSCSIDriverPolicy",)},
            schema=_object({"controller": _object(), "node": _object()}),
        ),
        AddonKind(
            *("vpc-cni", "networking", "kube-system", ("v1.21.1-eksbuild.3", "v1.20.4-eksbuild.2")),
            _defaults("v1.21.1-eksbuild.3", v1_31="v1.20.4-eksbuild.2"),
            {"aws-node": ("AmazonEKS_CNI_Policy",)},
            schema=_COMMON_SCHEMA,
        ),
        AddonKind(
            *("amazon-cloudwatch-observability", "observability", "amazon-cloudwatch", ("v4.8.0-eksbuild.1",)),
            _defaults("v4.8.0-eksbuild.1"),
            {"cloudwatch-agent": ("CloudWatchAgentServerPolicy", "AWSXrayWriteOnlyAccess")},
            schema=_object({"agent": _object(), "containerLogs": _object()}),
        ),
        AddonKind(
            *("adot", "observability", "opentelemetry-operator-system", ("v0.117.0-eksbuild.1",)),
            _defaults("v0.117.0-eksbuild.1"),
            {
                "adot-col-prom-metrics": ("AmazonPrometheusRemoteWriteAccess",),
                "adot-col-otlp-ingest": ("AWSXrayWriteOnlyAccess",),
                "adot-col-container-logs": ("CloudWatchAgentServerPolicy",),
            },
            schema=_COMMON_SCHEMA,
        ),
        AddonKind(
            *("coredns", "networking", "kube-system", ("v1.13.1-eksbuild.1", "v1.12.4-eksbuild.1")),
            _defaults("v1.12.4-eksbuild.1", v1_36="v1.13.1-eksbuild.1"),
            schema=_COMMON_SCHEMA,
        ),
        AddonKind(
            *("kube-proxy", "networking", "kube-system", ("v1.35.0-eksbuild.2", "v1.34.1-eksbuild.2")),
            _defaults("v1.35.0-eksbuild.2", v1_34="v1.34.1-eksbuild.2"),
            schema=_COMMON_SCHEMA,
        ),
    )
}

_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
}


def schema_violation(schema: dict[str, Any], value: Any, path: str = "$") -> str | None:
    """Return the first violation in the words of EKS's validator, or None. Supports the keywords that CATALOG uses."""
    kind = schema.get("type")
    if kind and (not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")):
        return f"{path}: {_json_type(value)} found, {kind} expected"
    if "enum" in schema and value not in schema["enum"]:
        return f"{path}: does not have a value in the enumeration {schema['enum']}"
    if "minimum" in schema and value < schema["minimum"]:
        return f"{path}: must have a minimum value of {schema['minimum']}"
    if "maximum" in schema and value > schema["maximum"]:
        return f"{path}: must have a maximum value of {schema['maximum']}"
    if isinstance(value, list):
        violations = (schema_violation(schema.get("items", {}), item, f"{path}[{i}]") for i, item in enumerate(value))
        return next((violation for violation in violations if violation), None)
    if isinstance(value, dict):
        return next((bad for key, item in value.items() if (bad := _member_violation(schema, key, item, path))), None)
    return None


def _member_violation(schema: dict[str, Any], key: str, item: Any, path: str) -> str | None:
    properties = schema.get("properties", {})
    if key in properties:
        return schema_violation(properties[key], item, f"{path}.{key}")
    additional = schema.get("additionalProperties", True)
    if additional is False:
        return f"{path}.{key}: is not defined in the schema and the schema does not allow additional properties"
    return schema_violation(additional, item, f"{path}.{key}") if isinstance(additional, dict) else None


def _json_type(value: Any) -> str:
    names = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}
    return names.get(type(value), "null")
