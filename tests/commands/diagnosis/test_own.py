"""The options of `podid doctor --me`."""

import pytest

from worlds import Site


def test_a_command_that_needs_nothing_lacks_nothing(shared: Site) -> None:
    outcome = shared("doctor", "--me", "--for", "preset list", "-o", "json")
    assert (outcome.code, outcome.json["permissions"]) == (0, [])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("doctor --for associate", "--me"),
        ("doctor --me --for asociate", "podid doctor --me --for associate"),
        ("doctor --me --for role", "'role'"),
        ("doctor --me shop/orders", "together with a target"),
        ("doctor --me --fix", "checks or fixes"),
        ("doctor --me -o junit", "-o json"),
    ],
)
def test_what_does_not_go_together_is_refused(shared: Site, line: str, said: str) -> None:
    outcome = shared(*line.split())
    assert (outcome.code, outcome.stdout) == (2, "")
    assert said in outcome.stderr
