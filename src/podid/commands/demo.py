"""podid demo: run and explain real commands in the sandbox."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from podid.cli.command import Access, command
from podid.cli.terminal import Terminal
from podid.domain.errors import ExitCode, PodidError
from podid.domain.option import switch
from podid.local import files
from podid.local.processes import podid_words, python
from podid.render.layout import wrap_command

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

    Example: podid demo --keep
    """
    from podid.sandbox import process, state
    from podid.sandbox.tour import POLICY, POLICY_FILE, SCENES

    process.require_extra()
    tour = _Tour(access.terminal)
    tour.say("This tour runs on a sandbox: a simulated AWS account and EKS cluster on this machine.")
    # a separate state directory: an existing sandbox and journal stay unchanged
    home = state.prepare(access.sandbox_dir.parent / "demo")
    directory = home / "podid" / "sandbox"
    policy, text = home / POLICY_FILE, json.dumps(POLICY, indent=2) + "\n"
    files.write_whole(policy, text.encode(), over=files.present(policy))
    tour.prompt("podid sandbox start --samples")
    process.stop(directory=directory)
    running = process.start(directory=directory, samples=True)
    access.terminal.narrate(
        f"cluster {running.cluster}, account {running.account}, {running.region}, {running.endpoint_url}\n"
    )
    ended = False
    try:
        environment = process.env(directory=directory)
        env = {**access.runtime.env, **environment.export, "XDG_STATE_HOME": str(home)}
        for name in (*environment.unset, "PODID_JOURNAL_DIR"):
            env.pop(name, None)
        tour.say("The permissions policy of the tour:")
        tour.prompt(f"cat {POLICY_FILE}")
        access.terminal.narrate(text)
        for scene in SCENES:
            tour.play(scene, home, env)
        ended = True
    finally:
        if not (keep and ended):  # after a failed tour the user does not know that the sandbox runs
            process.stop(directory=directory)
    tour.say("These were all steps from an empty cluster to verified credentials.")
    if keep:
        podid = podid_words()
        # the samples misspell the service account of this association on purpose: podid doctor reports it
        tour.say("The sandbox is still running. To continue:")
        access.terminal.narrate(
            f"  cd {shlex.quote(str(home))}\n  export XDG_STATE_HOME={shlex.quote(str(home))}\n"
            f'  unset PODID_JOURNAL_DIR; eval "$({podid} sandbox env)"\n'
            f"  {podid} doctor payments/bilingworker\n  {podid} explain association-sa-not-found\n"
            f"  {podid} history\n  {podid} sandbox stop\n"
        )


class _Tour:
    """Run the scenes, and print narration and output on stdout, in the order of events."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._bold, self._cyan, self._off = ("\x1b[1m", "\x1b[36m", "\x1b[0m") if terminal.colored else ("", "", "")

    def say(self, text: str) -> None:
        import textwrap

        width = min(100, self._terminal.width)
        lines = textwrap.fill(text, width, initial_indent="# ", subsequent_indent="# ")
        painted = "\n".join(f"{self._cyan}{line}{self._off}" for line in lines.splitlines())
        self._terminal.narrate(f"\n{painted}\n")

    def prompt(self, command: str) -> None:
        line = f"$ {command}"
        shown = wrap_command(line, self._terminal.width) if self._terminal.colored else line
        self._terminal.narrate(f"{self._bold}{shown}{self._off}\n")

    def play(self, scene: Scene, home: Path, env: Mapping[str, str]) -> None:
        self.say(scene.say)
        self.prompt(shlex.join(("podid", *scene.argv)))
        done = subprocess.run(  # noqa: S603  podid itself, with arguments written above
            python("podid", *scene.argv), cwd=home, env=dict(env), check=False
        )
        if done.returncode not in scene.codes:
            raise PodidError(
                f"podid {scene.argv[0]} ended with exit code {done.returncode}, not {scene.codes[0]}; the tour stops",
                subject=scene.argv[0],
            )
        if done.returncode != ExitCode.OK:
            self._terminal.narrate(f"(exit code {done.returncode})\n")
