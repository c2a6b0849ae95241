"""Which cluster a command is about: flag, environment, kube context, the only one there is, or a question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from podid.domain.errors import InvalidInput, NotFound, PodidError, UsageError
from podid.domain.names import check_cluster_name
from podid.domain.words import short_list

if TYPE_CHECKING:
    from podid.cli.invocation import Invocation


@dataclass(frozen=True, slots=True)
class ContextCluster:
    name: str
    region: str | None


def context_cluster(run: Invocation) -> ContextCluster | None:
    """The EKS cluster that the kube context names itself after, if it does."""
    from podid.kube.kubeconfig import current_eks_cluster

    options = run.options
    try:
        found = current_eks_cluster(options.kubeconfig or "", options.context or "", run.runtime.env)
    except (InvalidInput, NotFound):
        if options.context or run.sources.get("kubeconfig") == "--kubeconfig":
            raise
        return None  # a broken kubeconfig that nobody named must not stop work that needs none
    return None if found is None else ContextCluster(found[0], found[1] or None)


def choose_cluster(run: Invocation, *, for_change: bool) -> tuple[str, str]:
    """The cluster's name and where it came from. A change never falls back to the only cluster that happens to exist;
    at a terminal it is asked for, in CI the error lists the names."""
    if run.options.cluster is not None:
        return check_cluster_name(run.options.cluster), run.sources["cluster"]
    named = context_cluster(run)
    if named is not None:
        return named.name, "the kube context"
    clusters = run.aws.eks.list_clusters()
    matched = _of_context(run, clusters)
    if matched is not None:
        return matched, "the kube context's server or CA"
    if not clusters:
        raise NotFound(f"There is no EKS cluster in {run.aws.region}", hint=("aws", "eks", "list-clusters"))
    if len(clusters) == 1 and not for_change:
        return clusters[0], f"the only cluster in {run.aws.region}"
    if run.runtime.interactive:
        return run.runtime.prompter.choose("Which cluster?", clusters), "your answer"
    raise UsageError(
        f"No cluster is named; {run.aws.region} has {short_list(clusters, 10)}",
        hint=("podid", *run.runtime.argv, "--cluster", clusters[0]),
    )


def _of_context(run: Invocation, clusters: tuple[str, ...]) -> str | None:
    """Contexts carry any name; whose API server or certificate authority it is tells the cluster all the same."""
    from podid.kube.connect import matches
    from podid.kube.kubeconfig import read

    try:
        config = read(run.options.kubeconfig or "", run.runtime.env)
    except InvalidInput:
        return None
    wanted = run.options.context or (config.current if config is not None else "")
    if config is None or wanted not in config.contexts:
        return None
    context = config.contexts[wanted]
    for name in clusters:
        try:
            cluster = run.aws.eks.get_cluster(name)
        except PodidError:
            continue  # not ours to see; if it is the one, naming it with --cluster tells why
        if matches(context, cluster):
            return name
    return None
