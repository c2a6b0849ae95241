"""One tenant's large annotations, on as many objects as there are: the doctor sees as much as without them."""

import json
from typing import Any

import pytest

from podid.kube import transport
from worlds import Site

KINDS: dict[str, dict[str, Any]] = {
    "/api/v1/namespaces/{}/pods": {"spec": {"containers": [{"name": "c", "image": "pause"}]}},
    "/api/v1/namespaces/{}/serviceaccounts": {},
    "/api/v1/namespaces/{}/configmaps": {},
    "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies": {"spec": {"podSelector": {}, "policyTypes": []}},
}


def verdicts(site: Site) -> list[tuple[str, str, str]]:
    outcome = site("doctor", "--all", "-o", "json")
    found = [(v["id"], v["outcome"], json.dumps(v["subject"])) for v in outcome.json["verdicts"]]
    return [each for each in found if "tenant" not in each[2]]


def test_large_annotations_blind_no_check(healthy: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    before = verdicts(healthy)
    healthy.cluster.make_namespace("tenant")
    for path, body in KINDS.items():
        for number in range(12):
            metadata = {"name": f"tenant-{number}", "annotations": {"a": "x" * 50_000}}
            healthy.cluster.post(path.format("tenant"), {"metadata": metadata, **body})
    monkeypatch.setattr(transport, "LARGEST_ANSWER", 200_000)
    assert len(before) > 50
    assert "unknown" not in {outcome for _, outcome, _ in before}
    assert verdicts(healthy) == before
