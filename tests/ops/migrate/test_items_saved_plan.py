"""A saved plan: carried out, and compared with the present state."""

import json
from pathlib import Path

import pytest

from harness import table
from irsa import REPORTS, Irsa, irsa_statement
from ops.migrate.worlds import CREATE, Proxies, stage_of
from podid.domain.errors import InvalidInput
from podid.ops.migrate.items import read_plan
from podid.sandbox.proxy_samples import NAMESPACE
from worlds import CLUSTER_ARN


def test_a_saved_plan_is_carried_out_without_a_question(irsa: Irsa, tmp_path: Path) -> None:
    file = str(tmp_path / "plan.json")
    irsa.site.must("migrate", "plan", "--save", file)
    irsa.site.must("migrate", "apply", "--plan", file)
    assert irsa.stages()[REPORTS] == "moved"


def test_a_changed_trust_policy_ends_apply(irsa: Irsa, tmp_path: Path) -> None:
    file = str(tmp_path / "plan.json")
    irsa.site.must("migrate", "plan", "--save", file)
    document = irsa.trust("irsa-reports")
    document["Statement"].append(irsa_statement("shop/other"))
    irsa.site.trust("irsa-reports", document)
    outcome = irsa.site("migrate", "apply", "--plan", file)
    assert outcome.code == 6, outcome
    assert "legacy/reports: the trust policy of its role changed" in outcome.stderr
    assert irsa.stages()[REPORTS] == "old"


def test_a_saved_plan_creates_service_accounts(sharing: Proxies, tmp_path: Path) -> None:
    file = str(tmp_path / "plan.json")
    sharing.site.must("migrate", "plan", "-n", NAMESPACE, CREATE, "--save", file)
    sharing.site.must("migrate", "apply", "--plan", file)
    assert stage_of(sharing, "writer") == "moved"


def test_a_saved_plan_changes_only_its_items(irsa: Irsa, tmp_path: Path) -> None:
    file = str(tmp_path / "plan.json")
    arn = irsa.role("pair", irsa_statement("shop/one", "shop/two"))
    irsa.account("shop/one", arn)
    irsa.account("shop/two", arn)
    irsa.site.must("migrate", "plan", "shop/one", "--save", file)
    irsa.site.must("migrate", "apply", "--plan", file)
    stages = irsa.stages()
    # the trust policy does not allow shop/two, which would be admitted
    assert (stages["shop/one"], stages["shop/two"], stages[REPORTS]) == ("moved", "old", "old")
    assert len(irsa.trust("pair")["Statement"]) == 2


@table("text", ["", "{}", "[]", '{"kind": "MigrationPlan"}', '{"kind": "Plan", "items": []}'])
def test_a_file_that_is_no_plan(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_plan(text, "plan.json")


def test_a_damaged_plan_changes_nothing(irsa: Irsa, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    for text, code in (
        ("", 2),
        ('{"kind": "MigrationPlan", "items": [{}]}', 6),  # of another cluster
        (json.dumps({"kind": "MigrationPlan", "cluster": CLUSTER_ARN, "items": [{}]}), 2),
    ):
        file.write_text(text)
        outcome = irsa.site("migrate", "apply", "--plan", str(file))
        assert (outcome.code, "plan.json" in outcome.stderr) == (code, True), outcome
    assert irsa.stages()[REPORTS] == "old"
