"""What a session policy leaves of a role, and how much room it takes: told before it is written.

Sources: STS API Reference, "AssumeRole" (a session may do what its role and its policy both allow; policy and tags are
packed into a binary form with a limit of its own); EKS User Guide, "EKS Pod Identity session policies".
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence

from podid.domain.iam import SESSION_POLICY_QUOTA, listed
from podid.domain.text import short_list
from podid.domain.wildcards import covers, overlap

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
    allowed = [action for statement in _allows(session) for action in _actions(statement, "Action")]
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
    statements = listed(document.get("Statement"))
    return [item for item in statements if isinstance(item, Mapping) and item.get("Effect") == "Allow"]


def _actions(statement: Mapping[str, object], member: str) -> list[str]:
    return [item for item in listed(statement.get(member)) if isinstance(item, str)]


def _may_grant(statement: Mapping[str, object], action: str) -> bool:
    if "NotAction" in statement:
        return not any(covers(each.lower(), action.lower()) for each in _actions(statement, "NotAction"))
    return any(overlap(each.lower(), action.lower()) for each in _actions(statement, "Action"))
