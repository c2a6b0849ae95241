"""podid convert."""

import json
from pathlib import Path

from worlds import Site

ROW = {"namespace": "shop", "serviceAccountName": "pay", "wellKnownPolicies": {"autoScaler": True}}
CONFIG = {
    "apiVersion": "eksctl.io/v1alpha5",
    "kind": "ClusterConfig",
    "metadata": {"name": "demo"},
    "iam": {"podIdentityAssociations": [ROW]},
}


def test_a_converted_file_is_read_without_a_call(account: Site, tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text(json.dumps(CONFIG))
    account.box.faults.calls.clear()
    outcome = account("convert", "-f", str(path))
    assert outcome.code == 0
    notes = [line for line in outcome.stderr.splitlines() if line.startswith("note: ")]
    assert [f"# {note}" in outcome.stdout.splitlines() for note in notes] == [True, True]
    own = tmp_path / "own.yaml"
    own.write_text(outcome.stdout)
    assert account.must("validate", str(own)).stdout == f"✓ {own}  1 declaration: demo-cluster\n"
    document = account.must("convert", "-f", str(path), "-o", "json").json
    assert (document["form"], document["text"], len(document["notes"])) == ("podid", outcome.stdout, 2)
    names = account.must("convert", "-f", str(path), "-o", "name").stdout
    assert names.splitlines() == ["shop/pay", "demo-shop-pay"]
    assert not account.box.faults.calls


def test_a_file_is_required(account: Site) -> None:
    outcome = account("convert")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "Specify the file: -f FILE" in outcome.stderr
