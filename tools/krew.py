"""Writes the manifest of the kubectl plugin from the archives of a release.

Run: python tools/krew.py dist/podid-VERSION-*.tar.gz > podid.yaml. The archives are those of tools/binary.py.
"""

import argparse
import hashlib
import re
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

TEMPLATE = Path(__file__).resolve().parent.parent / "packaging" / "krew" / "podid.yaml"
RELEASES = "https://github.com/podid/podid/releases/download"
_ARCHIVE = re.compile(r"podid-(?P<version>\d[^-]*)-(?P<os>linux|darwin)-(?P<arch>amd64|arm64)\.tar\.gz")


def manifest(archives: Mapping[str, Path], releases: str = RELEASES) -> dict[str, Any]:
    """Return the manifest for archives by file name. Raise ValueError for an unexpected name, for archives of several
    versions, and without archives."""
    names = {name: _ARCHIVE.fullmatch(name) for name in sorted(archives)}
    wrong = [name for name, match in names.items() if match is None]
    if wrong:
        raise ValueError(f"{wrong[0]} is not named podid-VERSION-OS-ARCH.tar.gz")
    parts = {name: match.groupdict() for name, match in names.items() if match is not None}
    versions = {part["version"] for part in parts.values()}
    if len(versions) != 1:
        raise ValueError(f"expected archives of one version, not of {len(versions)}: {sorted(versions)}")
    (version,) = versions
    document: dict[str, Any] = yaml.safe_load(TEMPLATE.read_text(encoding="utf-8"))
    document["spec"]["version"] = f"v{version}"
    document["spec"]["platforms"] = [
        {
            "selector": {"matchLabels": {"os": part["os"], "arch": part["arch"]}},
            "uri": f"{releases}/v{version}/{name}",
            "sha256": hashlib.sha256(archives[name].read_bytes()).hexdigest(),
            "files": [{"from": f"podid-{version}/*", "to": "."}],
            "bin": "podid",
        }
        for name, part in parts.items()
    ]
    return document


def unpack(platform: Mapping[str, Any], archive: Path, target: Path) -> None:
    """Install an archive as krew does: unpack it, and move the files of the list."""
    with tempfile.TemporaryDirectory() as place, tarfile.open(archive) as tar:
        tar.extractall(place, filter="data")
        for operation in platform["files"]:
            folder = target / operation["to"]
            folder.mkdir(parents=True, exist_ok=True)
            for path in sorted(Path(place).glob(operation["from"])):
                shutil.move(path, folder / path.name)


def text_of(document: Mapping[str, Any]) -> str:
    """Return the manifest as YAML, with its paragraphs as they are in the template."""

    class Dumper(yaml.SafeDumper):
        pass

    def write_string(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        style = "|" if "\n" in value else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, write_string)
    return yaml.dump(document, Dumper=Dumper, sort_keys=False, width=200)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("archives", type=Path, nargs="+")
    parser.add_argument("--releases", default=RELEASES, help="the address above the folders of the releases")
    given = parser.parse_args()
    print(text_of(manifest({path.name: path for path in given.archives}, given.releases)), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
