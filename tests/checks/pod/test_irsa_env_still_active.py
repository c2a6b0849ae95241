from checks.builder import NO_PODS, healthy
from checks.grid import answers, messages
from checks.pods import IRSA

ID = "irsa-env-still-active"
FAILS = healthy(pods=(IRSA,))
UNKNOWN = NO_PODS


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "error", "Deployment shop/orders")]
    assert answers(ID, UNKNOWN) == [("unknown", "error", "Cluster prod")]
    assert messages(ID, FAILS) == [
        "1 of 1 pod started with the IRSA web identity (AWS_WEB_IDENTITY_TOKEN_FILE) instead of Pod Identity"
    ]
