"""What a service said instead of what it was asked for, and the rules that say which error that is.

Rules are data, and their order does not matter: the one that fits most closely is taken.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from podid.domain.errors import AccessDenied, AlreadyExists, PodidError, Rejected

Words = Mapping[str, str]
# words of a command line; a nested tuple is left out when one of its own is empty, the whole when another one is
Template = tuple[str | tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """`code` is the service's own word for the error, `status` that of HTTP; 0 where no answer came."""

    service: str
    operation: str = ""
    code: str = ""
    text: str = ""
    status: int = 0


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """`service`, and any of the `operations`, `codes`, `statuses` and `fragments` (of the text, in lower case), narrow
    a rule down; empty fits everything.

    `sentence`, `hint`, `advice` and `subject` are templates. `advice` is for what no command can do, `subject` for an
    error that is about something else than what was asked for, `service_code` for one that the service has no word for,
    `id` the failure mode where the text leaves no doubt.
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
        """What narrows it down, from what tells most. No two rules of one shape may fit an answer equally well."""
        return bool(self.fragments), bool(self.operations), bool(self.service), bool(self.codes), bool(self.statuses)

    def fit(self, refusal: Refusal) -> tuple[tuple[bool, ...], int] | None:
        """How closely it fits, to be compared: by shape, then by the longest fragment. None when it does not."""
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
        """The error. `words` fill the templates; `permission` and `existing` go where the class has a place for them,
        and `common` is what every error takes."""
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
    """The rule that fits best. One of them must fit everything."""
    fits = ((rule.fit(refusal), rule) for rule in rules)
    return max(((fit, rule) for fit, rule in fits if fit is not None), key=lambda pair: pair[0])[1]


def argv(template: Template, words: Words) -> tuple[str, ...]:
    """The command line; empty when a word that it cannot do without is."""
    line: list[str] = []
    for part in template:
        filled = [word.format_map(words) for word in ((part,) if isinstance(part, str) else part)]
        if all(filled):
            line += filled
        elif isinstance(part, str):
            return ()
    return tuple(line)
