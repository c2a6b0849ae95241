"""What a session policy leaves of a role, and how much room it takes: told before it is written.

Sources: STS API Reference, "AssumeRole" (a session may do what its role and its policy both allow; policy and tags are
packed into a binary form with a limit of its own); EKS User Guide, "EKS Pod Identity session policies".
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from podid.domain.iam import SESSION_POLICY_QUOTA
from podid.domain.text import short_list

_MOST_SHOWN = 5
# even noise of the allowed length comes to some 80
_NEARLY_FULL = 60


def packed_percent(policy: str) -> int:
    """An estimate: AWS publishes neither how it packs nor the limit. The text is packed as zlib does it, and held
    against the limit of the plain text."""
    return -(-len(zlib.compress(policy.encode(), 9)) * 100 // SESSION_POLICY_QUOTA)


def room_words(policy: str) -> str:
    """How much of the room for session policies it takes: what is known, and what is an estimate."""
    percent = packed_percent(policy)
    nearly = "; PackedPolicyTooLarge is possible" if percent >= _NEARLY_FULL else ""
    return (
        f"{len(policy):,} of {SESSION_POLICY_QUOTA:,} characters, and packed some {percent}% of its room by an estimate"
        f"{nearly}: AWS packs in a way of its own, and says how much only in CloudTrail (packedPolicySize)"
    )


def not_granted(session: Mapping[str, object], granted: Iterable[Mapping[str, object]]) -> tuple[str, ...]:
    """The actions that a session policy allows and no policy of the role does, whatever the resource: they stay denied.
    What NotAction says is left out."""
    allowed = [action for statement in _allows(session) for action in _texts(statement.get("Action"))]
    statements = [statement for document in granted for statement in _allows(document)]
    return tuple(
        action
        for action in dict.fromkeys(allowed)
        if not any(_may_grant(statement, action) for statement in statements)
    )


def not_granted_words(actions: Sequence[str], role: str) -> str:
    """The sentence about them."""
    return (
        f"no policy of role {role} allows {short_list(actions, _MOST_SHOWN)}, which the session policy does: a session "
        "policy adds nothing, so that stays denied"
    )


def _allows(document: Mapping[str, object]) -> list[Mapping[str, object]]:
    found = document.get("Statement")
    listed = found if isinstance(found, list) else [found]
    return [item for item in listed if isinstance(item, Mapping) and item.get("Effect") == "Allow"]


def _texts(value: object) -> list[str]:
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str)]


def _may_grant(statement: Mapping[str, object], action: str) -> bool:
    if "NotAction" in statement:
        return not any(_within(action, pattern) for pattern in _texts(statement["NotAction"]))
    return any(_meet(action.lower(), pattern.lower()) for pattern in _texts(statement.get("Action")))


def _within(action: str, pattern: str) -> bool:
    """Whether the pattern takes all that the action stands for, as far as its text tells."""
    from fnmatch import fnmatchcase

    return fnmatchcase(action.lower().replace("?", "x"), pattern.lower().replace("[", "[[]"))


@lru_cache(maxsize=4096)
def _meet(one: str, other: str) -> bool:
    """Whether some text fits both patterns."""
    if not one or not other:
        return not (one + other).strip("*")
    if one[0] == "*":
        return _meet(one[1:], other) or _meet(one, other[1:])
    if other[0] == "*":
        return _meet(other, one)
    return (one[0] == other[0] or "?" in (one[0], other[0])) and _meet(one[1:], other[1:])
