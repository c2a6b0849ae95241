"""The way to AWS, to the cluster and into Kubernetes that the options and the environment give.

A command asks for its `Place` and clients once; what is below it is handed those and never this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from podid.calls.deadline import NEVER, Deadline
from podid.calls.patience import Clock, Patience
from podid.cli.argv import at_one
from podid.cli.cluster import NamedCluster, current_context, find_cluster, named_cluster
from podid.cli.options import Shared, tell_source
from podid.cli.runtime import Runtime
from podid.cli.terminal import Terminal
from podid.domain.errors import Conflict, NotFound, Other, PodidError, UnreadableAnswer, UsageError
from podid.domain.names import parse_cluster_arn
from podid.domain.plan import Place, WhoAndWhere

if TYPE_CHECKING:
    from pathlib import Path

    from podid.aws.session import AwsSession
    from podid.domain.aws import Cluster
    from podid.domain.names import ServiceAccountRef
    from podid.domain.report import DoctorReport
    from podid.ops.change.journal import Journal
    from podid.ops.clients import Clients, KubeAccess
    from podid.ops.reading.collect import ReadRequest
    from podid.ops.status.diagnose import Diagnosis


class Access:
    """Clients are built when first asked for, so that a command pays only for what it uses."""

    def __init__(
        self,
        runtime: Runtime,
        shared: Shared,
        sources: Mapping[str, str],
        terminal: Terminal,
        *,
        deadline: Deadline = NEVER,
    ) -> None:
        self.deadline = deadline
        self.runtime = runtime
        self.shared = shared
        self.sources = sources
        self.terminal = terminal
        self._cluster: Cluster | None = None
        self.region_source = ""
        self._others: dict[str, AwsSession] = {}
        # the command line, for the one place that this is about
        self.argv = tuple(runtime.argv)

    def at(self, source: str, *, cluster: str, region: str) -> Access:
        """The same, with cluster and region from `source` where the user named none."""
        shared, sources = self.shared, dict(self.sources)
        if shared.cluster is None and cluster:
            shared, sources["cluster"] = replace(shared, cluster=cluster), source
        if shared.region is None:
            shared, sources["region"] = replace(shared, region=region), source
        return Access(self.runtime, shared, sources, self.terminal, deadline=self.deadline)

    def take_time(self) -> None:
        """For a command that looks again and again: it ends with --timeout, and otherwise has an end of its own."""
        if self.shared.timeout is None:
            self.deadline = NEVER

    def of(self, *, cluster: str | None = None, region: str | None = None, profile: str | None = None) -> Access:
        """The same for one of several clusters, regions or profiles that were named."""
        every = {"cluster": cluster, "region": region, "profile": profile}
        given: dict[str, Any] = {name: value for name, value in every.items() if value is not None}
        sources = {
            **self.sources,
            **{name: f"--{name}" for name in given if getattr(self.shared, name) != given[name]},
        }
        named = Access(self.runtime, replace(self.shared, several={}, **given), sources, self.terminal)
        named.deadline, named.argv = self.deadline, at_one(self.argv, **given)
        elsewhere = any(
            getattr(self.shared, name) != given.get(name) for name in ("region", "profile") if name in given
        )
        if not elsewhere and not any(name.startswith("arn:") for name in (cluster or "", self.shared.cluster or "")):
            # of one region, whose pace all of them share
            vars(named)["aws"] = self.aws
            named.region_source = self.region_source
        return named

    @property
    def in_namespaces(self) -> bool:
        """Whether namespaces were named on the command line: one, a pattern, or all of them."""
        return self.shared.all_namespaces or self.sources.get("namespace") == "--namespace"

    def check_whose_pods(self, refs: Sequence[ServiceAccountRef], *, everywhere: bool = False) -> None:
        """None of `refs` means all of the namespace, or of the cluster, which then has to be said with -A unless
        `everywhere`. Raises UsageError where it is not, and for both."""
        if not refs and not everywhere and self.shared.namespace is None and not self.shared.all_namespaces:
            raise UsageError(
                "Which pods? Name service accounts, a namespace (-n NS) or the whole cluster (-A)",
                hint=Other(("list",)),
            )
        if refs and self.in_namespaces:
            raise UsageError("Service accounts and -n or -A exclude each other")

    # --- where ----------------------------------------------------------------------------------------------------

    @cached_property
    def named(self) -> NamedCluster | None:
        """The cluster that a flag, the environment or the kube context names; no call is made for it."""
        return named_cluster(self.shared, self.sources, self.runtime.env)

    @cached_property
    def aws(self) -> AwsSession:
        named, region, source = self.named, self.shared.region, self.sources.get("region", "")
        bound = named.region if named is not None and not region else ""
        session = self._session(self.shared.profile, region or bound or None)
        self.region_source = source or (named.source if named and bound else session.region_source)
        self.terminal.explain(f"region {session.region} ({self.region_source})")
        return session

    def aws_as(self, profile: str) -> AwsSession:
        """With another profile's credentials, in the same region."""
        if profile not in self._others:
            self._others[profile] = self._session(profile, self.aws.region)
        return self._others[profile]

    def _session(self, profile: str | None, region: str | None) -> AwsSession:
        from podid.aws.session import AwsSession

        on_call = self.terminal.tell_call if self.shared.verbose else None
        say = self.terminal.progress.update
        return AwsSession(profile, region, env=self.runtime.env, on_call=on_call, say=say, deadline=self.deadline)

    def place(self, *, for_change: bool = False) -> Place:
        """Account, region and cluster, as DescribeCluster tells it. Raises NotFound, UsageError when the cluster cannot
        be chosen or contradicts region or account, Conflict when the account is not the expected one."""
        cluster = self._read_cluster(for_change=for_change)
        self.runtime.account = cluster.account
        if for_change:
            place = self.account_place()
            if cluster.account != place.account:  # what is written names the cluster by its ARN
                raise UnreadableAnswer(
                    f"EKS answers that cluster {cluster.name} is account {cluster.account}'s, and the credentials are "
                    f"account {place.account}'s",
                    subject=cluster.name,
                    advice="Check AWS_ENDPOINT_URL and the proxy.",
                )
            return replace(place, cluster=cluster)
        return Place(account=cluster.account, region=self.aws.region, cluster=cluster)

    def cluster_arn(self, named: str | None, *, for_change: bool = False) -> str:
        """The ARN of the cluster at hand, or the one that --cluster-arn named."""
        if named is None:
            try:
                return self.place(for_change=for_change).the_cluster.arn
            except PodidError as error:
                error.advise("Or name the cluster with --cluster-arn.")
                raise
        if self.sources.get("cluster") == "--cluster":
            raise UsageError("--cluster-arn and --cluster exclude each other")
        parse_cluster_arn(named)
        return named

    def account_place(self) -> Place:
        """Where something is done that concerns no cluster. Raises Conflict when --expect-account names another
        account than the credentials'."""
        caller = self.aws.sts.get_caller()
        self.runtime.account = caller.account
        expected = self.shared.expect_account
        if expected is not None and caller.account != expected:
            message = f"The credentials are account {caller.account}'s, not {expected}'s as expected"
            error = Conflict(message, subject=caller.arn)
            tell_source(error, expected, self.sources["expect_account"])
            raise error
        return Place(account=caller.account, region=self.aws.region, caller_arn=caller.arn)

    def who_and_where(self) -> WhoAndWhere:
        """Nothing is asked of a person, and the cluster is not read: it may not exist."""
        place = self.account_place()
        named, why = self.named, ""
        if named is None:
            try:
                named = find_cluster(self.shared, self.runtime, self.aws, for_change=True, ask=False)
            except PodidError as error:
                why = error.message
        else:
            named.check_region(self.shared.region or "", self.sources.get("region", ""))
            named.check_account(place.account)
        context, files = current_context(self.shared, self.runtime.env)
        return WhoAndWhere(
            caller_arn=place.caller_arn,
            account=place.account,
            credentials_source=self.aws.credentials_source,
            region=place.region,
            region_source=self.region_source,
            cluster=named.name if named is not None else "",
            cluster_source=named.source if named is not None else "",
            no_cluster=why,
            context=context,
            kubeconfig=files,
        )

    def at_place(self, command: tuple[str, ...]) -> tuple[str, ...]:
        """A command line to paste, with what it takes to work where this one does."""
        from podid.cli.hints import at_place

        named = self.named
        bound = named is not None and self.region_source == named.source
        return at_place(command, self.argv, region=self.aws.region if bound else "")

    def with_commands(self, report: DoctorReport) -> DoctorReport:
        """The report, whose fixes are command lines to paste."""
        return report.with_commands(self.at_place)

    def examine(self, place: Place, request: ReadRequest, **how: Any) -> Diagnosis:
        """Reads the cluster and judges it, as `podid.ops.status.diagnose.examine` does."""
        from podid.ops.status.diagnose import examine

        now = self.runtime.now()
        return examine(self.clients, place, request, now=now, journal=self.journal, adjust=self.with_commands, **how)

    def check_account(self) -> None:
        if self.shared.expect_account is not None:
            self.account_place()

    def _read_cluster(self, *, for_change: bool) -> Cluster:
        if self._cluster is None:
            named = self.named or find_cluster(self.shared, self.runtime, self.aws, for_change=for_change)
            named.check_region(self.shared.region or "", self.sources.get("region", ""))
            self.terminal.explain(f"cluster {named.name} ({named.source})")
            self.check_account()
            if for_change:
                named.check_account(self.aws.sts.get_caller().account)
            self._cluster = self._describe(named)
        return self._cluster

    def _describe(self, named: NamedCluster) -> Cluster:
        try:
            cluster = self.aws.eks.get_cluster(named.name)
        except NotFound as error:
            if named.account:
                named.check_account(self.aws.sts.get_caller().account)
            if named.source != "--cluster":
                error.advise(f"The name comes from {named.source}.")
            raise
        named.check_account(cluster.account)
        named.check_partition(cluster.partition)
        return cluster

    # --- clients --------------------------------------------------------------------------------------------------

    @cached_property
    def clients(self) -> Clients:
        """What operations call AWS and the cluster with; the way into the cluster is found when it is first needed."""
        from podid.ops.clients import Clients

        return Clients(self.aws, lambda: self.kube, self.aws_as)

    @cached_property
    def kube(self) -> KubeAccess:
        """Kubernetes access to the chosen cluster, or the reason why there is none; raises only for wrong options."""
        from podid.cli.cluster import connect

        return connect(
            self.shared,
            self.sources,
            self.runtime.env,
            self._read_cluster(for_change=False),
            self.aws.sts,
            self.terminal,
            self.deadline,
        )

    @property
    def sandbox_dir(self) -> Path:
        return self.runtime.state_dir() / "sandbox"

    @property
    def journal(self) -> Journal:
        from pathlib import Path

        from podid.ops.change.journal import Journal, Locks

        chosen = self.shared.journal_dir
        try:
            state = self.runtime.state_dir()
        except UsageError:
            if not chosen:
                raise
            return Journal(Path(chosen), kept=self.runtime.recorders)
        where = Path(chosen) if chosen else state / "journal"
        return Journal(where, Locks(state / "locks"), self.runtime.recorders)

    @property
    def journal_to_read(self) -> Journal | None:
        """For who only looks: None where there is no place for one."""
        try:
            return self.journal
        except UsageError:
            return None

    def patience(self, default_seconds: float) -> Patience:
        """--timeout, or the default, by this run's clock, and no longer than the command has left; what is going on is
        shown as progress."""
        runtime = self.runtime
        clock = Clock(runtime.now, runtime.monotonic, runtime.sleep)
        seconds = self.shared.timeout_seconds(default_seconds)
        until = runtime.monotonic() + self.deadline.left()
        progress = self.terminal.progress
        return Patience(seconds, clock, progress.update, until, progress.count)
