"""What the last runs of the journal changed is known to the next ones, as far as nobody else can have changed it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ops.change.support import SOME_ASSOCIATION, SOME_ROLE
from podid.calls.written import KNOWN_SECONDS
from podid.domain.plan import Action, Done, Header, Status
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ASSOCIATION, ROLE, ROLE_TRUST
from podid.ops.change.recent import recent_changes

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HEADER = Header(caller_arn="arn:aws:iam::1:user/me", account="1", region="r", cluster="demo")
STATE = ASSOCIATION.state_of(SOME_ASSOCIATION)
CREATED, DELETED = ASSOCIATION.action(None, STATE), ASSOCIATION.action(STATE, None)
KEY = ("eks", "1", "r", "association", "demo", SOME_ASSOCIATION.association_id)


def known(directory: Path, *actions: Action, ago: float = 5.0, told: bool = True) -> list[tuple[object, ...]]:
    """Return key, before and after of each recent change, when runs made the actions `ago` seconds ago."""
    journal = Journal(directory / "journal")
    moment = NOW - timedelta(seconds=ago)
    for action in actions:
        with journal.begin(("associate",), HEADER, moment) as recorder:
            recorder.intent(0, action)
            if told or action is not actions[-1]:
                recorder.outcome(0, Done(action, Status.DONE, action.after), moment)
    return [(change.key, change.before, change.after, change.age) for change in recent_changes(journal, NOW)]


def test_created_associations_are_known_by_their_ids(tmp_path: Path) -> None:
    assert known(tmp_path, CREATED) == [(KEY, False, True, 5)]


@pytest.mark.parametrize("told", [True, False], ids=["deleted", "an interrupted deletion"])
def test_an_association_that_a_run_deleted_is_not_known(tmp_path: Path, told: bool) -> None:
    assert known(tmp_path, CREATED, DELETED, told=told) == []


def test_changes_that_someone_else_could_have_put_back_are_not_known(tmp_path: Path) -> None:
    trust = ROLE_TRUST.action({"roleName": "a", "policyDocument": {}}, {"roleName": "a", "policyDocument": {"a": 1}})
    update = ASSOCIATION.action(STATE, {**STATE, "roleArn": "arn:aws:iam::1:role/other"})
    role = ROLE.action(None, ROLE.state_of(SOME_ROLE))
    assert known(tmp_path, trust, update, role, DELETED) == []


def test_older_runs_are_not_known(tmp_path: Path) -> None:
    assert known(tmp_path / "1", CREATED, ago=KNOWN_SECONDS + 1) == []
    assert len(known(tmp_path / "2", CREATED, ago=KNOWN_SECONDS - 1)) == 1
