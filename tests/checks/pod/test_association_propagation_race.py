from checks.builder import NO_PODS, bare, healthy, pod
from checks.grid import answers, messages
from checks.pods import CREATED

ID = "association-propagation-race"
FAILS = healthy(pods=(bare(pod(), created_at=CREATED),))
UNKNOWN = NO_PODS


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "error", "Deployment shop/orders")]
    assert answers(ID, UNKNOWN) == [("unknown", "error", "Cluster prod")]
    assert messages(ID, FAILS) == [
        "1 of 1 pod started within 60 s of a change of the association, before it reached the webhook"
    ]
