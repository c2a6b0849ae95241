"""Containers with credentials of their own, for the checks of link 4."""

from collections.abc import Mapping
from dataclasses import replace

from podid.domain.cluster import Container, EnvSource, Mount
from podid.domain.snapshot import Snapshot
from podid.domain.workloads import INJECTED_ENV

from .builder import INJECTED, healthy, pod

KEYS = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
URI, TOKEN_FILE = INJECTED_ENV


def container(name: str = "app", image: str = "example/app:1", **env: str) -> Container:
    """Return an injected container with these further variables."""
    return Container(name=name, image=image, env={**INJECTED, **env}, ready=True)


def sourced(
    *sources: EnvSource,
    blank: tuple[str, ...] = (),
    mounts: tuple[Mount, ...] = (),
    env: Mapping[str, str] | None = None,
) -> Container:
    """Return an injected container with variables of other objects (`envFrom`), blank variables and mounts."""
    return replace(container(**(env or {})), env_from=sources, blank=blank, mounts=mounts)


def token(audience: str) -> Container:
    """Return a container that sets the path of a token in its own volume."""
    own = sourced(env={TOKEN_FILE: "/own/token"})
    return replace(own, mounts=(Mount("/own", "serviceAccountToken", audience),))


def running(*containers: Container, **annotations: str) -> Snapshot:
    """Return the healthy cluster, whose pod has these containers and annotations."""
    return healthy(pods=(pod(containers=containers, annotations=annotations),))
