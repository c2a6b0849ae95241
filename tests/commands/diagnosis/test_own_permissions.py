"""The options of `podid doctor --me`."""

from harness import Podid, table
from podid.commands.diagnosis.own_permissions import permissions_of_commands
from worlds import Site


def test_a_command_without_permissions(account: Site) -> None:
    outcome = account("doctor", "--me", "--for", "preset list", "-o", "json")
    assert (outcome.code, outcome.json["permissions"]) == (0, [])
    refused = account("doctor", "--me", "-o", "junit")
    assert (refused.code, refused.stdout, "-o json" in refused.stderr) == (2, "", True)


@table(
    ("line", "words"),
    [
        ("doctor --for associate", "--me"),
        ("doctor --me --for asociate", "podid doctor --me --for associate"),
        ("doctor --me --for role", "'role'"),
        ("doctor --me shop/orders", "together with a target"),
        ("doctor --me --fix", "checks or fixes"),
    ],
)
def test_options_that_cannot_be_used_together(line: str, words: str) -> None:
    outcome = Podid()(*line.split())
    assert (outcome.code, outcome.stdout) == (2, "")
    assert words in outcome.stderr


def test_permissions_of_several_commands_are_joined() -> None:
    names, needed = permissions_of_commands(["role create", "podid  agent status", "role create"])
    assert names == ("role create", "agent status")
    single = [permissions_of_commands([name])[1] for name in names]
    assert needed.always == single[0].always | single[1].always
    assert {*needed.optional} == {*single[0].optional, *single[1].optional}
