"""What was written counts until each operation has shown it, or shows something else than the states before."""

from dataclasses import dataclass

import pytest

from podid.calls.written import KNOWN_SECONDS, KnownChange, KnownChanges

KEY = ("iam", "1", "", "role", "shop")
GET, LIST = "GetRole", "ListRoles"


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def written(clock: Clock) -> KnownChanges:
    return KnownChanges(clock)


def test_a_reading_of_the_state_before_is_late(written: KnownChanges) -> None:
    written.keep(KEY, None, "id-1")
    assert written.late(GET, KEY)
    assert [written.current(operation, KEY, None) for operation in (GET, LIST)] == ["id-1", "id-1"]
    assert written.late(GET, KEY)


def test_each_operation_shows_the_change_by_itself(written: KnownChanges) -> None:
    written.keep(KEY, None, "id-1")
    assert written.current(GET, KEY, "id-1") == "id-1"
    assert (written.late(GET, KEY), written.late(LIST, KEY)) == (False, True)
    assert (written.late_keys(GET, KEY[:-1]), written.late_keys(LIST, KEY[:-1])) == ([], [KEY])
    assert written.late_keys(LIST, ("elsewhere",)) == []
    assert written.current(LIST, KEY, None) == "id-1"


def test_what_was_shown_once_and_is_gone_was_deleted_by_someone_else(written: KnownChanges) -> None:
    written.keep(KEY, None, "id-1")
    written.current(GET, KEY, "id-1")
    assert written.current(GET, KEY, None) is None


def test_a_state_that_is_neither_before_nor_after_is_of_someone_else(written: KnownChanges) -> None:
    written.keep(KEY, "a", "b")
    assert written.current(GET, KEY, "c") == "c"
    assert written.current(GET, KEY, "a") == "a"


def test_of_several_changes_each_earlier_state_is_late(written: KnownChanges) -> None:
    written.keep(KEY, "a", "b")
    written.keep(KEY, "b", "c")
    assert [written.current(GET, KEY, state) for state in "abc"] == ["c", "c", "c"]
    assert written.current(GET, KEY, "b") == "b", "it was shown"


def test_a_state_that_was_restored_may_be_one_of_before(written: KnownChanges) -> None:
    written.keep(KEY, "a", "b")
    written.keep(KEY, "b", "a")
    assert [written.current(GET, KEY, state) for state in "aba"] == ["a", "a", "a"]


def test_a_change_over_that_of_someone_else_begins_anew(written: KnownChanges) -> None:
    written.keep(KEY, "a", "b")
    assert written.current(GET, KEY, "b") == "b"
    written.keep(KEY, "a", "b")  # someone else had put it back
    assert written.current(GET, KEY, "b") == "b"
    assert written.current(GET, KEY, "a") == "a"


def test_a_change_without_a_difference_is_none(written: KnownChanges) -> None:
    written.keep(KEY, "a", "a")
    assert not written.late(GET, KEY)
    assert not written.parts(KEY[:-1])


def test_readings_count_again_after_two_minutes(written: KnownChanges, clock: Clock) -> None:
    written.keep(KEY, None, "id-1")
    clock.seconds = KNOWN_SECONDS
    assert written.current(GET, KEY, None) == "id-1"
    clock.seconds += 1
    assert not written.late(GET, KEY)
    assert written.current(GET, KEY, None) is None


@dataclass(frozen=True)
class Role:
    trust: str = "old"
    tags: str = ""


def test_members_are_corrected_each_by_itself(written: KnownChanges) -> None:
    names = ("trust", "tags")
    written.note(KEY, Role())
    assert written.members(GET, KEY, Role(), names) == Role()
    written.keep_members(KEY, trust="new")
    assert written.members(GET, KEY, Role(tags="of someone else"), names) == Role("new", "of someone else")
    assert written.members(GET, KEY, Role("new"), names) == Role("new")
    assert written.members(GET, KEY, Role(), names) == Role()


def test_members_of_what_was_never_read_are_not_known(written: KnownChanges) -> None:
    written.keep_members(KEY, trust="new")
    assert written.members(GET, KEY, Role(), ("trust",)) == Role()


def test_parts_are_changed_resources_with_their_last_state(written: KnownChanges) -> None:
    written.note(KEY, Role())
    written.keep_members(KEY, trust="new")
    written.keep((*KEY[:-1], "other"), None, "id", Role("other"))
    written.note(("elsewhere",), Role())
    other = ((*KEY[:-1], "other"), Role("other"))
    assert written.parts(KEY[:-1]) == [other]
    assert written.changed_parts(KEY[:-1]) == [(KEY, Role("new")), other]
    assert written.read(KEY) == Role("new")
    written.forget(KEY)
    assert written.changed_parts(KEY[:-1]) == [other]
    written.forget(other[0])
    assert (written.parts(KEY[:-1]), written.changed_parts(KEY[:-1])) == ([], [])


def test_changes_of_earlier_runs_count_for_what_remains_of_their_time(clock: Clock) -> None:
    written = KnownChanges(clock, lambda: (KnownChange(KEY, None, "id-1", age=KNOWN_SECONDS - 10),))
    assert written.current(GET, KEY, None) == "id-1"
    clock.seconds = 11
    assert written.current(GET, KEY, None) is None
