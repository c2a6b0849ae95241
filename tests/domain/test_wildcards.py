"""IAM's wildcards: patterns that match, overlap and cover, compared with a list of all short texts."""

from fnmatch import fnmatchcase
from functools import cache
from itertools import product

from harness import table
from podid.domain.wildcards import (
    Wild,
    covers,
    covers_arn,
    joined,
    lowered,
    matches,
    matches_arn,
    matches_beginning,
    meet,
    overlap,
    overlap_arn,
    pattern,
    text_of,
)

LETTERS = "ab"
TEXTS = ["".join(letters) for length in range(6) for letters in product(LETTERS, repeat=length)]
PATTERNS = sorted({"".join(letters) for length in range(4) for letters in product(f"{LETTERS}*?", repeat=length)})


@cache
def texts_of(text: str) -> frozenset[str]:
    """The short texts that match, by the standard library, whose `*` and `?` are those of IAM."""
    return frozenset(item for item in TEXTS if fnmatchcase(item, text))


def test_matches() -> None:
    for text in PATTERNS:
        assert {item for item in TEXTS if matches(pattern(text), item)} == texts_of(text), text
        assert text_of(pattern(text)) == text


def test_overlap_and_covers() -> None:
    for one, other in product(PATTERNS, repeat=2):
        assert overlap(one, other) is bool(texts_of(one) & texts_of(other)), (one, other)
        # texts of two letters cannot show that `a*` and `b*` leave out the third
        if covers(one, other):
            assert texts_of(other) <= texts_of(one), (one, other)


@table(
    ("wide", "narrow", "covered"),
    [
        ("*", "x", True),
        ("a*", "a?b*", True),
        ("a?", "a*", False),
        ("*b*", "abc", True),
        ("a", "a", True),
        ("a*" * 150, "ab" * 150, True),
        # patterns that are too long to compare
        ("a*" * 150, "ab*" * 150, False),
    ],
)
def test_covers(wide: str, narrow: str, covered: bool) -> None:
    assert covers(wide, narrow) is covered


@table(
    ("one", "other", "shared", "covered"),
    [
        ("s3:getobject", "s3:getobject", True, True),
        ("s3:get*", "s3:*object", True, False),
        ("s3:*", "s3:get*", True, True),
        ("s3:get*", "s3:*", True, False),
        ("*", "s3:*", True, True),
        ("s3:get?bject", "s3:get*", True, False),
        ("s3:get*", "s3:put*", False, False),
        ("s3:*", "ec2:*", False, False),
        ("s?:*", "s3:get*", True, True),
        ("s3:a*b", "s3:ab", True, True),
        ("s3:a*b*", "s3:*c", True, False),
        ("", "*", True, False),
        ("*", "", True, True),
    ],
)
def test_patterns_of_actions(one: str, other: str, shared: bool, covered: bool) -> None:
    assert (overlap(one, other), overlap(other, one), covers(one, other)) == (shared, shared, covered)


def test_hostile_patterns_take_no_time() -> None:
    long = "s3:" + "*a" * 5000
    assert (overlap(long, long), covers(long, long)) == (True, False)


@table(
    ("text", "beginning", "expected"),
    [
        ("eks-*", "eks-", True),
        ("eks-*", "eks-demo", True),
        ("eks-demo-*", "eks-", None),
        ("eks-demo", "eks-demo", None),
        ("web-*", "eks-", False),
        ("*", "", True),
        ("", "", None),
        ("?*", "", None),
    ],
)
def test_texts_that_begin_so(text: str, beginning: str, expected: bool | None) -> None:
    assert matches_beginning(pattern(text), beginning) is expected


def test_a_pattern_with_many_stars_takes_no_time() -> None:
    assert not matches(pattern("*a" * 50), "a" * 49 + "b" * 10_000)


def test_literal_wildcards_are_text() -> None:
    star = ("a", "*", "b")
    assert joined(star) == ("a*b",)
    assert matches(joined(star), "a*b")
    assert not matches(joined(star), "axb")
    assert lowered(("A", Wild.MANY)) == ("a", Wild.MANY)


S3, SQS = "arn:aws:s3:::shop/*", "arn:aws:sqs:*:*:orders"


@table(
    ("one", "other", "expected"),
    [
        (S3, "*", S3),
        ("*", S3, S3),
        (S3, "arn:aws:s3:::shop/a", "arn:aws:s3:::shop/a"),
        (S3, SQS, ""),
        (SQS, "arn:aws:sqs:eu-west-1:1:ord*", "arn:aws:sqs:eu-west-1:1:orders"),
        # a part that cannot be derived stays as in the first
        ("arn:aws:s3:::a*", "arn:aws:s3:::*b", "arn:aws:s3:::a*"),
        ("a", "b", ""),
    ],
)
def test_resources_that_match_both(one: str, other: str, expected: str) -> None:
    assert meet(one, other) == expected
    assert overlap_arn(one, other) is bool(expected)


def test_a_wildcard_stays_within_its_part_of_an_arn() -> None:
    sqs = "arn:aws:sqs:eu-west-1:1:orders"
    assert matches_arn(pattern(SQS), sqs)
    assert not matches_arn(pattern("arn:aws:sqs:*:orders"), sqs)
    assert not matches_arn(pattern("arn:*:orders"), sqs)
    assert covers_arn("arn:aws:sqs:*:1:*", sqs)
    assert not covers_arn("arn:aws:sqs:*:2:*", sqs)
    assert not overlap_arn("arn:aws:s3:::*", sqs)
