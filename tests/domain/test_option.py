"""Options as fields of groups: their names, their defaults, and the values that a group receives."""

from collections.abc import Mapping
from dataclasses import FrozenInstanceError
from typing import Any, ClassVar

import pytest

from harness import table
from podid.domain import option
from podid.domain.errors import InvalidInput
from podid.domain.option import (
    argument,
    filled,
    given_options,
    included,
    number,
    options,
    options_in,
    repeatable,
    seconds,
    switch,
    tags,
)


@options
class Wait:
    timeout: float | None = option.option("TIME", "How long.", env=("PODID_TIMEOUT",), read=seconds)
    wait: bool = switch("Whether to wait.", default=True, off="--no-wait")


@options
class Choice:
    role: str = argument("ROLE", "The role.")
    tags_: Mapping[str, str] = repeatable("KEY=VALUE", "Tags.", name="--tag", short="-t", read=tags, default={})
    waiting: Wait = included(Wait)
    size: str = option.option("SIZE", "The size.", default="small", values=("small", "large"))
    attempts: int = number("N", "How often.", default=3)
    HEADINGS: ClassVar = {"waiting": "Waiting"}
    BRIEF: ClassVar = {"size": "podid list"}


@options
class Nested:
    waiting: Wait = included(Wait)
    size: str = option.option("SIZE", "The size.", default="small")


def typed(**values: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("timeout", "wait", "size", "attempts"))
    return {"role": "orders", "tags_": [], **empty, **values}


def test_options_of_included_groups_stand_at_their_place() -> None:
    listed = options_in(Choice)
    assert [item.field for item in listed] == ["role", "tags_", "timeout", "wait", "size", "attempts"]
    assert [item.heading for item in listed] == ["", "", "Waiting", "", "", ""]
    assert [item.brief for item in listed] == ["", "", "", "", "podid list", ""]
    assert [item.spellings for item in listed] == [
        (),
        ("--tag", "-t"),
        ("--timeout",),
        ("--wait", "--no-wait"),
        ("--size",),
        ("--attempts",),
    ]
    assert [item.required for item in listed] == [True, False, False, False, False, False]


def test_values_are_converted_and_defaults_stay() -> None:
    choice = filled(Choice, typed(tags_=["a=1"], timeout="5m", size="large"))
    assert (choice.role, choice.tags_, choice.size, choice.attempts) == ("orders", {"a": "1"}, "large", 3)
    assert (choice.waiting.timeout, choice.waiting.wait) == (300.0, True)
    assert given_options(choice.waiting) == ("--timeout",)
    assert given_options(Nested(waiting=Wait(wait=False), size="large")) == ("--wait", "--size")
    assert given_options(Nested()) == ()


def test_a_value_that_is_not_valid_is_refused() -> None:
    with pytest.raises(InvalidInput, match="--size 'huge' is not one of small, large"):
        filled(Choice, typed(size="huge"))


def test_a_group_is_a_frozen_value() -> None:
    choice = Choice(role="orders")
    assert choice == filled(Choice, typed())
    assert choice != Choice(role="cart")
    assert repr(Wait()) == "Wait(timeout=None, wait=True)"
    with pytest.raises(FrozenInstanceError):
        setattr(choice, "role", "cart")  # noqa: B010
    with pytest.raises(TypeError, match="Choice needs role"):
        Choice()
    with pytest.raises(TypeError, match="Wait has no size"):
        Wait(size="small")  # type: ignore[call-arg]


def test_a_variable_precedes_the_settings_file() -> None:
    timeout, wait = options_in(Wait)
    stored = {"timeout": ("2m", "config.toml:1"), "wait": ("no", "config.toml:2")}
    assert timeout.default_from({"PODID_TIMEOUT": "1m"}, stored) == ("1m", "PODID_TIMEOUT")
    assert timeout.default_from({"PODID_TIMEOUT": ""}, stored) == ("2m", "config.toml:1")
    assert timeout.default_from({}, {}) is None
    # an option without a variable has no setting
    assert wait.default_from({}, stored) is None


@table(
    ("text", "expected"),
    [("90", 90), ("90s", 90), ("0.5", 0.5), ("5m", 300), ("1h30m", 5400), ("2d", 172800), (" 1m5s ", 65)],
)
def test_durations(text: str, expected: float) -> None:
    assert seconds(text) == expected


@table("text", ["", "0", "0s", "-1", "5x", "m", "1m1h", "1e3", "inf"])
def test_text_that_is_not_a_duration(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not a duration"):
        seconds(text)


def test_tags() -> None:
    assert tags(["a=1", "b=", "c=x=y"]) == {"a": "1", "b": "", "c": "x=y"}
    for texts, problem in (
        (["a"], "is not KEY=VALUE"),
        (["=1"], "is not KEY=VALUE"),
        (["Key=team,Value=shop"], "is not KEY=VALUE"),
        (["a=1", "a=2"], "--tag a is specified twice"),
        (["AWS:x=1"], "no aws: prefix"),
        (["k" * 129 + "=1"], "at most 128 characters"),
        (["k=" + "v" * 257], "values 256"),
        ([f"k{index}=v" for index in range(51)], "--tag is specified 51 times: AWS accepts at most 50 tags"),
    ):
        with pytest.raises(InvalidInput, match=problem):
            tags(texts)


def test_a_blank_value_is_refused() -> None:
    option.refuse_blank("--role", "x")
    with pytest.raises(InvalidInput, match="--role is empty"):
        option.refuse_blank("--role", " \t")
