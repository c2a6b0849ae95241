"""One command in several clusters, also of several regions and accounts: select them, change each by itself or read
all concurrently, and report all results in one document, with failures by cluster."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import product
from operator import itemgetter
from types import MappingProxyType
from typing import TypeVar

from podid.aws.session import AwsSession
from podid.calls import pacing
from podid.cli.access import Access
from podid.cli.cluster import no_cluster
from podid.cli.hints import hint_words
from podid.domain.aws import AssumedRole
from podid.domain.errors import Cancelled, ExitCode, NotFound, Other, PodidError, UsageError, combine
from podid.domain.members import Document
from podid.domain.plan import Consent
from podid.domain.text import short_list
from podid.ops.association.read import namespace_not_found
from podid.ops.clusters import ClusterOptions, account_ids, enabled_regions, tagged_clusters
from podid.render.formats import Format
from podid.render.multicluster import results_view
from podid.render.view import View, part_of

T = TypeVar("T")
NO_TAGS: Mapping[str, str] = MappingProxyType({})
# the name of a cluster with access to it, or the failure to list the clusters of a region
Reached = tuple[str, "Access | PodidError"]


def _tagged(access: Access, tags: Mapping[str, str]) -> tuple[str, ...]:
    """Return the clusters with all tags. On a terminal, ask for confirmation if they are several: the change is larger
    than typed."""
    if access.typed_clusters:
        raise UsageError("--cluster and --cluster-tag cannot be used together")
    terminal = access.terminal
    with terminal.working("reading the clusters' tags"):
        clusters = tagged_clusters(access.aws.eks, tags, access.aws.region)
    words = short_list(clusters, 20)
    terminal.note(f"{' '.join(f'--cluster-tag {key}={value}' for key, value in tags.items())} matches {words}")
    changes = not access.shared.dry_run and access.runtime.interactive
    if changes and len(clusters) > 1:
        question = f"Continue in these {len(clusters)} clusters?"
        terminal.consent(Consent(question=question, needed_for="A change in several clusters"))
    return clusters


def in_each_cluster(
    access: Access,
    run: Callable[[Access], None],
    tags: Mapping[str, str] = NO_TAGS,
    *,
    clusters: Sequence[str] = (),
) -> None:
    """Run a command in each of the clusters, by default those of --cluster, or with all of `tags`. A failure in one of
    several does not stop the others: exit 8 if some of them worked."""
    clusters = _tagged(access, tags) if tags else clusters or access.shared.several.get("cluster", ())
    if len(clusters) < 2:
        local = access.of(cluster=clusters[0]) if clusters else access
        access.terminal.argv = local.argv
        run(local)
        return
    check_no_context(access)
    reached = [(name, access.of(cluster=name)) for name in clusters]
    over_clusters(access, [(name, local, partial(run, local)) for name, local in reached])


def check_no_context(access: Access) -> None:
    """Raise UsageError for --context, which selects one cluster, with several clusters."""
    if access.shared.context is not None:
        raise UsageError("--context selects one cluster and cannot be used with several clusters")


def over_clusters(access: Access, parts: Sequence[tuple[str, Access, Callable[[], None]]]) -> None:
    """Run the parts of a command, as `in_each_cluster` does: each with the name of its cluster and the access to it.
    A single part is run as the command itself."""
    if len(parts) == 1:
        parts[0][2]()
        return
    terminal = access.terminal
    views: list[View] = []
    failures: list[tuple[str, PodidError]] = []
    codes = set()
    for name, local, run in parts:
        terminal.note(f"cluster {name}:")
        terminal.argv = local.argv
        try:
            results, code = terminal.collected(run)
            views += results
            codes.add(code)
        except (Cancelled, KeyboardInterrupt):
            if views:  # the changes of earlier clusters are done
                terminal.emit(results_view(views, failures))
            raise
        except PodidError as error:
            failures.append((name, _named(error, name, local)))
            codes.add(error.exit_code)
        access.runtime.end_runs()
    terminal.argv = access.argv
    if not views:
        terminal.tell_failure(*(failure for _, failure in failures[1:]))
        raise failures[0][1]
    terminal.emit(results_view(views, failures))
    terminal.tell_failure(*(failure for _, failure in failures))
    terminal.leave(ExitCode.PARTIAL if failures or (ExitCode.OK in codes and len(codes) > 1) else combine(codes))


# accounts and regions at a time; clusters of each at a time, and calls for each cluster
PLACES = 64
AT_ONCE = 8


def read_each(
    access: Access, chosen: ClusterOptions, read: Callable[[Access], T]
) -> tuple[list[tuple[Access, T]], list[PodidError]]:
    """Return the result of `read` for each cluster, one after the other, and the failures of several clusters. Raise
    UsageError for options that cannot be combined, NotFound without a cluster, and the first failure without a
    result."""
    results: list[tuple[Access, T]] = []
    failures: list[PodidError] = []
    for where, place in _places(access, chosen):
        assert isinstance(place, Access)  # only accounts and all regions can fail, which these commands do not have
        try:
            clusters = [(name, make()) for name, make in _clusters(access, where, place, chosen)]
        except PodidError as error:
            failures.append(_named(error, where, access))
            continue
        for name, local in clusters:
            try:
                results.append((local, read(local)))
            except PodidError as error:
                if not name:
                    raise
                failures.append(_named(error, name, local))
    if not results:
        raise failures[0] if failures else no_cluster(access.aws.region, access.shared, access.runtime.env)
    return results, failures


def are_several(access: Access, chosen: ClusterOptions) -> bool:
    """Return whether the options may select several clusters. Raise UsageError for options that cannot be combined."""
    typed = [f"--{name}" for name in ("cluster", "region") if access.sources.get(name) == f"--{name}"]
    chosen.check_together(typed, profiles=len(access.shared.several.get("profile", ())))
    return chosen.every or bool(access.shared.several)


def read_clusters(
    access: Access, chosen: ClusterOptions, read: Callable[[Access], T]
) -> Iterator[tuple[str, Access, T | PodidError]]:
    """Yield the result of `read` for each cluster as it arrives, with the cluster's name and the access to it; for an
    account, a region or a cluster that cannot be read, the error, which names it.

    Clusters are read concurrently, in all accounts and regions at the same time: the limits of AWS are for each account
    and region. A slow cluster delays no other. `read` gets an access whose terminal shows no progress."""
    if chosen.every:
        access.take_time()
    listed, done, runtime = [0], 0, access.runtime
    runtime.steps = "clusters"

    def in_one(cluster: tuple[str, Callable[[], Access]]) -> tuple[Access, T | PodidError]:
        local = cluster[1]()
        try:
            return local, read(local.quietly())
        except PodidError as error:
            return local, _named(error, cluster[0].replace(" ", ", "), local)

    def in_place(place: Reached) -> Iterator[tuple[str, Access, T | PodidError]]:
        where, local = place
        if isinstance(local, PodidError):
            yield where, access, local
            return
        try:
            clusters = list(_clusters(access, where, local, chosen))
        except PodidError as error:
            yield where, access, _named(error, where.replace(" ", ", "), local)
            return
        listed[0] += len(clusters)
        for (name, _), (at_cluster, result) in pacing.fan_out(in_one, clusters):
            yield name, at_cluster, result

    places = _places(access, chosen)
    for name, local, result in pacing.fan_out_parts(in_place, places, workers=PLACES, of_nested=AT_ONCE):
        done += name != "" and local is not access
        runtime.counted = (done, listed[0])
        access.terminal.progress.glance(f"{done} of {listed[0]} clusters read; {name}")
        yield name, local, result
    access.terminal.progress.done()


def report_clusters(
    access: Access,
    chosen: ClusterOptions,
    run: Callable[[Access], None],
    kind: type[Document],
    finish: Callable[[Sequence[tuple[str, PodidError]]], None] = lambda failures: None,
) -> None:
    """Run a command that only reads in each cluster, as `read_clusters` does. Lines and -o jsonl are written as they
    arrive; for other formats all are in one document of the `kind`. Then call `finish` with the failures. Exit 8 if a
    cluster could not be read."""
    if not are_several(access, chosen):
        run(access)
        return
    check_no_context(access)
    terminal, shared = access.terminal, access.shared
    views: list[tuple[str, View]] = []
    failures: list[tuple[str, PodidError]] = []
    codes, number = {ExitCode.OK}, 0

    with until_interrupted() as interrupted:
        for name, _, result in read_clusters(
            access, chosen, lambda local: local.terminal.collected(partial(run, local))
        ):
            if isinstance(result, PodidError):
                failures.append((name, result))
                continue
            number += 1
            codes.add(result[1])
            for view in result[0]:
                if shared.query is None and shared.output is Format.JSONL:
                    terminal.stream([part_of(view)])
                elif shared.query is None and shared.output in (Format.TABLE, Format.WIDE) and view.lines:
                    terminal.emit(replace(view, lines=(f"cluster {name}:", *view.lines)))
                else:
                    views.append((name, view))
    failures.sort(key=itemgetter(0))
    tell_failures(access, failures, some=bool(number) or bool(interrupted))
    if not number and not failures:
        check_any(access, chosen)
    documents = shared.output in Format and shared.output not in (Format.TABLE, Format.WIDE, Format.JSONL)
    if views or (not number and documents):
        terminal.emit(results_view([view for _, view in sorted(views, key=itemgetter(0))], failures, kind))
    finish(failures)
    if interrupted:
        raise interrupted[0]
    terminal.leave(ExitCode.PARTIAL if failures else combine(codes))


@contextmanager
def until_interrupted() -> Iterator[list[KeyboardInterrupt]]:
    """Yield a list that gets the KeyboardInterrupt of the block, to be raised after the results so far are written."""
    caught: list[KeyboardInterrupt] = []
    try:
        yield caught
    except KeyboardInterrupt as interrupt:
        caught.append(interrupt)


def tell_failures(access: Access, failures: Sequence[tuple[str, PodidError]], *, some: bool) -> None:
    """Print the failures of accounts, regions and clusters. Raise the first unless there are `some` results."""
    access.terminal.tell_failure(*(failure for _, failure in (failures if some else failures[1:])))
    if failures and not some:
        raise failures[0][1]


def check_any(access: Access, chosen: ClusterOptions) -> None:
    """Raise NotFound because there is no cluster, unless it is only that this --shard has none."""
    if chosen.shard is not None:
        access.terminal.note("No cluster belongs to this shard.")
    elif chosen.wide:
        raise NotFound("No EKS cluster found in these accounts and regions", hint=Other(("whoami",)))
    else:
        raise no_cluster(access.aws.region, access.shared, access.runtime.env)


def _places(access: Access, chosen: ClusterOptions) -> Iterator[Reached]:
    """Yield access to each account and region, with its name; or the error that prevents it. Raise UsageError for
    options that cannot be combined."""
    shared, several = access.shared, access.shared.several
    profiles, regions = several.get("profile", (shared.profile,)), several.get("region", (shared.region,))
    if not are_several(access, chosen):
        yield "", access
    elif chosen.in_accounts:
        access.check_account()
        own, accounts = access.aws.sts.get_caller().account, account_ids(access.aws, chosen)
        if chosen.all_regions:
            first: Iterator[tuple[str, tuple[str, ...] | PodidError]] = pacing.fan_out(
                pacing.attempt(lambda account: enabled_regions(_session(access, chosen, account, own))), accounts
            )
        else:
            first = ((account, several.get("region", (access.aws.region,))) for account in accounts)
        for account, result in first:
            if isinstance(result, PodidError):
                yield account, _named(result, f"account {account}", access)
                continue
            for name in result:
                try:
                    session = _session(access, chosen, account, own, name)
                except PodidError as error:
                    yield account, _named(error, f"account {account}", access)
                    continue
                yield f"{account} {name}", access.of(region=name, account=account, aws=session)
    else:
        for profile, region in product(profiles, regions):
            local, where = access.of(profile=profile, region=region), " ".join(filter(None, (region, profile)))
            if not chosen.all_regions:
                yield where, local
                continue
            try:
                enabled = enabled_regions(local.aws)
            except PodidError as error:
                yield profile or "", _named(error, f"profile {profile}" if profile else "", local)
                continue
            for name in enabled:
                yield " ".join(filter(None, (name, profile))), local.of(region=name, aws=local.session_in(name))


def _session(access: Access, chosen: ClusterOptions, account: str, own: str, region: str = "") -> AwsSession:
    """Return a session with the role in the account; with the caller's credentials in the caller's account."""
    arn = f"arn:{access.aws.partition}:iam::{account}:role/{chosen.assume_role}"
    role = None if account == own else AssumedRole(arn, chosen.external_id)
    return access.session_in(region or access.aws.region, role)


def _clusters(
    access: Access, where: str, local: Access, chosen: ClusterOptions
) -> Iterator[tuple[str, Callable[[], Access]]]:
    """Yield the clusters of one account and region, those that `access` names or all: the name of each, and the
    function that makes the access to it."""
    if not are_several(access, chosen):
        yield "", lambda: access
        return
    aws, tags = local.aws, chosen.cluster_tags
    if not chosen.every:
        for name in access.shared.several.get("cluster", (access.shared.cluster,)):
            yield f"{name or 'cluster'} {where}".strip(), partial(local.of, cluster=name)
        return
    names = tagged_clusters(aws.eks, tags, aws.region) if tags else aws.eks.list_clusters()
    account = aws.sts.get_caller().account if chosen.wide and names else ""
    for name in names:
        arn = f"arn:{aws.partition}:eks:{aws.region}:{account}:cluster/{name}"
        if chosen.shard is None or chosen.shard.has(arn):
            make = partial(local.of, cluster=arn, aws=aws) if chosen.wide else partial(local.of, cluster=name)
            yield f"{name} {where}".strip(), make


def _named(error: PodidError, name: str, local: Access) -> PodidError:
    """Return the error with the name of the cluster, the region or the account in its message."""
    error.hint = hint_words(error.hint, local.argv)
    named = (re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", error.message) for word in name.split(", "))
    if name and not all(named):
        error.message = f"{name}: {error.message}"
    return error


def check_namespace(reached: Sequence[Access], namespace: str) -> None:
    """Raise NotFound if no cluster has the namespace or an association in it. Return if one has, or if it could not be
    read."""
    absent: NotFound | None = None
    for access in reached:
        if access.aws.eks.list_association_summaries(access.place().cluster_name, namespace=namespace):
            return
        absent = namespace_not_found(access.clients, namespace)
        if absent is None:
            return
    if absent is not None:
        raise absent
