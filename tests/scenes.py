"""The story of `ways.py`, run once for all tests that read the output of its commands."""

import contextlib
import fcntl
import os
import pickle
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from harness import Outcome
from podid.cli.access import Access
from podid.cli.terminal import Terminal
from podid.domain.encoding import Items, plain
from podid.ops.change.journal import Journal
from podid.render.formats import Format
from podid.render.view import View
from ways import STORY, Way
from worlds import CLUSTER_ARN, Site, whole_site

# at the end of the story, the actions are denied one by one, because documents also contain failed reads
DENIED = (("iam:GetRole", Way("doctor", code=3)), ("iam:SimulatePrincipalPolicy", Way("doctor --me", code=3)))


@dataclass(frozen=True, slots=True)
class Scene:
    """One line of the story, its outcome, the views that it printed, and whether it opened podid's journal."""

    way: Way
    outcome: Outcome
    views: tuple[View, ...]
    opens_journal: bool


def play(site: Site, output: Format | None, **env: str) -> Iterator[Scene]:
    """Run the story with -o, or without; the current directory takes its files."""
    STORY[0].world(site)
    for way in STORY:
        yield _scene(site, way, output, **env)


def _scene(site: Site, way: Way, output: Format | None, **env: str) -> Scene:
    argv = (CLUSTER_ARN if word == "CLUSTER" else word for word in way.argv)
    with _printed_views() as views, _opened_journals() as journals:
        outcome = site(*argv, *(("-o", output) if output else ()), env=env)
    return Scene(way, outcome, tuple(views), bool(journals))


@contextlib.contextmanager
def _printed_views() -> Iterator[list[View]]:
    views: list[View] = []
    write = Terminal._write

    def writing(self: Terminal, view: View) -> None:
        views.append(read_through(view))
        write(self, views[-1])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Terminal, "_write", writing)
        yield views


@contextlib.contextmanager
def _opened_journals() -> Iterator[list[Journal]]:
    journals: list[Journal] = []
    journal: property = vars(Access)["journal"]

    def opening(self: Access) -> Journal:
        journals.append(journal.__get__(self))
        return journals[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Access, "journal", property(opening))
        yield journals


def read_through(view: View) -> View:
    """Return the view with its items as a list, because they can be read only once."""
    members = {key: plain(value) if isinstance(value, Items) else value for key, value in view.document.items()}
    return replace(view, document=members)


def in_json(directory: Path) -> list[Scene]:
    """Return the scenes of the whole story in JSON, and those of the commands after it without some permissions."""
    with contextlib.chdir(directory), whole_site(directory) as site:
        scenes = list(play(site, Format.JSON))
        for action, way in DENIED:
            site.box.world.credentials.deny(action)
            scenes.append(_scene(site, way, Format.JSON))
        return scenes


def once_for_all_workers(factory: pytest.TempPathFactory) -> list[Scene]:
    """Run the story for all workers, in the first worker that needs its scenes."""
    home = factory.mktemp("story")
    shared = factory.getbasetemp().parent if "PYTEST_XDIST_WORKER" in os.environ else home
    with (shared / "story.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = shared / "story.pickle"
        if not kept.exists():
            kept.write_bytes(pickle.dumps(in_json(home)))
        scenes: list[Scene] = pickle.loads(kept.read_bytes())
        return scenes
