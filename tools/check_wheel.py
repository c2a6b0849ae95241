"""Builds the wheel twice, which must give the same bytes, installs it alone, and runs it: what a user gets has no
development dependencies to lean on.

Run: python tools/check_wheel.py. Exit 1 with the reason when a command fails.
"""

import re
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

from build_dist import build_twice

ROOT = Path(__file__).parent.parent
# command line -> what its stdout or stderr must hold
EXPECTED: tuple[tuple[tuple[str, ...], int, str], ...] = (
    (("--version",), 0, "podid "),
    (("--help",), 0, "install-agent"),
    (("explain", "agent-not-installed"), 0, "agent-not-installed"),
    (("completion", "bash"), 0, "_podid_completion"),
    (("doctor", "--list"), 0, "agent-not-installed"),
    (("associate", "--show-permissions"), 0, "eks:CreatePodIdentityAssociation"),
    (("schema",), 0, "json-schema.org"),
    (("demo",), 1, "podid[sandbox]"),
)


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]

        def make(tree: Path, output: Path) -> None:
            subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", output, tree], check=True)

        (wheel,), different = build_twice(place, make)
        if different:
            print(f"two builds of {different[0]} differ")
            return 1
        with zipfile.ZipFile(wheel) as archive:
            (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
            text = archive.read(metadata).decode()
        if "# podid" not in text or re.search(r"\]\((?!https://|#)", text):
            print("the description of the wheel has relative links, or is not the README")
            return 1
        venv.create(place / "venv", with_pip=False)
        python = place / "venv" / "bin" / "python"
        subprocess.run(
            [*pip, "--python", python, "install", "--constraint", ROOT / "constraints.txt", wheel], check=True
        )
        page = place / "venv" / "share" / "man" / "man1" / "podid.1"
        if not page.is_file():
            print("the wheel has no man pages")
            return 1
        for arguments, code, words in EXPECTED:
            done = subprocess.run(
                [place / "venv" / "bin" / "podid", *arguments],
                capture_output=True,
                text=True,
                check=False,
                env={"HOME": folder, "PATH": "/usr/bin:/bin"},
            )
            if done.returncode != code or words not in done.stdout + done.stderr:
                print(f"podid {' '.join(arguments)}: exit {done.returncode}, expected {code} and {words!r}")
                print(done.stdout + done.stderr)
                return 1
    print(f"the wheel alone answers {len(EXPECTED)} command lines as it should")
    return 0


sys.exit(main())
