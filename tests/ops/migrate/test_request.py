"""Values of the options of podid migrate."""

import re
from datetime import timedelta

import pytest

from harness import table
from podid.domain.errors import InvalidInput
from podid.domain.migration import Stage
from podid.domain.names import ServiceAccountRef
from podid.ops.migrate.request import EVERYWHERE, MigrationOptions, read_accepted, read_soak, read_stage

ORDERS, CART = ServiceAccountRef("shop", "orders"), ServiceAccountRef("shop", "cart")


def test_a_blocker_is_accepted_for_one_service_account_or_everywhere() -> None:
    accept = read_accepted(("sdk-too-old", "shop/orders=windows-pod", "shop/orders=fargate-pod"))
    assert accept == {EVERYWHERE: {"sdk-too-old"}, "shop/orders": {"windows-pod", "fargate-pod"}}
    options = MigrationOptions(accept=accept)
    assert [options.accepts(ref, "sdk-too-old") for ref in (ORDERS, CART)] == [True, True]
    assert [options.accepts(ref, "windows-pod") for ref in (ORDERS, CART)] == [True, False]


@table(
    ("text", "words"),
    [
        ("sdk-to-old", "there is no blocker sdk-to-old; did you mean sdk-too-old"),
        ("shop/one=sdk-to-old", "there is no blocker sdk-to-old"),
        ("shop/one=", "is not ID or NS/SA=ID"),
        ("", "is not ID or NS/SA=ID"),
        ("shop=sdk-too-old", "shop"),
    ],
)
def test_an_unknown_blocker_is_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(words)):
        read_accepted((text,))


@table(("text", "stage"), [("admitted", Stage.ADMITTED), ("moved", Stage.MOVED), ("old", None), ("clean", None)])
def test_apply_stops_between_old_and_clean(text: str, stage: Stage | None) -> None:
    if stage is not None:
        assert read_stage(text) is stage
        return
    with pytest.raises(InvalidInput):
        read_stage(text)


@table(("text", "hours"), [("0", 0.0), ("0s", 0.0), ("90m", 1.5), ("24h", 24.0)])
def test_a_soak_can_be_zero(text: str, hours: float) -> None:
    assert read_soak(text) == timedelta(hours=hours)
