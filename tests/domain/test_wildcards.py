"""IAM's wildcard patterns."""

from harness import table
from podid.domain.wildcards import covers, overlap


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
def test_overlapping_and_covering_patterns(one: str, other: str, shared: bool, covered: bool) -> None:
    assert (overlap(one, other), overlap(other, one), covers(one, other)) == (shared, shared, covered)


def test_hostile_patterns_take_no_time() -> None:
    long = "s3:" + "*a" * 5000
    assert (overlap(long, long), covers(long, long)) == (True, False)
