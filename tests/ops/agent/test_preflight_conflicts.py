"""Fields of an add-on's objects that others have set."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from podid.domain.aws import Addon
from podid.domain.cluster import FieldWriters
from podid.domain.errors import AccessDenied
from podid.kube.reader import KubeReader
from podid.ops.agent.preflight import conflict_notes
from podid.ops.clients import KubeAccess
from worlds import Site

LIMITS = "spec.template.spec.containers[name=aws-node].resources.limits.memory"
CNI = Addon(name="vpc-cni", arn="a", version="v1", status="ACTIVE", namespace="kube-system")


def written(name: str, instance: str, **set_by: tuple[str, ...]) -> FieldWriters:
    return FieldWriters("DaemonSet", "kube-system", name, {"app.kubernetes.io/instance": instance}, set_by)


def notes(*objects: FieldWriters, chosen: str = "none") -> tuple[str, ...]:
    reader = SimpleNamespace(list_written=lambda namespace: objects)
    return conflict_notes(cast("KubeAccess", SimpleNamespace(reader=reader)), CNI, chosen)


def test_every_way_to_resolve_conflicts_is_previewed() -> None:
    edited = written("aws-node", "aws-vpc-cni", eks=("spec",), edit=(LIMITS,))
    other = written("kube-proxy", "kube-proxy", eks=("spec",), edit=("metadata.labels.a",))
    helm = written("cni", "vpc-cni", helm=("spec",))
    (note,) = notes(edited, other, helm)
    assert note == (
        f"DaemonSet kube-system/aws-node: edit has set {LIMITS}; with --resolve-conflicts none: the update fails if "
        "the new version changes them. preserve: they stay. overwrite: EKS resets those that the add-on sets"
    )
    assert "with --resolve-conflicts overwrite: EKS resets" in notes(edited, chosen="overwrite")[0]
    assert notes(written("aws-node", "aws-vpc-cni", eks=("spec",))) == ()
    assert notes(other) == (
        "podid does not recognize the objects of add-on vpc-cni: fields that others have set are not known",
    )


def test_conflicts_that_cannot_be_read_are_unknown(healthy: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    assert healthy("install-agent", "--addon-version", "latest", "--dry-run", "-o", "json").json["notes"] == []

    def denied(self: KubeReader, namespace: str) -> Any:
        raise AccessDenied("not authorized to list daemonsets", permission="list daemonsets")

    monkeypatch.setattr(KubeReader, "list_written", denied)
    (note,) = healthy("install-agent", "--addon-version", "latest", "--dry-run", "-o", "json").json["notes"]
    assert note.startswith("conflicts with fields that others have set were not checked: not authorized")
