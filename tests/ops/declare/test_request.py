"""Options of the commands about files."""

from collections import defaultdict
from typing import Any

import pytest

from harness import table
from podid.domain.errors import PodidError, UsageError
from podid.domain.option import filled
from podid.ops.declare.request import FileOptions, ReconcileOptions


def reconciling(option: str, text: str) -> ReconcileOptions:
    typed: defaultdict[str, Any] = defaultdict(lambda: None, {option: text})
    return filled(ReconcileOptions, typed)


@table("address", [":8080", "127.0.0.1:0", "[::1]:65535"])
def test_addresses_to_listen_on(address: str) -> None:
    assert reconciling("listen", address).listen == address


@table(
    ("option", "text"),
    [
        *(("listen", text) for text in ("8080", "x", ":x", ":65536", ":")),
        *(("interval", text) for text in ("0", "-1s", "x")),
    ],
)
def test_values_that_reconcile_cannot_use(option: str, text: str) -> None:
    with pytest.raises(PodidError) as caught:
        reconciling(option, text)
    assert text in caught.value.message


def test_a_file_is_required() -> None:
    FileOptions(files=("-",)).check()
    with pytest.raises(UsageError, match="Specify the file: -f FILE"):
        FileOptions(variables=("A=b",)).check()
