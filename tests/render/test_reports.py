"""A doctor's report in the formats of other programs: each is read back by a parser that is not podid's."""

import html.parser
import json
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from markdown_it import MarkdownIt

from podid.domain.errors import AccessDenied
from podid.domain.findings import LINKS, Fix, FixClass, Outcome, Severity, Subject, Verdict
from podid.domain.names import ServiceAccountRef
from podid.domain.report import DoctorReport, LinkState
from podid.domain.status import IdentityState, IdentityStatus, PodStatus
from podid.render.formats import Report, to_json
from podid.render.reports import SEVERAL, write_reports
from podid.sandbox.baseline import add_association
from worlds import Site

HOSTILE = "x</text><script>document.title='owned'</script>\n::error::forged|`**]]>&\x1b[31m\x00\ud800@team"
UNSEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069\u2028\U000e0000-\U000e007f]")
COUNTS = {"tests": "6", "failures": "2", "errors": "1", "skipped": "1"}


def verdict(name: str, check: str, outcome: Outcome, link: int, message: str = "", **more: Any) -> Verdict:
    subject = Subject("ServiceAccount", name, "shop")
    more |= {"link": link, "subject": subject, "chain": (f"shop/{name}",)}
    return Verdict(check=check, outcome=outcome, message=message, **more)


def report_of(name: str = "orders") -> DoctorReport:
    fix = Fix(FixClass.ASK, (("podid", "associate", f"shop/{name}"),))
    return DoctorReport(
        cluster="demo",
        cluster_arn="arn:aws:eks:us-west-2:111122223333:cluster/demo",
        taken_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        scope=name,
        checks=("association-missing",),
        associations=2,
        verdicts=(
            verdict(name, "association-missing", Outcome.FAIL, 1, message=name, evidence=(name,), fix=fix),
            verdict("cart", "association-sa-not-found", Outcome.PASS, 2, message="it is there"),
            verdict("cart", "pod-predates-association", Outcome.FAIL, 3, message="old", severity=Severity.WARN),
            verdict("cart", "sdk-too-old", Outcome.FAIL, 4, message="a note", severity=Severity.INFO),
            verdict(name, "agent-not-on-node", Outcome.FAIL, 6, message="later", masked_by="association-missing"),
            verdict(
                "cart", "trust-wrong-principal", Outcome.UNKNOWN, 9, reason=f"denied {name}", permission="iam:GetRole"
            ),
            verdict("cart", "webhook-config-altered", Outcome.NOT_APPLICABLE, 3),
        ),
        identities=(status(name, IdentityState.BROKEN), status("cart", IdentityState.DOUBTFUL)),
    )


def status(name: str, state: IdentityState) -> IdentityStatus:
    # a name that no service account has
    ref = ServiceAccountRef("shop", name)
    new = PodStatus(namespace="shop", name="", node="", workload=None, state=state)
    return IdentityStatus(ref=ref, association=None, state=state, cause=None, new_pod=new, pods=())


def test_a_link_is_as_good_as_the_worst_that_was_seen() -> None:
    states = {item.link: item.state for item in report_of().chain}
    assert states == dict.fromkeys(range(len(LINKS)), LinkState.UNSEEN) | {
        1: LinkState.BROKEN,
        2: LinkState.FINE,
        3: LinkState.WARNING,
        4: LinkState.NOTE,
        6: LinkState.BROKEN,
        9: LinkState.UNKNOWN,
    }


@pytest.mark.parametrize("name", ["orders", HOSTILE], ids=["plain", "hostile"])
def test_junit(name: str) -> None:
    root = ET.fromstring(write_reports(Report.JUNIT, [report_of(name)]))
    assert {key: root.get(key) for key in COUNTS} == COUNTS
    for key in COUNTS:
        assert sum(int(suite.attrib[key]) for suite in root) == int(COUNTS[key])
    cases = {case.attrib["classname"]: case for case in root.iter("testcase")}
    failure = cases["podid.association-missing"].find("failure")
    assert failure is not None
    assert failure.get("type") == "error"
    assert "podid explain association-missing" in (failure.text or "")
    error = cases["podid.trust-wrong-principal"].find("error")
    assert error is not None
    assert "iam:GetRole" in error.attrib["message"]
    assert cases["podid.agent-not-on-node"].find("skipped") is not None
    assert list(cases["podid.association-sa-not-found"]) == []


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
        assert re.fullmatch(r"demo/shop/ServiceAccount/[A-Za-z0-9%._~-]+", uri)
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


@pytest.mark.parametrize("form", SEVERAL)
def test_several_clusters_in_one_file(form: Report) -> None:
    """The text of a cluster that cannot be read is as harmless as that of a report."""
    text = write_reports(form, (report_of(), report_of()), [(HOSTILE, AccessDenied(HOSTILE))])
    assert not UNSEEN.search(text)
    assert [line for line in text.splitlines() if line.startswith("::")] == (
        text.splitlines() if form is Report.GITHUB else []
    )


@pytest.mark.parametrize("name", ["orders", HOSTILE], ids=["plain", "hostile"])
def test_github(name: str) -> None:
    lines = write_reports(Report.GITHUB, [report_of(name)]).splitlines()
    kinds = [re.match(r"::(error|warning|notice) title=[^:,\n]*::", line) for line in lines]
    assert all(kinds)
    assert [match[1] for match in kinds if match] == ["error", "warning", "notice", "warning", "notice"]
    assert "%0Apodid explain association-missing" in lines[0]


@pytest.mark.parametrize("name", ["orders", HOSTILE], ids=["plain", "hostile"])
def test_markdown(name: str) -> None:
    text = write_reports(Report.MARKDOWN, [report_of(name)])
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    inline = [child for token in tokens for child in token.children or ()]
    assert {token.type for token in tokens if token.type.startswith("html")} == set()
    assert {child.type for child in inline} <= {"text", "code_inline", "text_special", "entity"}
    rows = [token for token in tokens if token.type == "tr_open"]
    assert len(rows) == 3  # the header and two identities
    fences = [token.content for token in tokens if token.type == "fence"]
    assert fences[0].splitlines()[-1] == "podid explain association-missing"
    assert "\n::" not in text


@pytest.mark.parametrize("form", Report)
def test_whatever_is_foreign_is_one_line_that_is_seen(form: Report) -> None:
    """In subjects, messages, evidence, reasons, fixes, what was accepted, scope and the cluster's name."""
    foreign = f"{HOSTILE}\x07\x85\u200b\u202e\u2028\U000e0041"
    report = report_of(foreign)
    accepted = tuple(
        replace(item, accepted=foreign) if item.check == "pod-predates-association" else item
        for item in report.verdicts
    )
    text = write_reports(form, [replace(report, cluster=foreign, verdicts=accepted)])
    assert UNSEEN.findall(text) == []
    assert not re.search(r"(?m)^\s*::error::", text)
    assert "\\x1b" in text


class _Reader(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


@pytest.mark.parametrize("name", ["orders", HOSTILE], ids=["plain", "hostile"])
def test_html_loads_and_runs_nothing(name: str) -> None:
    reader = _Reader()
    reader.feed(write_reports(Report.HTML, [report_of(name)]))
    assert {"script", "link", "img", "iframe", "object"} & set(reader.tags) == set()
    assert {key for key, _ in reader.attributes if key.startswith("on") or key in ("src", "href")} == set()
    # a picture for each service account, ten links in each
    assert (reader.tags.count("svg"), reader.tags.count("circle")) == (2, 20)
    assert reader.tags.count("article") == 3


@pytest.mark.slow
def test_html_in_a_browser(tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium is installed")
    page = tmp_path / "report.html"
    page.write_text(write_reports(Report.HTML, [report_of(HOSTILE)]), encoding="utf-8", errors="backslashreplace")
    shot = tmp_path / "shot.png"
    options = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-sync"
    more = ["--disable-component-update", f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1000,1400"]
    argv = [browser, *options.split(), *more, f"--screenshot={shot}", "--dump-dom", page.as_uri()]
    done = subprocess.run(argv, capture_output=True, timeout=90, check=True)
    dom = done.stdout.decode()
    assert re.search(r"<title>podid doctor: demo</title>", dom)
    assert dom.count("<circle") == 20
    assert shot.stat().st_size > 10_000


@pytest.mark.parametrize("form", [*Report])
def test_on_the_command_line(site: Site, form: Report) -> None:
    add_association(site.box.world, "shop", "orders", "storefront")
    outcome = site("doctor", "-o", form)
    assert (outcome.code, outcome.stderr) == (3, "")
    assert outcome.stdout.count("agent-not-installed") >= 1
    assert outcome.stdout.endswith("\n")
    assert site("list", "-o", form).code == 2
    assert site("doctor", "--list", "-o", form).code == 2
    assert site("doctor", "--query", "summary", "-o", form).code == 2


def test_a_runner_obeys_the_report_and_nothing_else(site: Site) -> None:
    add_association(site.box.world, "shop", "orders", "storefront")
    site.env["GITHUB_ACTIONS"] = "true"
    outcome = site("doctor", "-o", "github")
    assert "::error title=agent-not-installed%3A " in outcome.stdout
    assert not any(line.startswith("::") for line in site("doctor").stdout.splitlines())


def test_the_document_has_the_chain(site: Site) -> None:
    add_association(site.box.world, "shop", "orders", "storefront")
    chain = cast("list[dict[str, Any]]", site("doctor", "-o", "json").json["chain"])
    assert [(item["link"], item["name"]) for item in chain] == list(enumerate(LINKS))
    assert chain[6]["state"] == "broken"


@pytest.mark.parametrize("verdicts", [report_of("a ## b").verdicts, ()], ids=["some", "none"])
def test_sarif_is_written_as_one_document(verdicts: tuple[Verdict, ...]) -> None:
    """Its results are written one by one, which shows nowhere."""
    text = write_reports(Report.SARIF, [replace(report_of(), verdicts=verdicts)])
    assert text == to_json(json.loads(text))
    assert bool(json.loads(text)["runs"][0]["results"]) is bool(verdicts)
