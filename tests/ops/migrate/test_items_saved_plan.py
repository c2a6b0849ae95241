"""A saved plan: carried out, and compared with the present state."""

from typing import Any

import pytest

from irsa import REPORTS, Irsa, irsa_statement
from ops.migrate.worlds import CREATE, Proxies, stage_of
from podid.sandbox.proxy_samples import NAMESPACE


def test_a_saved_plan_is_carried_out_without_a_question(irsa: Irsa, tmp_path: Any) -> None:
    file = str(tmp_path / "plan.json")
    irsa.site.must("migrate", "plan", "--save", file)
    irsa.site.must("migrate", "apply", "--plan", file)
    assert irsa.stages()[REPORTS] == "moved"


def test_a_saved_plan_changes_only_its_items(irsa: Irsa, tmp_path: Any) -> None:
    file = str(tmp_path / "plan.json")
    irsa.with_role("shop/one")
    irsa.site.must("migrate", "plan", "shop/one", "--save", file)
    irsa.site.must("migrate", "apply", "--plan", file)
    stages = irsa.stages()
    assert (stages["shop/one"], stages[REPORTS]) == ("moved", "old")


def test_a_changed_trust_policy_ends_apply(irsa: Irsa, tmp_path: Any) -> None:
    file = str(tmp_path / "plan.json")
    irsa.site.must("migrate", "plan", "--save", file)
    document = irsa.trust("irsa-reports")
    document["Statement"].append(irsa_statement("shop/other"))
    irsa.site.trust("irsa-reports", document)
    outcome = irsa.site("migrate", "apply", "--plan", file)
    assert outcome.code == 6, outcome
    assert "legacy/reports: the trust policy of its role changed" in outcome.stderr
    assert irsa.stages()[REPORTS] == "old"


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"kind": "MigrationPlan"}', '{"kind": "MigrationPlan", "items": [{}]}']
)
def test_a_file_that_is_no_plan(irsa: Irsa, tmp_path: Any, text: str) -> None:
    file = tmp_path / "plan.json"
    file.write_text(text)
    outcome = irsa.site("migrate", "apply", "--plan", str(file))
    assert outcome.code in (2, 6), outcome
    assert irsa.stages()[REPORTS] == "old"


def test_a_saved_plan_changes_no_trust_policy_for_others(irsa: Irsa, tmp_path: Any) -> None:
    file = str(tmp_path / "plan.json")
    arn = irsa.role("pair", irsa_statement("shop/one", "shop/two"))
    irsa.account("shop/one", arn)
    irsa.account("shop/two", arn)
    irsa.site.must("migrate", "plan", "shop/one", "--save", file)
    irsa.site.must("migrate", "apply", "--plan", file)
    assert len(irsa.trust("pair")["Statement"]) == 2


def test_a_saved_plan_creates_service_accounts(sharing: Proxies, tmp_path: Any) -> None:
    file = str(tmp_path / "plan.json")
    sharing.site.must("migrate", "plan", "-n", NAMESPACE, CREATE, "--save", file)
    sharing.site.must("migrate", "apply", "--plan", file)
    assert stage_of(sharing, "writer") == "moved"
