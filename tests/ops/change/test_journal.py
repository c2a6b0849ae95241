"""The journal's files: whose they are, who may see them, what a damaged one means; without it nothing is done."""

import errno
import os
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from checks import builder
from harness import Podid
from ops.change.support import ACCOUNT, HEADER, account_state, runs, writes
from podid.domain.errors import InvalidInput
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Done, Place, Status
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ANNOTATIONS, ROLE_TRUST
from podid.sandbox.baseline import add_cluster
from podid.sandbox.box import Sandbox

ASSOCIATE = ("associate", "shop/orders", "--role", "storefront", "--wait", "none")


def refuses(
    box: Sandbox, podid: Podid, why: str, *, advice: str = "pecify another directory with --journal-dir"
) -> None:
    """Exit 2, the reason, a way out, and nothing changed at AWS."""
    before = account_state(box)
    outcome = podid(*ASSOCIATE)
    assert (outcome.code, outcome.stdout) == (2, ""), outcome.stderr
    assert why in outcome.stderr
    assert advice in outcome.stderr
    assert (account_state(box), writes(box)) == (before, 0)


def test_private_to_the_caller(box: Sandbox, podid: Podid, tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        assert podid(*ASSOCIATE, XDG_STATE_HOME=str(tmp_path / "state")).code == 0
    finally:
        os.umask(old)
    directory = tmp_path / "state" / "podid" / "journal"
    (file,) = directory.iterdir()
    for created in (directory, *directory.parents[:2]):
        assert stat.S_IMODE(created.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert box.admin_key.secret_access_key not in file.read_text()


def test_symbolic_link_to_a_directory(box: Sandbox, podid: Podid, journal: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    journal.symlink_to(tmp_path / "elsewhere")
    refuses(box, podid, f"Journal directory {journal} cannot be used: it is a symbolic link")
    assert podid("history").code == 2


def test_symbolic_link_to_a_file(box: Sandbox, podid: Podid, journal: Path, tmp_path: Path) -> None:
    journal.mkdir(mode=0o700)
    (tmp_path / "target").write_text("precious\n")
    (journal / "20260101T000000000Z-abc123.jsonl").symlink_to(tmp_path / "target")
    refuses(box, podid, "20260101T000000000Z-abc123.jsonl: it is a symbolic link")
    assert (tmp_path / "target").read_text() == "precious\n"


def test_named_pipe(box: Sandbox, podid: Podid, journal: Path) -> None:
    journal.mkdir(mode=0o700)
    os.mkfifo(journal / "x.jsonl")
    refuses(box, podid, "x.jsonl: it is not a regular file")


def test_not_a_directory(box: Sandbox, podid: Podid, journal: Path) -> None:
    journal.write_text("")
    refuses(box, podid, "it is not a directory")


def test_below_a_file(box: Sandbox, podid: Podid, journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal.write_text("")
    monkeypatch.setenv("PODID_JOURNAL_DIR", str(journal / "below"))
    refuses(box, podid, "Not a directory")


def test_others_may_write(box: Sandbox, podid: Podid, journal: Path) -> None:
    journal.mkdir()
    journal.chmod(0o777)
    refuses(box, podid, "other users can write to it")


def test_of_another_user(box: Sandbox, podid: Podid, journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal.mkdir(mode=0o700)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    refuses(box, podid, "it belongs to another user")


def test_file_of_another_user(box: Sandbox, podid: Podid, journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Journal(journal).begin(("x",), HEADER, datetime.now(UTC)):
        pass
    directory = journal.lstat()
    lstat = Path.lstat

    def owned(path: Path) -> os.stat_result:
        return directory if path == journal else lstat(path)

    euid = os.getuid() + 1
    fields = list(directory)
    fields[4] = euid
    directory = os.stat_result(fields)
    monkeypatch.setattr(Path, "lstat", owned)
    monkeypatch.setattr(os, "geteuid", lambda: euid)
    refuses(box, podid, ".jsonl: it belongs to another user")


@pytest.mark.parametrize("call", ["open", "write", "fsync"])
@pytest.mark.parametrize("error", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_not_writable(
    box: Sandbox, podid: Podid, journal: Path, monkeypatch: pytest.MonkeyPatch, call: str, error: int
) -> None:
    real_open = os.open

    def fail(*_: object) -> int:
        raise OSError(error, os.strerror(error))

    def failing_open(path: str, flags: int, *more: int) -> int:
        return fail() if flags & os.O_CREAT and str(path).endswith(".jsonl") else real_open(path, flags, *more)

    monkeypatch.setattr(os, call, failing_open if call == "open" else fail)
    refuses(box, podid, os.strerror(error))


@pytest.mark.parametrize("line", [1, 2])
def test_full_in_the_middle_of_a_run(
    box: Sandbox, podid: Podid, journal: Path, monkeypatch: pytest.MonkeyPatch, line: int
) -> None:
    """An intent that cannot be written stops the change; an outcome that cannot be written leaves it told and open."""
    fsync, numbers = os.fsync, iter(range(100))

    def full(descriptor: int) -> None:
        # the second call is for the directory
        if next(numbers) == line + 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        outcome = podid(*ASSOCIATE)
    created = account_state(box)["associations"]
    assert "No space left on device" in outcome.stderr
    if line == 1:
        assert (outcome.code, created) == (2, [])
    else:
        assert (outcome.code, len(created)) == (8, 1)
        assert "association shop/orders -> arn:aws:iam::111122223333:role/storefront: created" in outcome.stdout
    assert podid(*ASSOCIATE).code == 0
    assert podid("undo", "last", "--yes").code == 0
    assert account_state(box)["associations"] == []


GOOD = '{"type":"run","command":["x"],"callerArn":"a","account":"1","region":"r","cluster":"c","startedAt":"t"}\n'


INTENT = '{"type":"intent","number":0,"kind":"role","before":null,"after":{"roleName":"r"}}\n'


@pytest.mark.parametrize(
    "text",
    [
        "no json\n",
        "[]\n",
        "{}\n",
        GOOD + "garbage\n" + GOOD,
        GOOD + '{"type":"intent"}\n',
        GOOD.replace('["x"]', "[1]"),
        GOOD.replace('"t"', "0"),
        GOOD.replace('"c"', "null"),
        GOOD.replace('"type"', '"v":"1","type"'),
        GOOD + '{"type":"intent","number":[],"kind":"role","before":null,"after":{"roleName":"r"}}\n',
        GOOD + '{"type":"intent","number":0,"kind":"role","before":null,"after":[]}\n',
        GOOD + '{"type":"intent","number":0,"kind":"role","before":null,"after":{}}\n',
        GOOD + INTENT + '{"type":"outcome","number":0,"status":"done","after":"x"}\n',
        GOOD + INTENT + '{"type":"outcome","number":0,"status":"well","after":null}\n',
        GOOD + INTENT + '{"type":"outcome","number":0,"status":"done","after":null,"reason":{}}\n',
        GOOD + INTENT.replace('"r"', "[" * 200 + "]" * 200),
        GOOD + "[" * 100_000 + "\n",
        '{"type":"intent","number":0}\n',
        GOOD[:-1] + "\0\0\0\n",
        GOOD + "\udcff\n",
    ],
)
def test_a_damaged_file_is_named(box: Sandbox, podid: Podid, journal: Path, text: str) -> None:
    journal.mkdir(mode=0o700)
    file = journal / "20260101T000000000Z-abc123.jsonl"
    file.write_bytes(text.encode(errors="surrogateescape"))
    refuses(box, podid, f"{file} is not a valid journal file", advice="Move the file away")
    with pytest.raises(InvalidInput, match="damaged"):
        Journal(journal).runs()


def test_a_damaged_file_hides_no_other(box: Sandbox, podid: Podid, journal: Path) -> None:
    """Who only looks sees the rest, and which file it is; nothing is changed while what it left open is not known."""
    assert podid(*ASSOCIATE).code == 0
    (run,) = runs(podid)
    file = journal / "20260101T000000000Z-abc123.jsonl"
    file.write_text(GOOD + "{\n")
    file.chmod(0o600)
    listed = podid("history", "-o", "json")
    assert (listed.code, [item["runId"] for item in listed.json["items"]]) == (8, [run["runId"]])
    assert listed.error["message"].startswith(f"{file} is not a valid journal file")
    assert podid("history", run["runId"]).code == 0
    assert str(file) in podid("history", "abc123").stderr
    assert str(file) in podid("history", "last").stderr
    refused = podid("disassociate", "shop/orders", "--yes")
    assert (refused.code, refused.stdout) == (2, "")
    assert f"{file} is not a valid journal file" in refused.stderr
    assert "Move the file away" in refused.stderr


def test_of_a_newer_podid(box: Sandbox, podid: Podid, journal: Path) -> None:
    """Another format is refused in so many words; an unknown kind of resource blocks only its own undo."""
    journal.mkdir(mode=0o700)
    file = journal / "20260101T000000000Z-abc123.jsonl"
    file.write_text(GOOD.replace('"type"', '"v":2,"type"', 1))
    refuses(box, podid, f"{file} was written by a newer version of podid", advice="Use that version")
    in_this_account = GOOD.replace('"1"', '"111122223333"').replace('"r"', '"us-west-2"').replace('"c"', '"demo"')
    file.write_text(in_this_account + INTENT.replace('"role"', '"moon"') + '{"type":"crater","number":0}\n')
    file.chmod(0o600)
    changed = podid(*ASSOCIATE)
    assert (
        changed.code,
        "This version of podid does not support 'moon'; a newer version recorded it" in changed.stderr,
    ) == (0, True)
    assert [run["runId"] for run in runs(podid)][-1] == "20260101T000000000Z-abc123"
    assert podid("undo", "abc123", "--yes").code == 6


def test_by_its_end(box: Sandbox, podid: Podid, journal: Path) -> None:
    assert podid(*ASSOCIATE).code == 0
    run_id = runs(podid)[0]["runId"]
    end = run_id.rpartition("-")[2]
    assert podid("history", end, "-o", "name").stdout == f"{run_id}\n"
    assert podid("undo", end, "--yes").code == 0


def test_a_file_that_others_may_write_to(box: Sandbox, podid: Podid, journal: Path) -> None:
    assert podid(*ASSOCIATE).code == 0
    (file,) = journal.iterdir()
    file.chmod(0o666)
    count = writes(box)
    for command in (("undo", "last", "--yes"), ASSOCIATE, ("history",)):
        outcome = podid(*command)
        assert (outcome.code, f"{file.name}: other users can write to it" in outcome.stderr) == (2, True)
    assert writes(box) == count


def test_a_relative_home(box: Sandbox, podid: Podid, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "here")
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    refuses(box, podid, "HOME is 'here', which is not an absolute path", advice="Set HOME or XDG_STATE_HOME")


def test_undo_checks_where_the_run_was_made(
    box: Sandbox, podid: Podid, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_cluster(box.world, "other")
    assert podid(*ASSOCIATE).code == 0
    run_id = runs(podid)[0]["runId"]
    count = writes(box)

    # PODID_CLUSTER names another cluster now: the run knows its own
    dry = podid("undo", run_id, "--dry-run", "-o", "json", PODID_CLUSTER="other")
    assert (dry.code, dry.json["cluster"]) == (0, "demo")

    elsewhere = podid("undo", run_id, "--yes", "--region", "eu-west-1")
    assert (elsewhere.code, "Cluster demo does not exist in eu-west-1" in elsewhere.stderr) == (5, True)
    stranger = box.world.credentials.add_user("stranger", account="999988887777")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", stranger.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", stranger.secret_access_key)
    other_account = podid("undo", run_id, "--yes")
    assert other_account.code == 6
    assert "was made in account 111122223333, us-west-2, cluster demo; this is account 999988887777" in (
        other_account.stderr
    )
    assert writes(box) == count


@pytest.mark.parametrize("microsecond", [0, 500, 999_999])
def test_runs_of_one_millisecond_are_in_order(journal: Path, microsecond: int) -> None:
    moment = datetime(2026, 1, 1, microsecond=microsecond, tzinfo=UTC)
    begun = []
    for _ in range(6):
        with Journal(journal).begin(("x",), HEADER, moment) as recorder:
            begun.append(recorder.run_id)
    assert [run.run_id for run in Journal(journal).runs()] == begun[::-1]


def test_the_journal_directory_is_private(podid: Podid, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    line = ("associate", "shop/orders", "--role", "storefront", "--wait", "api", "--journal-dir", str(journal))
    assert podid(*line).code == 0
    assert journal.stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in journal.iterdir()] == [0o600]
    journal.chmod(0o777)
    assert podid("associate", "shop/pay", *line[2:]).code == 2
    assert podid("list", "-o", "name").stdout == "shop/orders\n"


def test_changes_in_another_cluster_do_not_count(tmp_path: Path) -> None:
    """Clusters have service accounts of the same names, but share their roles."""
    journal, ref = Journal(tmp_path / "journal"), ServiceAccountRef("shop", "orders")
    place = Place(account=ACCOUNT, region="eu-west-1", cluster=builder.cluster())
    annotation = ANNOTATIONS.action(ANNOTATIONS.state_of(ref, {"a": "b"}), ANNOTATIONS.state_of(ref, {}))
    trust = ROLE_TRUST.action({"roleName": "r", "policyDocument": {}}, {"roleName": "r", "policyDocument": {"Id": "x"}})
    for header in (place.header, replace(place.header, cluster="blue"), replace(place.header, region="us-east-1")):
        with journal.begin(("migrate", "finish"), header, builder.NOW) as recorder:
            for number, action in enumerate((annotation, trust)):
                recorder.intent(number, action)
                recorder.outcome(number, Done(action, Status.DONE, action.after), builder.NOW)
    counts = [len(journal.changes(place.header, kind.name)) for kind in (ANNOTATIONS, ROLE_TRUST)]
    assert counts == [1, 3]
