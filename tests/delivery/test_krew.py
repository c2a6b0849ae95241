"""The kubectl plugin's manifest keeps to krew's rules (validation of krew and its guides to manifests and names)."""

import hashlib
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

import krew

API = "krew.googlecontainertools.github.com/v1alpha2"
SEMVER = re.compile(r"v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?")


@pytest.fixture
def archives(tmp_path: Path) -> dict[str, Path]:
    """Archives as `tools/binary.py` names and lays them out."""
    made = {}
    for platform in ("linux-amd64", "linux-arm64", "darwin-arm64"):
        folder = tmp_path / platform / "podid-1.2.3"
        (folder / "_internal").mkdir(parents=True)
        for name in ("podid", "LICENSE", "THIRD-PARTY-LICENSES", "_internal/library"):
            (folder / name).write_text(f"{name} of {platform}")
        made[f"podid-1.2.3-{platform}.tar.gz"] = tmp_path / f"podid-1.2.3-{platform}.tar.gz"
        with tarfile.open(made[f"podid-1.2.3-{platform}.tar.gz"], "w:gz") as tar:
            tar.add(folder, "podid-1.2.3")
    return made


def complaints(document: dict[str, Any]) -> list[str]:
    """The rules of krew that a manifest breaks."""
    spec, name = document["spec"], document["metadata"]["name"]
    rules = {
        "apiVersion": document["apiVersion"] == API,
        "kind": document["kind"] == "Plugin",
        "name": re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) is not None and not name.startswith("kube"),
        "short description": bool(spec["shortDescription"]) and not re.search(r"[\r\n]", spec["shortDescription"]),
        "length": len(spec["shortDescription"]) <= 50 and "kubectl" not in spec["shortDescription"].lower(),
        "description": all(len(line) <= 80 for line in spec["description"].splitlines()),
        "caveats": all(len(line) <= 80 for line in spec["caveats"].splitlines()),
        "homepage": spec["homepage"].startswith("https://"),
        "version": SEMVER.fullmatch(spec["version"]) is not None,
        "platforms": bool(spec["platforms"]),
        "members": set(document) == {"apiVersion", "kind", "metadata", "spec"},
    }
    for platform in spec["platforms"]:
        labels = platform["selector"]["matchLabels"]
        rules |= {
            f"{labels} selector": set(labels) == {"os", "arch"},
            f"{labels} uri": platform["uri"].startswith("https://") and platform["uri"].endswith((".zip", ".tar.gz")),
            f"{labels} sha256": re.fullmatch("[a-f0-9]{64}", platform["sha256"]) is not None,
            f"{labels} files": bool(platform["files"])
            and all(item["from"] and item["to"] for item in platform["files"]),
            f"{labels} bin": bool(platform["bin"]) and not platform["bin"].startswith("/"),
        }
    return [name for name, kept in rules.items() if not kept]


def test_the_manifest_keeps_to_krews_rules(archives: dict[str, Path], tmp_path: Path) -> None:
    document = yaml.safe_load(krew.text_of(krew.manifest(archives)))
    assert complaints(document) == []
    assert document["spec"]["version"] == "v1.2.3"
    for platform, (name, path) in zip(document["spec"]["platforms"], sorted(archives.items()), strict=True):
        assert platform["uri"] == f"https://github.com/podid/podid/releases/download/v1.2.3/{name}"
        assert platform["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        target = tmp_path / "installed" / name
        krew.unpack(platform, path, target)
        installed = {str(file.relative_to(target)) for file in target.rglob("*") if file.is_file()}
        assert installed == {"podid", "LICENSE", "THIRD-PARTY-LICENSES", "_internal/library"}
        assert (target / platform["bin"]).is_file()


def test_the_template_alone_is_no_manifest() -> None:
    assert complaints(yaml.safe_load(krew.TEMPLATE.read_text(encoding="utf-8"))) == ["platforms"]


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["podid-1.2.3-windows-amd64.tar.gz"], "is not named"),
        (["podid-1.2.3-linux-amd64.zip"], "is not named"),
        (["podid-1.2.3-linux-amd64.tar.gz", "podid-1.2.4-linux-arm64.tar.gz"], "one version, not of 2"),
        ([], "one version, not of 0"),
    ],
)
def test_other_archives_are_refused(names: list[str], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        krew.manifest({name: Path(name) for name in names})
