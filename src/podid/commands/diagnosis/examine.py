"""What `podid doctor` looks at: the cluster, or what was seen then."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from podid.cli.access import Access
    from podid.domain.report import DoctorReport
    from podid.domain.snapshot import Snapshot
    from podid.ops.doctor.examine import Examination
    from podid.ops.doctor.request import DoctorOptions
    from podid.ops.reading.collect import ReadRequest
    from podid.ops.status.diagnose import Checks

# of a saved snapshot: twenty thousand pods are some 20 MiB
MOST_MIB = 256


def examine(access: Access, options: DoctorOptions, checks: Checks) -> Examination:
    """Of the cluster, or of what was seen then. Asks where tokens are redeemed or pods are run."""
    from podid.checks.all import BY_ID
    from podid.cli.changing import probing
    from podid.cli.hints import at_place
    from podid.domain.plan import Consent
    from podid.domain.section import Cost
    from podid.ops.doctor.examine import Examination, read_baseline
    from podid.ops.reading.collect import collect
    from podid.ops.reading.saved import of_scope, read_snapshot, snapshot_text
    from podid.ops.reading.scope import parse_target
    from podid.version import VERSION

    terminal, saved = access.terminal, options.saved
    scope = parse_target(options.target, access.shared.namespace or "")
    examination = partial(
        Examination,
        checks=checks,
        scope=scope,
        cost=options.cost,
        baseline=options.baseline,
        accepted=read_baseline(options.baseline, BY_ID, terminal.read_file),
        note=terminal.note,
    )
    file = terminal.file_to_write(options.save, force=options.force) if options.save else None
    if options.watch or options.until_clean or options.fixes:
        access.take_time()
    if saved:
        seen = of_scope(read_snapshot(terminal.read_file(saved, most_mib=MOST_MIB), saved), scope, saved)

        def there(report: DoctorReport) -> DoctorReport:
            return report.with_commands(partial(at_place, argv=("doctor", "--cluster", report.cluster_arn)))

        return examination(collect=lambda wanted: seen, with_commands=there)
    place = access.place(for_change=options.probe)
    question, needed_for = "Mint short-lived credentials of the pods' roles", "Minting credentials"
    if options.probe:
        question = f"{question}, and run at most 10 pods of podid's own?"
        needed_for = f"{needed_for} and running podid's own pods"
    if options.probe or options.verify:
        question = question if options.probe else f"{question} to look at them?"
        terminal.consent(Consent(question=question, needed_for=needed_for))

    def read(wanted: ReadRequest) -> Snapshot:
        with terminal.working(f"looking at cluster {place.cluster_name}"):
            run, now = probing(access) if Cost.PROBE in wanted.cost else None, access.runtime.now()
            return collect(access.clients, place, wanted, now=now, journal=access.journal_to_read, probing=run)

    def save(snapshot: Snapshot) -> None:
        if file is not None:
            file.write(snapshot_text(snapshot, VERSION).encode())
            terminal.note(f"written to {file.name}")

    return examination(collect=read, with_commands=access.with_commands, save=save)
