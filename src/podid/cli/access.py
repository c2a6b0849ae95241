"""Access to AWS, to the cluster and to Kubernetes, from the options and the environment.

A command resolves its `Place` and clients once and passes only those to ops.
"""

from __future__ import annotations

import shlex
from collections.abc import Container, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podid.calls.deadline import NEVER, Deadline
from podid.calls.patience import Clock, Patience
from podid.cli.argv import at_one
from podid.cli.cluster import NamedCluster, current_context, find_cluster, named_cluster
from podid.cli.options import GUARD, Shared, override, tell_source
from podid.cli.runtime import Runtime
from podid.cli.terminal import Terminal
from podid.domain.errors import Conflict, NotFound, Other, PodidError, UnreadableAnswer, UsageError
from podid.domain.names import ServiceAccountRef, check_namespace_of, parse_cluster_arn
from podid.domain.option import seconds
from podid.domain.plan import Default, Place, WhoAndWhere
from podid.render.formats import Format, OutputFormat

if TYPE_CHECKING:
    from podid.aws.session import AwsSession
    from podid.domain.aws import AssumedRole, Cluster
    from podid.domain.declaration import Guard
    from podid.domain.report import DoctorReport
    from podid.ops.change.journal import Journal
    from podid.ops.clients import Clients, KubeAccess
    from podid.ops.reading.collect import ReadRequest
    from podid.ops.status.diagnose import Diagnosis


class Access:
    """Builds each client at its first use, so that a command loads only the SDKs that it calls."""

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
        self.own_guards: tuple[Guard, ...] = ()
        self._others: dict[str, AwsSession] = {}
        # the command line for this one place
        self.argv = tuple(runtime.argv)

    def at(self, source: str, *, cluster: str, region: str) -> Access:
        """Return access with the cluster and region of `source` where the user specified none."""
        shared, sources = self.shared, dict(self.sources)
        if shared.cluster is None and cluster:
            shared, sources["cluster"] = replace(shared, cluster=cluster), source
        if shared.region is None:
            shared, sources["region"] = replace(shared, region=region), source
        return Access(self.runtime, shared, sources, self.terminal, deadline=self.deadline)

    def take_time(self) -> None:
        """Remove the deadline of reads, for a command that repeats; --timeout still ends it."""
        if self.shared.timeout is None:
            self.deadline = NEVER

    def limit_output(self, usable: Container[OutputFormat], refusal: UsageError) -> None:
        """Raise `refusal` if --output is none of the usable formats. A default that is none of them has no effect."""
        if self.shared.output in usable:
            return
        if not self.shared.default_output:
            raise refusal
        self.shared = replace(self.shared, output=Format.TABLE)
        self.terminal.ignore_output()

    def limit_waits(self) -> None:
        """Let --timeout limit each wait, not the whole command: for a command that rolls back failed changes. Call it
        before any other method."""
        self.deadline = NEVER

    def of(
        self,
        *,
        cluster: str | None = None,
        region: str | None = None,
        profile: str | None = None,
        account: str | None = None,
        aws: AwsSession | None = None,
    ) -> Access:
        """Return access to one of several specified clusters, regions, profiles or accounts; with `aws` by that
        session."""
        every = {"cluster": cluster, "region": region, "profile": profile}
        options: dict[str, Any] = {name: value for name, value in every.items() if value is not None}
        sources = {
            **self.sources,
            **{name: f"--{name}" for name in options if getattr(self.shared, name) != options[name]},
        }
        shared = replace(self.shared, several={}, **options)
        # the caller's account was checked, and this is another
        shared = shared if account is None else replace(shared, expect_account=None)
        named = Access(self.runtime, shared, sources, self.terminal)
        named.deadline, named.argv = self.deadline, at_one(self.argv, **options, accounts=account)
        if aws is not None:
            vars(named)["aws"], named.region_source = aws, sources.get("region", "")
            return named
        elsewhere = any(
            getattr(self.shared, name) != options.get(name) for name in ("region", "profile") if name in options
        )
        if not elsewhere and not any(name.startswith("arn:") for name in (cluster or "", self.shared.cluster or "")):
            # clients of one region share its pacing
            vars(named)["aws"] = self.aws
            named.region_source = self.region_source
        return named

    def quietly(self) -> Access:
        """Return the same access with a terminal that shows no progress, for one of several at the same time."""
        quiet = copy(self)
        quiet.terminal = self.terminal.quietly()
        return quiet

    def session_in(self, region: str, role: AssumedRole | None = None) -> AwsSession:
        """Return a session in another region, or with a role of another account."""
        if region == self.aws.region and role is None:
            return self.aws
        return self.session(self.shared.profile, region, base=self.aws, role=role)

    @property
    def typed_clusters(self) -> tuple[str, ...]:
        """Return the clusters of --cluster; not that of the environment or the settings file."""
        typed = self.sources.get("cluster") == "--cluster"
        return self.shared.several.get("cluster", (self.shared.cluster or "",)) if typed else ()

    @property
    def in_namespaces(self) -> bool:
        """Return whether the command line specifies namespaces: one, a pattern or all."""
        return self.shared.all_namespaces or self.sources.get("namespace") == "--namespace"

    def check_whose_pods(self, refs: Sequence[ServiceAccountRef], *, everywhere: bool = False) -> None:
        """Raise UsageError if neither service accounts nor namespaces are specified (unless `everywhere`), or service
        accounts and another namespace than theirs."""
        if not refs and not everywhere and self.shared.namespace is None and not self.shared.all_namespaces:
            raise UsageError(
                "Specify service accounts as NAMESPACE/NAME, a namespace (-n NS) or all namespaces (-A)",
                hint=Other(("list",)),
            )
        if self.in_namespaces:
            check_namespace_of(refs, self.shared.namespace)

    @cached_property
    def named(self) -> NamedCluster | None:
        """Return the cluster from a flag, the environment or the kube context, without a call."""
        return named_cluster(self.shared, self.sources, self.runtime.env)

    @cached_property
    def aws(self) -> AwsSession:
        named, region, source = self.named, self.shared.region, self.sources.get("region", "")
        bound = named.region if named is not None and not region else ""
        session = self.session(self.shared.profile, region or bound or None)
        self.region_source = source or (named.source if named and bound else session.region_source)
        self.terminal.explain(f"region {session.region} ({self.region_source})")
        return session

    def aws_as(self, profile: str) -> AwsSession:
        """Return a session with another profile's credentials in the same region."""
        if profile not in self._others:
            self._others[profile] = self.session(profile, self.aws.region)
        return self._others[profile]

    def session(self, profile: str | None, region: str | None, **more: Any) -> AwsSession:
        """Return a session. Raise UsageError for a profile or a region that does not exist."""
        from podid.aws.session import AwsSession

        if profile == self.shared.profile and self.sources.get("profile") == "AWS_PROFILE":
            profile = None  # boto3 reads the variable itself: keys in variables take precedence over it
        on_call = self.terminal.tell_call if self.shared.verbose else None
        say = self.terminal.progress.update
        more |= {"env": self.runtime.env, "on_call": on_call, "say": say, "deadline": self.deadline}
        return AwsSession(profile, region, written=self.runtime.known_changes(lambda: self.journal_to_read), **more)

    def place(self, *, for_change: bool = False) -> Place:
        """Return account, region and cluster (DescribeCluster). Raise NotFound, UsageError if no cluster is specified
        or it contradicts the region or the account, Conflict if the account is not the expected one."""
        cluster = self._read_cluster(for_change=for_change)
        self.runtime.account = cluster.account
        if for_change:
            place = self.account_place()
            if cluster.account != place.account:  # trust policies would contain the cluster's ARN
                raise UnreadableAnswer(
                    f"EKS reports cluster {cluster.name} in account {cluster.account}, but the credentials are for "
                    f"account {place.account}",
                    subject=cluster.name,
                    advice="Check AWS_ENDPOINT_URL and the proxy.",
                )
            return replace(place, cluster=cluster)
        return Place(account=cluster.account, region=self.aws.region, cluster=cluster)

    def cluster_arn(self, named: str | None, *, for_change: bool = False) -> str:
        """Return the ARN of the cluster, or that of --cluster-arn."""
        if named is None:
            try:
                return self.place(for_change=for_change).the_cluster.arn
            except PodidError as error:
                error.advise("Or specify the cluster with --cluster-arn.")
                raise
        if self.typed_clusters:
            raise UsageError("--cluster-arn and --cluster cannot be used together")
        parse_cluster_arn(named)
        return named

    def account_place(self) -> Place:
        """Return the place of a command without a cluster. Raise Conflict if the credentials are not for the account of
        --expect-account."""
        caller = self.aws.sts.get_caller()
        self.runtime.account = caller.account
        expected = self.shared.expect_account
        if expected is not None and caller.account != expected:
            message = f"The credentials are for account {caller.account}, not for the expected account {expected}"
            error = Conflict(message, subject=caller.arn)
            tell_source(error, expected, self.sources["expect_account"])
            raise error
        return Place(account=caller.account, region=self.aws.region, caller_arn=caller.arn)

    def who_and_where(self) -> WhoAndWhere:
        """Return the caller and the place without questions and without DescribeCluster: the cluster may not exist."""
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
            context_source=self.sources.get("context", "current context") if context else "",
            kubeconfig=files,
            kubeconfig_source=self.sources.get("kubeconfig", "default file") if files else "",
            profile=self.aws.profile,
            profile_source=self.sources.get("profile", "AWS_DEFAULT_PROFILE") if self.aws.profile else "",
            defaults=tuple(self._further_defaults()),
        )

    def _further_defaults(self) -> Iterator[Default]:
        """Yield the options with a value that whoami shows no line for, with the sources."""
        from podid.cli.settings import keys

        for key, item in keys().items():
            if item.field in ("cluster", "region", "profile", "context", "kubeconfig"):
                continue
            if source := self.sources.get(item.field, ""):
                yield Default(key, str(getattr(self.shared, item.field)), source)
            elif default := item.default_from(self.runtime.env, self.runtime.stored):
                yield Default(key, *default)

    def at_place(self, command: tuple[str, ...]) -> tuple[str, ...]:
        """Return a command line to paste, with the options for this place."""
        from podid.cli.hints import at_place

        bound = self.named is not None and self.region_source == self.named.source
        # the values of other options, such as --to-profile and --to-cluster
        own = ((f"--{name}", getattr(self.shared, name)) for name in ("profile", "cluster"))
        words = [word for option in own if self.sources.get(option[0][2:]) == option[0] for word in option]
        return at_place(command, (*words, *self.argv), region=self.aws.region if bound else "")

    def saved_lines(self, file: str, *path: str) -> tuple[str, str]:
        """Return the lines after a plan was saved, with the command line that carries it out at this place."""
        return f"Saved to {file}", f"Next  {shlex.join(self.at_place(('podid', *path, '--plan', file)))}"

    def with_commands(self, report: DoctorReport) -> DoctorReport:
        """Return the report with the options for this place in its fixes."""
        return report.with_commands(self.at_place)

    def examine(self, place: Place, request: ReadRequest) -> Diagnosis:
        """Read the cluster and run the checks."""
        from podid.ops.reading.collect import collect
        from podid.ops.status.diagnose import diagnosis_of

        snapshot = collect(self.clients, place, request, now=self.runtime.now(), journal=self.journal_to_read)
        return diagnosis_of(snapshot, request, self.with_commands)

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
            self.aws.cluster_account = self._cluster.account
        return self._cluster

    def _describe(self, named: NamedCluster) -> Cluster:
        try:
            cluster = self.aws.eks.get_cluster(named.name)
        except NotFound as error:
            if named.account:
                named.check_account(self.aws.sts.get_caller().account)
            if named.source != "--cluster":
                error.advise(f"The name comes from {named.source}.")
                override(error, "cluster", named.source)
            raise
        named.check_account(cluster.account)
        named.check_partition(cluster.partition)
        return cluster

    @cached_property
    def clients(self) -> Clients:
        """Return the clients of operations. Kubernetes access is set up at its first use."""
        from podid.ops.clients import Clients

        return Clients(self.aws, lambda: self.kube, self.aws_as, self.guards)

    @property
    def guard_file(self) -> tuple[str, str]:
        """Return the guard of PODID_GUARD or the settings file, and its source; empty without one."""
        return GUARD.default_from(self.runtime.env, self.runtime.stored) or ("", "")

    def guards(self) -> tuple[Guard, ...]:
        """Return the guards for changes: that of PODID_GUARD or the settings file, and those of the files of this
        command. Raise Conflict if the guard cannot be read: a change must not continue without it."""
        from podid.ops.declare.files import read_guard

        name, source = self.guard_file
        try:
            own = (read_guard(name, read_file=self.terminal.read_file),) if name else ()
        except UsageError as error:
            message = f"The guard of {source} cannot be read, so nothing is changed: {error.message}"
            raise Conflict(message, lines=error.lines, subject=name) from error
        return (*own, *self.own_guards)

    @cached_property
    def kube(self) -> KubeAccess:
        """Return Kubernetes access to the cluster, or the reason why it failed. Raise only for invalid options."""
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
        from podid.ops.change.journal import Journal, Locks

        chosen = self.shared.journal_dir
        try:
            state = self.runtime.state_dir()
        except UsageError:
            if not chosen:
                raise
            return Journal(Path(chosen), kept=self.runtime.recorders, begun=self.runtime.begun)
        where = Path(chosen) if chosen else state / "journal"
        return Journal(where, Locks(state / "locks"), self.runtime.recorders, self.runtime.begun)

    @property
    def journal_to_read(self) -> Journal | None:
        """Return the journal for commands that only read it; None if its directory is not known."""
        try:
            return self.journal
        except UsageError:
            return None

    def patience(self, default_seconds: float, *, late: bool = False) -> Patience:
        """Return a Patience of --timeout or the default, at most the rest of the command's deadline, that shows
        progress. With `late`, the grace after the deadline counts too."""
        runtime = self.runtime
        clock = Clock(runtime.now, runtime.working, runtime.sleep)
        limit = default_seconds if self.shared.timeout is None else seconds(self.shared.timeout)
        ends_at = runtime.working() + self.deadline.remaining() + (self.deadline.grace if late else 0.0)
        progress = self.terminal.progress
        return Patience(limit, clock, progress.update, ends_at, progress.count)
