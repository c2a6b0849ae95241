"""podid demo: run and explain real commands in the sandbox."""

from __future__ import annotations

import json
import shlex
import subprocess
import textwrap
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from podid.cli.command import Access, command
from podid.cli.terminal import Terminal
from podid.domain.errors import ExitCode, PodidError
from podid.domain.option import switch
from podid.local import files
from podid.local.processes import podid_words, python
from podid.render.view import Line

if TYPE_CHECKING:
    from podid.sandbox.tour import Scene


@command(settings=False)
def demo(
    access: Access,
    keep: bool = switch("Keep the sandbox running afterwards.", off="--no-keep", default=True),
) -> None:
    """Run the main workflow in the sandbox, step by step.

    podid runs real commands, from a cluster without the agent to verified credentials. At the end, podid doctor reports
    the remaining problem. The demo requires no AWS account and no network.

    Example: podid demo

    Example: podid demo --no-keep
    """
    from podid.sandbox import process, state
    from podid.sandbox.tour import POLICY, POLICY_FILE, SCENES

    process.require_extra()
    tour = _Tour(access.terminal, min(100, access.runtime.width))
    # a separate state directory: an existing sandbox and journal stay unchanged
    home = state.prepare(access.sandbox_dir.parent / "demo")
    directory = home / "podid" / "sandbox"
    policy, text = home / POLICY_FILE, json.dumps(POLICY, indent=2) + "\n"
    files.write_whole(policy, text.encode(), over=files.present(policy))
    about = "This tour runs on a sandbox: a simulated AWS account and EKS cluster on this machine."
    tour.say(about, "podid sandbox start --samples")
    process.stop(directory=directory)
    running = process.start(directory=directory, samples=True)
    access.terminal.narrate(
        f"cluster {running.cluster}, account {running.account}, {running.region}, {running.endpoint_url}"
    )
    with ExitStack() as stack:
        # also after a failed tour: the user does not know that the sandbox runs
        stack.callback(process.stop, directory=directory)
        environment = process.env(directory=directory)
        env = {**access.runtime.env, **environment.export, "XDG_STATE_HOME": str(home)}
        for name in (*environment.unset, "PODID_JOURNAL_DIR"):
            env.pop(name, None)
        tour.say("The permissions policy of the tour:", f"cat {POLICY_FILE}")
        access.terminal.narrate(*(Line(line, code=True) for line in text.splitlines()))
        for scene in SCENES:
            tour.play(scene, home, env)
        if keep:
            stack.pop_all()
    tour.say("These were all steps from an empty cluster to verified credentials.")
    if keep:
        podid, place = podid_words(), shlex.quote(str(home))
        tour.say("The sandbox is still running. To continue:")
        lines = (
            *(f"cd {place}", f"export XDG_STATE_HOME={place}"),
            f'unset PODID_JOURNAL_DIR; eval "$({podid} sandbox env)"',
            # the samples misspell the service account of this association on purpose: podid doctor reports it
            *(f"{podid} doctor payments/bilingworker", f"{podid} explain association-sa-not-found"),
            *(f"{podid} history", f"{podid} sandbox stop"),
        )
        access.terminal.narrate(*(Line(f"  {line}", code=True) for line in lines))


class _Tour:
    """Run the scenes, and print narration and output on stdout, in the order of events."""

    def __init__(self, terminal: Terminal, width: int) -> None:
        self._terminal, self._width = terminal, width

    def say(self, text: str, command: str = "") -> None:
        lines = textwrap.wrap(text, self._width, initial_indent="# ", subsequent_indent="# ")
        prompt = [Line(f"$ {command}", "head", code=True)] if command else []
        self._terminal.narrate("", *(Line(line, "told", code=True) for line in lines), *prompt)

    def play(self, scene: Scene, home: Path, env: Mapping[str, str]) -> None:
        self.say(scene.say, shlex.join(("podid", *scene.argv)))
        done = subprocess.run(  # noqa: S603  podid itself, with arguments written above
            python("podid", *scene.argv), cwd=home, env=dict(env), check=False
        )
        if done.returncode not in scene.codes:
            raise PodidError(
                f"podid {scene.argv[0]} ended with exit code {done.returncode}, not {scene.codes[0]}; the tour stops",
                subject=scene.argv[0],
            )
        if done.returncode != ExitCode.OK:
            self._terminal.narrate(f"(exit code {done.returncode})")
