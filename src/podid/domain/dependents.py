"""Dependents: the users of a resource that a plan deletes or narrows, and the parts that could not be read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated

from podid.domain.errors import Again, PodidError, Undetermined
from podid.domain.grouping import grouped
from podid.domain.members import OPTIONAL, About
from podid.domain.section import Unread
from podid.domain.text import short_list


@dataclass(frozen=True, slots=True)
class Dependents:
    """The users of resources that a plan deletes or narrows, in words. Others may exist in `unread`. `notes` are facts
    for the person who confirms the plan. `subjects` are the resources with users or unread parts, in words."""

    users: tuple[str, ...] = ()
    unread: tuple[Unread, ...] = ()
    notes: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()

    @classmethod
    def joined(cls, parts: Iterable[Dependents]) -> Dependents:
        """Return all of them as one, without repetitions."""
        parts = tuple(parts)
        return cls(
            users=tuple(dict.fromkeys(user for part in parts for user in part.users)),
            unread=tuple(dict.fromkeys(item for part in parts for item in part.unread)),
            notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
            subjects=tuple(dict.fromkeys(subject for part in parts for subject in part.subjects)),
        )

    @property
    def gaps(self) -> tuple[Unread, ...]:
        """Return the unread parts that may have further users: a region that is not enabled has none."""
        return tuple(item for item in self.unread if item.decisive)


NO_DEPENDENTS = Dependents()
ACCEPT = "--accept-unread"
# a member of documents
AcceptedUnread = Annotated[
    Sequence[Unread] | None,
    OPTIONAL,
    About(f"Unread parts that may have users, accepted by {ACCEPT}; omitted if there are none."),
]


def not_read(subject: str, gaps: Sequence[Unread]) -> Undetermined:
    """Return the error for an act that removes `subject`, while `gaps` may have users of it."""
    permission = next((item.permission for item in gaps if item.permission), "")
    grant = "Grant the missing permissions" if permission else "Try again later"
    return Undetermined(
        f"podid could not read everything that may use {subject}",
        hint=Again(add=(ACCEPT,)),
        lines=lines_of(gaps),
        advice=f"Nothing was changed. {grant}, or pass {ACCEPT} if you know that nothing uses it there.",
        permission=permission,
    )


def unread_users(subject: str, error: PodidError) -> Undetermined:
    """Return the error for a deletion whose users podid could not read at all: no option accepts that."""
    return Undetermined(
        f"podid could not read what uses {subject}: {error.message}",
        hint=error.hint,
        advice=f"Nothing was changed. {error.advice}".strip(),
        permission=error.permission,
        request_id=error.request_id,
    )


def lines_of(parts: Iterable[Unread]) -> tuple[str, ...]:
    """Return a line for each reason, with its parts: a denied operation is denied in many regions."""
    by_reason = grouped(((item.permission and f"requires {item.permission}") or item.reason, item) for item in parts)
    return tuple(f"{short_list([item.what for item in items], 5)}: {reason}" for reason, items in by_reason.items())
