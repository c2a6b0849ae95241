"""Which cluster a command is about: flag, environment, kube context, the only one there is, or a question."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from podid.domain.errors import InvalidInput, NotFound, PodidError, UsageError
from podid.domain.names import check_cluster_name
from podid.domain.words import short_list

if TYPE_CHECKING:
    from podid.aws.eks import Eks
    from podid.aws.session import AwsSession
    from podid.cli.options import Shared
    from podid.cli.runtime import Runtime


@dataclass(frozen=True, slots=True)
class ContextCluster:
    """The EKS cluster that a kube context names itself after."""

    name: str
    region: str | None


def context_cluster(options: Shared, sources: Mapping[str, str], env: Mapping[str, str]) -> ContextCluster | None:
    """The EKS cluster that the current kube context names itself after, if it does."""
    from podid.kube.kubeconfig import current_eks_cluster

    try:
        found = current_eks_cluster(options.kubeconfig or "", options.context or "", env)
    except (InvalidInput, NotFound):
        if options.context or sources.get("kubeconfig") == "--kubeconfig":
            raise
        return None  # a broken kubeconfig that nobody named must not stop work that needs none
    return None if found is None else ContextCluster(found[0], found[1] or None)


@dataclass(frozen=True, slots=True)
class Choice:
    """What the choice is made from; AWS is asked only when nothing names a cluster."""

    options: Shared
    sources: Mapping[str, str]
    runtime: Runtime
    aws: Callable[[], AwsSession]

    def choose(self, *, for_change: bool) -> tuple[str, str]:
        """The cluster's name and where it came from. A change never falls back to the only cluster that happens to
        exist; at a terminal it is asked for, in CI the error lists the names."""
        if self.options.cluster is not None:
            return check_cluster_name(self.options.cluster), self.sources["cluster"]
        named = context_cluster(self.options, self.sources, self.runtime.env)
        if named is not None:
            return named.name, "the kube context"
        aws = self.aws()
        clusters, region = aws.eks.list_clusters(), aws.region
        matched = self._of_context(aws.eks, clusters)
        if matched is not None:
            return matched, "the kube context's server or CA"
        if not clusters:
            raise NotFound(f"There is no EKS cluster in {region}", hint=("aws", "eks", "list-clusters"))
        if len(clusters) == 1 and not for_change:
            return clusters[0], f"the only cluster in {region}"
        if self.runtime.interactive:
            return self.runtime.prompter.choose("Which cluster?", clusters), "your answer"
        raise UsageError(
            f"No cluster is named; {region} has {short_list(clusters, 10)}",
            hint=("podid", *self.runtime.argv, "--cluster", clusters[0]),
        )

    def _of_context(self, eks: Eks, clusters: tuple[str, ...]) -> str | None:
        """Contexts carry any name; whose API server or certificate authority it is tells the cluster all the same."""
        from podid.kube.connect import matches
        from podid.kube.kubeconfig import read

        try:
            config = read(self.options.kubeconfig or "", self.runtime.env)
        except InvalidInput:
            return None
        wanted = self.options.context or (config.current if config is not None else "")
        if config is None or wanted not in config.contexts:
            return None
        context = config.contexts[wanted]
        for name in clusters:
            try:
                cluster = eks.get_cluster(name)
            except PodidError:
                continue  # not ours to see; if it is the one, naming it with --cluster tells why
            if matches(context, cluster):
                return name
        return None
