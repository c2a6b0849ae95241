"""The clusters of files."""

from collections.abc import Collection, Mapping, Sequence

import pytest

from harness import table
from podid.domain.declaration import ClusterChoice, Declaration
from podid.domain.errors import UsageError
from podid.domain.names import same_cluster
from podid.ops.declare.clusters import CURRENT, clusters_of

BLUE_ARN = "arn:aws:eks:us-west-2:111122223333:cluster/blue"
OPEN = Declaration(name="open")
BLUE = Declaration(name="blue", clusters=(ClusterChoice(name="blue"), ClusterChoice(name="green")))
TAGGED = Declaration(name="tagged", clusters=(ClusterChoice(tags={"env": "prod"}), ClusterChoice(name="green")))


def tagged(tags: Mapping[str, str]) -> Collection[str]:
    return ("green", "red") if tags == {"env": "prod"} else ()


@table(
    ("declarations", "chosen", "expected"),
    [
        ([OPEN], (), {CURRENT: ["open"]}),
        ([OPEN], ("red", "blue"), {"red": ["open"], "blue": ["open"]}),
        ([BLUE, TAGGED], (), {"blue": ["blue"], "green": ["blue", "tagged"], "red": ["tagged"]}),
        ([BLUE], ("green",), {"green": ["blue"]}),
        ([BLUE], (BLUE_ARN,), {"blue": ["blue"]}),
        ([OPEN, BLUE], ("red",), {"red": ["open"]}),
    ],
)
def test_declarations_by_cluster(
    declarations: Sequence[Declaration], chosen: Sequence[str], expected: Mapping[str, Sequence[str]]
) -> None:
    by_cluster = clusters_of(declarations, chosen, tagged)
    assert {name: [item.name for item in items] for name, items in by_cluster.items()} == expected


def test_a_chosen_cluster_that_no_file_lists_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        clusters_of([BLUE, TAGGED], ("grene",), tagged)
    message = "The files do not list cluster grene; they list blue, green, red; did you mean green?"
    assert caught.value.message == message


@table(
    ("one", "other", "same"),
    [
        ("blue", "blue", True),
        ("blue", BLUE_ARN, True),
        (BLUE_ARN, "green", False),
        (BLUE_ARN, BLUE_ARN.replace("us-west-2", "eu-west-1"), False),
    ],
)
def test_names_and_arns_of_one_cluster(one: str, other: str, same: bool) -> None:
    assert same_cluster(one, other) is same
    assert same_cluster(other, one) is same
