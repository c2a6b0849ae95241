"""Builds the wheel and the source archive twice, from two copies of the tree, and exits with 1 if the bytes differ.

Run: python tools/build_dist.py --output dist. Without --output the builds are only compared. It needs the extra
`build`. SOURCE_DATE_EPOCH, the time of the commit, becomes the time of the files.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# what a checkout does not have
LOCAL = (".git", ".venv", "build", "dist", "site", "__pycache__", ".*_cache", ".hypothesis", "*.egg-info")
Build = Callable[[Path, Path], None]


def build(tree: Path, output: Path) -> None:
    command = [sys.executable, "-m", "build", "--outdir", str(output), str(tree)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def build_twice(place: Path, make: Build = build) -> tuple[list[Path], list[str]]:
    """Return the files of the first build, and the names of files that the second build made differently."""
    outputs = []
    for number in range(2):
        tree, output = place / f"tree-{number}", place / f"dist-{number}"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(*LOCAL))
        old = os.umask(0o077 if number else 0o022)
        try:
            for path in tree.rglob("*"):
                # the second copy is older, and only its owner may read it
                os.utime(path, (10**9 - number * 10**8,) * 2)
                if number and path.is_file():
                    path.chmod(path.stat().st_mode & 0o700)
            make(tree, output)
        finally:
            os.umask(old)
        outputs.append({path.name: path for path in sorted(output.iterdir())})
    first, second = outputs
    names = sorted(first.keys() | second.keys())
    both = first.keys() & second.keys()
    return list(first.values()), [
        name for name in names if name not in both or first[name].read_bytes() != second[name].read_bytes()
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, help="folder for the files")
    output: Path | None = parser.parse_args().output
    with tempfile.TemporaryDirectory() as folder:
        files, different = build_twice(Path(folder))
        if different:
            print(f"two builds differ: {', '.join(different)}", file=sys.stderr)
            return 1
        if output is not None:
            output.mkdir(parents=True, exist_ok=True)
            for path in files:
                shutil.copy(path, output)
    print("two builds gave equal files: " + ", ".join(path.name for path in files))
    return 0


if __name__ == "__main__":
    sys.exit(main())
