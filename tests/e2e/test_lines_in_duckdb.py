"""The queries of the guide on many accounts run on files that podid wrote."""

import re
from pathlib import Path
from typing import Any

import pytest

from accounts import ROLE, ids, organization
from harness import Podid
from podid.sandbox.box import Sandbox

GUIDE = Path(__file__).resolve().parents[2] / "docs/guides/many-accounts.md"
QUERIES = re.findall(r"```sql\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
EVERYWHERE = ("--assume-role", ROLE, "--organization")


@pytest.mark.rare
def test_the_queries_of_the_guide(box: Sandbox, podid: Podid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    duckdb: Any = pytest.importorskip("duckdb", reason="DuckDB is not installed: pip install duckdb")
    monkeypatch.chdir(tmp_path)
    organization(box, ids(2), clusters=2, associations=3)
    listed = podid("list", *EVERYWHERE, "-o", "jsonl")
    checked = podid("doctor", *EVERYWHERE, "--check", "role-not-found", "--save", "snapshots.jsonl", "-o", "jsonl")
    assert (listed.code, len(checked.stdout.splitlines())) == (0, 5)
    Path("associations.jsonl").write_text(listed.stdout)
    Path("reports.jsonl").write_text(checked.stdout)
    by_role, by_check, by_cluster = [duckdb.sql(query).fetchall() for query in QUERIES]
    assert by_role == [(f"arn:aws:iam::{account}:role/storefront", 2, 6) for account in ids(2)]
    assert by_check == [("role-not-found", 4, 4)]
    arns = sorted(f"arn:aws:eks:us-west-2:{account}:cluster/{name}" for account in ids(2) for name in ("c00", "c01"))
    assert [(arn, count) for arn, _, count in by_cluster] == [
        ("arn:aws:eks:us-west-2:111122223333:cluster/demo", 0),
        *((arn, 3) for arn in arns),
    ]


@pytest.mark.parametrize("place", [0, 4])
def test_a_line_of_the_file_is_a_snapshot(box: Sandbox, podid: Podid, tmp_path: Path, place: int) -> None:
    organization(box, ids(2), clusters=2, associations=1)
    file = tmp_path / "snapshots.jsonl"
    podid("doctor", *EVERYWHERE, "--check", "role-not-found", "--save", str(file))
    line = file.read_text().splitlines()[place]
    outcome = podid("doctor", "--from", "-", "--check", "role-not-found", "-o", "json", stdin=line)
    assert outcome.json["clusterArn"] in line, outcome
