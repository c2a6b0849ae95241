"""Every file that a user names: what is read, what is written, and what is neither."""

import json
import os
import re
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from domain.trust.trust_helpers import CLUSTER, statement
from harness import Answers, Outcome, Podid, table
from local.test_files import NOT_REGULAR, REFUSED, planted
from podid.cli.command import build
from podid.cli.tree import COMMANDS
from worlds import Site

FOR = ("--for", "shop/orders", "--cluster-arn", CLUSTER)
# command and parameter -> the line in which it stands as FILE
READ = {
    "associate --from-file": ("associate", "--from-file", "FILE", "--role", "storefront"),
    "associate --session-policy": ("associate", "shop/orders", "--role", "storefront", "--session-policy", "FILE"),
    "associate --policy-file": ("associate", "shop/orders", "--create-role", "--policy-file", "FILE"),
    "role create --policy-file": ("role", "create", "r", "--for", "shop/orders", "--policy-file", "FILE"),
    "role attach --policy-file": ("role", "attach", "storefront", "--policy-file", "FILE"),
    "install-agent --config-file": ("install-agent", "--config-file", "FILE"),
    "addon install --config-file": ("addon", "install", "vpc-cni", "--config-file", "FILE"),
    "audit --baseline": ("audit", "--baseline", "FILE"),
    "audit --policy": ("audit", "--policy", "FILE"),
    "doctor --baseline": ("doctor", "--baseline", "FILE"),
    "doctor --from": ("doctor", "--from", "FILE"),
    "trace": ("trace", "FILE"),
    "right-size --events": ("right-size", "shop/orders", "--events", "FILE"),
    "privileges --policy-file": ("privileges", "--policy-file", "FILE"),
    "can-i --policy-file": ("can-i", "s3:GetObject", "--policy-file", "FILE"),
    "trust check": ("trust", "check", "FILE", *FOR),
    "convert --file": ("convert", "--file", "FILE"),
    "convert --var-file": ("convert", "-f", "FILE", "--var-file", "FILE"),
    "migrate apply --plan": ("migrate", "apply", "--plan", "FILE"),
    "migrate apply --plan-key-file": ("migrate", "apply", "--plan", "plan.json", "--plan-key-file", "FILE"),
    "migrate plan --plan-key-file": ("migrate", "plan", "--save", "plan.json", "--force", "--plan-key-file", "FILE"),
    "plan --plan-key-file": ("plan", "-f", "x.yaml", "--save", "plan.json", "--force", "--plan-key-file", "FILE"),
    "apply --plan-key-file": ("apply", "--plan", "plan.json", "--plan-key-file", "FILE"),
    "validate": ("validate", "FILE"),
    "validate --var-file": ("validate", "identities.yaml", "--var-file", "FILE"),
    "plan --file": ("plan", "--file", "FILE"),
    "plan --var-file": ("plan", "--file", "identities.yaml", "--var-file", "FILE"),
    "diff --file": ("diff", "--file", "FILE"),
    "diff --var-file": ("diff", "--file", "identities.yaml", "--var-file", "FILE"),
    "reconcile --file": ("reconcile", "--once", "--file", "FILE"),
    "reconcile --var-file": ("reconcile", "--once", "--file", "identities.yaml", "--var-file", "FILE"),
    "apply --file": ("apply", "--file", "FILE"),
    "apply --var-file": ("apply", "--file", "identities.yaml", "--var-file", "FILE"),
    "forget --file": ("forget", "--file", "FILE"),
    "forget --var-file": ("forget", "--file", "identities.yaml", "--var-file", "FILE"),
    "apply --plan": ("apply", "--plan", "FILE"),
}
WRITTEN = {
    "doctor --save": ("doctor", "--save", "FILE"),
    "doctor --report": ("doctor", "--report", "FILE"),
    "audit --report": ("audit", "--report", "FILE"),
    "bundle": ("bundle", "FILE", "--yes"),
    "migrate plan --save": ("migrate", "plan", "--save", "FILE"),
    "plan --save": ("plan", "--file", str(Path(__file__).parent / "ops/declare/empty.yaml"), "--save", "FILE"),
}
IN_PLACE = {
    "trust add": ("trust", "add", "FILE", *FOR, "--in-place"),
    "trust remove": ("trust", "remove", "FILE", *FOR, "--in-place"),
    "trust tighten": ("trust", "tighten", "FILE", *FOR, "--in-place"),
}
# shared options: a kubeconfig that is not there is an error of its own, a directory of runs is the journal's; a
# directory of manifests gets files of other names
ELSEWHERE = {"--kubeconfig", "--journal-dir", "migrate finish --write-manifests", "reconcile --write"}
EC2 = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
BEFORE = {
    "trust add": [EC2],
    "trust remove": None,
    "trust tighten": [statement(Sid="Wide")],
}


def filled(line: tuple[str, ...], file: Path) -> tuple[str, ...]:
    return tuple(str(file) if word == "FILE" else word for word in line)


def files_of_the_tree() -> Iterator[str]:
    tree = build()
    for row in COMMANDS:
        node: Any = tree
        for name in row.path:
            node = node.commands[name]
        for param in node.params:
            option = param.opts[0] if param.param_type_name == "option" else ""
            name = f"{row.name} {option}".strip()
            if re.search(r"\b(FILE|DIR)\b", str(param.metavar or "")) and not ELSEWHERE & {option, name}:
                yield name


def test_every_file_is_in_a_table() -> None:
    assert {*files_of_the_tree()} == {*READ, *WRITTEN, *IN_PLACE}


def refused(outcome: Outcome, why: str) -> None:
    assert (outcome.code, outcome.stdout) == (2, ""), outcome
    assert why in outcome.stderr
    assert len(outcome.stderr.splitlines()) <= 3


# --- what is read -----------------------------------------------------------------------------------------------------


def own_folder(tmp_path: Path) -> Path:
    return Path(tempfile.mkdtemp(dir=tmp_path))


@table(
    ("line", "kind"), product([*READ.values(), *IN_PLACE.values()], [*NOT_REGULAR, "nothing", "latin-1", "too large"])
)
def test_only_text_in_a_regular_file_is_read(podid: Podid, tmp_path: Path, line: tuple[str, ...], kind: str) -> None:
    file = planted(kind, own_folder(tmp_path) / "x.json")
    if kind == "latin-1":
        file.write_bytes(b'{"a": "\xe9"}')
    elif kind == "too large":
        with file.open("wb") as stream:
            stream.truncate(300 * 1024 * 1024)
    began = time.monotonic()
    words = {"nothing": "No such file", "latin-1": "not UTF-8", "too large": "larger than"}
    refused(podid(*filled(line, file)), words.get(kind) or NOT_REGULAR[kind])
    assert time.monotonic() - began < 5


# --- what is written --------------------------------------------------------------------------------------------------


@pytest.fixture
def there(site: Site) -> Site:
    site.with_samples()
    return site


@pytest.mark.parametrize("line", WRITTEN.values(), ids=WRITTEN)
def test_a_result_is_written_into_a_new_file(there: Site, tmp_path: Path, line: tuple[str, ...]) -> None:
    file = tmp_path / "new.json"
    old = os.umask(0)
    try:
        outcome = there(*filled(line, file))
    finally:
        os.umask(old)
    assert outcome.code in (0, 3), outcome
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    data = file.read_bytes()
    calls = there.box.faults.calls.total()
    refused(there(*filled(line, file)), f"Replacing {file} requires confirmation")
    assert there.box.faults.calls.total() == calls
    again = there(*filled(line, file), "-o", "json")
    assert again.error["hint"].endswith(" --force")
    assert file.read_bytes() == data
    file.write_text("old")
    file.chmod(0o644)
    assert there(*filled(line, file), "--force").code == outcome.code
    assert (len(file.read_bytes()) > 100, stat.S_IMODE(file.stat().st_mode)) == (True, 0o600)
    assert [item.name for item in tmp_path.glob(".podid*")] == []


@table(
    ("line", "kind", "flags"),
    product(
        WRITTEN.values(),
        [*REFUSED, "no directory", "closed directory"],
        [(), ("--force",), ("--yes", "--force")],
    ),
)
def test_nothing_but_a_file_is_written(
    podid: Podid, tmp_path: Path, line: tuple[str, ...], kind: str, flags: tuple[str, ...]
) -> None:
    folder = own_folder(tmp_path)
    if line[0] in ("migrate", "plan", "audit"):  # which only read
        flags = tuple(flag for flag in flags if flag != "--yes")
    why = {"no directory": "No such file", "closed directory": "Permission denied"}.get(kind) or REFUSED[kind]
    file = planted(kind, folder / "x.json")
    if kind == "no directory":
        file = folder / "no" / "x.json"
    before = sorted(folder.iterdir())
    reason = f"{file} cannot be written: {why}"
    if "--report" in line and not file.suffix:  # /dev/null
        reason = f"--report {file}: the name must end in"
    with pytest.MonkeyPatch.context() as patch:
        if kind == "closed directory":
            patch.setattr(os, "access", lambda *_: False)
        refused(podid(*filled(line, file), *flags), reason)
    assert sorted(folder.iterdir()) == before
    if kind == "link":
        assert (folder / "beside").read_text() == "precious"


@pytest.mark.parametrize(("answer", "code"), [(True, 3), (False, 2)])
def test_a_person_is_asked(there: Site, tmp_path: Path, answer: bool, code: int) -> None:
    """Also with --yes, which was said to other questions."""
    file = planted("file", tmp_path / "x")
    there.podid.tty, there.podid.answers = True, Answers(answer)
    outcome = there("doctor", "--save", str(file), "--yes")
    assert outcome.code == code, outcome
    assert there.podid.answers.questions == [f"{file} exists. Replace it?"]
    assert (file.read_text() == "old") is not answer


def test_what_comes_there_in_between_stays(there: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "x"
    there.podid.tty, there.podid.answers = True, Answers()

    def confirm(*_: object, **__: object) -> bool:
        file.write_text("theirs")
        return True

    monkeypatch.setattr(Answers, "confirm", confirm)
    outcome = there("bundle", str(file))
    assert (outcome.code, outcome.stdout) == (2, "")
    assert f"{file} cannot be written: File exists" in outcome.stderr
    assert file.read_text() == "theirs"


def test_a_file_that_was_written_is_written_again_after_fixes(there: Site, tmp_path: Path) -> None:
    """Without a question: it is podid's own of a moment before."""
    file = tmp_path / "x"
    outcome = there("doctor", "--save", str(file), "--fix-id", "association-sa-not-found", "--yes")
    assert outcome.code in (0, 3), outcome
    assert outcome.stderr.count(f"Saved to {file}") >= 1


def test_force_is_for_save(podid: Podid) -> None:
    refused(podid("doctor", "--force"), "--force requires --save or --report")
    refused(podid("audit", "--force"), "--force requires --report")


def test_a_report_has_the_format_of_its_files_name(there: Site, tmp_path: Path) -> None:
    """One reading, whatever is written; the same as -o prints."""
    names = {"json": "report.json", "sarif": "report.sarif", "junit": "report.xml", "markdown": "report.md"}
    lines = [("doctor", "payments/bilingworker"), ("audit", "payments/bilingworker")]
    for line in lines:
        folder = tmp_path / line[0]
        folder.mkdir()
        flags = [word for name in [*names.values(), "report.html"] for word in ("--report", str(folder / name))]
        written = there(*line, *flags)
        assert written.code == 3, written
        for form, name in names.items():
            printed = there(*line, "-o", form)
            assert printed.code == 3
            assert plain_times((folder / name).read_text()) == plain_times(printed.stdout)
        assert (folder / "report.html").read_text().endswith("</html>\n")


def plain_times(text: str) -> str:
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z?", "TIME", text)


def test_a_report_needs_a_name_with_a_format(podid: Podid, tmp_path: Path) -> None:
    for name in ("report", "report.txt", ".json"):
        refused(podid("doctor", "--report", name), f"--report {name}: the name must end in .json")
    refused(podid("doctor", "--watch", "--report", "a.md"), "--report and --watch cannot be used together")
    refused(
        podid("audit", "--all-clusters", "--report", "a.html"), "--report a.html cannot be used with several clusters"
    )
    refused(
        podid("doctor", "-c", "a", "-c", "b", "--report", "a.html"),
        "--report a.html cannot be used with several clusters",
    )
    refused(podid("audit", "-c", "a", "-c", "b", "--report", "a"), "--report a: the name must end in .json")


# --- what is changed in place -----------------------------------------------------------------------------------------


def document(name: str) -> str:
    if (statements := BEFORE[name]) is not None:
        return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=1) + "\n"
    two = Podid()("trust", "add", "-", *FOR, stdin=document("trust add"))
    return two.stdout


@pytest.mark.parametrize("name", IN_PLACE)
@pytest.mark.parametrize("kind", ["link", "dangling", "hard link"])
def test_no_link_is_changed_in_place(name: str, kind: str, tmp_path: Path) -> None:
    file = planted(kind, tmp_path / "x.json")
    if kind != "dangling":
        file.write_text(document(name))
    outcome = Podid()(*filled(IN_PLACE[name], file))
    why = {"link": "symbolic link", "dangling": "No such file", "hard link": "hard link"}
    refused(outcome, why[kind])
    assert kind == "dangling" or file.read_text() == document(name)


@pytest.mark.parametrize("name", IN_PLACE)
def test_mode_stays(name: str, tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text(document(name))
    file.chmod(0o640)
    outcome = Podid()(*filled(IN_PLACE[name], file))
    assert (outcome.code, stat.S_IMODE(file.stat().st_mode)) == (0, 0o640), outcome
    assert file.read_text() != document(name)
    assert [item.name for item in tmp_path.iterdir()] == ["x.json"]


def test_what_an_editor_wrote_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from podid.ops.trust import edit, files

    file, write_in_place = tmp_path / "x.json", files.write_in_place
    file.write_text(document("trust add"))

    def meanwhile(*args: Any) -> Any:
        file.write_text("theirs")
        return write_in_place(*args)

    monkeypatch.setattr(edit, "write_in_place", meanwhile)
    outcome = Podid()(*filled(IN_PLACE["trust add"], file), "-o", "json")
    assert (outcome.code, outcome.stdout, outcome.error["code"]) == (6, "", "Conflict")
    assert outcome.error["message"] == f"{file} was not changed: it was changed in the meantime"
    assert file.read_text() == "theirs"


def test_a_file_that_is_named_twice(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text(document("trust add"))
    line = filled(("trust", "add", "FILE", f"{tmp_path}/./x.json", *FOR, "--in-place"), file)
    refused(Podid()(*line), "is specified twice")


def test_many_at_once_lose_nothing(tmp_path: Path) -> None:
    """Processes of their own, each of which lets another service account in."""
    file = tmp_path / "x.json"
    file.write_text(document("trust add"))
    names = [f"shop/app-{number}" for number in range(4)]
    line = [sys.executable, "-m", "podid", "trust", "add", str(file), *FOR[2:], "--in-place", "--quiet", "--for"]
    running = [subprocess.Popen([*line, name], stdout=subprocess.DEVNULL) for name in names]
    assert [process.wait(timeout=60) for process in running] == [0] * len(names)
    assert all(json.dumps(name.partition("/")[2]) in file.read_text() for name in names)


def test_a_lock_that_is_held_is_not_waited_for_without_end(tmp_path: Path) -> None:
    import fcntl

    file = tmp_path / "x.json"
    file.write_text(document("trust add"))
    with file.open() as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        outcome = Podid()(*filled(IN_PLACE["trust add"], file), "--timeout", "1")
    assert outcome.code == 7, outcome
    assert f"Another podid process on this machine is changing {file}" in outcome.stderr


def test_of_several_that_cannot_all_be_changed_none_is(tmp_path: Path) -> None:
    good, link = tmp_path / "a.json", tmp_path / "b.json"
    good.write_text(document("trust add"))
    link.symlink_to(good)
    outcome = Podid()("trust", "add", str(good), str(link), *FOR, "--in-place")
    refused(outcome, "symbolic link")
    assert good.read_text() == document("trust add")
