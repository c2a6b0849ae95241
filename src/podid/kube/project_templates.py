"""The API's JSON of pod templates, and of other objects that a migration from kiam or kube2iam reads, as domain values.
Pure functions, as in `podid.kube.project`."""

from podid.domain.foreign import Object, inner, inner_or_empty, inners_or_none, pairs, text_or, words_or_none
from podid.domain.metadata_proxies import PodTemplate, flags_of, program_of
from podid.domain.names import ServiceAccountRef
from podid.kube.project import annotation_owner, place_of, template_in, workload


def pod_template(kind: str, keys: frozenset[str], item: Object) -> PodTemplate:
    """Return the workload with the annotations of its template that have these names, and the flags of kiam and
    kube2iam."""
    template = template_in(kind, inner(item, "spec"))
    metadata = inner_or_empty(template, "metadata")
    containers = inners_or_none(inner(template, "spec"), "containers")
    words = [word for c in containers for part in ("command", "args") for word in words_or_none(c, part)]
    runs = program_of((text_or(c, "image") for c in containers), words)
    path = "spec.jobTemplate.spec.template" if kind == "CronJob" else "spec.template"
    fields = (*(f"{path}.metadata.annotations.{key}" for key in keys), f"{path}.spec.serviceAccountName")
    return PodTemplate(
        workload=workload(kind, item),
        annotations={key: value for key, value in pairs(metadata, "annotations").items() if key in keys},
        flags=flags_of(words) if runs else {},
        runs=runs,
        owner=annotation_owner(item, fields),
    )


def annotated(keys: frozenset[str], item: Object) -> tuple[tuple[str, str], dict[str, str]]:
    """Return namespace and name of any object, and those of its annotations that have these names."""
    annotations = pairs(inner(item, "metadata"), "annotations")
    return place_of(item), {key: value for key, value in annotations.items() if key in keys}


def subjects_of(item: Object) -> tuple[tuple[str, str], tuple[ServiceAccountRef, ...]]:
    """Return namespace and name of a RoleBinding or ClusterRoleBinding, and the service accounts that it names."""
    accounts = [s for s in inners_or_none(item, "subjects") if text_or(s, "kind") == "ServiceAccount"]
    return place_of(item), tuple(ServiceAccountRef(text_or(s, "namespace"), text_or(s, "name")) for s in accounts)


def account_settings(item: Object) -> dict[str, object]:
    return {key: item[key] for key in ("imagePullSecrets", "automountServiceAccountToken") if key in item}
