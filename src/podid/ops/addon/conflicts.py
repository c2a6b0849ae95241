"""Predict the conflicts of an add-on's update: fields of its objects that other field managers have set.

EKS applies an add-on with server-side apply as field manager `eks`. Source: EKS User Guide, "Determine fields you can
customize for Amazon EKS add-ons"; EKS API Reference, "UpdateAddon", resolveConflicts.
"""

from collections.abc import Iterable, Mapping

from podid.domain.aws import Addon
from podid.domain.cluster import FieldWriters
from podid.domain.errors import PodidError
from podid.domain.text import short_list
from podid.ops.clients import KubeAccess

# https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-field-management.html
ITS_OWN = ("eks", "kube-controller-manager")
_LABELS = ("app.kubernetes.io/instance", "app.kubernetes.io/name", "eks.amazonaws.com/component", "k8s-app")
_EFFECTS = {
    "none": "the update fails if the new version changes them",
    "preserve": "they stay",
    "overwrite": "EKS resets those that the add-on sets",
}


def others(set_by: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
    """Return the fields that field managers other than EKS have set."""
    return {who: fields for who, fields in set_by.items() if who not in ITS_OWN}


def conflict_notes(kube: KubeAccess, addon: Addon, chosen: str) -> tuple[str, ...]:
    """Return a sentence for each object of the add-on with fields that others have set, with the effect of every value
    of --resolve-conflicts, the `chosen` one first; or why they could not be checked."""
    try:
        objects = kube.reader.list_written(addon.namespace)
    except PodidError as error:
        return (f"conflicts with fields that others have set were not checked: {error.message}",)
    return tuple(_sentences(addon, objects, chosen))


def _sentences(addon: Addon, objects: Iterable[FieldWriters], chosen: str) -> Iterable[str]:
    own = [item for item in objects if "eks" in item.set_by and _is_of(addon, item)]
    if not own:
        yield f"podid does not recognize the objects of add-on {addon.name}: fields that others have set are not known"
    ways = [f"{value}: {_EFFECTS[value]}" for value in (chosen, *(value for value in _EFFECTS if value != chosen))]
    for item in own:
        changes = "; ".join(f"{who} has set {short_list(fields, 4)}" for who, fields in others(item.set_by).items())
        if changes:
            effects = f"with --resolve-conflicts {ways[0]}. {ways[1]}. {ways[2]}"
            yield f"{item.kind} {item.namespace}/{item.name}: {changes}; {effects}"


def _is_of(addon: Addon, item: FieldWriters) -> bool:
    return any(item.labels.get(label, "").removeprefix("aws-") == addon.name.removeprefix("aws-") for label in _LABELS)
