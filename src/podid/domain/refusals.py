"""Errors of services, and the rules that convert them to podid's errors.

Rules are data. Their order does not matter: the most specific one that matches is used.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from podid.domain.errors import AccessDenied, AlreadyExists, PodidError, Rejected

Words = Mapping[str, str]
# words of a command line; a nested tuple is omitted if one of its words is empty, the whole line if another word is
Template = tuple[str | tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The error of a service. `code` is its error code, `status` the HTTP status, 0 without an answer."""

    service: str
    operation: str = ""
    code: str = ""
    text: str = ""
    status: int = 0


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """A rule matches `service`, and any of `operations`, `codes`, `statuses` and `fragments` (of the text, in lower
    case); an empty one matches everything.

    `sentence`, `hint`, `advice` and `subject` are templates. `advice` is a remedy without a command. `subject` is for
    an error about another object than the requested one, `service_code` for an error without a code. `id` is the
    failure mode, if the text is conclusive.
    """

    error: type[PodidError]
    sentence: str
    service: str = ""
    operations: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    statuses: tuple[int, ...] = ()
    fragments: tuple[str, ...] = ()
    hint: Template = ()
    advice: str = ""
    subject: str = ""
    service_code: str = ""
    id: str = ""

    @property
    def shape(self) -> tuple[bool, ...]:
        """Return which conditions the rule has, most specific first. Two rules with the same conditions must not match
        the same error equally well."""
        return bool(self.fragments), bool(self.operations), bool(self.service), bool(self.codes), bool(self.statuses)

    def fit(self, refusal: Refusal) -> tuple[tuple[bool, ...], int] | None:
        """Return how specific the match is, for comparison: conditions, then the longest fragment. None without a
        match."""
        text = refusal.text.lower()
        longest = max((len(fragment) for fragment in self.fragments if fragment in text), default=0)
        if (
            (self.fragments and not longest)
            or self.service not in ("", refusal.service)
            or (self.operations and refusal.operation not in self.operations)
            or (self.codes and refusal.code not in self.codes)
            or (self.statuses and refusal.status not in self.statuses)
        ):
            return None
        return self.shape, longest

    def make(self, refusal: Refusal, words: Words, **common: Any) -> PodidError:
        """Return the error. `words` fill the templates; `permission` and `existing` are used if the class has them.
        `common` are arguments of every error."""
        if self.subject:
            common["subject"] = self.subject.format_map(words)
        if issubclass(self.error, Rejected):
            common["service_code"] = self.service_code or refusal.code or str(refusal.status)
        elif issubclass(self.error, AlreadyExists):
            common["existing_id"] = words.get("existing", "")
        elif self.error is AccessDenied:
            common["permission"] = words.get("permission", "")
        common["id"] = self.id
        advice = self.advice.format_map(words)
        return self.error(self.sentence.format_map(words), hint=argv(self.hint, words), advice=advice, **common)


def closest(rules: Iterable[ErrorRule], refusal: Refusal) -> ErrorRule:
    """Return the most specific rule that matches. One rule must match everything."""
    fits = ((rule.fit(refusal), rule) for rule in rules)
    return max(((fit, rule) for fit, rule in fits if fit is not None), key=lambda pair: pair[0])[1]


def argv(template: Template, words: Words) -> tuple[str, ...]:
    """Return the command line; empty if a required word is empty."""
    line: list[str] = []
    for part in template:
        filled = [word.format_map(words) for word in ((part,) if isinstance(part, str) else part)]
        if all(filled):
            line += filled
        elif isinstance(part, str):
            return ()
    return tuple(line)
