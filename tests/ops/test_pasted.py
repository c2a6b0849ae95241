"""Pasted logs, as container runtimes, kubectl, stern and terminals write them."""

import json

from harness import table
from podid.ops.errortext import hits
from podid.ops.pasted import LOG_LINES, records, squeeze, unwrapped, without_prefixes

OWN = (
    "User: arn:aws:sts::111122223333:assumed-role/dns/1675610660182694283 is not authorized to perform:\n"
    "sts:AssumeRole on resource: \narn:aws:iam::111122223333:role/dns"
)
DROPPED = "shop/cart-1:51616 (ID:20596) <> 169.254.170.23:80 (world) FIB lookup failed DROPPED (TCP Flags: SYN)"
NOISE = [f"2026-05-01T10:00:{second:02d}.1Z INFO reconciled 3 objects" for second in range(LOG_LINES)]


@table(
    "prefix",
    [
        "2026-05-01T10:00:00.123456789Z stderr F {}",
        "2026-05-01T10:00:00.123456789Z {}",
        "[pod/orders-7c5ddbdf54-9k8zr/app] {}",
        "orders-7c5ddbdf54-9k8zr app \u2502 {}",
        "app-1  | {}",
    ],
)
def test_the_prefix_of_each_line_is_not_its_text(prefix: str) -> None:
    assert without_prefixes("\n".join(map(prefix.format, OWN.splitlines()))) == OWN


def test_files_of_the_docker_runtime() -> None:
    lines = [json.dumps({"log": f"{line}\n", "stream": "stderr", "time": "2026-05-01"}) for line in OWN.splitlines()]
    assert without_prefixes("\n".join(lines)) == OWN


def test_the_time_before_the_first_line_only_is_the_applications() -> None:
    text = f"2026-05-01T10:00:00.1Z {OWN}"
    assert without_prefixes(text) == text


def test_lines_that_begin_otherwise_than_most_continue_a_record() -> None:
    text = "\n".join([*NOISE, f"2026-05-01T10:00:00.1Z ERROR {OWN}", *NOISE])
    assert [record for record in records(text) if "dns" in record] == [f"2026-05-01T10:00:00.1Z ERROR {OWN}"]
    assert [match.id for match in hits(text)] == ["app-assumes-own-role"]


def test_without_a_usual_beginning_each_line_is_a_record() -> None:
    lines = [f"request {number} done" for number in range(LOG_LINES + 1)]
    assert list(records("\n".join(lines))) == lines


@table("around", [[], NOISE])
def test_the_words_beside_an_error_order_its_causes(around: list[str]) -> None:
    assert hits("\n".join([*around, DROPPED, *around]))[0].id == "cilium-host-entity"


@table("width", [25, 40])
def test_a_terminal_wraps_within_words(width: int) -> None:
    wrapped = "\n".join(DROPPED[at : at + width] for at in range(0, len(DROPPED), width))
    assert unwrapped(wrapped).strip() == DROPPED
    assert hits(wrapped)[0].id == "cilium-host-entity"


def test_lines_of_another_length_are_not_wrapped() -> None:
    assert unwrapped(OWN) == OWN
    assert squeeze(OWN) == squeeze(unwrapped(OWN))


@table("lines", [2, LOG_LINES + 2])
def test_records_of_a_log_do_not_explain_each_other(lines: int) -> None:
    served = "2026-05-01T10:00:00.1Z INFO credentials of http://169.254.170.23/v1/credentials expire in 6h"
    failed = "2026-05-01T10:00:01.1Z ERROR connection to postgres.shop.svc timed out after 3000ms"
    assert hits("\n".join([*[served] * (lines - 1), failed])) == ()
