"""Questions about the namespace and the service account."""

from cli.guide.facts import FACTS, questions_of
from podid.domain.snapshot import Missing


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
