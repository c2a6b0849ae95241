"""The status of service accounts as lines, as a table and as a document."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, cast

from harness import table
from podid.domain.encoding import plain
from podid.domain.names import ServiceAccountRef
from podid.domain.status import IdentityState, IdentityStatus, NotChecked
from podid.render.status import (
    MOST_EVIDENCE,
    because,
    change_lines,
    counted,
    evidence_lines,
    obstacle_lines,
    status_lines,
    status_view,
    verdict_lines,
)
from podid.render.view import Line

from .identities import BROKEN, NONE, STALE, UNKNOWN, VERIFIED


def texts(lines: Iterable[str | Line]) -> list[str]:
    return [line.text if isinstance(line, Line) else line for line in lines]


def named(status: IdentityStatus, name: str) -> IdentityStatus:
    return replace(status, ref=ServiceAccountRef("shop", name))


def test_identities_with_a_problem_come_first_and_few_of_the_others_have_a_line() -> None:
    fine = [named(VERIFIED, f"fine-{number}") for number in range(5)]
    lines = texts(status_lines([*fine, named(STALE, "late"), named(BROKEN, "shut")], most_fine=2))
    assert [line.split()[:3] for line in lines] == [
        ["✗", "shop/shut", "broken"],
        ["↻", "shop/late", "stale"],
        ["✓", "shop/fine-0", "verified"],
        ["✓", "shop/fine-1", "verified"],
        ["and", "3", "more"],
    ]


def test_the_reason_of_an_unknown_state_is_said_once() -> None:
    assert texts(obstacle_lines([UNKNOWN, named(UNKNOWN, "cart"), VERIFIED])) == ["  More  podid doctor --me"]
    assert UNKNOWN.cause is not None
    late = replace(UNKNOWN, cause=replace(UNKNOWN.cause, permission="", reason="EKS failed with 503"))
    assert texts(obstacle_lines([late, late])) == ["? EKS failed with 503."]


def test_counts_are_best_first() -> None:
    states = [IdentityState.BROKEN, IdentityState.READY, None, IdentityState.READY]
    assert counted(states) == "4 identities: 2 ready, 1 not checked, 1 broken"
    assert counted(states[:1]) == "1 identity"


@table(
    ("status", "words"),
    [
        (VERIFIED, "role orders, 1 pod"),
        (STALE, "1 of 2 pods: pod-predates-association"),
        (BROKEN, "trust-wrong-principal"),
        (UNKNOWN, "needs list pods"),
        (replace(VERIFIED, pods=()), "role orders, no pods"),
        (replace(VERIFIED, pods=None, opted_out=("shop/a",)), "role orders, 1 pod opted out"),
    ],
)
def test_the_words_after_the_state(status: IdentityStatus, words: str) -> None:
    assert because(status) == words


@table(
    ("status", "lines"),
    [
        (VERIFIED, ["✓ shop/orders  verified  role orders, 1 pod"]),
        (
            BROKEN,
            [
                "✗ shop/orders  broken at link 9 trust: trust-wrong-principal",
                "  No statement allows pods.eks.amazonaws.com: the trust policy names ec2.amazonaws.com.",
                "  Fix   podid associate shop/orders --role arn:aws:iam::111122223333:role/orders --update-trust "
                "--cluster prod",
                "  More  podid explain trust-wrong-principal",
            ],
        ),
        (
            UNKNOWN,
            [
                "? shop/orders  unknown at link 2 service account",
                "  Missing permission: list pods.",
                "  More  podid doctor --me",
            ],
        ),
        (
            NONE,
            [
                "- shop/orders  no association; 1 pod uses Pod Identity",
                "  Fix   podid history",
                "  More  podid explain association-deleted-env-remains",
            ],
        ),
    ],
)
def test_one_identity_has_its_cause_and_the_fix(status: IdentityStatus, lines: list[str]) -> None:
    assert texts(verdict_lines(status)) == lines


@table(
    ("message", "line"),
    [
        ("started before the association", "  1 of 2 pods: Started before the association."),
        ("1 of 2 pods started before the association", "  1 of 2 pods started before the association."),
    ],
)
def test_the_share_of_pods_is_said_once(message: str, line: str) -> None:
    assert STALE.cause is not None
    status = replace(STALE, cause=replace(STALE.cause, message=message))
    assert texts(verdict_lines(status))[1] == line


def test_after_a_change_new_and_running_pods_have_a_line_each() -> None:
    assert texts(change_lines((STALE,)))[:3] == [
        "✓ new pods       verified  role orders",
        "↻ 1 running pod  stale     pod-predates-association",
        "✓ 1 running pod  verified",
    ]
    assert texts(change_lines((STALE, named(VERIFIED, "cart"))))[0].startswith("↻ shop/orders  stale")


def test_after_a_change_it_is_said_that_no_dry_run_confirmed_the_injection() -> None:
    refused = NotChecked(3, "the API server refused to create pod shop/podid-probe-x: untrusted registry")
    status = replace(VERIFIED, not_checked=(refused, NotChecked(6, "nodes could not be read")))
    assert texts(change_lines((status,)))[-1] == f"  Not checked: injection: {refused.subject}"


def test_a_terminal_shows_the_first_observations_and_no_policy() -> None:
    assert BROKEN.cause is not None
    cause = replace(BROKEN.cause, evidence=("a", 'policy: {"Version": 1}', "b", "c", "d"))
    lines = evidence_lines(cause)
    assert texts(lines) == [
        "  - a",
        "  - b",
        "  - c",
        '  - policy: {"Version": 1}',
        "  - d",
        "  - and 2 more (-o wide)",
    ]
    assert [line.only for line in lines if isinstance(line, Line)] == ["full", "full", "short"]
    assert len(evidence_lines(replace(cause, evidence=("a",) * MOST_EVIDENCE))) == MOST_EVIDENCE


def test_the_table_and_the_documents() -> None:
    one = status_view((STALE,), single=True)
    assert one.tables[0].rows == (
        ("shop", "orders", "stale", "orders", "1 of 2", "injection: pod-predates-association"),
    )
    document = cast("dict[str, Any]", plain(one.document))
    assert (document["kind"], document["state"], document["id"], document["link"]) == (
        "IdentityStatus",
        "stale",
        "pod-predates-association",
        3,
    )
    assert [pod["state"] for pod in document["pods"]] == ["stale", "verified"]
    assert document["fix"] == [["podid", "restart", "shop/orders", "--cluster", "prod"]]
    assert "probes" not in document
    several = status_view((VERIFIED, STALE), single=False, short=True)
    assert several.names == ("shop/orders", "shop/orders")
    assert several.document["kind"] == "IdentityStatusList"
    empty = status_view((), single=False, where="namespace shop of cluster demo")
    assert (empty.tables[0].empty, empty.names) == (
        "no pod identity associations in namespace shop of cluster demo",
        (),
    )
