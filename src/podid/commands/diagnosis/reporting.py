"""Write the report of `podid doctor` and `podid audit` to stdout, and to the files of --report."""

from collections.abc import Callable, Sequence
from operator import attrgetter

from podid.cli.access import Access
from podid.cli.multicluster import are_several, report_clusters
from podid.domain.errors import PodidError, UsageError
from podid.domain.report import DoctorReport
from podid.ops.clusters import ClusterOptions
from podid.ops.doctor.request import ReportOptions
from podid.render.doctor import DoctorReportListDocument, doctor_view
from podid.render.formats import Format, Report
from podid.render.reports import SEVERAL, file_text, format_of, has_format, write_reports


class Reporting:
    """Writes the report on one cluster, or on the chosen ones. Raise UsageError for a format that several cannot have,
    and for a file of --report that cannot be written."""

    def __init__(self, access: Access, options: ReportOptions, clusters: ClusterOptions) -> None:
        self.several = several = are_several(access, clusters)
        if several:
            refusal = UsageError(f"-o {access.shared.output} cannot be used with several clusters")
            access.limit_output((*Format, *SEVERAL), refusal)
        output = access.shared.output
        form = output if isinstance(output, Report) else None
        for name in options.report_files if several else ():
            if (style := format_of(name)) is not None and style not in SEVERAL:
                raise UsageError(f"--report {name} cannot be used with several clusters")
        for name in options.report_files:
            if not has_format(name):
                message = f"--report {name}: the name must end in .json, .sarif, .xml (JUnit), .md or .html"
                raise UsageError(message, subject=name)
        self._access, self._options, self._clusters, self._form = access, options, clusters, form
        self._files = [
            access.terminal.file_to_write(name, force=options.force) for name in dict.fromkeys(options.report_files)
        ]

    def show(self, report: DoctorReport, *, again: bool = False) -> None:
        """Print the report; with `again` in place of the previous one."""
        terminal = self._access.terminal
        if self._form is not None:
            terminal.write_report(write_reports(self._form, (report,)), self._form)
            return
        view = doctor_view(report, all_verdicts=self._options.all_verdicts)
        if again:
            terminal.emit_again(view, report.taken_at)
        else:
            terminal.emit(view)

    def finish(self, report: DoctorReport) -> None:
        """Write the files, and exit with the exit code of the report."""
        self._write((report,))
        self._access.terminal.leave(self._options.exit_code(report))

    def show_each(self, read: Callable[[Access], DoctorReport]) -> None:
        """Show the report of `read` on each cluster. --report, and -o for other programs, write one file for all."""
        if not self.several:
            report = read(self._access)
            self.show(report)
            self.finish(report)
            return
        form, options = self._form, self._options
        kept: list[DoctorReport] | None = [] if form or self._files else None

        def show(local: Access) -> None:
            report = read(local)
            if kept is not None:
                kept.append(report)
            if form is None:
                local.terminal.emit(doctor_view(report, all_verdicts=options.all_verdicts))
            local.terminal.leave(options.exit_code(report))

        def finish(failures: Sequence[tuple[str, PodidError]]) -> None:
            reports = sorted(kept or (), key=attrgetter("cluster_arn"))
            if form is not None:
                self._access.terminal.write_report(write_reports(form, reports, failures), form)
            self._write(reports, failures)

        report_clusters(self._access, self._clusters, show, DoctorReportListDocument, finish)

    def _write(self, reports: Sequence[DoctorReport], failures: Sequence[tuple[str, PodidError]] | None = None) -> None:
        for file in self._files:
            text = file_text(file.name, reports, failures, all_verdicts=self._options.all_verdicts)
            file.write(text.encode())
