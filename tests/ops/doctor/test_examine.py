"""Examinations of a snapshot: accepted findings, repeated reports, and the parts that `podid audit` did not read."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from itertools import chain, repeat

from checks.builder import NOW, ROLE_ARN, healthy
from podid.calls.patience import Clock, Patience
from podid.domain.report import Accepted, DoctorReport
from podid.domain.section import READS, Cost
from podid.domain.snapshot import Known, Snapshot
from podid.ops.doctor.examine import Examination, read_baseline, until_clean, watch
from podid.ops.reading.collect import ReadRequest
from podid.ops.status.diagnose import select

HEALTHY, BROKEN = healthy(), healthy(roles={ROLE_ARN: Known(None)})
CHECK = "role-not-found"


class World:
    """Snapshots in the order in which they are read, the last one for ever, and a clock that only sleeping advances."""

    def __init__(self, *snapshots: Snapshot) -> None:
        self.snapshots: Iterator[Snapshot] = chain(snapshots, repeat(snapshots[-1]))
        self.requests: list[ReadRequest] = []
        self.notes: list[str] = []
        self.saved: list[Snapshot] = []
        self.seconds = 0.0

    def examination(self, *accepted: Accepted, command: str = "doctor", cost: Cost = READS) -> Examination:
        def collect(request: ReadRequest) -> Snapshot:
            self.requests.append(request)
            return next(self.snapshots)

        checks = select((CHECK,)) if command == "doctor" else select(command=command)
        return Examination(
            collect=collect,
            request=ReadRequest(checks=checks, cost=cost),
            baseline="accepted.yaml",
            accepted=accepted,
            note=self.notes.append,
            with_commands=lambda report: report,
            save=self.saved.append,
        )

    def patience(self, seconds: float) -> Patience:
        def sleep(pause: float) -> None:
            self.seconds += pause

        return Patience(seconds, Clock(lambda: NOW, lambda: self.seconds, sleep), self.notes.append)


def clean(report: DoctorReport) -> bool:
    return not report.findings


def test_accepted_findings_are_marked_and_old_entries_are_named() -> None:
    expired = Accepted(id=CHECK, reason="for now", subject="Role orders", expires=date(2020, 1, 31))
    for accepted, note in (
        (Accepted(id=CHECK, reason="known"), ""),
        (expired, "the entry role-not-found Role orders expired on 2020-01-31"),
        (Accepted(id="sdk-too-old", reason="known"), "the entry sdk-too-old matches no finding, so you can remove it"),
    ):
        world = World(BROKEN)
        report = world.examination(accepted).once()
        assert (not report.findings, bool(report.accepted)) == (not note, not note)
        assert world.notes == ([f"accepted.yaml: {note}"] if note else [])
        assert world.saved == [BROKEN]
        quiet = World(BROKEN)
        quiet.examination(accepted).once(quiet=True)
        assert quiet.notes == []


def test_a_finding_still_exists_with_its_command() -> None:
    world = World(BROKEN, BROKEN, BROKEN, HEALTHY)
    examination = world.examination(cost=READS | Cost.PROBE)
    (finding,) = examination.once().findings
    assert finding.fix is not None
    (command, *_) = finding.fix.commands
    assert examination.still_found(finding, command)
    assert not examination.still_found(finding, ("podid", "other"))
    assert not examination.still_found(finding, command)
    # no probe pod runs again, and nothing is saved
    assert {request.cost for request in world.requests[1:]} == {READS}
    assert world.saved == [BROKEN]


def test_an_audit_names_the_parts_that_it_did_not_read() -> None:
    report = World(HEALTHY).examination(command="audit").audit()
    assert (report.command, report.identities) == ("audit", ())
    assert report.not_asked == ("access keys in Secrets (--secrets)", "the metadata service from a pod (--probe)")
    everything = World(HEALTHY).examination(command="audit", cost=READS | Cost.SECRETS | Cost.METADATA).audit()
    assert everything.not_asked == ()


def test_a_baseline_is_read_from_a_file() -> None:
    text = f"accepted:\n- {{id: {CHECK}, reason: known}}\n"
    assert read_baseline("b.yaml", {CHECK}, lambda name: text) == (Accepted(id=CHECK, reason="known"),)
    assert read_baseline("", {CHECK}, lambda name: text) == ()


def test_until_clean_ends_with_a_clean_report_or_with_the_time() -> None:
    world = World(BROKEN, BROKEN, HEALTHY)
    assert clean(until_clean(world.patience(60), world.examination().once, clean))
    assert (world.seconds, world.notes) == (10, ["1 error, 0 warnings, 0 unknown"] * 2)
    world = World(BROKEN)
    assert not clean(until_clean(world.patience(12), world.examination().once, clean))
    assert (world.seconds, len(world.requests)) == (12, 4)
    world = World(BROKEN)
    assert not clean(until_clean(replace(world.patience(12), ends_at=7.0), world.examination().once, clean))
    # after the command's deadline every read would fail
    assert len(world.requests) == 2


def test_watch_shows_the_reports_that_differ() -> None:
    def shown(always: bool) -> list[int]:
        world, numbers = World(BROKEN, BROKEN, HEALTHY), list[int]()

        def show(report: DoctorReport) -> None:
            numbers.append(len(report.findings))

        assert clean(watch(world.patience(10), world.examination().once, show, always=always))
        return numbers

    assert (shown(False), shown(True)) == ([1, 0], [1, 1, 0])
