from checks.builder import bare, cluster, healthy, pod
from checks.grid import answers
from harness import table

ID = "cluster-too-old"
FAILS = healthy(cluster=cluster(version="1.28", platform_version="eks.3"), pods=(bare(pod()),))
UNKNOWN = healthy(cluster=cluster(version="1.28"), pods=())
PASSES = healthy(cluster=cluster(version="1.19"))
FINDINGS = [("fail", "error", "Cluster prod")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]


@table(
    ("version", "platform", "expected"),
    [
        *(
            ("1.23", "eks.99", "fail"),
            ("1.24", "eks.12", "fail"),
            ("1.24", "eks.13", "pass"),
            ("1.29", "eks.1", "pass"),
        ),
        *(("1.30", "eks.1", "fail"), ("1.31", "eks.3", "fail"), ("1.31", "eks.4", "pass"), ("1.32", "", "pass")),
        *(("1.31", "", "unknown"), ("", "eks.9", "unknown")),
    ],
)
def test_first_platform_versions(version: str, platform: str, expected: str) -> None:
    old = cluster(version=version, platform_version=platform)
    assert [a[0] for a in answers(ID, healthy(cluster=old, pods=()))] == [expected]


def test_variables_that_are_written_by_hand_prove_nothing() -> None:
    snapshot = healthy(cluster=cluster(version="1.23"), pods=(pod(volumes=()),))
    assert answers(ID, snapshot) == [("fail", "error", "Cluster prod")]
    assert answers(ID, healthy(cluster=cluster(version="1.23"))) == [("pass", "error", "Cluster prod")]
