"""The records of a run in its journal file."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ops.change.support import ATTACHMENT, HEADER
from podid.domain.errors import UsageError
from podid.domain.plan import Done, Status
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ROLE_ATTACHMENT

GOOD = '{"type":"run","command":["x"],"callerArn":"a","account":"1","region":"r","cluster":"c","startedAt":"t"}\n'


def test_actions_that_were_not_tried(journal: Path) -> None:
    """A run that was killed between two steps is not done, whatever became of the first; one that came to its end
    without the second looks different."""
    second = ROLE_ATTACHMENT.action(None, {"roleName": "s", "policyArn": "p"})
    recorder = Journal(journal).begin(("x",), HEADER, datetime.now(UTC), (ATTACHMENT, second))
    recorder.intent(0, ATTACHMENT)
    assert Journal(journal).get("last").status == "running"
    recorder.outcome(0, Done(ATTACHMENT, Status.DONE, ATTACHMENT.after))
    recorder.close()
    run = Journal(journal).get("last")
    assert (run.status, run.untried) == ("interrupted", (second,))
    with Journal(journal).begin(("x",), HEADER, datetime.now(UTC), (ATTACHMENT, second)) as recorder:
        recorder.intent(0, ATTACHMENT)
        recorder.outcome(0, Done(ATTACHMENT, Status.DONE, ATTACHMENT.after))
    run = Journal(journal).get("last")
    assert (run.status, run.untried) == ("partial", (second,))


@pytest.mark.parametrize("text", ["", GOOD[:20], GOOD[:-1]])
def test_a_run_without_a_whole_first_line_is_omitted(journal: Path, text: str) -> None:
    journal.mkdir(mode=0o700)
    (journal / "20260101T000000000Z-abc123.jsonl").write_text(text)
    assert Journal(journal).runs() == ()


def test_a_failed_write_is_a_usage_error(journal: Path) -> None:
    recorder = Journal(journal).begin(("x",), HEADER, datetime.now(UTC))
    os.close(recorder.descriptor)
    with pytest.raises(UsageError, match="Bad file descriptor"):
        recorder.intent(0, ATTACHMENT)
