"""SARIF 2.1.0, for code scanning: a rule for each failure mode, a result for each finding and unknown verdict.

The results are not about files, but GitHub shows only results with one. Therefore the location of an object is a path
of account, region, cluster and object, and the logical location has its kind and name. Each cluster has its own run, so
that an upload replaces only the results of its clusters. GitHub rejects a file with more than 20 runs
(https://docs.github.com/code-security/code-scanning/troubleshooting-sarif-uploads/results-exceed-limit). Clusters of
more than that share the run of their region, account or all.
"""

from collections.abc import Sequence
from urllib.parse import quote

from podid.domain.encoding import plain, timestamp
from podid.domain.findings import Outcome, Severity, Verdict, link_words
from podid.domain.grouping import grouped
from podid.domain.report import DoctorReport
from podid.pages import Entry
from podid.render import reports as parts
from podid.render.formats import to_json
from podid.render.sanitize import line
from podid.version import VERSION

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_RESULTS = "results stand here"
_INDENTED = "\n" + " " * 8
_BETWEEN = "," + _INDENTED
_MOST_RUNS = 20
_LEVEL = {Severity.ERROR: "error", Severity.WARN: "warning", Severity.INFO: "note"}


def write(reports: Sequence[DoctorReport], failures: parts.Failures | None) -> str:
    groups = _groups(reports)
    runs = [_run(path, group, failures or () if number == 0 else ()) for number, (path, group) in enumerate(groups)]
    whole = to_json(plain({"$schema": SCHEMA, "version": "2.1.0", "runs": [run for run, _ in runs]}))
    first, *tails = whole.split(f'"{_RESULTS}"')
    listed = (_BETWEEN.join(results) for _, results in runs if results)
    return first + "".join(text + after for text, after in zip(listed, tails, strict=True))


def _groups(reports: Sequence[DoctorReport]) -> list[tuple[tuple[str, ...], Sequence[DoctorReport]]]:
    """Return the reports of each run, with the path that names the run. A further upload of the same path replaces its
    results, so it is as long as possible."""
    for length in (3, 2, 1):
        groups = grouped((_path(report, length), report) for report in reports)
        if 0 < len(groups) <= _MOST_RUNS:
            return list(groups.items())
    return [(("clusters",), reports)]


def _path(report: DoctorReport, length: int) -> tuple[str, ...]:
    """Return the path of a run for the first `length` parts of locations. Another cluster of the name, and another part
    of the cluster, have their own results."""
    path = path_of(report)
    # no cluster has this name
    shared = ("-",) * len(path[length:])
    return (*path[:length], *shared, *filter(None, (report.scope,)))


def _run(
    path: Sequence[str], reports: Sequence[DoctorReport], failures: parts.Failures
) -> tuple[dict[str, object], list[str]]:
    shown = [(item, report) for report in reports for item in (*report.findings, *report.accepted, *report.unknowns)]
    ids = sorted({verdict.check for verdict, _ in shown})
    invocation: dict[str, object] = {
        "executionSuccessful": not failures and not any(report.unknowns for report in reports),
    }
    if reports:
        invocation["endTimeUtc"] = timestamp(max(report.taken_at for report in reports))
    if failures:
        invocation["toolExecutionNotifications"] = [
            {"level": "error", "message": {"text": f"{name}: {words}"}} for name, words in parts.unread(failures)
        ]
    run = {
        "tool": {
            "driver": {
                "name": "podid",
                "version": VERSION,
                "informationUri": parts.HOMEPAGE,
                "rules": [_rule(name, parts.entry_of(name)) for name in ids],
            }
        },
        # a further upload of the same category replaces the results of the previous one
        "automationDetails": {"id": f"podid/{parts.command_of(reports)}/{'/'.join(map(_encoded, path))}/"},
        "invocations": [invocation],
        "results": [_RESULTS] if shown else [],
    }
    places = {name: place for place, name in enumerate(ids)}
    # as text: all objects together need ten times its memory
    results = [to_json(plain(_result(item, report, places[item.check]))) for item, report in shown]
    return run, [text.rstrip().replace("\n", _INDENTED) for text in results]


def path_of(report: DoctorReport) -> tuple[str, ...]:
    """Return the first parts of a location. A cluster of another account or region may have the same name."""
    return (*report.cluster_arn.split(":")[4:2:-1], report.cluster)


def _rule(name: str, entry: Entry | None) -> dict[str, object]:
    rule: dict[str, object] = {"id": name}
    if entry is not None:
        body = entry.body
        rule |= {
            "shortDescription": {"text": entry.title},
            "fullDescription": {"text": entry.healthy or entry.title},
            "help": {"text": body, "markdown": body},
            "helpUri": entry.url,
            "defaultConfiguration": {"level": _LEVEL[Severity(entry.severity)]},
            "properties": {"tags": [f"link {link_words(entry.link)}"]},
        }
    return rule


def _result(verdict: Verdict, report: DoctorReport, index: int) -> dict[str, object]:
    undecided = verdict.outcome is Outcome.UNKNOWN
    subject = verdict.subject
    names = [name for name in (subject.namespace, subject.kind, subject.name) if name]
    text = parts.message_of(verdict)
    if not undecided:
        text = "\n".join((text, *parts.evidence(verdict), "", *parts.commands(verdict)))
    result: dict[str, object] = {
        "ruleId": verdict.check,
        "ruleIndex": index,
        # the level of a result that is not a failure is none (SARIF 2.1.0, 3.27.10)
        "kind": "open" if undecided else "fail",
        "level": "none" if undecided else "note" if verdict.masked_by else _LEVEL[verdict.severity],
        "message": {"text": text},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "/".join(_encoded(part) for part in (*path_of(report), *names))},
                    "region": {"startLine": 1},
                },
                "logicalLocations": [
                    {"fullyQualifiedName": parts.subject_words(subject), "name": line(subject.name), "kind": "resource"}
                ],
            }
        ],
        "partialFingerprints": {
            "podid/v1": "/".join((report.cluster_arn or report.cluster, verdict.check, *names)),
        },
    }
    if verdict.accepted:
        result["suppressions"] = [{"kind": "external", "justification": line(verdict.accepted)}]
    if verdict.masked_by:
        result["properties"] = {"maskedBy": verdict.masked_by}
    return result


def _encoded(part: str) -> str:
    return quote(part, safe="", errors="replace")
