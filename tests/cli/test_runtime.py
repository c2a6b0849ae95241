"""The environment of a command: colour, width, journal directory."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreign import FOREIGN, RUNNER
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


@given(st.lists(FOREIGN.map("".join).map(lambda text: text.rstrip(":#vso")), max_size=4))
def test_output_has_no_command_of_a_ci_runner(pieces: list[str]) -> None:
    """However a text is cut into writes, but through the sign of a command itself."""
    written = io.StringIO()
    runtime = Runtime(streams=Streams(io.StringIO(), written, io.StringIO(), False, False, False), env=RUNNER)
    runtime.streams.stdout.writelines(pieces[:2])
    for piece in pieces[2:]:
        runtime.streams.stdout.write(piece)
    lines = re.split(r"[\r\n]+", written.getvalue())
    assert not any(line.lstrip().startswith("::") or re.search(r"##(vso)?\[", line) for line in lines)
