"""Access keys in objects of the API, and permissions of Roles and bindings."""

import base64
from typing import Any

from podid.domain.exposure import RoleRule
from podid.domain.findings import Subject
from podid.kube import project_exposure

KEY = "AKIAZZZZ2222PODIDWAY"
OTHER = "ASIAZZZZ2222PODIDWAY"


def test_access_keys_in_variables_and_command_lines_of_a_pod() -> None:
    container = {
        "name": "app",
        "env": [{"name": "AWS_ACCESS_KEY_ID", "value": KEY}, {"name": "OTHER", "valueFrom": {}}],
        "command": ["sh", "-c", f"deploy --key={OTHER} --secret=s3cret"],
    }
    item = {
        "metadata": {"namespace": "shop", "name": "p"},
        "spec": {"containers": [container], "initContainers": [{"name": "init", "args": ["--none"]}]},
    }
    places = project_exposure.keys_in_pod(item)
    assert [(place.key_id, place.place) for place in places] == [
        (KEY, "variable AWS_ACCESS_KEY_ID of container app"),
        (OTHER, "command line of container app"),
    ]
    assert {place.subject for place in places} == {Subject("Pod", "p", "shop")}
    assert "s3cret" not in repr(places)


def test_access_keys_in_entries() -> None:
    encoded = base64.b64encode(f"id={KEY}\n".encode()).decode()
    metadata = {"namespace": "shop", "name": "settings"}
    entries: dict[str, Any] = {"metadata": metadata, "data": {"plain": KEY, "odd": encoded}}

    def keys(kind: str, item: dict[str, Any]) -> list[tuple[str, str]]:
        return [(place.key_id, place.place) for place in project_exposure.keys_in_data(kind, item)]

    # only the entries of a Secret and of binaryData are encoded
    assert keys("ConfigMap", entries) == [(KEY, "entry plain")]
    assert keys("Secret", entries) == [(KEY, "entry odd")]
    assert keys("ConfigMap", {"metadata": metadata, "binaryData": {"blob": encoded, "bad": "%"}}) == [
        (KEY, "entry blob")
    ]


def test_rules_for_resources() -> None:
    item = {
        "metadata": {"namespace": "shop", "name": "edit"},
        "rules": [
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["create"], "resourceNames": ["a"]},
            {"nonResourceURLs": ["/healthz"], "verbs": ["get"]},
        ],
    }
    assert project_exposure.rules(item) == (("shop", "edit"), (RoleRule(("",), ("pods",), ("create",), ("a",)),))


def test_the_role_and_the_subjects_of_a_binding() -> None:
    subjects = [{"kind": "ServiceAccount", "name": "orders", "namespace": "shop"}, {"kind": "Group", "name": "dev"}]
    item = {
        "metadata": {"namespace": "shop", "name": "b"},
        "roleRef": {"kind": "ClusterRole", "name": "edit"},
        "subjects": subjects,
    }
    expected = (Subject("ServiceAccount", "orders", "shop"), Subject("Group", "dev"))
    assert project_exposure.binding(item) == (("shop", "b"), ("ClusterRole", "edit"), expected)
