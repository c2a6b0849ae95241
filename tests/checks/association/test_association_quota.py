from dataclasses import replace

import pytest

from checks.builder import DENIED, association, healthy
from checks.grid import answers, messages

ID = "association-quota"
FAILS = healthy(associations=(association(),) * 4000)
UNKNOWN = healthy(associations=DENIED)
FINDINGS = [("fail", "warn", "Cluster prod")]
UNKNOWNS = [("unknown", "warn", "Cluster prod")]


@pytest.mark.parametrize(
    ("count", "namespaces", "expected"), [(3999, (), "pass"), (4000, ("shop",), "fail"), (5000, (), "fail")]
)
def test_four_fifths_of_the_quota(count: int, namespaces: tuple[str, ...], expected: str) -> None:
    snapshot = replace(healthy(associations=(association(),) * count), only_namespaces=namespaces)
    assert answers(ID, snapshot) == [(expected, "warn", "Cluster prod")]


def test_the_rest_of_the_quota_is_not_known_from_one_namespace() -> None:
    assert messages(ID, replace(FAILS, only_namespaces=("shop",))) == [
        "namespace shop alone has 4000 of the cluster's at most 5000 associations"
    ]


def test_associations_of_one_namespace_are_not_judged() -> None:
    assert answers(ID, replace(healthy(), only_namespaces=("shop",)))[0][0] == "not-applicable"
