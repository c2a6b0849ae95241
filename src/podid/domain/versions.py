"""Versions as EKS writes them: `v1.3.10-eksbuild.2` of an add-on, `1.35` of Kubernetes, `eks.9` of the platform.

https://docs.aws.amazon.com/eks/latest/APIReference/API_AddonVersionInfo.html. Lists of them come in no order to trust.
"""

import re

_ADDON = re.compile(r"v?(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:-eksbuild\.(\d{1,9}))?", re.ASCII)
_PLATFORM = re.compile(r"eks\.(\d{1,9})", re.ASCII)
_MINOR = re.compile(r"(\d{1,4})\.(\d{1,4})", re.ASCII)

AddonKey = tuple[int, int, int, int]


def addon_key(version: str) -> AddonKey | None:
    """What add-on versions are ordered by; None for text of another form. Without an eksbuild it is the lowest."""
    found = _ADDON.fullmatch(version)
    if found is None:
        return None
    major, minor, patch, build = (int(part or 0) for part in found.groups())
    return major, minor, patch, build


def older(one: str, other: str) -> bool:
    """Whether `one` comes before `other`; false where either cannot be read."""
    left, right = addon_key(one), addon_key(other)
    return left is not None and right is not None and left < right


def platform_number(version: str) -> int | None:
    """9 of `eks.9`; None for text of another form."""
    found = _PLATFORM.fullmatch(version)
    return int(found[1]) if found else None


def minor_version(version: str) -> tuple[int, int] | None:
    """(1, 35) of `1.35`; None for text of another form."""
    found = _MINOR.fullmatch(version)
    return (int(found[1]), int(found[2])) if found else None


def next_minor(version: str) -> str:
    """1.36 of 1.35; empty for text of another form."""
    found = minor_version(version)
    return f"{found[0]}.{found[1] + 1}" if found else ""
