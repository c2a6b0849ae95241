"""SARIF 2.1.0."""

import json
import re
from dataclasses import replace

import jsonschema
import pytest

from podid.domain.errors import AccessDenied
from podid.domain.findings import Verdict
from podid.domain.report import DoctorReport
from podid.render.formats import Report, to_json
from podid.render.reports import write_reports
from render.reports.sample import HOSTILE, report_of


@pytest.mark.parametrize("name", ["orders", HOSTILE], ids=["plain", "hostile"])
def test_sarif(name: str) -> None:
    whole = json.loads(write_reports(Report.SARIF, [report_of(name)]))
    (run,) = whole["runs"]
    assert whole["version"] == "2.1.0"
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    results = {result["ruleId"]: result for result in run["results"]}
    assert sorted(results) == rules
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"111122223333/us-west-2/demo/shop/ServiceAccount/[A-Za-z0-9%._~-]+", uri)
    assert {name: (item["kind"], item["level"]) for name, item in results.items()} == {
        "association-missing": ("fail", "error"),
        "pod-predates-association": ("fail", "warning"),
        "sdk-too-old": ("fail", "note"),
        "agent-not-on-node": ("fail", "note"),
        "trust-wrong-principal": ("open", "none"),
    }
    assert run["invocations"][0]["executionSuccessful"] is False


def test_sarif_has_what_the_standard_requires() -> None:
    """The required members and the closed value sets of SARIF 2.1.0 that podid writes (OASIS, 3.13 to 3.49)."""
    text = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}
    result = {
        "required": ["message"],
        "properties": {
            "message": text,
            "kind": {"enum": ["notApplicable", "pass", "fail", "review", "open", "informational"]},
            "level": {"enum": ["none", "note", "warning", "error"]},
            "ruleIndex": {"type": "integer", "minimum": 0},
        },
    }
    driver = {"required": ["name"], "properties": {"rules": {"items": {"required": ["id"]}, "uniqueItems": True}}}
    run = {
        "required": ["tool"],
        "properties": {
            "tool": {"required": ["driver"], "properties": {"driver": driver}},
            "results": {"type": "array", "items": result},
            "invocations": {
                "items": {
                    "required": ["executionSuccessful"],
                    "properties": {"toolExecutionNotifications": {"items": {"required": ["message"]}}},
                }
            },
        },
    }
    schema = {"required": ["version", "runs"], "properties": {"runs": {"type": "array", "items": run}}}
    unread = [(HOSTILE, AccessDenied(HOSTILE))]
    for reports in ((), (report_of(), replace(report_of(HOSTILE), cluster_arn=""))):
        jsonschema.validate(json.loads(write_reports(Report.SARIF, reports, unread)), schema)
    jsonschema.validate(json.loads(write_reports(Report.SARIF, [report_of()])), schema)


def test_an_upload_replaces_the_results_of_its_clusters_only() -> None:
    """GitHub replaces the results of a category, and accepts 20 runs."""
    demo = report_of()
    blue = replace(demo, cluster="blue", cluster_arn=demo.cluster_arn.replace("demo", "blue"), verdicts=())
    failures = [("eu-west-1", AccessDenied("denied"))]
    (alone,) = json.loads(write_reports(Report.SARIF, [demo]))["runs"]
    text = write_reports(Report.SARIF, [blue, demo], failures)
    runs = json.loads(text)["runs"]
    assert text == to_json(json.loads(text))
    assert runs[1] == alone
    ids = [run["automationDetails"]["id"] for run in runs]
    assert ids == [f"podid/doctor/111122223333/us-west-2/{name}/orders/" for name in ("blue", "demo")]
    assert [len(run["invocations"][0].get("toolExecutionNotifications", ())) for run in runs] == [1, 0]
    (run,) = json.loads(write_reports(Report.SARIF, (), failures))["runs"]
    assert run["automationDetails"]["id"] == "podid/doctor/clusters/"


def many(accounts: int, regions: int, clusters: int) -> list[DoctorReport]:
    names = [(a, r, c) for a in range(accounts) for r in range(regions) for c in range(clusters)]
    return [
        replace(
            report_of(),
            cluster=f"c{c}",
            cluster_arn=f"arn:aws:eks:region-{r}:{a:012}:cluster/c{c}",
            scope="",
            verdicts=(),
        )
        for a, r, c in names
    ]


@pytest.mark.parametrize(
    ("reports", "number", "last"),
    [
        (many(1, 2, 10), 20, "000000000000/region-1/c9"),
        (many(1, 1, 21), 1, "000000000000/region-0/-"),
        (many(10, 2, 2), 20, "000000000009/region-1/-"),
        ([replace(report, scope="shop") for report in many(10, 2, 2)], 20, "000000000009/region-1/-/shop"),
        (many(7, 3, 1), 7, "000000000006/-/-"),
        (many(21, 1, 1), 1, "clusters"),
    ],
    ids=["clusters", "a region", "regions", "a part of each cluster", "accounts", "all"],
)
def test_more_clusters_than_runs_share_the_smallest_category(
    reports: list[DoctorReport], number: int, last: str
) -> None:
    """Otherwise an upload for other accounts or regions would replace these results: GitHub has one set a category."""
    runs = json.loads(write_reports(Report.SARIF, reports))["runs"]
    ids = [run["automationDetails"]["id"] for run in runs]
    assert (len(set(ids)), len(ids), ids[-1]) == (number, number, f"podid/doctor/{last}/")


@pytest.mark.parametrize("verdicts", [report_of("a ## b").verdicts, ()], ids=["some", "none"])
def test_sarif_is_written_as_one_document(verdicts: tuple[Verdict, ...]) -> None:
    """Its results are written one by one, which shows nowhere."""
    text = write_reports(Report.SARIF, [replace(report_of(), verdicts=verdicts)])
    assert text == to_json(json.loads(text))
    assert bool(json.loads(text)["runs"][0]["results"]) is bool(verdicts)
