from checks.builder import DENIED, healthy
from checks.grid import answers, messages

ID = "node-clock-skew"
FAILS = healthy(clocks={"node-1": 700})
UNKNOWN = healthy(clocks=DENIED)


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "warn", "Node node-1")]
    assert answers(ID, UNKNOWN) == [("unknown", "warn", "Cluster prod")]
    assert messages(ID, FAILS) == [
        "the clock of node node-1 is 700 seconds ahead of the API server's: tokens and signatures made "
        "elsewhere are refused as expired or not yet valid"
    ]
