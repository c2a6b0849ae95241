"""The hooks for pre-commit: their form, and each entry on good and bad files, as pre-commit calls it."""

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml

from domain.trust.trust_helpers import statement
from harness import Podid
from podid.cli.tree import path_of

ROOT = Path(__file__).resolve().parents[2]
HOOKS = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))}
DECLARATION = {
    "apiVersion": "podid/v1",
    "kind": "PodIdentity",
    "metadata": {"name": "shop"},
    "clusters": ["demo"],
    "roles": [{"name": "shop-orders"}],
    "associations": [{"serviceAccount": "shop/orders", "role": "shop-orders"}],
}
FILES = {
    "podid-validate": (DECLARATION, {**DECLARATION, "rolls": []}, "rolls: is not a known key"),
    "podid-trust": (
        {"Version": "2012-10-17", "Statement": [statement()]},
        {"Version": "2012-10-17", "Statement": [statement(Action="sts:AssumeRole")]},
        "trust-missing-tag-session",
    ),
}


def test_the_hooks_have_pre_commits_form() -> None:
    """As `pre-commit validate-manifest` requires."""
    assert HOOKS.keys() == FILES.keys()
    for hook in HOOKS.values():
        assert hook.keys() == {"id", "name", "description", "entry", "language", "files"}
        assert hook["language"] == "python"
        program, *words = shlex.split(hook["entry"])
        assert program == "podid"
        assert path_of(words) == tuple(words)


@pytest.mark.parametrize("name", FILES)
def test_a_hook_on_good_and_bad_files(name: str, tmp_path: Path) -> None:
    good, bad, reason = FILES[name]
    _, *words = shlex.split(HOOKS[name]["entry"])
    paths = []
    for number, document in enumerate((good, good, bad)):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps(document))
        paths.append(str(path))
    podid = Podid(env={"PRE_COMMIT": "1"})
    passed, failed = podid(*words, *paths[:2]), podid(*words, *paths)
    assert (passed.code, failed.code) == (0, 3)
    assert reason not in passed.stdout
    assert reason in failed.stdout
    assert podid(*words, *paths, str(tmp_path / "none")).code == 2


@pytest.mark.parametrize(
    ("name", "path", "selected"),
    [
        ("podid-validate", "podid.yaml", True),
        ("podid-validate", "deploy/podid-shop.yml", True),
        ("podid-validate", "identities.yaml", True),
        ("podid-validate", "identities/kustomization.yaml", False),
        ("podid-validate", "docs/podid.md", False),
        ("podid-trust", "roles/orders-trust.json", True),
        ("podid-trust", "trust/orders.json", False),
        ("podid-trust", "policy.json", False),
    ],
)
def test_the_files_of_a_hook(name: str, path: str, selected: bool) -> None:
    assert (re.search(HOOKS[name]["files"], path) is not None) is selected
