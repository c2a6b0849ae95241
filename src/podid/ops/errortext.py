"""Find the failure modes that a pasted error text or log may mean, and how certain that is. Offline, and fast enough
for a megabyte of log."""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import accumulate

from podid.ops.pasted import is_log, records, squeeze, unwrapped, without_prefixes, words
from podid.pages import Entry, texts
from podid.pages.index import ENTRIES

BY_ID = {entry.id: entry for entry in ENTRIES}
_COMPANY = 1.5  # the weight that a companion adds to a generic text
_NARROW = texts.GENERIC + 1.5  # above any generic text with a companion, below texts that rarely mean something else
_WIDE = texts.GENERIC + 1  # with length 0, so after any text
_LONGEST_WRAPPED = 8000  # letters without white space: a longer text is not a single message
_LONGEST_HINTED = 2500  # letters: in a longer text words occur together by chance
_SURE = 7
_SPECIFIC = 6
_FIRST = 3  # causes of a text
_ENOUGH_OF_A_CUT_TEXT = 0.5
_SHORTEST_CUT = 22  # letters
_SHORTEST_EXCERPT = 8  # a shorter piece of an error text would match half of the pages
_TELLING_EXCERPT = 0.4  # of the known text

# only a pod with the injected variables prints them, or the kubelet about its volume
_WITH_VARIABLES = (
    texts.INJECTED,
    "container-role",
    "//169.254.170.23/v1/credentials",
    "//[fd00:ec2::23]/v1/credentials",
    "volume'eks-pod-identity-token'",
    "volumes=[eks-pod-identity-token",
)
# an object of Kubernetes, in which the words of a hint do not describe a symptom
_OBJECT = re.compile(
    r'(?m)^(?:Name:.*\nNamespace:|apiVersion:|[ {]*"apiVersion":|[ -]+(?:Environment|Mounts|mountPath):)'
)
# another issuer than EKS
_OTHER_ISSUER = re.compile(r"openidconnectproviderfoundinyouraccountforhttps://(?!oidc[.-]eks|[<\[{x*])")

_CUT = re.compile(r"\.{3,}|\u2026")
_NUMBER = re.compile(r"\d+")
_LENGTH_OF_A_PATTERN = 40  # for comparison with texts of the same weight
# how SDKs name the called service: Java and CloudFormation, Python, Go
_ASKED = re.compile(
    r"service:([a-z0-9]{2,60})[;,]statuscode|whencallingthe([a-z0-9]{3,80}?)operation|operationerror([a-z0-9]{2,60}?):"
)
_EKS_ASKED = re.compile(r"eks|wesley|podidentity|addon|^(sts|awssecuritytoken|assumerole|iam$|identitymanagement)|role")


class Certainty(StrEnum):
    """`sure`: the text identifies the cause. `likely`: it is one of a few causes, the most frequent first. `possible`:
    other products print the same text, and nothing in it relates to Pod Identity."""

    SURE = "sure"
    LIKELY = "likely"
    POSSIBLE = "possible"


@dataclass(frozen=True, slots=True)
class Match:
    """A failure mode, the known text (empty for an id), its occurrences in a log, and the certainty."""

    id: str
    text: str = ""
    count: int = 1
    certainty: Certainty = Certainty.SURE

    @property
    def entry(self) -> Entry:
        return BY_ID[self.id]


@dataclass(frozen=True, slots=True)
class _Rule:
    weight: int
    shown: str
    fragments: tuple[str, ...]
    pattern: re.Pattern[str] | None
    ids: tuple[str, ...]

    @property
    def generic(self) -> bool:
        return self.weight <= texts.GENERIC

    def counts(self, book: "_Book") -> Counter[int]:
        """Return how many times each record contains the text, without records that do not."""
        if self.pattern is not None:
            return book.matches(self.pattern)
        first, *others = map(book.occurrences, self.fragments)
        for other in others:
            first &= other
        return first

    def cut_in(self, book: "_Book") -> list[int]:
        """Return the records with a piece that ends or begins within the fragment, for example because only the visible
        part was copied. Only for rules with one specific fragment."""
        if self.generic or len(self.fragments) != 1:
            return []
        (fragment,) = self.fragments
        least = max(_SHORTEST_CUT, int(len(fragment) * _ENOUGH_OF_A_CUT_TEXT))
        if len(fragment) <= least:
            return []
        # without the shortest acceptable piece there is no longer one
        likely = book.occurrences(fragment[:least]) | book.occurrences(fragment[-least:])
        return [number for number in likely if any(_is_cut(piece, fragment, least) for piece in book.pieces(number))]


class _Book:
    """Squeezed records and their counts, as one text with one line for each record, so that each rule searches the text
    once, however many records it has."""

    def __init__(self, records: Iterable[tuple[str, int]]) -> None:
        pairs = list(records)
        self.records = [record for record, _ in pairs]
        self.times = [times for _, times in pairs]
        self.text = "\n".join(self.records)
        self._starts = list(accumulate((len(record) + 1 for record in self.records), initial=0))

    def record_at(self, place: int) -> int:
        return bisect_right(self._starts, place) - 1

    def occurrences(self, fragment: str) -> Counter[int]:
        if len(self.records) == 1:
            return +Counter({0: self.text.count(fragment)})
        counts: Counter[int] = Counter()
        place = self.text.find(fragment)
        while place >= 0:
            counts[self.record_at(place)] += 1
            place = self.text.find(fragment, place + len(fragment))
        return counts

    def matches(self, pattern: re.Pattern[str]) -> Counter[int]:
        counts: Counter[int] = Counter()
        start = 0
        while match := pattern.search(self.text, start):
            number = self.record_at(match.start())
            # a match may extend into the next line, where it does not count
            if count := sum(1 for _ in pattern.finditer(self.records[number])):
                counts[number] = count
            start = self._starts[number + 1]
        return counts

    def pieces(self, number: int) -> list[str]:
        return _CUT.split(self.records[number])


@dataclass(frozen=True, slots=True)
class _Occurrence:
    rule: _Rule
    weight: float
    length: int
    count: int

    @property
    def certainty(self) -> Certainty:
        if self.weight <= texts.GENERIC:
            return Certainty.POSSIBLE
        return Certainty.SURE if self.weight >= _SURE and len(self.rule.ids) == 1 else Certainty.LIKELY


def hits(text: str) -> tuple[Match, ...]:
    """Return every failure mode that the text may mean, the most specific first; empty for an unknown text."""
    text = without_prefixes(text)
    whole = squeeze(text)
    company = _in_company(whole)
    parts = [(record, squeeze(record)) for record in records(text)]
    log = is_log(text)
    messages = [record for record, _ in parts] if log else [text]
    occurrences, narrow = _gathered(_alike(part for _, part in parts), company=company), _hinted(messages, texts.NARROW)
    if len(whole) <= _LONGEST_WRAPPED and not log and not any(item.weight > texts.GENERIC for item in occurrences):
        occurrences += _gathered([(whole, 1)], company=company)  # one message over many lines
    if company is not None:
        occurrences += _by_hint(narrow, _NARROW if company else 0)
        occurrences += _by_hint(_hinted(messages, texts.WIDE), _WIDE if company else 0)
    matches = _ranked(occurrences, narrow or _hinted([_about_pod_identity(parts)], texts.NARROW))
    if any(word in whole for word in _WITH_VARIABLES):
        specific = {page_id for item in occurrences if item.weight > _NARROW for page_id in item.rule.ids}
        causes = texts.NOT_INJECTED.difference(narrow, specific)
        matches = tuple(item for item in matches if item.id not in causes or item.certainty is Certainty.SURE)
    return matches


def _hinted(messages: Sequence[str], hints: tuple[texts.Hint, ...]) -> tuple[str, ...]:
    """Return the failure modes that the words of a short text hint at, in the order of the hints. In a log, one record
    contains all words of a hint."""
    if sum(map(len, messages)) > _LONGEST_HINTED or any(map(_OBJECT.search, messages)):
        return ()
    phrases = {" ".join(words(form)) for text in messages for form in (text, unwrapped(text))}
    return tuple(
        dict.fromkeys(
            page_id
            for page_id, patterns in _compiled(hints)
            if any(all(pattern.search(phrase) for pattern in patterns) for phrase in phrases)
        )
    )


def _about_pod_identity(parts: Iterable[tuple[str, str]]) -> str:
    """Return the records of a log that relate to Pod Identity, each shape once."""
    shapes: dict[str, str] = {}
    for record, part in parts:
        if any(word in part for word in texts.UNMISTAKABLE):
            shapes.setdefault(_NUMBER.sub("0", part), record)
    return "\n".join(shapes.values())


@cache
def _compiled(hints: tuple[texts.Hint, ...]) -> tuple[tuple[str, tuple[re.Pattern[str], ...]], ...]:
    return tuple((hint.id, tuple(map(re.compile, hint.patterns))) for hint in hints)


def excerpt_hits(text: str) -> tuple[Match, ...]:
    """Return the failure modes whose known texts contain this text."""
    piece = squeeze(text)
    if len(piece) < _SHORTEST_EXCERPT:
        return ()
    occurrences = [
        _Occurrence(rule, rule.weight if _telling(piece, fragment) else 0, len(piece), 1)
        for rule in _rules()
        for fragment in rule.fragments
        if piece in fragment and len(rule.fragments) == 1
    ]
    return _ranked(occurrences)


def _telling(piece: str, fragment: str) -> bool:
    """Return whether enough of a known text is present, including its words that relate to Pod Identity."""
    lost = any(word in fragment and word not in piece for word in texts.COMPANIONS)
    return len(piece) >= _TELLING_EXCERPT * len(fragment) and not lost


def _alike(records: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Return one of the records that differ only in numbers, such as a time or a port, with their count."""
    first: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for record in records:
        shape = _NUMBER.sub("0", record)
        first.setdefault(shape, record)
        counts[shape] += 1
    return ((record, counts[shape]) for shape, record in first.items())


def _in_company(text: str) -> bool | None:
    """Return whether words in the text relate to Pod Identity; None if they relate to another product only."""
    stranger = _OTHER_ISSUER.search(text) or any(word in text for word in texts.STRANGERS)
    if stranger and not any(word in text for word in texts.UNMISTAKABLE):
        return None
    return any(word in text for word in texts.COMPANIONS)


def _gathered(records: Iterable[tuple[str, int]], *, company: bool | None) -> list[_Occurrence]:
    book = _Book(records)
    occurrences: list[tuple[int, int, _Occurrence]] = []
    for number, rule in enumerate(_rules()):
        if company is None and rule.weight < _SURE:
            continue
        length = sum(map(len, rule.fragments)) or _LENGTH_OF_A_PATTERN
        whole = rule.counts(book)
        counts = {at: (times, length) for at, times in whole.items()}
        counts |= {at: (0, _SHORTEST_CUT) for at in rule.cut_in(book) if at not in whole}
        if not counts:
            continue
        last = max(counts)
        weight = _weight(rule, book.records[last], in_company=bool(company))
        weight = weight if last in whole else min(weight, _SURE - 1)
        count = sum((times or 1) * book.times[at] for at, (times, _) in counts.items())
        occurrences.append((min(counts), number, _Occurrence(rule, weight, counts[last][1], count)))
    return [item for _, _, item in sorted(occurrences, key=lambda occurrence: occurrence[:2])]


def _weight(rule: _Rule, record: str, *, in_company: bool) -> float:
    """Return the weight of the rule. A generic text with a companion weighs more. Texts of EKS are generic if they come
    from another service."""
    another = rule.ids[0] in texts.OF_EKS and _another_service(record)
    weight = min(rule.weight, texts.GENERIC) if another else rule.weight
    return min(weight + _COMPANY, texts.GENERIC + 1) if in_company and rule.generic and not another else weight


def _another_service(record: str) -> bool:
    """Return whether the text names the called service, and it is not one that Pod Identity uses."""
    services = ["".join(names) for names in _ASKED.findall(record)]
    return bool(services) and not any(_EKS_ASKED.search(name) for name in services)


def _is_cut(piece: str, fragment: str, least: int) -> bool:
    ends = fragment[:least] in piece and any(piece.endswith(fragment[:size]) for size in range(least, len(fragment)))
    return ends or (
        fragment[-least:] in piece[: len(fragment)]
        and any(piece.startswith(fragment[-size:]) for size in range(least, len(fragment)))
    )


def _ranked(occurrences: Iterable[_Occurrence], hinted: Sequence[str] = ()) -> tuple[Match, ...]:
    """Return one match for each id, by its most specific rule. Within a rule, hinted ids come first."""
    best: dict[str, tuple[tuple[float, int, int], _Occurrence]] = {}
    places = {page_id: place for place, page_id in enumerate(hinted)}
    for item in occurrences:
        for place, page_id in enumerate(sorted(item.rule.ids, key=lambda page_id: places.get(page_id, len(places)))):
            rank = (-item.weight, -item.length, place)
            if page_id not in best or rank < best[page_id][0]:
                best[page_id] = (rank, item)
    # the first causes of specific texts precede their rare causes and generic texts
    ordered = sorted(
        best.items(), key=lambda entry: (-entry[1][0][0] < _SPECIFIC or entry[1][0][2] >= _FIRST, entry[1][0])
    )
    return tuple(Match(page_id, item.rule.shown, item.count, item.certainty) for page_id, (_, item) in ordered)


def _by_hint(hinted: Sequence[str], weight: float) -> list[_Occurrence]:
    return [
        _Occurrence(_Rule(texts.GENERIC, "", (), None, (page_id,)), weight, -place, 1)
        for place, page_id in enumerate(hinted)
    ]


@cache
def _rules() -> tuple[_Rule, ...]:
    shared = [
        _Rule(
            text.weight,
            " … ".join(text.fragments),
            tuple(map(squeeze, text.fragments)),
            re.compile(text.pattern, re.MULTILINE) if text.pattern else None,
            text.ids,
        )
        for text in texts.SHARED
    ]
    return (*shared, *(_own(entry.id, text, weight) for entry in ENTRIES for text, weight in entry.texts))


def _own(page_id: str, text: str, weight: int) -> _Rule:
    """Return the rule for a text of one page, in which "…" matches any text."""
    parts = [squeeze(part) for part in text.split("…")]
    if len(parts) == 1:
        return _Rule(weight, text, (parts[0],), None, (page_id,))
    return _Rule(weight, text, (), re.compile(".{0,240}?".join(map(re.escape, parts)), re.MULTILINE), (page_id,))


def known_texts(page_id: str) -> tuple[str, ...]:
    """Return the error texts that lead to a page, as they are printed."""
    return tuple(dict.fromkeys(rule.shown for rule in _rules() if page_id in rule.ids and rule.shown))
