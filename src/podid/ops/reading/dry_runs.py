"""Pods created with dryRun=All, which pass the webhook and are not created: what one API server knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from podid.aws import pacing
from podid.domain.errors import PodidError
from podid.domain.workloads import live

if TYPE_CHECKING:
    from podid.kube.reader import KubeReader

# nothing is pulled in a dry run; an image that is already used there passes allow-lists of registries
FALLBACK_IMAGE = "public.ecr.aws/eks-distro/kubernetes/pause:3.7"
ROUNDS = 5
PODS_PER_ROUND = 3
SECONDS_BETWEEN_ROUNDS = 2.0


def images_of(reader: KubeReader, namespaces: Iterable[str]) -> dict[str, str]:
    """For each namespace an image that its pods use already, so that policies for images let it pass."""
    return dict(pacing.fan_out(partial(_image, reader), namespaces, reads=True))


def _image(reader: KubeReader, namespace: str) -> str:
    try:
        pods = reader.list_pods(namespace)
    except PodidError:
        return FALLBACK_IMAGE
    used = Counter(c.image for pod in pods if live(pod) for c in pod.containers if c.image and not c.init)
    return used.most_common(1)[0][0] if used else FALLBACK_IMAGE
