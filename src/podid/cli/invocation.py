"""One run of one command: its options, the clients it asks for, and its way out to the user."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any, NoReturn

import typer

from podid.cli.options import Shared, from_values
from podid.cli.progress import Progress
from podid.cli.runtime import Runtime
from podid.domain.errors import Conflict, ConsentNeeded, Declined, PodidError, UsageError
from podid.domain.exit_codes import ExitCode
from podid.render import sanitize
from podid.render.formats import Format, check_query, jsonl_line, to_text
from podid.render.view import Json, View

if TYPE_CHECKING:
    from podid.aws.session import AwsSession, CallRecord
    from podid.domain.model import Cluster
    from podid.domain.plan import Header
    from podid.ops.change.journal import Journal
    from podid.ops.change.resources import Resources
    from podid.ops.clients import Clients, KubeAccess


class Invocation:
    """Clients are built when first asked for, so that a command pays only for what it uses."""

    def __init__(self, runtime: Runtime, options: Shared, sources: Mapping[str, str]) -> None:
        self.runtime = runtime
        self.options = options
        self.sources = sources
        # beside a document on stdout, a script's stderr holds an error document or nothing
        self.quiet = options.quiet or (options.output.structured and not runtime.streams.stderr_tty)
        self.progress = Progress(runtime, quiet=self.quiet)
        self._aws: AwsSession | None = None
        self._cluster: Cluster | None = None
        self._header: Header | None = None
        self._kube: KubeAccess | None = None

    @classmethod
    def begin(cls, runtime: Runtime, values: Mapping[str, Any]) -> Invocation:
        options, sources = from_values(values, runtime.env)
        check_query(options.query, options.output)
        return cls(runtime, options, sources)

    # --- the world -----------------------------------------------------------------------------------------------

    @property
    def aws(self) -> AwsSession:
        if self._aws is None:
            from podid.aws.session import AwsSession

            self._aws = AwsSession(
                self.options.profile,
                self.options.region or self._context_region(),
                env=self.runtime.env,
                on_call=self._tell_call if self.options.verbose else None,
            )
            self.explain(f"region {self._aws.region} ({self.sources.get('region', self._aws.region_source)})")
        return self._aws

    def _context_region(self) -> str | None:
        """The region that the kube context's cluster is in, when nothing else names one."""
        from podid.cli.choose import context_cluster

        found = context_cluster(self) if self.options.cluster is None else None
        return found.region if found is not None else None

    def _tell_call(self, call: CallRecord) -> None:
        outcome = call.status or call.error
        milliseconds = f"{call.seconds * 1000:.0f} ms"
        self.explain(
            f"{call.service}:{call.operation} {outcome} in {milliseconds}, request id {call.request_id or '-'}"
        )

    def cluster(self, *, for_change: bool = False) -> Cluster:
        """The chosen cluster, as DescribeCluster tells it. Raises NotFound, UsageError when it cannot be chosen."""
        if self._cluster is None:
            from podid.cli.choose import choose_cluster

            name, source = choose_cluster(self, for_change=for_change)
            self.explain(f"cluster {name} ({source})")
            self.check_account()
            self._cluster = self.aws.eks.get_cluster(name)
        return self._cluster

    def check_account(self) -> None:
        """Raises Conflict when --expect-account names another account than the credentials'."""
        if self.options.expect_account is None:
            return
        caller = self.aws.sts.get_caller()
        if caller.account != self.options.expect_account:
            raise Conflict(
                f"The credentials are account {caller.account}'s, not {self.options.expect_account}'s as expected",
                subject=caller.arn,
            )

    def header(self, *, cluster: str = "") -> Header:
        """Who and where, for the head of a plan and of a journal run."""
        if self._header is None:
            self.check_account()
            from podid.domain.plan import Header

            caller = self.aws.sts.get_caller()
            self._header = Header(
                caller_arn=caller.arn, account=caller.account, region=self.aws.region, cluster=cluster
            )
        return self._header

    def kube(self) -> KubeAccess:
        """Kubernetes access to the chosen cluster, or the reason why there is none; raises only for wrong options."""
        if self._kube is None:
            from podid.cli.kubernetes import connect

            self._kube = connect(self)
        return self._kube

    @cached_property
    def clients(self) -> Clients:
        from podid.ops.clients import Clients

        return Clients(self.aws, self.kube)

    @property
    def journal(self) -> Journal:
        from pathlib import Path

        from podid.ops.change.journal import Journal

        chosen = self.options.journal_dir
        return Journal(Path(chosen) if chosen else self.runtime.state_dir() / "journal")

    def resources(self, *, kubernetes: bool = False) -> Resources:
        from podid.ops.change.resources import Resources

        access = self.kube() if kubernetes else None
        return Resources(
            eks=self.aws.eks,
            iam=self.aws.iam,
            cluster_name=self._cluster.name if self._cluster is not None else "",
            monotonic=self.runtime.monotonic,
            sleep=self.runtime.sleep,
            kube_reader=access.reader if access else None,
            kube_writer=access.writer if access else None,
        )

    # --- to the user ---------------------------------------------------------------------------------------------

    def note(self, text: str) -> None:
        """A sentence on stderr; silent with --quiet."""
        if not self.quiet:
            self.progress.done()
            self._stderr(f"{sanitize.block(text)}\n")

    def warn(self, text: str) -> None:
        """A sentence on stderr that --quiet does not silence."""
        self.progress.done()
        self._stderr(f"Warning: {sanitize.block(text)}\n")

    def explain(self, text: str) -> None:
        """What only -v shows."""
        if self.options.verbose:
            self.progress.done()
            self._stderr(f"  {sanitize.block(text)}\n")

    def _stderr(self, text: str) -> None:
        try:
            self.runtime.streams.stderr.write(text)
        except (BrokenPipeError, ValueError):
            return  # nobody watches; the work goes on

    @contextmanager
    def working(self, state: str) -> Iterator[Progress]:
        """Shows `state` while the block runs, then wipes it."""
        self.progress.glance(state)
        try:
            yield self.progress
        finally:
            self.progress.done()

    def emit(self, view: View) -> None:
        """Writes the result to stdout in the chosen format. The only thing that ever does, but for `stream`."""
        self.progress.done()
        streams, options = self.runtime.streams, self.options
        drawn = options.output in (Format.TABLE, Format.WIDE) and options.query is None and streams.stdout_tty
        if drawn:
            from podid.render.rich_writer import draw

            self._stdout(
                lambda out: draw(
                    view,
                    out,
                    wide=options.output is Format.WIDE,
                    width=self.runtime.width,
                    color=self.runtime.color(out, wanted=not options.no_color),
                )
            )
            return
        text = to_text(view, options.output, options.query)
        self._stdout(lambda out: out.write(text))

    def stream(self, items: Iterable[Json]) -> None:
        """-o jsonl: one object a line, each as soon as it is there. Stops reading when nobody listens any more."""
        for item in items:
            try:
                self.runtime.streams.stdout.write(jsonl_line(item))
                self.runtime.streams.stdout.flush()
            except BrokenPipeError:
                return

    def _stdout(self, write: Any) -> None:
        out: IO[str] = self.runtime.streams.stdout
        try:
            write(out)
            out.flush()
        except BrokenPipeError:
            return  # a closed pipe is silent and changes no exit code

    def consent(self, question: str, *, needed_for: str) -> None:
        """Asks, or takes --yes for an answer. Raises ConsentNeeded where nobody can be asked, Declined on a no."""
        if self.options.yes:
            return
        if not self.runtime.interactive:
            raise ConsentNeeded(
                f"{needed_for} needs a yes, and there is no terminal to ask on",
                hint=("podid", *self.runtime.argv, "--yes"),
            )
        self.progress.done()
        if not self.runtime.prompter.confirm(question):
            raise Declined("You said no; nothing was changed")

    def exit(self, code: ExitCode) -> NoReturn:
        raise typer.Exit(int(code))

    def finish(self, code: ExitCode) -> None:
        """Leaves with `code`, or returns when it is OK."""
        if code is not ExitCode.OK:
            self.exit(code)

    def fail_after_result(self, error: PodidError, code: ExitCode) -> NoReturn:
        """The result is on stdout already; says the error on stderr and leaves with `code`."""
        from podid.render.errors import error_json, error_text

        color = self.runtime.color(self.runtime.streams.stderr, wanted=not self.options.no_color)
        self._stderr(error_json(error) if self.options.output.structured else error_text(error, color=color))
        self.exit(code)

    def read_file(self, name: str) -> str:
        """The text of a file, or of stdin for `-`. Raises UsageError that says why it cannot be read."""
        from pathlib import Path

        try:
            if name == "-":
                return self.runtime.streams.stdin.read()
            return Path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise UsageError(f"{name} cannot be read: {reason}", subject=name) from error
