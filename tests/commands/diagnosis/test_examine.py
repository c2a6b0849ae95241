"""`podid doctor --save` and `--from`: the same report without access, and no secret in the file."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness import Podid
from worlds import Site

SECRET = "wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY"


@pytest.fixture
def broken(site: Site) -> Site:
    """Pods that predate their association, and keys in the variables of others."""
    site.with_samples()
    env = [{"name": "AWS_SECRET_ACCESS_KEY", "value": SECRET}, {"name": "DB_PASSWORD", "value": SECRET}]
    pod = {"containers": [{"name": "c", "image": "x", "env": env}]}
    site.cluster.make_workload("Deployment", "shop", "keys", "orders", pod=pod)
    site.wait(30)
    return site


def placeless(text: str, arn: str) -> Any:
    """The report without the cluster in its commands, which is named by its ARN where nothing else says where it is."""
    report = json.loads(text)

    def without(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: without(member) for key, member in value.items()}
        if isinstance(value, list):
            return [without(item) for item in value if item not in ("demo", arn)]
        return value

    return without(report)


def test_a_saved_snapshot_gives_the_same_report(broken: Site, tmp_path: Path) -> None:
    file = tmp_path / "s.json"
    live = broken("doctor", "--save", str(file), "--all", "-o", "json")
    assert live.code == 3
    again = Podid()("doctor", "--from", str(file), "--all", "-o", "json")
    assert (again.code, again.stderr) == (3, "")
    arn = live.json["clusterArn"]
    (fix,) = [item["fix"] for item in again.json["findings"] if item["id"] == "association-sa-not-found"]
    assert all(command[-2:] == ["--cluster", arn] for command in fix["commands"])
    assert placeless(again.stdout, arn) == placeless(live.stdout, arn)
    assert SECRET not in file.read_text()
    assert "AWS_SECRET_ACCESS_KEY" in file.read_text()
    assert f"Saved to {file}" in broken("doctor", "--save", str(file), "--force").stderr


PARTS = (
    *(["-n", "shop"], ["-n", "payments"], ["shop/orders"], ["payments/bilingworker"], ["deploy/shop/orders"]),
    *(["--check", "association-sa-not-found"], ["-n", "shop", "--link", "6"]),
)


def test_a_part_of_a_snapshot_gives_the_report_of_that_part(broken: Site, tmp_path: Path) -> None:
    file = tmp_path / "s.json"
    broken("doctor", "--save", str(file))
    for words in PARTS:
        live = broken("doctor", *words, "--all", "-o", "json")
        again = Podid()("doctor", *words, "--all", "--from", str(file), "-o", "json")
        arn = live.json["clusterArn"]
        expected = placeless(live.stdout, arn) | {"takenAt": again.json["takenAt"]}
        assert (again.code, placeless(again.stdout, arn)) == (live.code, expected), words
    narrow = tmp_path / "n.json"
    broken("doctor", "-n", "shop", "--save", str(narrow))
    outcome = Podid()("doctor", "--from", str(narrow))
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "contains only namespace shop" in outcome.stderr


def test_a_file_that_is_not_a_snapshot(tmp_path: Path) -> None:
    file = tmp_path / "s.json"
    file.write_text("{}")
    outcome = Podid()("doctor", "--from", str(file))
    assert (outcome.code, outcome.stdout) == (2, "")
    assert f"{file} is not a snapshot" in outcome.stderr
