"""The pod of a role session, by CloudTrail and by the running pods."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness import table
from ops.session.support import ARN, NAME, UUID, created, event, named, session_of
from podid.domain.cloudtrail import NamedSession, sessions_in
from podid.domain.errors import ExitCode, InvalidInput, NotFound
from podid.domain.names import ServiceAccountRef
from podid.ops.session.trace import MOST_SESSIONS, SessionTrace, _merged, sightings
from podid.sandbox.baseline import add_cluster
from worlds import ACCOUNT, CLUSTER_ARN, ROLE_ARN, Site

SESSION = NamedSession(NAME, "shop-orders", ACCOUNT, "aws")
DENIED = f"User: {ARN} is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::b/k because no policy"


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
    (result,) = sightings({"Records": [event()]}, "x")
    assert result.event is not None
    assert (result.event.pod, result.event.role_arn, str(result.event.ref)) == (
        "orders-7d4b9-abcde",
        ROLE_ARN,
        "shop/orders",
    )
    used = {"eventName": "GetObject", "eventTime": "2026-11-24T09:30:00Z", "userIdentity": {"arn": ARN}}
    (result,) = sightings(used, "x")
    assert (result.event, str(result.at)) == (None, "2026-11-24 09:30:00+00:00")


def test_malformed_events_and_many_sessions() -> None:
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
    result = healthy.must("trace", arn, "-o", "json").json
    pod = healthy.cluster.get(f"/api/v1/namespaces/shop/pods/{result['pod']}")
    assert (result["source"], result["state"], result["unknown"]) == ("cloudtrail", "running", [])
    assert (result["namespace"], result["serviceAccount"], result["cluster"]) == ("shop", "orders", "demo")
    assert (result["podUid"], result["node"]) == (pod["metadata"]["uid"], pod["spec"]["nodeName"])
    assert result["workload"] == {"kind": "Deployment", "namespace": "shop", "name": "orders"}
    assert result["images"] == [container["image"] for container in pod["spec"]["containers"]]
    assert result["associationId"].startswith("a-")
    assert "workload         Deployment shop/orders" in healthy.must("trace", arn.rpartition("/")[2]).stdout


def test_a_pod_that_is_gone(healthy: Site) -> None:
    """The probe's pod: the agent of its node requested the session."""
    node = healthy.cluster.items("/api/v1/nodes")[0]["metadata"]["name"]
    healthy.must("verify", "shop/orders", "--yes", "--probe-node", node)
    redeemed = [item.event for item in healthy.box.world.trail if item.event.get("Username", "").startswith("i-")][-1]
    arn = created(healthy)[-1]
    healthy.wait(120)
    result = healthy.must("trace", arn, "-o", "json").json
    assert (result["state"], result["node"], result["serviceAccount"]) == ("gone", redeemed["Username"], "orders")
    assert result["pod"].startswith("podid-probe-")
    assert (result["workload"], result["images"]) == (None, [])


def test_the_workload_of_a_pod_that_is_gone_is_that_of_its_siblings(healthy: Site) -> None:
    arn = session_of(healthy)
    name = healthy.must("trace", arn, "-o", "json").json["pod"]
    healthy.cluster.delete(f"/api/v1/namespaces/shop/pods/{name}")
    healthy.wait(60)
    result = healthy.must("trace", arn, "-o", "json").json
    assert (result["state"], result["workload"]["name"], len(result["images"])) == ("gone", "orders", 1)
    assert [item["what"] for item in result["unknown"]] == ["node"]


def test_without_session_tags_the_names_of_pods_are_compared(healthy: Site) -> None:
    healthy.must("associate", "shop/orders", "--no-session-tags", "--replace", "--update-trust")
    healthy.wait(60)
    arn = session_of(healthy)
    result = healthy.must("trace", arn, "-o", "json").json
    assert (result["source"], result["serviceAccount"], result["pod"]) == ("cluster", "orders", None)
    assert result["candidates"] == [f"shop/{name}" for name in healthy.cluster.pod_names("shop", "orders")]
    assert (result["workload"]["name"], result["startedAt"] is None) == ("orders", False)
    assert result["unknown"] == [{"what": "pod", "reason": "the session has no session tags", "permission": None}]


def test_the_role_must_be_that_of_the_association(healthy: Site) -> None:
    outcome = healthy("trace", f"arn:aws:sts::{ACCOUNT}:assumed-role/other/{named(healthy)}")
    assert (outcome.code, outcome.stdout) == (5, "")
    assert "No running pod in us-west-2 matches" in outcome.stderr


def test_the_cluster_is_found_by_the_session_name(healthy: Site) -> None:
    add_cluster(healthy.box.world, "blue")
    arn, name = session_of(healthy), named(healthy)
    assert "pod              orders-" in healthy("trace", arn, without=["PODID_CLUSTER"]).stdout
    result = healthy("trace", name, "-o", "json", without=["PODID_CLUSTER"]).json
    assert (result["cluster"], result["serviceAccount"]) == ("demo", "orders")
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


def test_an_event_of_another_region(healthy: Site, tmp_path: Path) -> None:
    file = tmp_path / "event.json"
    file.write_text(json.dumps(event(cluster=CLUSTER_ARN.replace("us-west-2", "eu-west-1"))))
    result = healthy.must("trace", str(file), "-o", "json").json
    assert (result["cluster"], result["pod"], result["state"]) == ("demo", "orders-7d4b9-abcde", "unknown")
    assert result["unknown"][0]["reason"] == f"cluster demo is in account {ACCOUNT}, eu-west-1"


def test_pods_of_several_clusters_are_candidates() -> None:
    session = NamedSession(NAME)
    blue = SessionTrace(session=session, cluster="blue", ref=ServiceAccountRef("shop", "orders"), pod="orders-1")
    red = SessionTrace(session=session, cluster="red", candidates=("web/app-1", "web/app-2"))
    merged = _merged([blue, red])
    assert (merged.cluster, merged.pod, merged.ref) == ("", "", None)
    assert merged.candidates == ("shop/orders-1", "web/app-1", "web/app-2")
    assert [str(item) for item in merged.unknown] == ["cluster: pods of several clusters match: blue, red"]
    assert merged.exit_code is ExitCode.UNDETERMINED
