"""Statements that one statement with a list could replace: those that differ in one condition alone."""

from podid.domain import trust

PODS = {"Service": "pods.eks.amazonaws.com"}


def _statement(sid: str, **values: object) -> dict[str, object]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": PODS,
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": {"StringEquals": values},
    }


def _groups(*statements: dict[str, object]) -> list[tuple[list[int], str]]:
    policy = trust.parse_policy({"Version": "2012-10-17", "Statement": list(statements)})
    return [([s.index for s in group.statements], group.key) for group in trust.mergeable(policy)]


def test_one_difference() -> None:
    assert _groups(_statement("a", x="1", y="1"), _statement("b", x="2", y="1"), _statement("c", x=["3"], y="1")) == [
        ([0, 1, 2], "x")
    ]


def test_two_differences() -> None:
    assert _groups(_statement("a", x="1", y="1"), _statement("b", x="2", y="2")) == []


def test_a_statement_is_in_one_group() -> None:
    groups = _groups(_statement("a", x="1", y="1"), _statement("b", x="2", y="1"), _statement("c", x="1", y="2"))
    assert [len(indexes) for indexes, _ in groups] == [2]


def test_order_of_actions_and_single_values_do_not_matter() -> None:
    other = {**_statement("b", x="2"), "Action": ["sts:TagSession", "sts:AssumeRole"]}
    assert _groups(_statement("a", x="1"), other) == [([0, 1], "x")]


def test_a_negated_condition_is_not_merged() -> None:
    """NotEquals of two values excludes both: the union would allow less."""
    statements = [_statement(name) for name in "ab"]
    for statement, value in zip(statements, "12", strict=True):
        statement["Condition"] = {"StringNotEquals": {"x": value}}
    assert _groups(*statements) == []


def test_the_saving_is_that_of_the_merged_policy() -> None:
    policy = trust.parse_policy(
        {"Version": "2012-10-17", "Statement": [_statement("a", x="1"), _statement("b", x="2")]}
    )
    (group,) = trust.mergeable(policy)
    merged = policy.with_statements([_statement("a", x=["1", "2"])])
    assert group.saved == trust.policy_size(policy) - trust.policy_size(merged)
