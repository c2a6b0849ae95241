"""What a role's permission policies say of going on to other roles: read from the documents, for IAM's simulator has to
be told the roles beforehand.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html: `*` and `?` are wildcards.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from podid.domain.trust import text

ASSUME, TAG = "sts:assumerole", "sts:tagsession"
_VARIABLE = re.compile(r"\$\{[^}]*\}")


@dataclass(frozen=True, slots=True)
class PolicyNames:
    """A role's permission policies: the ARNs of the attached ones, the names of the inline ones."""

    attached: tuple[str, ...] = ()
    inline: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.attached or self.inline)


@dataclass(frozen=True, slots=True)
class AssumeRights:
    """The resources, as they are written, of statements that allow sts:AssumeRole and sts:TagSession. `clear` is False
    where a Deny, or a statement by exclusion, is about them too: what is not allowed by the others may not be seen.
    `allows` are the patterns of all actions that the statements allow, `*` where that is not known."""

    assume: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    clear: bool = True
    allows: tuple[str, ...] = ("*",)

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles that it names one by one and may assume."""
        return tuple(arn for arn in self.assume if ":role/" in arn and not _wild(arn))

    def may_tag(self, arn: str) -> bool:
        return any(matches(pattern, arn) for pattern in self.tag)

    @property
    def untagged(self) -> tuple[str, ...]:
        """Patterns under which it may assume roles and tag no session of theirs."""
        return tuple(
            pattern
            for pattern in self.assume
            if _wild(pattern) and pattern not in self.tag and not self.may_tag(pattern)
        )


def assume_rights(documents: Iterable[Mapping[str, object]], allows: tuple[str, ...] = ("*",)) -> AssumeRights:
    """Over all policies of a role. What is not of the expected form says nothing."""
    assume: list[str] = []
    tag: list[str] = []
    clear = True
    for statement in (each for document in documents for each in listed(document.get("Statement"))):
        if not isinstance(statement, Mapping):
            continue
        actions = [action.lower() for action in listed(statement.get("Action")) if isinstance(action, str)]
        about = {name for name in (ASSUME, TAG) if any(matches(action, name) for action in actions)}
        excluding = "NotAction" in statement or (bool(about) and "NotResource" in statement)
        if excluding or (about and statement.get("Effect") != "Allow"):
            clear = False
            continue
        resources = [resource for resource in listed(statement.get("Resource")) if isinstance(resource, str)]
        assume += resources if ASSUME in about else ()
        tag += resources if TAG in about else ()
    return AssumeRights(tuple(dict.fromkeys(assume)), tuple(dict.fromkeys(tag)), clear, allows)


def matches(wanted: str, name: str) -> bool:
    """Whether the pattern of a policy fits; a policy variable in it may hold anything."""
    return text.matches(text.pattern(_VARIABLE.sub("*", wanted)), name)


def _wild(pattern: str) -> bool:
    return "*" in pattern or "?" in pattern or "${" in pattern


def listed(value: object) -> list[object]:
    """What a policy writes as one thing or as a list of them."""
    if isinstance(value, list | tuple):
        return list(value)
    return [] if value is None else [value]
