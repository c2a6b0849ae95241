"""Unread parts in words, and the errors about them."""

from podid.domain.dependents import Dependents, lines_of, not_read, unread_users
from podid.domain.errors import AccessDenied, Again, ExitCode, Unavailable
from podid.domain.section import Unread

DENIED = AccessDenied("x", permission="eks:ListClusters")
CLOSED = Unread("2 regions", "they reject these credentials", disabled=True)


def test_parts_with_the_same_reason_are_one_line() -> None:
    parts = [Unread.of(f"clusters in r{number}", DENIED) for number in range(7)]
    more = Unread.of("instance profiles of role r", Unavailable("HTTP 500"))
    assert lines_of([*parts, more]) == (
        "clusters in r0, clusters in r1, clusters in r2, clusters in r3, clusters in r4 and 2 more: "
        "requires eks:ListClusters",
        "instance profiles of role r: HTTP 500",
    )


def test_the_error_names_the_resource_the_permission_and_the_option() -> None:
    error = not_read("role r", [Unread.of("clusters in r0", DENIED)])
    assert (error.exit_code, error.permission, error.hint) == (
        *(ExitCode.UNDETERMINED, "eks:ListClusters"),
        Again(add=("--accept-unread",)),
    )
    assert error.message == "podid could not read everything that may use role r"
    assert error.advice.startswith("Nothing was changed. Grant the missing permissions, or pass --accept-unread")
    failed = not_read("role r", [Unread.of("clusters in r0", Unavailable("HTTP 500"))])
    assert (failed.permission, "Try again later" in failed.advice) == ("", True)


def test_no_option_accepts_users_that_could_not_be_read_at_all() -> None:
    error = unread_users("the leftovers", DENIED)
    assert (error.exit_code, error.hint, error.permission) == (ExitCode.UNDETERMINED, (), "eks:ListClusters")


def test_dependents_of_several_actions() -> None:
    part = Unread.of("clusters in r0", DENIED)
    joined = Dependents.joined(
        [Dependents(("a",), (part,), ("n",), ("role r",)), Dependents(("a", "b"), (part, CLOSED))]
    )
    assert joined == Dependents(("a", "b"), (part, CLOSED), ("n",), ("role r",))
    assert joined.gaps == (part,)  # a region that is not enabled has no users
