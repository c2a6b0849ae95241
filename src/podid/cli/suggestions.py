"""Values for shell completion: names of clusters, service accounts, roles, runs, checks…

A key press waits at most 300 ms. A separate process reads names from AWS or the cluster. It continues after the key
press and caches the answer in a file for the next TAB. Errors print nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from podid.cli.options import SHARED
from podid.cli.runtime import Runtime, Streams
from podid.domain.names import AGENT_ADDON
from podid.local import files
from podid.local.files import check_private, make_private

if TYPE_CHECKING:
    from podid.cli.access import Access

FRESH_SECONDS = 30.0
KEPT_SECONDS = 600.0
# the reading process is invisible and must end without a user
REFRESH_SECONDS = 60.0
WAIT_SECONDS = 0.2
# the options about the place, or their variables
_PLACE = tuple(item for item in SHARED.values() if item.where)


def values(runtime: Runtime, source: str, words: Sequence[str]) -> tuple[str, ...]:
    """Return the values of a source, or () if they are not available in time."""
    try:
        local = _local(source, runtime)
        return _remote(runtime, source, words) if local is None else tuple(local)
    except Exception:  # noqa: BLE001  completion prints no errors
        return ()


def _remote(runtime: Runtime, source: str, words: Sequence[str]) -> tuple[str, ...]:
    place = _place(words)
    cache = _cache(runtime, source, place)
    cached = _read(cache)
    if cached is not None and time.time() - cached[0] < FRESH_SECONDS:
        return cached[1]
    _refresh(runtime, source, place, cache)
    end = time.monotonic() + WAIT_SECONDS
    while cached is None and time.monotonic() < end:
        time.sleep(0.02)
        cached = _read(cache)
    return cached[1] if cached is not None else ()


def _cache(runtime: Runtime, source: str, place: dict[str, str]) -> Path:
    env = runtime.env
    variables = (*(name for item in _PLACE for name in item.env), "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL", "HOME")
    stored = {item.field: runtime.stored.get(item.key, ("", ""))[0] for item in _PLACE}
    identity = {"stored": stored, **{name: env.get(name, "") for name in variables}, **place, "source": source}
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:32]
    return runtime.state_dir() / "completion" / f"{digest}.json"


def _refresh(runtime: Runtime, source: str, place: dict[str, str], cache: Path) -> None:
    import subprocess

    from podid.local.processes import python

    make_private(cache.parent)
    check_private(cache.parent)
    env = {name: value for name, value in runtime.env.items() if name != "_PODID_COMPLETE"}
    subprocess.Popen(  # noqa: S603  podid itself
        python("podid.cli.suggestions", source, json.dumps(place), str(cache)),
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _place(words: Sequence[str]) -> dict[str, str]:
    """Return the options about the place among the words."""
    names = {name: item.field for item in _PLACE for name in item.spellings}
    return {names[word]: value for word, value in pairwise(words) if word in names}


def _read(cache: Path) -> tuple[float, tuple[str, ...]] | None:
    """Return the time and the values of a private, recent cache file, else None."""
    try:
        if not check_private(cache.parent):
            return None
        values, written = json.loads(files.read(cache, own=True)), cache.stat().st_mtime
    except (OSError, ValueError, RecursionError):
        return None
    recent = 0 <= time.time() - written <= KEPT_SECONDS
    return (written, tuple(str(value) for value in values)) if recent and isinstance(values, list) else None


def _local(source: str, runtime: Runtime) -> Iterable[str] | None:
    """Return the values of a source that needs neither AWS nor the cluster; None for another source."""
    match source:
        case "runs":
            from podid.ops.change.journal import Journal

            chosen = SHARED["journal_dir"].default_from(runtime.env, runtime.stored)
            journal = Journal(Path(chosen[0]) if chosen else runtime.state_dir() / "journal")
            return ("last", *(run.run_id for run in journal.runs()))
        case "checks":
            from podid.ops.status.diagnose import describe_checks

            return sorted(check.id for check in describe_checks())
        case "pages":
            from podid.ops.explain import list_pages

            return sorted(entry.id for entry in list_pages())
        case "presets":
            from podid.ops.role.presets import preset_names

            return preset_names()
        case "contexts":
            from podid.kube.kubeconfig import read

            config = read(env=runtime.env)
            return sorted(config.contexts) if config is not None else ()
        case "profiles":
            from podid.cli.first_run import profile_names

            return profile_names(runtime)
        case "shells":
            from podid.cli.completion import SCRIPTS

            return SCRIPTS
        case "list-columns":
            from podid.render.associations import ALL_COLUMNS

            return ALL_COLUMNS
        case "list-orders":
            from podid.ops.association.listing import SORTABLE

            return SORTABLE
        case "settings":
            from podid.cli.settings import keys

            return keys()
    return None


def _service_accounts(access: Access) -> Iterable[str]:
    summaries = access.aws.eks.list_association_summaries(access.place().cluster_name)
    names = {str(item.ref) for item in summaries}
    with contextlib.suppress(Exception):  # names from associations are better than none
        names |= {str(account.ref) for account in access.kube.reader.list_service_accounts()}
    return names


def _targets(access: Access) -> Iterable[str]:
    """Return valid arguments of podid doctor: service accounts, pods and Deployments."""
    names = {*_service_accounts(access), "pod/", "deploy/"}
    with contextlib.suppress(Exception):
        names |= {f"pod/{pod.namespace}/{pod.name}" for pod in access.kube.reader.list_pods()}
    with contextlib.suppress(Exception):
        deployments = (item for item in access.kube.reader.list_workloads() if item.kind == "Deployment")
        names |= {f"deploy/{item.namespace}/{item.name}" for item in deployments}
    return names


def _versions(access: Access) -> Iterable[str]:
    cluster = access.place().the_cluster
    return (item.version for item in access.aws.eks.list_addon_versions(AGENT_ADDON, cluster.version))


REMOTE: dict[str, Callable[[Access], Iterable[str]]] = {
    "clusters": lambda access: access.aws.eks.list_clusters(),
    # the other regions of the partition; every region has the same list
    "regions": lambda access: access.at("completion", cluster="", region="us-east-1").aws.eks_regions,
    "targets": _targets,
    "service-accounts": _service_accounts,
    "namespaces": lambda access: {name.partition("/")[0] for name in _service_accounts(access)},
    "roles": lambda access: access.aws.iam.list_role_names(),
    "versions": _versions,
}


def main(argv: Sequence[str]) -> None:
    """Read one source and write its values to the cache file, atomically."""
    from podid.cli.access import Access
    from podid.cli.options import from_values
    from podid.cli.terminal import Terminal

    source, place, cache = argv
    runtime = Runtime(streams=Streams.of_process(), env={**os.environ, "CI": "1"})
    options, sources = from_values(json.loads(place), runtime.env, stored=runtime.stored)
    deadline = runtime.deadline(REFRESH_SECONDS, f"the {REFRESH_SECONDS:g} s for completion")
    access = Access(runtime, options, sources, Terminal(runtime, options), deadline=deadline)
    values = sorted(REMOTE[source](access))
    path = Path(cache)
    files.write_whole(path, json.dumps(values).encode(), over=files.present(path))


if __name__ == "__main__":
    with contextlib.suppress(Exception):
        main(sys.argv[1:])
