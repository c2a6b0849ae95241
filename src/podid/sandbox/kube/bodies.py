"""Bodies of requests and answers: JSON, YAML and Kubernetes' protobuf in, JSON out.

kubectl and client-go send new objects in protobuf and do not retry in JSON after a refusal; they accept answers in
JSON. A protobuf body is `k8s\\0` and a runtime.Unknown, which names the kind and contains the object:
https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding

Only the messages of kubectl's own commands are supported. A field outside of them is refused, not dropped.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

from podid.sandbox.http import HttpAnswer, HttpRequest
from podid.sandbox.kube.objects import Obj
from podid.sandbox.kube.status import StatusError, bad_request, not_acceptable, unsupported_media_type

PROTOBUF = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"

# NUMBER:NAME=TYPE as in the generated.proto files of k8s.io/api and k8s.io/apimachinery; the default type is string.
# `[]` is a list, `map` a map of strings, `?` a pointer in Go, whose zero value is written, not omitted; `-` is a field
# that the API server ignores in requests.
_OBJECT = "1:metadata=ObjectMeta"
_MESSAGES = {
    "Unknown": "1:typeMeta=TypeMeta 2:raw=bytes 3:contentEncoding 4:contentType",
    "TypeMeta": "1:apiVersion 2:kind",
    "ObjectMeta": "1:name 2:generateName 3:namespace 4:selfLink=- 5:uid 6:resourceVersion 7:generation=- "
    "8:creationTimestamp=- 9:deletionTimestamp=- 10:deletionGracePeriodSeconds=- 11:labels=map 12:annotations=map "
    "13:ownerReferences=OwnerReference[] 14:finalizers=string[] 17:managedFields=-",
    "OwnerReference": "1:kind 3:name 4:uid 5:apiVersion 6:controller=bool? 7:blockOwnerDeletion=bool?",
    "LabelSelector": "1:matchLabels=map 2:matchExpressions=LabelSelectorRequirement[]",
    "LabelSelectorRequirement": "1:key 2:operator 3:values=string[]",
    "DeleteOptions": "1:gracePeriodSeconds=int? 2:preconditions=Preconditions 3:orphanDependents=bool? "
    "4:propagationPolicy 5:dryRun=string[]",
    "Preconditions": "1:uid 2:resourceVersion",
    "Namespace": f"{_OBJECT} 2:spec=NamespaceSpec 3:status=-",
    "NamespaceSpec": "1:finalizers=string[]",
    "ServiceAccount": f"{_OBJECT} 2:secrets=ObjectReference[] 3:imagePullSecrets=LocalObjectReference[] "
    "4:automountServiceAccountToken=bool?",
    "ObjectReference": "1:kind 2:namespace 3:name 4:uid 5:apiVersion 6:resourceVersion 7:fieldPath",
    "LocalObjectReference": "1:name",
    "ConfigMap": f"{_OBJECT} 2:data=map 4:immutable=bool?",
    "Secret": f"{_OBJECT} 2:data=map 3:type 4:stringData=map 5:immutable=bool?",
    "TokenRequest": f"{_OBJECT} 2:spec=TokenRequestSpec 3:status=-",
    "TokenRequestSpec": "1:audiences=string[] 3:boundObjectRef=BoundObjectReference 4:expirationSeconds=int?",
    "BoundObjectReference": "1:kind 2:apiVersion 3:name 4:uid",
    "SelfSubjectReview": f"{_OBJECT} 2:status=-",
    "SelfSubjectRulesReview": f"{_OBJECT} 2:spec=SelfSubjectRulesReviewSpec 3:status=-",
    "SelfSubjectRulesReviewSpec": "1:namespace",
    "SelfSubjectAccessReview": f"{_OBJECT} 2:spec=SelfSubjectAccessReviewSpec 3:status=-",
    "SelfSubjectAccessReviewSpec": "1:resourceAttributes=ResourceAttributes "
    "2:nonResourceAttributes=NonResourceAttributes",
    "ResourceAttributes": "1:namespace 2:verb 3:group 4:version 5:resource 6:subresource 7:name",
    "NonResourceAttributes": "1:path 2:verb",
    "Role": f"{_OBJECT} 2:rules=PolicyRule[]",
    "ClusterRole": f"{_OBJECT} 2:rules=PolicyRule[]",
    "PolicyRule": "1:verbs=string[] 2:apiGroups=string[] 3:resources=string[] 4:resourceNames=string[] "
    "5:nonResourceURLs=string[]",
    "RoleBinding": f"{_OBJECT} 2:subjects=Subject[] 3:roleRef=RoleRef",
    "ClusterRoleBinding": f"{_OBJECT} 2:subjects=Subject[] 3:roleRef=RoleRef",
    "Subject": "1:kind 2:apiGroup 3:name 4:namespace",
    "RoleRef": "1:apiGroup 2:kind 3:name",
    "Eviction": f"{_OBJECT} 2:deleteOptions=DeleteOptions",
    "PodDisruptionBudget": f"{_OBJECT} 2:spec=PodDisruptionBudgetSpec 3:status=-",
    "PodDisruptionBudgetSpec": "1:minAvailable=IntOrString? 2:selector=LabelSelector 3:maxUnavailable=IntOrString?",
    "Deployment": f"{_OBJECT} 2:spec=DeploymentSpec 3:status=-",
    "DeploymentSpec": "1:replicas=int? 2:selector=LabelSelector 3:template=PodTemplateSpec "
    "4:strategy=DeploymentStrategy 5:minReadySeconds=int 6:revisionHistoryLimit=int? 7:paused=bool "
    "9:progressDeadlineSeconds=int?",
    "DeploymentStrategy": "1:type",
    "Job": f"{_OBJECT} 2:spec=JobSpec 3:status=-",
    "JobSpec": "1:parallelism=int? 2:completions=int? 3:activeDeadlineSeconds=int? 6:template=PodTemplateSpec "
    "7:backoffLimit=int? 8:ttlSecondsAfterFinished=int? 10:suspend=bool?",
    "CronJob": f"{_OBJECT} 2:spec=CronJobSpec 3:status=-",
    "CronJobSpec": "1:schedule 3:concurrencyPolicy 4:suspend=bool? 5:jobTemplate=JobTemplateSpec",
    "JobTemplateSpec": f"{_OBJECT} 2:spec=JobSpec",
    "PodTemplateSpec": f"{_OBJECT} 2:spec=PodSpec",
    "PodSpec": "2:containers=Container[] 3:restartPolicy 4:terminationGracePeriodSeconds=int? "
    "5:activeDeadlineSeconds=int? 6:dnsPolicy 7:nodeSelector=map 8:serviceAccountName 9:serviceAccount 10:nodeName "
    "11:hostNetwork=bool 12:hostPID=bool 13:hostIPC=bool 14:securityContext=Nothing 16:hostname 17:subdomain "
    "19:schedulerName 24:priorityClassName",
    "Container": "1:name 2:image 3:command=string[] 4:args=string[] 5:workingDir 6:ports=ContainerPort[] "
    "7:env=EnvVar[] 8:resources=Nothing 13:terminationMessagePath 14:imagePullPolicy 16:stdin=bool 17:stdinOnce=bool "
    "18:tty=bool 20:terminationMessagePolicy",
    "ContainerPort": "1:name 2:hostPort=int 3:containerPort=int 4:protocol 5:hostIP",
    "EnvVar": "1:name 2:value",
    "Nothing": "",
}

_JSON = ("", "application/json", "application/x-www-form-urlencoded")


class _Field(NamedTuple):
    name: str
    kind: str
    many: bool
    pointer: bool


def decode_protobuf(body: bytes) -> Obj:
    """Return the object as in JSON. Raise the API server's 400, and 415 for unsupported messages."""
    if not body.startswith(_MAGIC):
        raise bad_request("the object provided is unrecognized: it has no protobuf prefix")
    try:
        envelope = _read("Unknown", body[len(_MAGIC) :])
        kind = str(envelope.get("typeMeta", {}).get("kind", ""))
        return {**envelope.get("typeMeta", {}), **_read(kind, envelope.get("raw", b""))}
    except (ValueError, IndexError, KeyError) as error:
        raise bad_request(f"the object provided is unrecognized: {error}") from None


def _read(message: str, data: bytes) -> Obj:
    fields = _fields(message)
    obj: Obj = {}
    for number, raw in _wire(data):
        if number not in fields:
            raise _unknown(f"field {number} of {message}")
        name, kind, many, pointer = fields[number]
        value = _value(kind, raw)
        if kind == "map":
            obj.setdefault(name, {}).update(value)
        elif many:
            obj.setdefault(name, []).append(value)
        elif value or (pointer and value is not None):
            obj[name] = value
    return obj


def _value(kind: str, raw: int | bytes) -> Any:
    if kind in ("int", "bool"):
        if not isinstance(raw, int):
            raise ValueError("a number was expected")
        return bool(raw) if kind == "bool" else raw - (1 << 64) * (raw >> 63)
    if kind == "-":
        return None
    if not isinstance(raw, bytes):
        raise ValueError("a string or a message was expected")
    if kind == "bytes":
        return raw
    if kind == "string":
        return raw.decode()
    if kind == "map":
        entry = dict(_wire(raw))
        return {_value("string", entry.get(1, b"")): _value("string", entry.get(2, b""))}
    if kind == "IntOrString":
        parts = dict(_wire(raw))
        return _value("string", parts.get(3, b"")) if parts.get(1) else _value("int", parts.get(2, 0))
    return _read(kind, raw)


def _wire(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield field numbers with their values, numbers or bytes. https://protobuf.dev/programming-guides/encoding/"""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        if tag & 7 == 0:
            value, at = _varint(data, at)
            yield tag >> 3, value
            continue
        length, at = _varint(data, at) if tag & 7 == 2 else ({1: 8, 5: 4}[tag & 7], at)
        if at + length > len(data):
            raise ValueError("it is cut short")
        yield tag >> 3, data[at : at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at += 1
        if not data[at - 1] & 0x80:
            return value & (1 << 64) - 1, at
        shift += 7


@cache
def _fields(message: str) -> dict[int, _Field]:
    if message not in _MESSAGES:
        raise _unknown(f"a {message}")
    fields = {}
    for entry in _MESSAGES[message].split():
        number, _, declaration = entry.partition(":")
        name, _, kind = declaration.partition("=")
        plain = (kind or "string").removesuffix("[]").removesuffix("?")
        fields[int(number)] = _Field(name, plain, kind.endswith("[]"), kind.endswith("?"))
    return fields


def _unknown(subject: str) -> StatusError:
    message = f"415: Unsupported Media Type: the podid sandbox does not read {subject} in protobuf; send JSON"
    return StatusError(415, "UnsupportedMediaType", message, {})


def check_acceptable(request: HttpRequest) -> None:
    """Raise the API server's 406 if the client accepts neither JSON nor any type."""
    offers = [offer.partition(";")[0].strip() for offer in request.header("accept").split(",")]
    if not {"", "application/json", "application/*", "*/*"} & set(offers):
        raise not_acceptable()


def decoded(request: HttpRequest, kind_name: str) -> Any:
    """Return the decoded body. Raise the API server's 400 or 415."""
    if request.media_type == "application/yaml":
        return from_yaml(request.body)
    if request.media_type == PROTOBUF:
        return decode_protobuf(request.body)
    if request.media_type not in _JSON:
        raise unsupported_media_type()
    return from_json(request.body, kind_name)


def from_yaml(body: bytes) -> Any:
    import yaml

    return yaml.safe_load(body)


def from_json(body: bytes, kind_name: str) -> Any:
    try:
        return json.loads(body or b"{}")
    except ValueError as error:
        message = f"couldn't get version/kind; json parse error: {go_json_error(body, error)}"
        raise bad_request(
            f"the object provided is unrecognized (must be of type {kind_name}): {message} "
            f"({body.decode(errors='replace')})"
        ) from None


def go_json_error(body: bytes, error: Exception) -> str:
    """Return the error of Python's decoder in the words of Go's encoding/json."""
    position = getattr(error, "pos", 0)
    text = body.decode("latin-1")
    if position >= len(text):
        return "unexpected end of JSON input"
    character = text[position]
    shown = character if character.isprintable() and character.isascii() else f"\\u{ord(character):04x}"
    looking = "beginning of object key string" if "property name" in str(error) else "beginning of value"
    return f"invalid character '{shown}' looking for {looking}"


@dataclass(slots=True)
class KubeAnswer:
    """An answer: JSON if `body` is an object, otherwise text. `lines` is a watch, one JSON document a line."""

    status: int
    body: Obj | str = ""
    lines: Iterator[Obj] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def encode(self) -> HttpAnswer:
        text = isinstance(self.body, str) and self.lines is None
        headers = {"Content-Type": "text/plain; charset=utf-8" if text else "application/json", **self.headers}
        headers["Cache-Control"] = "no-cache, private"
        if self.lines is not None:
            return HttpAnswer(self.status, headers, chunks=map(_line, self.lines))
        return HttpAnswer(self.status, headers, self.body.encode() if isinstance(self.body, str) else _line(self.body))


def _line(document: Obj) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"
