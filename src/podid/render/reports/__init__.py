"""The report of podid doctor in other formats, for CI systems and people; and the parts that they share."""

import shlex
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import PurePath

from podid.domain.errors import PodidError
from podid.domain.findings import Outcome, Subject, Verdict
from podid.domain.report import DoctorReport, LinkCounts, LinkState, count_links
from podid.domain.status import IdentityState
from podid.domain.text import count_of, needing
from podid.pages import Entry
from podid.pages.index import ENTRIES
from podid.render.formats import Report, to_json
from podid.render.sanitize import line
from podid.render.status import because, worst_identities_first

HOMEPAGE = "https://github.com/podid/podid"
CLUSTER = "*"
# the name of each account, region or cluster that could not be read, and the error
Failures = Sequence[tuple[str, PodidError]]
# the state of a link and the symbol for a state of an identity
STATES: Mapping[IdentityState | None, tuple[LinkState, str]] = {
    **dict.fromkeys((None, *IdentityState), (LinkState.UNSEEN, "")),
    IdentityState.BROKEN: (LinkState.BROKEN, "❌"),
    IdentityState.STALE: (LinkState.WARNING, "🔄"),
    IdentityState.UNKNOWN: (LinkState.UNKNOWN, "❔"),
    IdentityState.DOUBTFUL: (LinkState.WARNING, "⚠️"),
    **dict.fromkeys((IdentityState.READY, IdentityState.VERIFIED, IdentityState.PROVEN), (LinkState.FINE, "✅")),
}


@dataclass(frozen=True, slots=True)
class IdentityLinks:
    """A service account ("ns/name", or "*" for the whole cluster) with its links. `state` is None if too little was
    read; `words` follow it."""

    name: str
    chain: tuple[LinkCounts, ...]
    state: IdentityState | None = None
    words: str = ""


def cluster_of(report: DoctorReport, failures: Failures | None) -> str:
    """Return the name of the cluster; among several, which may have the same name, its ARN."""
    return report.cluster if failures is None else report.cluster_arn or report.cluster


def command_of(reports: Sequence[DoctorReport]) -> str:
    """Return the command of the reports; that of the doctor without any."""
    return reports[0].command if reports else "doctor"


def identities(report: DoctorReport) -> tuple[IdentityLinks, ...]:
    """Return one for each identity of the report, worst first; without identities one for the cluster. A verdict on the
    whole cluster counts for each."""
    own: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in report.verdicts:
        for name in {CLUSTER} if CLUSTER in verdict.chain else set(verdict.chain):
            own[name].append(verdict)
    for_each = own[CLUSTER]
    if not report.identities:
        return (IdentityLinks(CLUSTER, count_links(for_each)[1:]),)
    return tuple(
        IdentityLinks(
            str(status.ref), count_links((*own[str(status.ref)], *for_each))[1:], status.state, because(status)
        )
        for status in worst_identities_first(report.identities)
    )


def worst_first(report: DoctorReport) -> tuple[Verdict, ...]:
    """Return the findings that do not follow from another one."""
    return tuple(item for item in report.findings if not item.masked_by)


def headline(report: DoctorReport) -> str:
    """Return `2 errors, 1 warning, 0 notes, 3 unknown`."""
    counts = report.summary
    words = [
        count_of(number, word)
        for number, word in ((counts.error, "error"), (counts.warn, "warning"), (counts.info, "note"))
    ]
    return ", ".join((*words, f"{counts.unknown} unknown"))


def further_sections(report: DoctorReport) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """Yield the sections after the findings: a title, and rows of check, subject and words."""
    masked = [item for item in report.findings if item.masked_by]
    sections = (
        ("Follows from the above", [(item, f"follows from {item.masked_by}") for item in masked]),
        ("Accepted", [(item, item.accepted) for item in report.accepted]),
        ("Could not be checked", [(item, message_of(item)) for item in report.unknowns]),
    )
    for title, rows in sections:
        if rows:
            yield title, [(item.check, subject_words(item.subject), words) for item, words in rows]


def unread(failures: Failures) -> list[tuple[str, str]]:
    """Return the name of each account, region or cluster that could not be read, with the reason on one line."""
    return [(line(name), line(error.message)) for name, error in failures]


def subject_words(subject: Subject) -> str:
    return line(str(subject))


def message_of(verdict: Verdict) -> str:
    """Return the message of a finding, or the reason of an unknown verdict, on one line."""
    if verdict.outcome is Outcome.UNKNOWN:
        return line(needing(verdict.reason, verdict.permission))
    return line(verdict.message)


def evidence(verdict: Verdict) -> tuple[str, ...]:
    return tuple(map(line, verdict.evidence))


def commands(verdict: Verdict) -> tuple[str, ...]:
    """Return the shell commands that fix the finding, and the one that explains it."""
    fixes = tuple(line(shlex.join(command)) for command in verdict.fix.commands) if verdict.fix else ()
    return (*fixes, shlex.join(("podid", "explain", verdict.check)))


def entry_of(check: str) -> Entry | None:
    return next((entry for entry in ENTRIES if entry.id == check), None)


def title_of(check: str) -> str:
    entry = entry_of(check)
    return entry.title if entry else check


_SUFFIXES = {".sarif": Report.SARIF, ".xml": Report.JUNIT, ".md": Report.MARKDOWN, ".html": Report.HTML}
# formats that have several clusters in one file
SEVERAL = (Report.SARIF, Report.JUNIT, Report.GITHUB, Report.MARKDOWN)
# the document of -o json
_DOCUMENT = ".json"


def write_reports(form: Report, reports: Sequence[DoctorReport], failures: Failures | None = None) -> str:
    """Return the reports in that format: with `failures` those of several clusters, which requires one of SEVERAL."""
    text: str = import_module(f"{__name__}.{form}").write(reports, failures)
    return text


def has_format(name: str) -> bool:
    return PurePath(name).suffix in (*_SUFFIXES, _DOCUMENT)


def format_of(name: str) -> Report | None:
    """Return the format that the file's name has; None for the document of -o json."""
    return _SUFFIXES.get(PurePath(name).suffix)


def file_text(
    name: str, reports: Sequence[DoctorReport], failures: Failures | None = None, *, all_verdicts: bool
) -> str:
    """Return the reports in the format that the file's name has: with `failures` those of several clusters."""
    form = format_of(name)
    if form is not None:
        return write_reports(form, reports, failures)
    from podid.render.doctor import DoctorReportListDocument, doctor_view
    from podid.render.multicluster import results_view

    views = [doctor_view(report, all_verdicts=all_verdicts) for report in reports]
    whole = views[0] if failures is None else results_view(views, failures, DoctorReportListDocument)
    return to_json(whole.document)
