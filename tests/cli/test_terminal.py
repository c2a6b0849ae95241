"""Results on stdout and messages on stderr: formats, queries, foreign text, colours."""

import csv
import io
import json
from dataclasses import replace
from typing import Any

import yaml

from harness import Podid
from podid.sandbox.baseline import add_association
from podid.sandbox.box import Sandbox

EVIL = "\x1b]0;owned\x07\x1b[2Jtext\u202e\r\n\tend"


VISIBLE = "\\x1b]0;owned\\x07\\x1b[2Jtext\\u202e"


def test_formats(podid: Podid, two: Sandbox) -> None:
    document = podid("list", "-o", "json").json
    items = document["items"]
    assert [item["serviceAccount"] for item in items] == ["orders", "pay"]
    streamed = [json.loads(line) for line in podid("list", "-o", "jsonl").stdout.splitlines()]
    assert sorted(streamed, key=lambda item: str(item["serviceAccount"])) == items  # each as soon as it is there
    assert yaml.safe_load(podid("list", "-o", "yaml").stdout) == document
    assert podid("list", "-o", "name").stdout == "shop/orders\nshop/pay\n"
    rows = list(csv.DictReader(io.StringIO(podid("list", "-o", "csv").stdout)))
    assert [(row["namespace"], row["service_account"], row["role"]) for row in rows] == [
        ("shop", "orders", "arn:aws:iam::111122223333:role/storefront"),
        ("shop", "pay", "arn:aws:iam::111122223333:role/orders-dynamodb"),
    ]
    table = [line.split("\t") for line in podid("list").stdout.splitlines()]
    wide = [line.split("\t") for line in podid("list", "-o", "wide").stdout.splitlines()]
    assert [len(row) for row in table] == [6, 6]
    assert [row[:6] for row in wide] == table
    assert [row[6] for row in wide] == [item["associationId"] for item in items]


def test_a_query(podid: Podid, two: Sandbox) -> None:
    query = ("--query", "items[].[namespace, serviceAccount]")
    rows = [["shop", "orders"], ["shop", "pay"]]
    assert podid("list", *query).stdout == "shop\torders\nshop\tpay\n"
    assert podid("list", *query, "-o", "json").json == rows
    assert yaml.safe_load(podid("list", *query, "-o", "yaml").stdout) == rows
    assert podid("list", *query, "-o", "jsonl").stdout == '["shop","orders"]\n["shop","pay"]\n'
    assert podid("list", "--query", "length(items)").stdout == "2\n"
    assert podid("list", "--query", "items[0].ownerArn").stdout == "None\n"
    for output in ("csv", "name"):
        outcome = podid("list", *query, "-o", output)
        assert (outcome.code, outcome.stdout) == (2, "")


def test_an_empty_result_is_a_document(podid: Podid) -> None:
    assert podid("list", "-o", "json").json["items"] == []
    assert podid("list", "-o", "jsonl").stdout == ""
    assert podid("list").stdout == ""
    assert podid("list", "-o", "csv").stdout.splitlines() == [
        "namespace,service_account,role,target_role,owner,created,association_id,session_tags,session_policy,"
        "not_read,modified,cluster,policy,tags"
    ]


def test_the_format_never_changes_the_code(podid: Podid, two: Sandbox) -> None:
    argv = ("associate", "shop/orders", "--role", "orders-dynamodb")
    assert {podid(*argv, "-o", output).code for output in ("table", "wide", "json", "jsonl", "yaml", "name")} == {6}


def test_a_query_that_does_not_fit_loses_no_result_of_a_change(podid: Podid) -> None:
    changed = podid(
        *("associate", "shop/orders", "--role", "storefront", "--wait", "api"), "-o", "json", "--query", "max(kind)"
    )
    assert (changed.code, changed.json["actions"][0]["status"]) == (0, "done")
    assert changed.stderr.startswith(
        "Warning: --query 'max(kind)' does not fit this result: max() takes array-number or"
    )
    read = podid("list", "-o", "json", "--query", "max(kind)")
    assert (read.code, read.stdout, read.error["code"]) == (2, "", "Usage")


def test_stderr_is_empty_beside_a_document(podid: Podid) -> None:
    outcome = podid("associate", "shop/orders", "--role", "storefront", "--wait", "api", "-o", "json")
    assert (outcome.code, outcome.stderr) == (0, "")
    outcome = podid("associate", "shop/pay", "--role", "storefront", "--wait", "api", "-q")
    assert (outcome.code, outcome.stderr) == (0, "")


def put(box: Sandbox, **members: Any) -> None:
    """shop/orders with members that EKS would not have let in."""
    association = add_association(box.world, "shop", "orders", "storefront")
    box.world.put_association(box.world.clusters[box.world.cluster_name], replace(association, **members))


def test_escape_sequences_are_escaped(podid: Podid, box: Sandbox) -> None:
    put(box, policy=EVIL)
    shown = podid("show", "shop/orders").stdout
    assert VISIBLE in shown
    assert not set(shown) & {"\x1b", "\x07", "\u202e", "\r"}
    podid.tty = True
    drawn = podid("show", "shop/orders", "--no-color").stdout
    assert "\\x1b]0;owned\\x07" in drawn
    assert "\x1b]0" not in drawn
    assert "\u202e" not in drawn


def test_json_keeps_the_value_and_stays_ascii(podid: Podid, box: Sandbox) -> None:
    put(box, policy=EVIL)
    podid.tty = False
    outcome = podid("show", "shop/orders", "-o", "json")
    assert outcome.json["policy"] == EVIL
    assert outcome.stdout.isascii()
    assert "\x1b" not in outcome.stdout
    assert yaml.safe_load(podid("show", "shop/orders", "-o", "yaml").stdout)["policy"] == EVIL
    assert "\x1b" not in podid("show", "shop/orders", "-o", "yaml").stdout


def test_a_tab_in_a_value_is_no_separator(box: Sandbox, podid: Podid) -> None:
    put(box, owner_arn="=cmd\t|'C calc'!A0\n")
    (line,) = podid("list").stdout.splitlines()
    assert line.split("\t")[4] == "=cmd\\t|'C calc'!A0\\n"
    (row,) = csv.DictReader(io.StringIO(podid("list", "-o", "csv").stdout))
    assert row["owner"] == "'=cmd\\t|'C calc'!A0\\n"


def test_markup_is_text(box: Sandbox, podid: Podid) -> None:
    put(box, owner_arn="[red]x :smile:")
    podid.tty = True
    assert "[red]x :smile:" in podid("list", "--no-color").stdout


def test_escape_sequences_in_an_error_are_removed(podid: Podid) -> None:
    outcome = podid("show", "shop/\x1b[31morders")
    assert outcome.code == 2
    assert "\x1b" not in outcome.stderr


def test_colour_of_tables(podid: Podid, two: Sandbox) -> None:
    podid.tty = True
    assert "\x1b[1m" in podid("list", TERM="xterm").stdout
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in podid("list", **env).stdout


def test_no_arn_is_cut_on_a_narrow_terminal(podid: Podid, two: Sandbox) -> None:
    podid.tty, podid.width = True, 40
    drawn = podid("list", "--no-color").stdout
    assert max(len(line) for line in drawn.splitlines()) <= 40
    assert "…" not in drawn
    assert "..." not in drawn


def test_tables_without_titles(podid: Podid, two: Sandbox) -> None:
    titled = podid("list", "-o", "csv").stdout.splitlines()
    assert podid("list", "-o", "csv", "--no-headers").stdout.splitlines() == titled[1:]
    podid.tty = True
    lines = podid("list").stdout.splitlines()
    assert "NAMESPACE" in lines[0]
    assert podid("list", "--no-headers").stdout.splitlines() == lines[2:]
