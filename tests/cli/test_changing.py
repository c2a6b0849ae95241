"""Commands that change: consent, questions, dry runs."""

from typing import Any

import pytest

from cli.lines import names
from harness import Answers, Podid
from podid.sandbox.box import Sandbox


def test_without_a_terminal_a_deletion_requires_yes(podid: Podid, two: Sandbox) -> None:
    outcome = podid("disassociate", "shop/orders")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "Try:   podid disassociate shop/orders --yes" in outcome.stderr
    assert names(podid) == ["shop/orders", "shop/pay"]
    assert podid("disassociate", "shop/orders", "--yes").code == 0
    assert names(podid) == ["shop/pay"]


def test_a_question_on_a_terminal(podid: Podid, two: Sandbox) -> None:
    podid.tty, podid.answers = True, Answers(False)
    outcome = podid("disassociate", "shop/orders")
    assert (outcome.code, podid.answers.questions) == (2, ["Delete the association of shop/orders?"])
    podid.answers = Answers(True)
    assert podid("disassociate", "shop/orders").code == 0
    podid.tty = False
    assert names(podid) == ["shop/pay"]


@pytest.mark.parametrize("env", [{"CI": "true"}, {"CI": "1"}])
def test_no_question_in_ci(podid: Podid, two: Sandbox, env: dict[str, str]) -> None:
    podid.tty, podid.answers = True, Answers()
    assert podid("disassociate", "shop/orders", **env).code == 2


def test_an_empty_variable_ci_is_ignored(podid: Podid, two: Sandbox) -> None:
    podid.tty, podid.answers = True, Answers(True)
    assert podid("disassociate", "shop/orders", CI="").code == 0


def test_creating_needs_no_consent(podid: Podid) -> None:
    podid.tty, podid.answers = True, Answers()
    assert podid("associate", "shop/orders", "--role", "storefront", "--wait", "api").code == 0


def test_yes_neither_replaces_a_role_nor_updates_a_trust_policy(podid: Podid, two: Sandbox) -> None:
    assert podid("associate", "shop/orders", "--role", "orders-dynamodb", "--yes").code == 6
    before = podid("role", "show", "article-2023", "-o", "json").json["trustPolicy"]
    assert podid("associate", "shop/new", "--role", "article-2023", "--yes").code != 0
    assert podid("role", "show", "article-2023", "-o", "json").json["trustPolicy"] == before


def everything(podid: Podid) -> dict[str, Any]:
    """What the API says of all that podid could have changed."""
    roles = podid("role", "list", "-o", "name").stdout.split()
    return {
        "associations": podid("list", "-o", "json").json,
        "roles": [podid("role", "show", name, "-o", "json").json for name in roles],
        "agent": podid("install-agent", "--dry-run", "-o", "json").json["actions"],
        "history": podid("history", "-o", "json").json,
    }


DRY_RUNS = (
    ("install-agent",),
    ("role", "create", "new", "--for", "shop/orders"),
    ("role", "create", "article-2023", "--for", "shop/orders", "--adopt", "--update-trust"),
    ("associate", "shop/new", "--role", "storefront"),
    ("associate", "shop/new", "--role", "article-2023", "--update-trust"),
    ("associate", "shop/orders", "--role", "orders-dynamodb", "--replace"),
    ("disassociate", "shop/orders"),
    ("undo", "last"),
)


def test_a_dry_run_changes_nothing(podid: Podid, two: Sandbox) -> None:
    assert podid("associate", "shop/third", "--role", "storefront", "--wait", "api").code == 0
    before = everything(podid)
    for line in DRY_RUNS:
        outcome = podid(*line, "--dry-run", "-o", "json")
        assert (line, outcome.code, outcome.stderr) == (line, 0, "")
        assert outcome.json["kind"] == "Plan"
        assert outcome.json["actions"] != []
        text = podid(*line, "--dry-run")
        assert text.code == 0
        assert text.stdout.startswith(
            "Plan as arn:aws:iam::111122223333:user/podid-admin in account 111122223333, us-west-2"
        )
    assert everything(podid) == before


def test_a_cluster_is_not_guessed_for_a_change(podid: Podid, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODID_CLUSTER", "")
    assert podid("list").code == 0  # the only one there is
    outcome = podid("associate", "shop/orders", "--role", "storefront")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "No cluster is specified; us-west-2 has demo" in outcome.stderr
    podid.tty, podid.answers = True, Answers("demo")
    assert podid("associate", "shop/orders", "--role", "storefront", "--wait", "api").code == 0
