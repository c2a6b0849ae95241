"""Questions of a guided run: their order, options and checks."""

from cli.guide.facts import (
    DEFAULT_NAME,
    DYNAMODB_PRESET,
    FACTS,
    NEW_ROLE,
    SQS_PRESET,
    TARGET_ROLE,
    WITH_TARGET_ROLE,
    questions_of,
)
from podid.domain.snapshot import Missing


def test_likely_answers_come_first() -> None:
    questions = questions_of(NEW_ROLE | DYNAMODB_PRESET | DEFAULT_NAME)
    titles = {key: [option.value for option in question.options] for key, question in questions.items()}
    assert titles["account"] == ["orders", "idle", "default", "cart", "owned", "…"]
    assert questions["account"].options[4].off == "owned by an add-on: podid addon associate"
    assert titles["role"] == ["new", "wide", "narrow", "…"]
    assert [option.value for option in questions["preset"].options if option.value == "dynamodb-read"]
    assert "1. create role demo-shop-orders, with permission to read items of table orders" in "".join(
        questions["go"].lead
    )


def test_rare_settings_are_behind_one_question() -> None:
    questions = questions_of(
        NEW_ROLE | DYNAMODB_PRESET | SQS_PRESET | DEFAULT_NAME | WITH_TARGET_ROLE | {"target-trust": "yes"}
    )
    firsts = {key: question.options[0].value for key, question in questions.items() if question.options}
    assert (firsts["another"], firsts["1.another"], firsts["settings.0"]) == ("no", "no", "nothing")
    assert "dynamodb-read" not in {option.value for option in questions["1.preset"].options}
    assert "last at most 59 minutes" in questions["target"].lead[0]
    assert questions["target"].check("reports") != ""
    assert questions["go"].lead[1:5] == (
        "  1. create role demo-shop-orders, with permission to read items of table orders and of its indexes, and send "
        "messages to queue out; only pods of shop/orders can assume it",
        "  2. give the pods of shop/orders role demo-shop-orders",
        f"  3. let them assume target role {TARGET_ROLE}",
        "  4. add a statement to the trust policy of role reports, if required",
    )


def test_no_line_is_longer_than_a_small_terminal() -> None:
    answers = (
        NEW_ROLE | DYNAMODB_PRESET | SQS_PRESET | DEFAULT_NAME | WITH_TARGET_ROLE | {"target-trust": "yes"},
        NEW_ROLE | {"role": "narrow", "trust": "yes", "scope": "namespace"},
    )
    for question in (question for answered in answers for question in questions_of(answered).values()):
        note = " (arrow keys or letters, Enter)" if len(question.options) > 9 else " (arrow keys, Enter)"
        assert len(f"? {question.text}{note}") <= 80, question.text
        assert all(len(f" » {option.title.strip()}") <= 76 for option in question.options)


def test_without_access_to_the_cluster_names_are_typed() -> None:
    from dataclasses import replace

    facts = replace(FACTS, accounts=Missing("it is private"), roles=Missing("it is denied"))
    typed = {"namespace-typed": "shop", "account-typed": "orders", "role": "…", "role-typed": "wide"}
    typed |= {"settings.0": "nothing", "go": "do"}
    questions = questions_of(typed, facts)
    assert set(questions) == set(typed)
    assert "it is private" in questions["namespace-typed"].lead[-1]
    # a namespace is a DNS label, a service account a DNS subdomain
    for key, name, good in (
        ("namespace-typed", "shop", True),
        ("namespace-typed", "my.shop", False),
        ("account-typed", "my.app", True),
        ("account-typed", "Orders", False),
        *((key, name, False) for key in ("namespace-typed", "account-typed") for name in ("", " ", "shop/orders", "ä")),
    ):
        problem = questions[key].check(name)
        assert (problem == "", len(problem) <= 80) == (good, True), (key, name, problem)
