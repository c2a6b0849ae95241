import pytest

from checks.builder import DENIED, cluster, healthy
from checks.grid import answers

ID = "unsupported-cluster-kind"
FAILS = healthy(cluster=cluster(unsupported_kind="a local cluster on Outposts"))
UNKNOWN = healthy(cluster=DENIED)
FINDINGS = [("fail", "error", "Cluster prod")]
UNKNOWNS = [("unknown", "error", "Cluster -")]


@pytest.mark.parametrize(("partition", "expected"), [("aws", "pass"), ("aws-us-gov", "pass"), ("aws-iso-b", "unknown")])
def test_partitions(partition: str, expected: str) -> None:
    where = cluster(arn=f"arn:{partition}:eks:us-west-2:111122223333:cluster/prod")
    assert [answer[0] for answer in answers(ID, healthy(cluster=where))] == [expected]
