"""`trace`: from the name of a session to the pod, by CloudTrail and by the running pods, and what is not known."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness import table
from podid.domain.cloudtrail import NamedSession, sessions_in
from podid.domain.errors import InvalidInput, NotFound
from podid.ops.session.trace import MOST_SESSIONS, sightings
from podid.sandbox.baseline import add_cluster
from worlds import ACCOUNT, CLUSTER_ARN, ROLE_ARN, Site

UUID = "4f0e4c1a-0000-4000-8000-00000000000a"
NAME = f"eks-demo-orders-7d4-{UUID}"
ARN = f"arn:aws:sts::{ACCOUNT}:assumed-role/shop-orders/{NAME}"
SESSION = NamedSession(NAME, "shop-orders", ACCOUNT, "aws")
DENIED = f"User: {ARN} is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::b/k because no policy"


def event(name: str = NAME, namespace: str = "shop", cluster: str = CLUSTER_ARN, **tags: str) -> dict[str, Any]:
    """An AssumeRole by EKS, as CloudTrail records it."""
    pairs = {
        "eks-cluster-arn": cluster,
        "kubernetes-namespace": namespace,
        "kubernetes-service-account": "orders",
        "kubernetes-pod-name": "orders-7d4b9-abcde",
        **tags,
    }
    return {
        "eventTime": "2026-11-24T09:30:00Z",
        "eventName": "AssumeRole",
        "eventSource": "sts.amazonaws.com",
        "userIdentity": {"type": "AWSService", "invokedBy": "pods.eks.amazonaws.com"},
        "requestParameters": {
            "roleArn": ROLE_ARN,
            "roleSessionName": name,
            "tags": [{"key": key, "value": value} for key, value in pairs.items()],
        },
        "responseElements": {"assumedRoleUser": {"arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/shop-orders/{name}"}},
    }


def created(site: Site) -> list[str]:
    """The ARNs of all sessions that EKS created."""
    events = (item.event for item in site.box.world.trail)
    return [event["Resources"][1]["ResourceName"] for event in events if event["EventName"] == "AssumeRole"]


def session_of(site: Site) -> str:
    """The ARN of a new session of a pod of shop/orders."""
    site("verify", "shop/orders", "--yes")
    return created(site)[-1]


# --- sessions in texts ------------------------------------------------------------------------------------------------


@table(
    "value",
    [
        ARN,
        DENIED,
        f"{DENIED} and again {NAME}.",
        {"userIdentity": {"arn": ARN}},
        {"Events": [{"CloudTrailEvent": json.dumps({"userIdentity": {"arn": ARN}})}]},
        {"detail": {"errorMessage": DENIED}},
        [{"userIdentity": {"arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/node/i-0a1b2c3d4e5f60001"}}, {"arn": ARN}],
        event(),
        {
            "arn": f"arn:aws:guardduty:us-west-2:{ACCOUNT}:detector/d/finding/f",
            "accountId": ACCOUNT,
            "resource": {"accessKeyDetails": {"principalId": f"AROAX:{NAME}", "userName": "shop-orders"}},
        },
        {
            "Findings": [
                {
                    "AccountId": ACCOUNT,
                    "Resource": {"AccessKeyDetails": {"PrincipalId": f"AROAX:{NAME}", "UserName": "shop-orders"}},
                }
            ]
        },
    ],
)
def test_a_session_is_found_in_each_form(value: object) -> None:
    assert sessions_in(value) == (SESSION,)


@table("value", ["", "AccessDenied", f"x{NAME}", {"arn": ROLE_ARN}, [1, None, True], {"a": {}}])
def test_a_text_without_a_session(value: object) -> None:
    assert sessions_in(value) == ()
    with pytest.raises(NotFound, match="contains no role session"):
        sightings(value, "x")


def test_a_name_alone_has_no_role() -> None:
    (session,) = sessions_in(f"by {NAME}")
    assert (session.arn, session.of_pod, session.is_of(ROLE_ARN)) == ("", True, True)


@pytest.mark.parametrize(
    ("name", "cluster", "part"),
    [
        (NAME, "demo", "orders-7d4"),
        (f"eks-my-cluster-a-b-c-{UUID}", "my-cluster-prod", "a-b-c"),
        (f"eks-my-clu-ster-p-{UUID}", "my-clu", "ster-p"),
    ],
)
def test_cluster_and_pod_in_the_name(name: str, cluster: str, part: str) -> None:
    session = NamedSession(name)
    assert (session.of_cluster(cluster), session.pod_part(cluster)) == (True, part)
    assert not session.of_cluster(f"x{cluster}")


def test_an_event_of_the_session_is_kept_with_its_time() -> None:
    (found,) = sightings({"Records": [event()]}, "x")
    assert found.event is not None
    assert (found.event.pod, found.event.role_arn, str(found.event.ref)) == (
        "orders-7d4b9-abcde",
        ROLE_ARN,
        "shop/orders",
    )
    used = {"eventName": "GetObject", "eventTime": "2026-11-24T09:30:00Z", "userIdentity": {"arn": ARN}}
    (found,) = sightings(used, "x")
    assert (found.event, str(found.at)) == (None, "2026-11-24 09:30:00+00:00")


def test_malformed_and_many() -> None:
    with pytest.raises(InvalidInput, match="not a valid event"):
        sightings({"eventName": "AssumeRole", "userIdentity": 5, "arn": ARN}, "x")
    deep: Any = ARN
    for _ in range(60):
        deep = [deep]
    with pytest.raises(InvalidInput, match="nested deeper"):
        sightings(deep, "x")
    many = [ARN.replace("000a", f"{number:04x}") for number in range(50)]
    assert len(sightings(many, "x")) == MOST_SESSIONS


# --- in a cluster -----------------------------------------------------------------------------------------------------


def test_the_pod_by_its_session_tags(healthy: Site) -> None:
    arn = session_of(healthy)
    found = healthy.must("trace", arn, "-o", "json").json
    pod = healthy.cluster.get(f"/api/v1/namespaces/shop/pods/{found['pod']}")
    assert (found["source"], found["state"], found["unknown"]) == ("cloudtrail", "running", [])
    assert (found["namespace"], found["serviceAccount"], found["cluster"]) == ("shop", "orders", "demo")
    assert (found["podUid"], found["node"]) == (pod["metadata"]["uid"], pod["spec"]["nodeName"])
    assert found["workload"] == {"kind": "Deployment", "namespace": "shop", "name": "orders"}
    assert found["images"] == [container["image"] for container in pod["spec"]["containers"]]
    assert found["associationId"].startswith("a-")
    assert "workload         Deployment shop/orders" in healthy.must("trace", arn.rpartition("/")[2]).stdout


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
    found = healthy.must("trace", str(file), "-o", "json").json
    assert (found["pod"], found["source"], found["startedAt"]) == (pod, "event", "2026-11-24T09:30:00Z")


def test_a_pod_that_is_gone(healthy: Site) -> None:
    """The probe's pod: the agent of its node requested the session."""
    node = healthy.cluster.items("/api/v1/nodes")[0]["metadata"]["name"]
    healthy.must("verify", "shop/orders", "--yes", "--probe-node", node)
    redeemed = [item.event for item in healthy.box.world.trail if item.event.get("Username", "").startswith("i-")][-1]
    arn = created(healthy)[-1]
    healthy.wait(120)
    found = healthy.must("trace", arn, "-o", "json").json
    assert (found["state"], found["node"], found["serviceAccount"]) == ("gone", redeemed["Username"], "orders")
    assert found["pod"].startswith("podid-probe-")
    assert (found["workload"], found["images"]) == (None, [])


def test_the_workload_of_a_pod_that_is_gone_is_that_of_its_siblings(healthy: Site) -> None:
    arn = session_of(healthy)
    name = healthy.must("trace", arn, "-o", "json").json["pod"]
    healthy.cluster.delete(f"/api/v1/namespaces/shop/pods/{name}")
    healthy.wait(60)
    found = healthy.must("trace", arn, "-o", "json").json
    assert (found["state"], found["workload"]["name"], len(found["images"])) == ("gone", "orders", 1)
    assert [item["what"] for item in found["unknown"]] == ["node"]


def test_without_session_tags_the_names_of_pods_are_compared(healthy: Site) -> None:
    healthy.must("associate", "shop/orders", "--no-session-tags", "--replace", "--update-trust")
    healthy.wait(60)
    arn = session_of(healthy)
    found = healthy.must("trace", arn, "-o", "json").json
    assert (found["source"], found["serviceAccount"], found["pod"]) == ("cluster", "orders", None)
    assert found["candidates"] == [f"shop/{name}" for name in healthy.cluster.pod_names("shop", "orders")]
    assert (found["workload"]["name"], found["startedAt"] is None) == ("orders", False)
    assert found["unknown"] == [{"what": "pod", "reason": "the session has no session tags", "permission": None}]


def named(site: Site) -> str:
    """A session name that fits the pods of shop/orders, which CloudTrail does not have."""
    return f"eks-demo-{site.cluster.pod_names('shop', 'orders')[0][:10]}-{UUID}"


def test_without_cloudtrail_the_missing_permission_is_named(healthy: Site) -> None:
    healthy.box.world.credentials.deny("cloudtrail:LookupEvents")
    outcome = healthy("trace", f"arn:aws:sts::{ACCOUNT}:assumed-role/shop-orders/{named(healthy)}")
    assert outcome.code == 0
    assert "Not known: session: requires cloudtrail:LookupEvents." in outcome.stdout
    assert "Pods whose names match: shop/orders-" in outcome.stdout
    nobody = healthy("trace", ARN)
    assert (nobody.code, nobody.stdout) == (4, "")
    assert "cloudtrail:LookupEvents" in nobody.stderr


def test_the_role_must_be_that_of_the_association(healthy: Site) -> None:
    outcome = healthy("trace", f"arn:aws:sts::{ACCOUNT}:assumed-role/other/{named(healthy)}")
    assert (outcome.code, outcome.stdout) == (5, "")
    assert "No running pod in us-west-2 matches" in outcome.stderr


def test_the_cluster_is_found_by_the_session_name(healthy: Site) -> None:
    add_cluster(healthy.box.world, "blue")
    arn, name = session_of(healthy), named(healthy)
    assert "pod              orders-" in healthy("trace", arn, without=["PODID_CLUSTER"]).stdout
    found = healthy("trace", name, "-o", "json", without=["PODID_CLUSTER"]).json
    assert (found["cluster"], found["serviceAccount"]) == ("demo", "orders")
    outcome = healthy("trace", name.replace("demo", "red"), without=["PODID_CLUSTER"])
    assert (outcome.code, outcome.stdout) == (5, "")
    assert "No running pod in us-west-2 matches" in outcome.stderr


def test_a_session_of_two_service_accounts(healthy: Site) -> None:
    healthy.box.world.credentials.deny("cloudtrail:LookupEvents")
    healthy.cluster.post("/api/v1/namespaces/shop/serviceaccounts", {"metadata": {"name": "cart"}})
    healthy.associate("shop", "cart", "shop-orders")
    healthy.cluster.make_pod("shop", f"{named(healthy)[9:19]}-x", "cart", containers=[{"name": "a", "image": "a:1"}])
    healthy.wait(5)
    outcome = healthy("trace", f"arn:aws:sts::{ACCOUNT}:assumed-role/shop-orders/{named(healthy)}", "-o", "json")
    assert (outcome.code, outcome.json["serviceAccount"], outcome.json["pod"]) == (9, None, None)
    assert len({name.rpartition("-")[0] for name in outcome.json["candidates"]}) == 2


def test_an_event_of_another_place(healthy: Site, tmp_path: Path) -> None:
    file = tmp_path / "event.json"
    file.write_text(json.dumps(event(cluster=CLUSTER_ARN.replace("us-west-2", "eu-west-1"))))
    found = healthy.must("trace", str(file), "-o", "json").json
    assert (found["cluster"], found["pod"], found["state"]) == ("demo", "orders-7d4b9-abcde", "unknown")
    assert found["unknown"][0]["reason"] == f"cluster demo is in account {ACCOUNT}, eu-west-1"


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
def test_what_is_no_session_of_a_pod(healthy: Site, text: str, words: str) -> None:
    outcome = healthy("trace", text)
    assert (outcome.code, outcome.stdout) == (5, "")
    assert words in outcome.stderr
