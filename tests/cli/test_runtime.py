"""The environment of a command: colour, width, journal directory."""

import io

import pytest

from harness import Podid
from podid.cli.runtime import Runtime, Streams


@pytest.mark.parametrize(
    ("tty", "env", "argv", "colour"),
    [
        (True, {}, (), True),
        (True, {"NO_COLOR": "1"}, (), False),
        (True, {"NO_COLOR": ""}, (), True),
        (True, {"TERM": "dumb"}, (), False),
        (True, {}, ("--no-color",), False),
        (False, {}, (), False),
        (False, {"FORCE_COLOR": "1"}, (), True),
        (False, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, (), False),
    ],
)
def test_colour_of_errors(tty: bool, env: dict[str, str], argv: tuple[str, ...], colour: bool) -> None:
    outcome = Podid(env={"AWS_REGION": "us-west-2", "TERM": "xterm", **env}, tty=tty)("show", "orders", *argv)
    assert ("\x1b[" in outcome.stderr) is colour


@pytest.mark.parametrize(("width", "drawn"), [(1, 40), (40, 40), (100, 100), (5000, 500)])
def test_the_width_is_limited(width: int, drawn: int) -> None:
    streams = Streams(io.StringIO(), io.StringIO(), io.StringIO(), False, False, False, width=width)
    assert Runtime(streams=streams, env={}).width == drawn
