"""Another person, with podid on another machine or with the AWS CLI, changes a service account while podid asks for
confirmation: no pod is without credentials."""

import os
from collections.abc import Callable

import pytest

from harness import Answers, Podid
from irsa import ANNOTATION, REPORTS, Irsa
from ops.migrate.killed import FINISH, ROLLBACK

UNDO = ("undo", "last")
ROLE = "irsa-reports"


class Meanwhile(Answers):
    """Confirms after another person's change."""

    def __init__(self, change: Callable[[], object]) -> None:
        super().__init__(True)
        self.change = change

    def confirm(self, question: str, *, word: str = "") -> bool:
        self.change()
        return super().confirm(question, word=word)


def elsewhere(irsa: Irsa, *argv: str) -> None:
    """Run podid without the journal and the locks of this machine."""
    site = irsa.site
    podid = Podid(os.environ | {"XDG_STATE_HOME": str(site.directory / "other")}, clock=site.clock, sleep=site.wait)
    outcome = podid(*argv)
    assert outcome.code == 0, outcome


def without_statement(irsa: Irsa, principal: str = "Federated") -> None:
    statements = [item for item in irsa.trust(ROLE)["Statement"] if principal not in item["Principal"]]
    irsa.site.trust(ROLE, {"Version": "2012-10-17", "Statement": statements})


@pytest.mark.parametrize(
    ("command", "change", "text"),
    [
        (FINISH[:-1], lambda irsa: elsewhere(irsa, *ROLLBACK), "The association of legacy/reports was deleted"),
        (FINISH[:-1], lambda irsa: elsewhere(irsa, "disassociate", REPORTS, "--yes"), "The association of legacy"),
        (ROLLBACK[:-1], lambda irsa: elsewhere(irsa, *FINISH), "The IRSA annotation of legacy/reports was removed"),
        (ROLLBACK[:-1], without_statement, f"The IRSA statement of role {ROLE} was removed"),
        (UNDO, lambda irsa: elsewhere(irsa, *FINISH), "The IRSA annotation of legacy/reports was removed"),
    ],
    ids=["finish-rollback", "finish-disassociate", "rollback-finish", "rollback-statement", "undo-finish"],
)
def test_nothing_is_removed(moved: Irsa, command: tuple[str, ...], change: Callable[[Irsa], None], text: str) -> None:
    site = moved.site
    changed: list[object] = []

    def meanwhile() -> None:
        change(moved)
        changed.extend((moved.trust(ROLE), moved.annotations(REPORTS), _associations(moved)))

    site.podid.tty, site.podid.answers = True, Meanwhile(meanwhile)
    outcome = site(*command)
    assert (outcome.code, outcome.stdout) == (6, ""), outcome
    assert text in outcome.stderr
    assert [moved.trust(ROLE), moved.annotations(REPORTS), _associations(moved)] == changed


def test_a_service_account_without_working_pod_identity_is_not_finished(moved: Irsa) -> None:
    without_statement(moved, "Service")
    before = moved.annotations(REPORTS)
    outcome = moved.site(*FINISH)
    assert (outcome.code, moved.annotations(REPORTS)) == (3, before), outcome
    assert "EKS Pod Identity does not work for it: trust-" in outcome.stderr


def test_pods_without_the_annotation_are_not_back(moved: Irsa) -> None:
    """Another person removes the annotation during the restart."""
    cluster, path = moved.site.cluster, "/api/v1/namespaces/legacy/serviceaccounts/reports"

    def remove(_: float) -> None:
        cluster.merge(path, {"metadata": {"annotations": {ANNOTATION: None}}})

    moved.site.on_sleep = remove
    outcome = moved.site(*ROLLBACK)
    assert (outcome.code, "1 running pod without the previous credentials" in outcome.stderr) == (8, True), outcome


def _associations(irsa: Irsa) -> list[str]:
    return sorted(irsa.site.box.world.clusters["demo"].associations)
