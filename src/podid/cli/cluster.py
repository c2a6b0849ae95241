"""Choose the cluster of a command: flag, environment, kube context, the only cluster of the region, or a question. Set
up access to its Kubernetes API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NoReturn

from podid.domain import errors
from podid.domain.names import check_cluster_name, parse_cluster_arn
from podid.domain.text import short_list
from podid.ops.clients import KubeAccess

if TYPE_CHECKING:
    from podid.aws.eks import Eks
    from podid.aws.session import AwsSession
    from podid.aws.sts import Sts
    from podid.calls.deadline import Deadline
    from podid.cli.options import Shared
    from podid.cli.runtime import Runtime
    from podid.cli.terminal import Terminal
    from podid.domain.aws import Cluster
    from podid.kube.kubeconfig import Kubeconfig


@dataclass(frozen=True, slots=True)
class NamedCluster:
    """A cluster as specified by `source`: `--cluster`, `PODID_CLUSTER`, `kube context NAME`, an answer. Region, account
    and partition are binding if the source has them, else empty."""

    name: str
    source: str
    region: str = ""
    account: str = ""
    partition: str = ""

    def check_region(self, region: str, source: str) -> None:
        """Raise UsageError if `region`, from `source`, is not the cluster's."""
        if self.region and region and region != self.region:
            hint: errors.Hint = () if source == "--region" else errors.Again(add=("--region", self.region))
            advice = "Omit one of them, or specify the same region."
            self._refuse(f"in {self.region}, but {source} is {region}", advice, hint)

    def check_account(self, account: str) -> None:
        """Raise UsageError if the credentials are for another account than the cluster's."""
        if self.account and account != self.account:
            self._refuse(
                f"in account {self.account}, but the credentials are for account {account}",
                "Use a profile of the cluster's account, or specify another cluster.",
            )

    def check_partition(self, partition: str) -> None:
        """Raise UsageError if the cluster is in another partition than specified."""
        if self.partition and partition != self.partition:
            self._refuse(
                f"in partition {self.partition}, but EKS returned it in partition {partition}",
                "Use the profile and the region of the cluster, or specify another cluster.",
            )

    def _refuse(self, words: str, advice: str, hint: errors.Hint = ()) -> NoReturn:
        message = f"{self.source} names cluster {self.name} {words}"
        raise errors.UsageError(message, advice=advice, hint=hint, subject=self.name)


def named_cluster(options: Shared, sources: Mapping[str, str], env: Mapping[str, str]) -> NamedCluster | None:
    """Return the cluster from the options, the environment or the kube context, or None.

    Raise NotFound for a --context or --kubeconfig that does not exist, even if --cluster takes precedence.
    """
    explicit = options.context is not None or bool(_specified_kubeconfig(options, sources))
    context = _of_context(options, sources, env) if explicit or options.cluster is None else None
    if options.cluster is None:
        return context
    source = sources["cluster"]
    if not options.cluster.startswith("arn:"):
        return NamedCluster(check_cluster_name(options.cluster), source)
    arn = parse_cluster_arn(options.cluster)
    return NamedCluster(arn.resource_name, source, arn.region, arn.account, arn.partition)


def _of_context(options: Shared, sources: Mapping[str, str], env: Mapping[str, str]) -> NamedCluster | None:
    from podid.kube.kubeconfig import current_eks_cluster

    try:
        bound = current_eks_cluster(options.kubeconfig or "", options.context or "", env)
    except (errors.InvalidInput, errors.NotFound):
        if options.context or _specified_kubeconfig(options, sources):
            raise
        return None  # an invalid default kubeconfig must not stop work without Kubernetes
    if bound is None:
        return None
    return NamedCluster(bound.cluster, f"kube context {bound.context}", bound.region, bound.account)


def _specified_kubeconfig(options: Shared, sources: Mapping[str, str]) -> str:
    """Return the file of --kubeconfig or of the settings file; empty for that of $KUBECONFIG, which may be missing."""
    return "" if sources.get("kubeconfig") == "KUBECONFIG" else options.kubeconfig or ""


def current_context(options: Shared, env: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """Return the kube context and the kubeconfig files; empty without a readable kubeconfig."""
    config = _readable_config(options, env)
    return ("", ()) if config is None else (options.context or config.current, tuple(map(str, config.files)))


def _readable_config(options: Shared, env: Mapping[str, str]) -> Kubeconfig | None:
    from podid.kube.kubeconfig import read

    try:
        return read(options.kubeconfig or "", env)
    except errors.InvalidInput:
        return None


def find_cluster(
    options: Shared, runtime: Runtime, aws: AwsSession, *, for_change: bool, ask: bool = True
) -> NamedCluster:
    """Return the cluster if none is specified. A change never uses the only cluster of the region without confirmation:
    on a terminal podid asks, and in CI the error lists the names."""
    region = aws.region
    try:
        clusters = aws.eks.list_clusters()
    except errors.CredentialsError:
        raise
    except errors.AccessDenied as error:
        error.advise("Or specify the cluster with --cluster: then podid lists no clusters.")
        raise
    matched = cluster_by_server(options, runtime.env, aws.eks, clusters)
    if matched is not None:
        return matched
    if not clusters:
        raise no_cluster(region, options, runtime.env)
    if len(clusters) == 1 and not for_change:
        return NamedCluster(clusters[0], f"the only cluster in {region}")
    if ask and runtime.interactive:
        with runtime.asking() as prompter:
            return NamedCluster(prompter.choose("Which cluster?", clusters), "your answer")
    raise errors.UsageError(
        f"No cluster is specified; {region} has {short_list(clusters, 10)}",
        # with several, a user could paste the wrong one
        hint=errors.Again(add=("--cluster", clusters[0])) if len(clusters) == 1 else (),
        advice="" if len(clusters) == 1 else "Specify one with --cluster or PODID_CLUSTER.",
    )


def no_cluster(region: str, options: Shared, env: Mapping[str, str]) -> errors.NotFound:
    """Return the error, with another kube context of an EKS cluster to try if the kubeconfig has one."""
    contexts = _eks_contexts(options, env)
    # a specified region would contradict the context
    flags = [word for name, place in contexts[:1] for word in ("--context", name, "--region", place)]
    names = [name for name, _ in contexts]
    return errors.NotFound(
        f"No EKS cluster found in {region}",
        hint=errors.Again(
            add=tuple(flags if options.region and all(flags) else flags[:2]), instead=errors.Other(("whoami",))
        )
        if contexts
        else errors.Other(("whoami",)),
        advice=f"The kubeconfig has contexts of these EKS clusters: {short_list(names, 5)}."
        if contexts
        else "Check the account and the region, or specify another region with --region.",
    )


def _eks_contexts(options: Shared, env: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the contexts of EKS clusters, each with its region."""
    from podid.kube.kubeconfig import eks_cluster_of

    config = _readable_config(options, env)
    contexts = config.contexts.values() if config is not None and options.context is None else ()
    clusters = ((context.name, eks_cluster_of(context)) for context in contexts)
    return sorted((name, cluster.region) for name, cluster in clusters if cluster is not None)


def cluster_by_server(
    options: Shared, env: Mapping[str, str], eks: Eks, clusters: tuple[str, ...]
) -> NamedCluster | None:
    """Return the cluster whose API server or certificate authority the kube context has, whatever its name."""
    from podid.kube.connect import matches

    config = _readable_config(options, env)
    chosen = options.context or (config.current if config is not None else "")
    if config is None or chosen not in config.contexts:
        return None
    context = config.contexts[chosen]
    for name in clusters:
        try:
            cluster = eks.get_cluster(name)
        except errors.PodidError:
            continue  # with --cluster, podid reports this error
        if matches(context, cluster):
            return NamedCluster(name, f"kube context {chosen}, by its server or CA")
    return None


_PROBE_SECONDS = 5.0
_LONGEST_PROBE_SECONDS = 10.0


def connect(
    options: Shared,
    sources: Mapping[str, str],
    env: Mapping[str, str],
    cluster: Cluster,
    sts: Sts,
    terminal: Terminal,
    deadline: Deadline,
) -> KubeAccess:
    """Connect to the API server and call GET /version once, so that a dead endpoint is known early.

    Raise for an explicit --context or --kubeconfig that cannot be used; other failures are part of the result.
    """
    from podid.kube import connect as kube_connect
    from podid.kube.reader import KubeReader
    from podid.kube.transport import Transport
    from podid.kube.writer import KubeWriter

    def token() -> tuple[str, datetime]:
        signed = sts.get_cluster_token(cluster.cluster_id or cluster.name)
        return signed.token, signed.expires_at

    # like kubectl, ignore missing or invalid files of $KUBECONFIG
    named_file = _specified_kubeconfig(options, sources)
    explicit = options.context is not None or bool(named_file)
    try:
        connection = kube_connect.connect(
            cluster,
            token=token,
            context=options.context or "",
            kubeconfig=named_file,
            env=env,
            deadline=deadline,
        )
        terminal.explain(f"Kubernetes: {connection.how}")
        if connection.unverified:
            terminal.note(
                f"warning: {connection.how} has insecure-skip-tls-verify: podid does not verify the API server's "
                "certificate and sends credentials to any server at this address"
            )
        # a private endpoint drops packets: probe with a short timeout first
        probe = Transport(connection, patience=_PROBE_SECONDS, longest=_LONGEST_PROBE_SECONDS, deadline=deadline)
        KubeReader(probe).check()
        transport = Transport(connection, deadline=deadline)
        return KubeAccess((KubeReader(transport), KubeWriter(transport)))
    except errors.UsageError:
        raise
    except errors.PodidError as failure:
        if explicit:
            raise
        return KubeAccess(failure=failure)
