from checks.builder import NO_PODS, healthy, pod
from checks.grid import answers, messages

ID = "ephemeral-debug-container-no-env"
FAILS = healthy(pods=(pod(ephemeral=("debugger",)),))
UNKNOWN = NO_PODS


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "info", "Deployment shop/orders")]
    assert answers(ID, UNKNOWN) == [("unknown", "info", "Cluster prod")]
    assert messages(ID, FAILS) == ["1 of 1 pod has debug containers, which get no credentials"]
