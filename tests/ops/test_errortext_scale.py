"""Large and malicious texts: four times the text takes about four times as long, not sixteen."""

import contextlib
import random
import string
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import examples
from podid.domain.errors import NotFound
from podid.ops.errortext import _Book, _Rule, _rules, known_texts
from podid.ops.explain import explain
from podid.ops.pasted import squeeze
from podid.pages.index import ENTRIES

SMALL = 10_000


def lines(length: int) -> Callable[[int], str]:
    """Lines of which no two are alike."""

    def text(size: int) -> str:
        source = random.Random(7)
        letters = source.choices(string.ascii_lowercase, k=size)
        return "\n".join("".join(letters[at : at + length]) for at in range(0, size, length + 1))

    return text


def repeated(unit: str) -> Callable[[int], str]:
    return lambda size: (unit * (size // len(unit) + 1))[:size]


# one word; what loggers, terminals and chat programs leave; known texts, whole and cut; many lines
UNITS = (
    *("a", "word", "a-", "1", "\\", "\\u0041", '\\"', "\x1b[", "\x1b]", "**a", "> ", " \t", "&amp;", "...", "\u2026"),
    *(
        "whencallingthe",
        "service:abc;",
        "eks-pod-identity-agent",
        "fd00:ec2::23",
        "assumed-role/x/eks-",
        "not authorized ",
    ),
)
TEXTS: dict[str, Callable[[int], str]] = {
    **{repr(unit): repeated(unit) for unit in UNITS},
    **{f"lines of {length}": lines(length) for length in (1, 4, 100)},
    "lines cut": lambda size: lines(4)(size).replace("\n", "...\n"),
}


# halves of messages, too
SAID = [
    *(text for page in ENTRIES for text in known_texts(page.id)),
    *(
        "assumed-role/x/eks-a",
        "is not authorized to perform: sts:TagSession",
        "eks-pod-identity-agent",
        "CrashLoopBackOff",
    ),
    *("User: arn:aws:sts::1:assumed-role/x/i-0", "connection refused", "http://169.254.170.23/v1/credentials", "/"),
]


def seconds(text: str) -> float:
    began = time.process_time()
    with contextlib.suppress(NotFound):
        explain(text)
    return time.process_time() - began


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_the_time_is_linear_in_the_length(text: Callable[[int], str]) -> None:
    seconds("warm")
    assert seconds(text(4 * SMALL)) < 9 * seconds(text(SMALL)) + 0.1


@settings(max_examples=examples(15))
@given(st.lists(st.sampled_from(SAID), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_records_are_judged_one_by_one(said: list[str], source: random.Random) -> None:
    """However they are searched: what begins in one line and ends in the next says nothing."""
    records = [squeeze(text[source.randint(0, 3) :]) for text in said]
    book = _Book((record, 1) for record in records)
    for rule in _rules():
        wanted = {number: count for number, record in enumerate(records) if (count := in_one(rule, record))}
        assert rule.counts(book) == wanted


def in_one(rule: _Rule, record: str) -> int:
    if rule.pattern is not None:
        return sum(1 for _ in rule.pattern.finditer(record))
    return min(map(record.count, rule.fragments))
