"""Prints the section of a version in CHANGELOG.md, as the text of its release.

Run: python tools/release_notes.py v0.2.0. Exit 1 if the tag does not fit src/podid/version.py, or has no section.
"""

import re
import sys
from pathlib import Path

import binary
from links import absolute

ROOT = Path(__file__).resolve().parent.parent
_HEADING = re.compile(r"^## \[(?P<version>[^\]]+)\](?: - (?P<date>\d{4}-\d\d-\d\d))?$", re.MULTILINE)


class ReleaseError(Exception):
    pass


def notes(changelog: str, tag: str, version: str) -> str:
    """Return the text below the heading of the version. Raise ReleaseError."""
    if tag != f"v{version}":
        raise ReleaseError(f"the tag {tag} does not fit version {version} of src/podid/version.py")
    headings = list(_HEADING.finditer(changelog))
    for heading, following in zip(headings, [*headings[1:], None], strict=True):
        if heading["version"] == version:
            if heading["date"] is None:
                raise ReleaseError(f"the heading of version {version} in CHANGELOG.md has no date")
            text = changelog[heading.end() : following.start() if following else None].strip()
            if not text:
                raise ReleaseError(f"the section of version {version} in CHANGELOG.md is empty")
            return absolute(text, tag) + "\n"
    raise ReleaseError(f"CHANGELOG.md has no section of version {version}")


def main() -> int:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    try:
        sys.stdout.write(notes(changelog, sys.argv[1], binary.version()))
    except ReleaseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
