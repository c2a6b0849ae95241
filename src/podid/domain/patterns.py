"""Patterns of IAM roles and policies in files: of names, of paths with names, or of ARNs.

`shop-*` matches names, `/team/*` paths with names, and `arn:aws:iam::*:role/team/*` ARNs. Wildcards are those of IAM.
"""

import re
from collections.abc import Iterable

from podid.domain.errors import InvalidInput
from podid.domain.wildcards import matches, matches_arn, overlap, pattern

# the longest names: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_LONGEST = {"role": 64, "policy": 128}
_NAME = re.compile(r"[\w+=,.@*?-]+", re.ASCII)
_PATH = re.compile(r"[!-~]*")
_ACCOUNT = re.compile(r"[0-9*?]+|aws")


def matches_any(patterns: Iterable[str], name: str) -> bool:
    """Return whether a pattern matches a role or a policy: an ARN, or the name of an inline policy."""
    return any(_matches(text, name) for text in patterns)


def _matches(text: str, name: str) -> bool:
    atoms = pattern(text)
    if ":" in text:
        return matches_arn(atoms, name)
    if "/" in text:
        path = name.rpartition(":")[2].partition("/")[2]
        return matches(atoms, path) or matches(atoms, f"/{path}")
    return matches(atoms, name.rpartition("/")[2])


def check_role_pattern(text: str) -> None:
    """Raise InvalidInput for a pattern that matches no role."""
    _check(text, "role", "shop-*")


def check_policy_pattern(text: str) -> None:
    """Raise InvalidInput for a pattern that matches no policy."""
    _check(text, "policy", "AmazonS3*")


def _check(text: str, kind: str, name: str) -> None:
    if _can_match_arn(text, kind) if ":" in text else _can_match_name(text, kind):
        return
    arn = f"arn:aws:iam::111122223333:{kind}/{name}"
    forms = f"specify a name, {name}, a path, /team/{name}, or an ARN, {arn}"
    raise InvalidInput(f"{text!r} matches no IAM {kind}: {forms}")


def _can_match_arn(text: str, kind: str) -> bool:
    parts = text.split(":", 5)
    if len(parts) < 6:
        return False
    arn, partition, service, region, account, resource = parts
    begins = overlap(f"{arn}:{partition}:{service}:{region}", "arn:aws*:iam:") and _PATH.fullmatch(resource) is not None
    own = _ACCOUNT.fullmatch(account) is not None and overlap(account, "?" * 12)
    return begins and (own or (kind == "policy" and overlap(account, "aws"))) and overlap(resource, f"{kind}/?*")


def _can_match_name(text: str, kind: str) -> bool:
    path, _, name = text.rpartition("/")
    # an ARN has its kind before the path, which a path has not
    if path.partition("/")[0] == kind or not _PATH.fullmatch(path) or not _NAME.fullmatch(name):
        return False
    return len(name.replace("*", "")) <= _LONGEST[kind]
