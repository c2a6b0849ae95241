"""The lines of an outlook below a plan."""

from dataclasses import replace

from harness import table
from podid.domain.names import ServiceAccountRef
from podid.domain.status import CredentialSource, CredentialUse, IdentityStatus, NotChecked, Outlook, UseChange
from podid.render.outlook import MOST, outlook_lines, use_words
from podid.render.view import Line
from worlds import ORDERS

from .identities import BROKEN, NONE, STALE, UNKNOWN, VERIFIED

ROLE = "arn:aws:iam::111122223333:role/"


def lines(*after: IdentityStatus, **parts: object) -> list[str]:
    outlook = replace(Outlook(after=after), **parts)  # type: ignore[arg-type]
    return [line.text if isinstance(line, Line) else line for line in outlook_lines(outlook)]


def named(status: IdentityStatus, number: int) -> IdentityStatus:
    return replace(status, ref=ServiceAccountRef("shop", f"n{number}"))


def test_one_identity_is_one_line_about_new_pods_and_one_about_those_that_stay_worse() -> None:
    assert lines(VERIFIED) == ["After this: ✓ shop/orders  verified, role orders"]
    assert lines(NONE) == ["After this: - shop/orders  no association"]
    assert lines(BROKEN) == ["After this: ✗ shop/orders  broken at link 9 trust: trust-wrong-principal"]
    assert lines(STALE) == [
        "After this: ✓ shop/orders  verified, role orders",
        "  ↻ 1 of 2 running pods stale: pod-predates-association",
    ]


def test_of_many_identities_only_those_with_a_problem_are_listed_by_cause() -> None:
    few = [named(VERIFIED, number) for number in range(MOST)]
    assert len(lines(*few)) == 1 + MOST
    many = lines(*few, *(named(BROKEN, number) for number in range(10, 50)))
    assert many[0] == "After this: 43 identities: 3 verified, 40 broken"
    assert many[1].startswith("  ✗ 40 broken at link 9 trust: trust-wrong-principal: shop/n10, ")
    assert len(many) == 2


def test_findings_that_the_plan_causes_and_fixes() -> None:
    assert BROKEN.cause is not None
    warning = replace(BROKEN.cause, check="trust-too-broad", message="role orders is open")
    brought = lines(VERIFIED, brings=(warning, warning, BROKEN.cause), ends=(replace(warning, check="sa-mismatch"),))
    assert brought[1:3] == [
        "  ✗ trust-too-broad         role orders is open (and 1 more)",
        "  ✗ trust-wrong-principal   Role orders: no statement allows pods.eks.amazonaws.com: the trust policy names "
        "ec2.amazonaws.com",
    ]
    assert brought[-1] == "  fixes sa-mismatch"
    # the line about the identity names the cause
    assert not any("trust-wrong-principal" in line for line in lines(BROKEN, brings=(BROKEN.cause,))[1:])


@table(
    ("use", "words"),
    [
        (CredentialUse(CredentialSource.POD_IDENTITY, f"{ROLE}x"), "x (Pod Identity)"),
        (CredentialUse(CredentialSource.IRSA, ""), "IRSA"),
        (CredentialUse(CredentialSource.NODE_ROLE, ""), "the node role (if reachable)"),
        (CredentialUse(CredentialSource.STATIC_KEYS, ""), "access keys of their own"),
    ],
)
def test_credentials_in_words(use: CredentialUse, words: str) -> None:
    assert use_words(use) == words


def test_pods_that_change_in_the_same_way_are_one_line() -> None:
    before, after = CredentialUse(CredentialSource.NODE_ROLE), CredentialUse(CredentialSource.POD_IDENTITY, f"{ROLE}x")
    uses = [
        UseChange(ref=ServiceAccountRef("shop", name), before=before, after=after, pods=2, restart=True)
        for name in ("a", "b")
    ]
    change = "change from the node role (if reachable) to x (Pod Identity) when restarted"
    assert lines(uses=tuple(uses)) == [f"  4 running pods of shop/a, shop/b {change}"]
    one = replace(uses[0], pods=1, restart=False)
    assert lines(uses=(one,)) == ["  1 running pod changes from the node role (if reachable) to x (Pod Identity)"]


def test_unchecked_parts_are_one_line() -> None:
    gaps = (
        NotChecked(3, "", "list pods"),
        NotChecked(4, "", "list pods"),
        NotChecked(8, "the logs of the agent"),
    )
    assert lines(replace(UNKNOWN, not_checked=gaps))[-1] == "  not checked: needs list pods; the logs of the agent"
    silent = replace(VERIFIED, new_pod=replace(VERIFIED.new_pod, state=None))
    unread = tuple(NotChecked(link, "") for link in (1, 2, 3, 5))
    assert lines(replace(silent, not_checked=unread))[-1] == "  not checked: links 1-3, 5"
    assert lines(replace(silent, ref=ORDERS, not_checked=unread[:1]))[-1] == "  not checked: link 1"
