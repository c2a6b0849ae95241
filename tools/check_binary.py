"""Installs an archive of the binary as krew does, and runs it without Python on the PATH.

Run: python tools/check_binary.py dist/podid-VERSION-PLATFORM.tar.gz. This Python runs the sandbox that the binary is
used with. Exit 1 with the reason when a command fails.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import binary
import krew
from podid.cli.tree import COMMANDS

ROUNDS = 15
SLOWER = 1.3
# command line -> what its stdout or stderr must hold
OFFLINE: tuple[tuple[tuple[str, ...], int, str], ...] = (
    (("--version",), 0, f"podid {binary.version()}"),
    (("--help",), 0, "install-agent"),
    (("explain", "agent-not-installed"), 0, "agent-not-installed"),
    (("explain", "AccessDeniedException: Unauthorized Exception! EKS does not have permissions"), 0, "trust"),
    (("completion", "bash"), 0, "_podid_completion"),
    (("completion", "zsh"), 0, "compdef"),
    (("doctor", "--list"), 0, "agent-not-installed"),
    (("associate", "--show-permissions"), 0, "eks:CreatePodIdentityAssociation"),
    (("preset", "show", "s3-read"), 0, "s3:GetObject"),
    (("schema",), 0, "PodIdentity"),
    (("demo",), 1, "podid[sandbox]"),
)
ONLINE: tuple[tuple[tuple[str, ...], int, str], ...] = (
    (("whoami",), 0, "111122223333"),
    (("list",), 0, "payments"),
    (("list", "-o", "yaml"), 0, "AssociationList"),
    (("list", "--query", "items[0].serviceAccount"), 0, "bilingworker"),
    (("doctor",), 3, "agent-not-installed"),
    (("doctor", "-o", "html"), 3, "</html>"),
    (("doctor", "-o", "sarif"), 3, "agent-not-installed"),
    (("doctor", "-o", "junit"), 3, "</testsuites>"),
    (("export", "--as", "terraform"), 0, "role_arn"),
    (("graph", "-o", "html"), 0, "</html>"),
    (("can-i", "payments/bilingworker", "sqs:SendMessage"), 0, "sqs:SendMessage"),
    (("install-agent",), 0, "Ready agent pod"),
    (("history",), 0, "install-agent"),
    (("associate", "shop/orders", "--create-role", "--preset", "s3-read,bucket=orders", "--restart"), 0, "ready"),
    (("verify", "shop/orders", "--yes"), 0, "verified"),
)


class Failed(Exception):
    pass


def main() -> int:
    archive = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        try:
            check(archive, Path(folder))
        except Failed as error:
            print(error)
            return 1
    return 0


def check(archive: Path, place: Path) -> None:
    """Raise Failed with the reason."""
    manifest = krew.manifest({archive.name: archive}, "https://example.com/releases")
    program = install(manifest["spec"]["platforms"][0], archive, place)
    (place / "empty").mkdir()
    clean = {"HOME": str(place), "PATH": str(place / "empty")}
    check_data(program)
    for arguments, code, words in OFFLINE:
        run(program, arguments, code, words, clean)
    for row in COMMANDS:
        run(program, (*row.path, "--help"), 0, row.summary.rstrip("."), clean)
    own = [sys.executable, "-P", "-m", "podid", "sandbox"]
    home = {**os.environ, "HOME": str(place), "XDG_STATE_HOME": str(place / "state")}
    subprocess.run([*own, "start", "--samples"], check=True, env=home, stdout=subprocess.DEVNULL)
    try:
        answer = subprocess.run([*own, "env", "-o", "json"], check=True, env=home, capture_output=True)
        sandbox = {**clean, **json.loads(answer.stdout)["export"]}
        for arguments, code, words in ONLINE:
            run(program, arguments, code, words, sandbox)
        check_children(program, place, sandbox)
        run(program, ("undo", "last", "--yes"), 0, "deleted", sandbox)
    finally:
        subprocess.run([*own, "stop"], check=True, env=home, stdout=subprocess.DEVNULL)
    check_time(program, clean)
    print(f"{archive.name} answers {len(OFFLINE) + len(ONLINE) + len(COMMANDS)} command lines as it should")


def install(platform: Mapping[str, object], archive: Path, place: Path) -> Path:
    """Return the link that krew makes to the program."""
    target = place / "store" / "podid"
    krew.unpack(platform, archive, target)
    if not (target / "LICENSE").is_file():
        raise Failed("krew requires the licence among the installed files")
    link = place / "kubectl-podid"
    link.symlink_to(target / str(platform["bin"]))
    return link


def check_data(program: Path) -> None:
    """Compare the package's data files with those of the binary."""
    libraries = program.resolve().parent / "_internal"
    for source, folder in binary.data_files():
        copy = libraries / folder / Path(source).name
        if not copy.is_file() or copy.read_bytes() != Path(source).read_bytes():
            raise Failed(f"the binary lacks {folder}/{Path(source).name}")


def run(program: Path, arguments: tuple[str, ...], code: int, words: str, env: Mapping[str, str]) -> None:
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False, env=env)
    if done.returncode != code or words not in done.stdout + done.stderr:
        given = f"podid {' '.join(arguments)}: exit {done.returncode}, expected {code} and {words!r}"
        raise Failed(f"{given}\n{done.stdout}{done.stderr}")


def check_children(program: Path, place: Path, env: Mapping[str, str]) -> None:
    """Programs that podid starts get the user's environment, and podid can start itself."""
    completing = {**env, "_PODID_COMPLETE": "bash"}
    for _ in range(20):
        # the first answer comes from a process of podid's own in the background
        words = (program, "--", "show", "")
        done = subprocess.run(words, capture_output=True, text=True, check=False, env=completing)
        if "shop/orders" in done.stdout:
            break
        time.sleep(0.5)
    else:
        raise Failed(f"completion lists no service accounts: {done.stdout}{done.stderr}")
    arguments = ("exec", "shop/orders", "--yes", "--", shutil.which("env") or "/usr/bin/env")
    given = {**env, "LD_LIBRARY_PATH": "/opt/lib"}
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False, env=given)
    lines = set(done.stdout.splitlines())
    if done.returncode or "LD_LIBRARY_PATH=/opt/lib" not in lines or any("_PYI_" in line for line in lines):
        raise Failed(f"podid exec: exit {done.returncode}\n{done.stdout}{done.stderr}")


def check_time(program: Path, env: Mapping[str, str]) -> None:
    """Compare the processor time of the start with that of the installed package, the best of several."""
    installed = Path(sys.executable).parent / "podid"
    for arguments in (("--help",), ("explain", "agent-not-installed"), ("doctor", "--list")):
        seconds = [min(_seconds(name, arguments, env) for _ in range(ROUNDS)) for name in (program, installed)]
        ratio = seconds[0] / seconds[1]
        print(f"podid {' '.join(arguments)}: {seconds[0]:.3f} s, {ratio:.2f} times as long as the installed package")
        if ratio > SLOWER:
            raise Failed(f"the binary must not take more than {SLOWER} times as long")


def _seconds(program: Path, arguments: tuple[str, ...], env: Mapping[str, str]) -> float:
    process = subprocess.Popen([program, *arguments], env=env, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise Failed(f"podid {' '.join(arguments)}: exit {process.returncode}")
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    sys.exit(main())
