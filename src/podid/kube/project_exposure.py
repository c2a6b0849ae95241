"""Objects of the API as places of access keys, and as permissions. Pure functions, as in `podid.kube.project`.

The text in which access keys are searched is dropped here: only the IDs of the keys leave this module.
"""

import base64
import binascii
from collections.abc import Iterator

from podid.domain.exposure import KeyPlace, RoleRule, keys_in
from podid.domain.findings import Subject
from podid.domain.foreign import Object, inner, inner_or_empty, inners_or_none, pairs, text_or, words_or_none
from podid.domain.workloads import workload_subject
from podid.kube.project import place_of
from podid.kube.project_pods import pod

_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")


def keys_in_pod(item: Object) -> tuple[KeyPlace, ...]:
    """Return the access keys in the environment and in the command lines of a pod. The subject is its workload."""
    subject, spec = workload_subject(pod(item)), inner(item, "spec")

    def texts() -> Iterator[tuple[Subject, str, str]]:
        for container in (c for member in _CONTAINERS for c in inners_or_none(spec, member)):
            name = text_or(container, "name")
            for variable in inners_or_none(container, "env"):
                place = f"variable {text_or(variable, 'name')} of container {name}"
                yield subject, place, text_or(variable, "value")
            for word in (w for member in ("command", "args") for w in words_or_none(container, member)):
                yield subject, f"command line of container {name}", word

    return tuple(dict.fromkeys(keys_in(texts())))


def keys_in_data(kind: str, item: Object) -> tuple[KeyPlace, ...]:
    """Return the access keys in the entries of a ConfigMap or a Secret."""
    namespace, name = place_of(item)
    subject = Subject(kind, name, namespace)
    data, binary = pairs(item, "data"), pairs(item, "binaryData")
    if kind == "Secret":
        data, binary = {}, data
    texts = [(subject, f"entry {key}", value) for key, value in data.items()]
    texts += [(subject, f"entry {key}", _decoded(value)) for key, value in binary.items()]
    return tuple(keys_in(texts))


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode("latin-1")
    except (binascii.Error, ValueError):
        return ""


def rules(item: Object) -> tuple[tuple[str, str], tuple[RoleRule, ...]]:
    """Return namespace and name of a Role or ClusterRole, and its rules for resources."""
    listed = (
        RoleRule(
            tuple(words_or_none(rule, "apiGroups")),
            tuple(words_or_none(rule, "resources")),
            tuple(words_or_none(rule, "verbs")),
            tuple(words_or_none(rule, "resourceNames")),
        )
        for rule in inners_or_none(item, "rules")
    )
    return place_of(item), tuple(rule for rule in listed if rule.resources)


def binding(item: Object) -> tuple[tuple[str, str], tuple[str, str], tuple[Subject, ...]]:
    """Return namespace and name of a RoleBinding or ClusterRoleBinding, kind and name of its role, and its subjects."""
    role = inner_or_empty(item, "roleRef")
    subjects = (
        Subject(text_or(s, "kind"), text_or(s, "name"), text_or(s, "namespace"))
        for s in inners_or_none(item, "subjects")
    )
    return place_of(item), (text_or(role, "kind"), text_or(role, "name")), tuple(subjects)
