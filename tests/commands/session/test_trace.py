"""`podid trace`."""

import json
from pathlib import Path

import pytest

from ops.session.support import ARN, event, named, session_of
from worlds import ACCOUNT, Site


def test_a_text_from_stdin_and_several_sessions(healthy: Site) -> None:
    arns = [session_of(healthy) for _ in range(2)]
    with pytest.MonkeyPatch.context() as patch:
        healthy.enter(patch)
        outcome = healthy.podid("trace", "-", "-o", "json", stdin="\n".join(f"User: {arn} is denied" for arn in arns))
    assert outcome.json["kind"] == "SessionTraceList"
    assert [item["sessionArn"] for item in outcome.json["items"]] == arns


def test_an_event_in_a_file_needs_no_cloudtrail(healthy: Site, tmp_path: Path) -> None:
    pod = healthy.cluster.pod_names("shop", "orders")[0]
    file = tmp_path / "event.json"
    file.write_text(json.dumps(event(**{"kubernetes-pod-name": pod})))
    healthy.box.world.credentials.deny("cloudtrail:LookupEvents")
    result = healthy.must("trace", str(file), "-o", "json").json
    assert (result["pod"], result["source"], result["startedAt"]) == (pod, "event", "2026-11-24T09:30:00Z")


def test_without_cloudtrail_the_missing_permission_is_named(healthy: Site) -> None:
    healthy.box.world.credentials.deny("cloudtrail:LookupEvents")
    outcome = healthy("trace", f"arn:aws:sts::{ACCOUNT}:assumed-role/shop-orders/{named(healthy)}")
    assert outcome.code == 9
    assert "Not known: session: requires cloudtrail:LookupEvents." in outcome.stdout
    assert "Pods whose names match: shop/orders-" in outcome.stdout
    nobody = healthy("trace", ARN)
    assert (nobody.code, nobody.stdout) == (4, "")
    assert "cloudtrail:LookupEvents" in nobody.stderr


def test_names_in_an_event_are_checked(healthy: Site, tmp_path: Path) -> None:
    file = tmp_path / "event.json"
    file.write_text(json.dumps(event(namespace="../../../apis")))
    outcome = healthy("trace", str(file))
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "is not a service account" in outcome.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/demo-node-role/i-0a1b2c3d4e5f60001", "EC2 instance i-0a1b2c3d4e5f60001"),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/alice@example.com", "does not belong to a pod"),
        ("an error occurred (AccessDenied)", "The text contains no role session"),
    ],
)
def test_texts_without_a_session_of_a_pod(healthy: Site, text: str, words: str) -> None:
    outcome = healthy("trace", text)
    assert (outcome.code, outcome.stdout) == (5, "")
    assert words in outcome.stderr


def test_a_value_that_is_no_session_and_no_file_is_named_so(healthy: Site) -> None:
    outcome = healthy("trace", "eks-demo-api-123")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert (
        "No such file: eks-demo-api-123.\n       Specify a file, or the name or ARN of a pod's session."
        in outcome.stderr
    )
    assert "eks-CLUSTER-POD-UUID" in outcome.stderr
