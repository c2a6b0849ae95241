"""podid convert."""

import json
from pathlib import Path

import pytest

from worlds import Site

ROW = {"namespace": "shop", "serviceAccountName": "pay", "wellKnownPolicies": {"autoScaler": True}}
CONFIG = {
    "apiVersion": "eksctl.io/v1alpha5",
    "kind": "ClusterConfig",
    "metadata": {"name": "demo"},
    "iam": {"podIdentityAssociations": [ROW]},
}


@pytest.fixture
def cluster_config(tmp_path: Path) -> str:
    """Return the path of an eksctl file whose only association has two settings that podid's format does not have."""
    path = tmp_path / "cluster.yaml"
    path.write_text(json.dumps(CONFIG))
    return str(path)


def test_each_note_is_a_comment_of_the_file_too(account: Site, cluster_config: str) -> None:
    outcome = account.must("convert", "-f", cluster_config)
    comments = [line for line in outcome.stdout.splitlines() if line.startswith("# note: ")]
    assert len(comments) == 2
    assert outcome.stderr.splitlines() == [comment.removeprefix("# ") for comment in comments]


def test_the_output_is_a_declaration_of_podid(account: Site, cluster_config: str, tmp_path: Path) -> None:
    converted = tmp_path / "converted.yaml"
    converted.write_text(account.must("convert", "-f", cluster_config).stdout)
    validated = account.must("validate", str(converted))
    assert validated.stdout == f"✓ {converted}  1 declaration: demo-cluster\n"


def test_the_document_contains_the_text_and_the_notes(account: Site, cluster_config: str) -> None:
    text = account.must("convert", "-f", cluster_config).stdout
    document = account.must("convert", "-f", cluster_config, "-o", "json").json
    assert (document["form"], document["text"], len(document["notes"])) == ("podid", text, 2)


def test_the_names_are_those_of_service_account_and_role(account: Site, cluster_config: str) -> None:
    names = account.must("convert", "-f", cluster_config, "-o", "name").stdout
    assert names.splitlines() == ["shop/pay", "demo-shop-pay"]


def test_a_file_is_converted_without_a_call(account: Site, cluster_config: str) -> None:
    account.box.faults.calls.clear()
    for output in ("table", "json", "name"):
        account.must("convert", "-f", cluster_config, "-o", output)
    assert not account.box.faults.calls


def test_a_file_is_required(account: Site) -> None:
    outcome = account("convert")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "Specify the file: -f FILE" in outcome.stderr
