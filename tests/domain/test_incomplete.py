"""Sentences on parts of files that a plan does not contain."""

from podid.domain.errors import AccessDenied
from podid.domain.incomplete import NotRead, RefusedAccount
from podid.domain.names import ServiceAccountRef


def test_a_part_that_could_not_be_read_has_the_reason_and_the_permission() -> None:
    part = NotRead("role orders", AccessDenied("ci is denied", permission="iam:GetRole"))
    assert part.sentence == "role orders could not be read: ci is denied"
    assert (part.reason, part.permission) == ("ci is denied", "iam:GetRole")


def test_a_refused_service_account_has_the_reason() -> None:
    refused = RefusedAccount(ref=ServiceAccountRef("shop", "orders"), reason="the role is not allowed")
    assert refused.sentence == "service account shop/orders: its annotations are ignored: the role is not allowed"
