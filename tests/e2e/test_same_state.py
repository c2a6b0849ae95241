"""Every command that judges pods reads podid's journal, and therefore shows the same state of an identity."""

import tarfile
from typing import Any

import pytest

from cli.server.calling import call, calls_of
from podid.cli.tree import COMMANDS
from scenes import Scene
from worlds import Site

REF = "shop/orders"
LINES = (
    "status",
    f"verify {REF} --yes",
    f"show {REF}",
    "doctor",
    "doctor --from saved.json",
    "doctor --from podid-bundle/snapshot.json",
    "role show shop-orders",
    "associate shop/orders --role shop-orders --dry-run",
)


def states(document: Any) -> set[str]:
    """Return the states of all pods and identities in a document."""
    if isinstance(document, list):
        return set().union(*map(states, document))
    if not isinstance(document, dict):
        return set()
    own = {document["state"]} if "serviceAccount" in document and "state" in document else set()
    return own.union(*map(states, document.values()))


@pytest.mark.parametrize("source", ["the option", "the variable", "the settings file"])
def test_pods_are_not_stale_after_their_association_was_created_again_with_the_same_settings(
    healthy: Site, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    monkeypatch.chdir(healthy.directory)
    journal, option = str(healthy.directory / "journal"), tuple[str, ...]()
    if source == "the option":
        option = ("--journal-dir", journal)
    elif source == "the variable":
        healthy.env["PODID_JOURNAL_DIR"] = journal
    else:
        healthy.must("config", "set", "journal-dir", journal)
    healthy.must("disassociate", REF, "--yes", "--wait", "none", *option)
    healthy.must("associate", REF, "--role", "shop-orders", *option)
    healthy.must("doctor", "--save", "saved.json", *option)
    healthy.must("bundle", "bundle.tgz", "--yes", *option)
    with tarfile.open("bundle.tgz") as bundle:
        bundle.extractall(filter="data")

    for line in LINES:
        saved = () if "--from" in line else option
        assert states(healthy.must(*line.split(), "-o", "json", *saved).json) <= {"ready", "verified"}, line
    (item,) = healthy.must("list", "--pods", "-o", "json", *option).json["items"]
    assert item["pods"] == {"running": 2, "injected": 2, "stale": 0}
    assert not healthy.must("restart", "-A", "--stale", "--dry-run", "-o", "json", *option).json["actions"]
    healthy.enter(monkeypatch)
    fixed = [f"--journal-dir={journal}"] if option else []
    assert states(call(calls_of(healthy, *fixed), "show", service_account=REF).document) == {"ready"}


def test_every_command_that_opens_the_journal_has_the_option(story: list[Scene]) -> None:
    commands = {scene.way.command for scene in story if scene.opens_journal}
    assert [row.name for row in COMMANDS if row.name in commands and "journal_dir" not in row.load().shared] == []
