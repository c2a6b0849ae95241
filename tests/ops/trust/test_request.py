"""Options of the commands about trust policies that depend on each other."""

import pytest

from harness import table
from podid.domain.errors import NotFound, UsageError
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
