"""podid validate: every mistake of every file, without AWS and Kubernetes."""

import json
from pathlib import Path

import pytest

from harness import Podid

FILE = {"apiVersion": "podid/v1", "kind": "PodIdentity", "metadata": {"name": "shop"}}
ASSOCIATION = {"serviceAccount": "shop/orders", "role": "orders"}


@pytest.fixture
def podid(podid: Podid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Podid:
    monkeypatch.chdir(tmp_path)
    return podid


def write(name: str, *documents: object) -> str:
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_text("---\n".join(json.dumps(item, indent=1) + "\n" for item in documents))
    return name


def test_files_are_validated_by_themselves_and_a_directory_together(podid: Podid) -> None:
    same = {**FILE, "associations": [ASSOCIATION]}
    first, second = write("prod/shop.yaml", same), write("prod/other.yaml", same)
    assert podid("validate", first, second).code == 0
    together = podid("validate", "prod")
    assert (together.code, together.stderr) == (3, "")
    assert "the name shop is already used" in together.stdout
    twice = podid("validate", first, first, "-o", "json").json
    assert twice["items"] == [{"file": first, "declarations": ["shop"], "mistakes": []}]


def test_every_mistake_of_every_file_has_its_place(podid: Podid) -> None:
    wrong = write("wrong.yaml", {**FILE, "rolls": [], "associations": [{**ASSOCIATION, "serviceAccount": "orders"}]})
    good = write("good.yaml", FILE)
    outcome = podid("validate", wrong, good, "-o", "json")
    assert (outcome.code, outcome.stderr) == (3, "")
    bad, fine = outcome.json["items"]
    assert [item.partition(" ")[0] for item in bad["mistakes"]] == ["wrong.yaml:7:2:", "wrong.yaml:10:22:"]
    assert (bad["declarations"], fine["declarations"]) == ([], ["shop"])
    assert podid("validate", wrong, good, "-o", "name").stdout == "wrong.yaml\n"
    rows = podid("validate", wrong, good, "-o", "csv").stdout.splitlines()
    assert [row.split(",")[1] for row in rows] == ["state", "mistake", "mistake", "valid"]


def test_a_guard_needs_no_name(podid: Podid) -> None:
    guard = {"apiVersion": "podid/v1", "kind": "PodIdentity", "guard": {"allowedRoles": ["*"]}}
    outcome = podid("validate", write("guard.yaml", guard))
    assert (outcome.code, outcome.stdout) == (0, "✓ guard.yaml  a guard\n")
    outcome = podid("validate", write("guard.yaml", {**guard, "guard": {"roles": []}}))
    assert outcome.code == 3
    assert "guard.roles: is not a known key" in outcome.stdout


def test_variables_and_stdin(podid: Podid) -> None:
    text = json.dumps({**FILE, "metadata": {"name": "${TEAM}"}})
    assert podid("validate", "-", stdin=text).code == 3
    assert podid("validate", "-", stdin="").stdout == "✗ standard input: no document of kind PodIdentity\n"
    assert podid("validate", "-", "--var", "TEAM=shop", stdin=text).stdout == "✓ standard input  1 declaration: shop\n"
    write("values.yaml", {"TEAM": "web"})
    assert (
        podid("validate", "-", "--var-file", "values.yaml", stdin=text).stdout
        == "✓ standard input  1 declaration: web\n"
    )


def test_a_file_that_cannot_be_read_is_no_mistake_in_it(podid: Podid) -> None:
    outcome = podid("validate", write("good.yaml", FILE), "none.yaml")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "none.yaml cannot be read: No such file" in outcome.stderr
    missing = {**FILE, "roles": [{"name": "orders", "policies": [{"file": "policy.json"}]}]}
    outcome = podid("validate", write("policies.yaml", missing))
    assert outcome.code == 3
    assert "policy.json" in outcome.stdout
