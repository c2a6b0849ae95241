"""Data that could not be read: one unknown verdict for each permission or reason."""

from dataclasses import replace

from checks.builder import DENIED, ROLE_ARN, UNREAD, association, healthy, pod, service_account
from podid.checks.all import BY_ID
from podid.checks.shared.gaps import blind, gaps, unread_products
from podid.domain.findings import EVERYONE, Severity, Subject
from podid.domain.snapshot import NOT_READ, Known, Missing, Snapshot

CHECK = BY_ID["tool-aws-denied"]
TIMEOUT = Missing("no answer", error_code="TimedOut")


def test_sections_and_their_parts() -> None:
    snapshot = healthy(node_groups=DENIED, roles={ROLE_ARN: DENIED, "other": Known(None)}, addons=NOT_READ, pods=DENIED)
    assert gaps(snapshot, "aws") == {DENIED: ["node_groups", "roles"]}
    assert gaps(snapshot, "kubernetes") == {DENIED: ["pods"]}
    assert gaps(healthy(), "aws") == {}


def test_an_association_that_was_not_described_is_a_gap_of_aws() -> None:
    assert gaps(healthy(associations=(association(), UNREAD)), "aws") == {UNREAD.unread: ["associations"]}


def test_a_trial_without_a_result_is_no_gap() -> None:
    """It is evidence: the trial of a single pod."""
    assert gaps(healthy(tokens={"shop/orders": DENIED}), "kubernetes") == {}
    assert gaps(healthy(tokens=DENIED), "kubernetes") == {DENIED: ["tokens"]}


def test_one_verdict_for_each_permission() -> None:
    again = Missing("not allowed, request 2", permission=DENIED.permission, error_code="AccessDenied")
    subject = Subject("Caller", "AWS")
    verdicts = blind(CHECK, subject, {DENIED: ["node_groups"], again: ["roles"], TIMEOUT: ["addons"]}, ["AccessDenied"])
    assert [(item.message, item.permission, item.chain) for item in verdicts] == [
        ("node groups, roles could not be read: not allowed", "some:Permission", EVERYONE)
    ]


def test_products_that_were_not_read() -> None:
    snapshot = healthy(products={"secretstores": DENIED, "issuers": DENIED, "triggerauthentications": TIMEOUT})
    assert [verdict.message for verdict in unread_products(CHECK, snapshot)] == [
        "secretstores, issuers could not be read: not allowed",
        "triggerauthentications could not be read: no answer",
    ]


def test_products_that_were_not_read_decide_only_for_their_own_identities() -> None:
    """A broken conversion webhook of a product says nothing about the pods of others."""
    operator = association("external-secrets", "external-secrets")
    snapshot = healthy(
        associations=(association(), operator),
        service_accounts=(service_account(), service_account("external-secrets", namespace="external-secrets")),
        products={"secretstores": DENIED, "secretproviderclasses": TIMEOUT},
    )

    def severe(snapshot: Snapshot) -> list[tuple[str, tuple[str, ...]]]:
        severe = (verdict for verdict in unread_products(CHECK, snapshot) if verdict.severity is Severity.ERROR)
        return [(verdict.reason, verdict.chain) for verdict in severe]

    assert severe(snapshot) == [("not allowed", ("external-secrets/external-secrets",))]
    assert severe(replace(snapshot, pods=Known((pod(secret_classes=("aws",)),)))) == [
        ("not allowed", ("external-secrets/external-secrets",)),
        ("no answer", ("shop/orders",)),
    ]
