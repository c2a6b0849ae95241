"""Options of the commands about trust policies that depend on each other."""

import pytest

from harness import table
from podid.domain.errors import Again, NotFound, UsageError
from podid.ops.trust.request import TrustOptions


def no_file(name: str) -> str:
    raise NotFound(f"{name} does not exist")


@table(
    ("files", "role", "message"),
    [
        ((), None, "Specify a trust policy"),
        (("f.json",), "r", "FILE and --role cannot be used together"),
        (("-", "f.json", "-"), None, "can be specified only once"),
    ],
)
def test_options_that_cannot_be_used_together(files: tuple[str, ...], role: str | None, message: str) -> None:
    with pytest.raises(UsageError, match=message.replace("(", r"\(")):
        TrustOptions(files=files, role=role).check_together(no_file)


def test_files_are_read_first_and_stdin_later() -> None:
    TrustOptions(files=("-",)).check_together(no_file)
    TrustOptions(role="r").check_together(no_file)
    with pytest.raises(NotFound, match=r"f\.json does not exist"):
        TrustOptions(files=("-", "f.json")).check_together(no_file)


def missing(name: str) -> str:
    raise UsageError(f"{name} cannot be read: No such file or directory", subject=name) from FileNotFoundError(2, name)


@table(
    ("name", "hint"),
    [
        ("shop-orders", "podid trust check --role=shop-orders"),
        ("arn:aws:iam::111122223333:role/a.b", "podid trust check --role=arn:aws:iam::111122223333:role/a.b"),
        ("trust.json", ""),
    ],
)
def test_a_role_instead_of_a_file(name: str, hint: str) -> None:
    with pytest.raises(UsageError) as raised:
        TrustOptions(files=(name,)).check_together(missing)
    proposal = raised.value.hint
    assert " ".join(proposal.of(("trust", "check", name), path=2) if isinstance(proposal, Again) else ()) == hint
