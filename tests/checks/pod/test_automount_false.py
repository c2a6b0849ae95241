from checks.builder import NO_PODS, healthy, pod, requested
from checks.grid import answers, messages

ID = "automount-false"
FAILS = requested(healthy(pods=(pod(automount=False),)))
UNKNOWN = NO_PODS


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "info", "Deployment shop/orders")]
    assert answers(ID, UNKNOWN) == [("unknown", "info", "Cluster prod")]
    assert messages(ID, FAILS) == [
        "automountServiceAccountToken is false in its pods; this does not affect Pod Identity, whose "
        "token has its own volume"
    ]
