"""The versions of the agents themselves, by the tags of their images."""

import re
from collections.abc import Sequence

from podid.domain.cluster import DaemonSet
from podid.domain.names import AGENT_ADDON

_TAG = re.compile(r":v?(0\.1\.\d{1,6})(?:[-@].*)?$", re.ASCII)


def agent_versions(sets: Sequence[DaemonSet]) -> list[str]:
    """As "0.1.37"; a mirror under another name may count in a way of its own."""
    images = (image for ds in sets for image in ds.images if AGENT_ADDON in image)
    return [found[1] for image in images if (found := _TAG.search(image))]
