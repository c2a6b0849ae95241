"""CloudTrail's event history, end to end over HTTP: what agents and pods did, as far as it tells."""

from datetime import datetime, timedelta
from itertools import islice

import pytest

from aws.test_sts import BAD, GOOD, TwoTokens
from podid.aws import cloudtrail
from podid.aws.session import AwsSession
from podid.domain.cloudtrail import last_use, newest, of_association
from podid.domain.errors import AccessDenied, PodidError
from podid.domain.foreign import Malformed
from podid.domain.names import ServiceAccountRef
from podid.sandbox.box import Sandbox
from podid.sandbox.faults import TrailRate

ORDERS = ServiceAccountRef("shop", "orders")
ROLE = "arn:aws:iam::111122223333:role/orders-dynamodb"
CLUSTER = "arn:aws:eks:us-west-2:111122223333:cluster/demo"


@pytest.fixture
def since(box: Sandbox, session: AwsSession) -> datetime:
    """One pod that got credentials, after a token that was refused."""
    box.world.attach_kubernetes(TwoTokens())
    since = box.world.clock.datetime() - timedelta(days=1)
    with pytest.raises(PodidError):
        session.eks_auth.assume_role_for_pod_identity("demo", BAD)
    session.eks.create_association("demo", ORDERS, ROLE, token="t-1")
    box.world.clock.advance(30)
    session.eks_auth.assume_role_for_pod_identity("demo", GOOD)
    return since


def test_requests_of_agents_and_sessions_of_pods(session: AwsSession, since: datetime) -> None:
    good, bad = session.cloudtrail.iter_redemptions(since)
    assert (good.cluster, good.error_code, bad.error_code) == ("demo", "", "InvalidToken")
    assert good.caller_arn == "arn:aws:iam::111122223333:user/podid-admin"
    assert good.at - bad.at >= timedelta(seconds=29)
    (got,) = session.cloudtrail.iter_sessions(ROLE, since)
    assert (got.role_arn, got.ref, got.pod, got.cluster_arn) == (ROLE, ORDERS, "orders-1", CLUSTER)
    assert got.session_name.startswith("eks-demo-orders-1-")
    assert got.packed_percent is not None
    assert "token" not in repr(got).lower()


def test_pages_are_asked_for_as_they_are_wanted(box: Sandbox, session: AwsSession, since: datetime) -> None:
    box.world.trail_rate = TrailRate()
    (first,) = [item for item in box.world.trail if item.event["EventName"] == "AssumeRole"]
    box.world.trail.extend([first] * 60)
    calls = box.faults.calls
    calls.clear()
    looked = newest(session.cloudtrail.iter_sessions(ROLE, since), since, 40)
    assert (len(looked.events), looked.whole) == (40, False)
    assert calls["cloudtrail", "LookupEvents"] == 1
    assert len(list(islice(session.cloudtrail.iter_sessions(ROLE, since), 55))) == 55
    assert calls["cloudtrail", "LookupEvents"] >= 3


def test_without_the_permission(box: Sandbox, session: AwsSession, since: datetime) -> None:
    box.world.credentials.deny("cloudtrail:LookupEvents")
    with pytest.raises(AccessDenied) as caught:
        list(session.cloudtrail.iter_redemptions(since))
    assert caught.value.permission == "cloudtrail:LookupEvents"


def test_a_third_call_in_a_second_waits(box: Sandbox, session: AwsSession, since: datetime) -> None:
    box.faults.calls.clear()
    for _ in range(3):
        list(session.cloudtrail.iter_redemptions(since))
    assert box.faults.calls["cloudtrail", "LookupEvents"] > 3


def test_the_service_account_of_a_session(session: AwsSession, since: datetime) -> None:
    (got,) = session.cloudtrail.iter_sessions(ROLE, since)
    other = ServiceAccountRef("shop", "cart")
    for tagged in (True, False):
        assert of_association(ORDERS, CLUSTER, tagged=tagged)(got)
        assert not of_association(other, CLUSTER, tagged=tagged)(got)
        assert not of_association(ORDERS, f"{CLUSTER}-2", tagged=tagged)(got)
    assert last_use([got, got], of_association(other, CLUSTER, tagged=True), since, 2).since == got.at
    assert last_use([got], of_association(ORDERS, CLUSTER, tagged=True), since, 2).session == got


@pytest.mark.parametrize("event", ["{", "[]", '{"eventTime": 3}', "{}"])
def test_an_event_of_another_form_is_no_bug(event: str) -> None:
    with pytest.raises(Malformed):
        cloudtrail.redemptions(
            {"Events": [{"EventName": "AssumeRoleForPodIdentity", "CloudTrailEvent": event}]},
        )
