"""What may import what, what is loaded when, and the shape of the command list."""

import ast
import itertools
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import one_in, table
from podid.cli import options
from podid.cli.command import build
from podid.cli.tree import COMMANDS, GROUPS, Row
from podid.render.formats import Drawing, Report
from sources import FILES, PACKAGE, ROOT, nodes

SRC = ROOT / "src"
STDLIB = sys.stdlib_module_names

# folder of src/podid -> the parts of podid and the packages beside the standard library that its files may import
LAYERS: dict[str, tuple[set[str], set[str]]] = {
    "domain": ({"domain"}, set()),
    "facts": ({"facts", "domain"}, set()),
    "checks": ({"checks", "facts", "domain", "pages"}, set()),
    "pages": ({"pages", "domain"}, set()),
    "local": ({"local", "domain"}, {"yaml"}),
    "calls": ({"calls", "domain"}, {"urllib3"}),
    "aws": (
        {"aws", "calls", "domain", "local", "version"},
        {"boto3", "botocore", "urllib3", "jsonschema", "referencing"},
    ),
    "kube": ({"kube", "calls", "domain", "local", "version"}, {"kubernetes", "urllib3", "yaml"}),
    "ops": ({"ops", "calls", "facts", "domain", "checks", "aws", "kube", "local", "pages"}, set()),
    "render": (
        {"render", "facts", "domain", "ops", "pages", "version"},
        {"rich", "yaml", "jmespath"},
    ),
    "cli": (
        {"cli", "ops", "calls", "facts", "domain", "render", "aws", "kube", "local", "version"},
        {"typer", "questionary", "prompt_toolkit", "mcp", "mcp_types", "anyio"},
    ),
    "commands": (
        {"commands", "cli", "ops", "facts", "domain", "checks", "render", "aws", "kube", "local", "sandbox", "version"},
        {"typer"},
    ),
}
# package -> where alone it may be imported
HOMES = {
    "boto3": ("aws/", "sandbox/"),
    "botocore": ("aws/", "sandbox/"),
    "kubernetes": ("kube/", "sandbox/"),
    "rich": ("render/screen.py",),
    "questionary": ("cli/prompts.py",),
    "prompt_toolkit": ("cli/prompts.py",),
    "typer": ("cli/", "commands/"),
    "moto": ("sandbox/aws/moto_backend.py",),
    "flask": (),
    "jsonschema": ("aws/addon_values.py",),
    "jmespath": ("render/query.py",),
    "mcp": ("cli/server/serve.py",),
    "mcp_types": ("cli/server/serve.py",),
    "anyio": ("cli/server/serve.py",),
    "typing_extensions": (),
    "pydantic": (),
    "click": (),
}
SANDBOX_USERS = ("sandbox/", "commands/sandbox/", "commands/demo.py")


def where(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@cache
def imports(path: Path) -> tuple[tuple[str, bool], ...]:
    """Return the full name of each imported module, and whether it is for type checkers only."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[tuple[str, bool]]:
    typing_only: set[ast.AST] = set()
    for node in nodes(path):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            typing_only.update(inner for statement in node.body for inner in ast.walk(statement))
    for node in nodes(path):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node in typing_only
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            if node.module == "podid" or node.module.startswith("podid."):
                for alias in node.names:
                    yield f"{node.module}.{alias.name}", node in typing_only
            else:
                yield node.module, node in typing_only


def problems() -> Iterator[str]:
    for path in FILES:
        name = where(path)
        for module, typing_only in imports(path):
            top, _, rest = module.partition(".")
            home = HOMES.get(top)
            if home is not None and not name.startswith(home):
                yield f"{name} imports {module}"
            if module.startswith("podid.sandbox") and not name.startswith(SANDBOX_USERS):
                yield f"{name} knows the sandbox"
            layer = name.split("/")[0]
            if layer not in LAYERS:
                continue
            parts, packages = LAYERS[layer]
            if top == "podid":
                if rest.split(".")[0] not in parts and not (typing_only and layer == "render"):
                    yield f"{name} imports {module}"
            elif top not in STDLIB and top not in packages:
                yield f"{name} imports {module}"


def test_imports_point_one_way() -> None:
    assert sorted(set(problems())) == []


def test_no_files_import_each_other() -> None:
    """Not in a circle of any length, whether the import is at the top, within a function or for a type checker."""
    names = {".".join(("podid", *path.relative_to(PACKAGE).with_suffix("").parts)): path for path in FILES}
    names = {name.removesuffix(".__init__"): path for name, path in names.items()}
    graph = {
        name: {
            found
            for module, _ in imports(path)
            if (found := module if module in names else module.rpartition(".")[0]) in names and found != name
        }
        for name, path in names.items()
    }
    TopologicalSorter(graph).prepare()  # raises CycleError, which names them


def test_reading_knows_no_command() -> None:
    """What reads a snapshot is used by what works with associations, restarts and agents, not the other way round."""
    users = ("podid.ops.association", "podid.ops.restart", "podid.ops.agent", "podid.ops.status", "podid.ops.doctor")
    found = {
        f"{where(path)} imports {module}"
        for path in FILES
        if where(path).startswith(("ops/reading/", "checks/"))
        for module, _ in imports(path)
        if module.startswith(users)
    }
    assert found == {"ops/reading/readings.py imports podid.ops.agent.logs"}


def test_the_kinds_load_no_kubernetes_client() -> None:
    """Commands that only call AWS, such as list, load the kinds too."""
    clients = {
        f"{where(path)} imports {module}"
        for path in FILES
        if where(path).startswith("ops/change/")
        for module, typing_only in imports(path)
        if module.startswith("podid.kube.") and not typing_only
    }
    assert clients == set()


def test_a_check_imports_only_the_check_of_another_module() -> None:
    """Code that several checks share is in facts/, or in checks/shared/ if it makes verdicts."""
    shared = {
        f"{where(path)} imports {name.name}"
        for path in FILES
        if where(path).startswith("checks/") and where(path) != "checks/all.py"
        for node in nodes(path)
        if isinstance(node, ast.ImportFrom) and re.fullmatch(r"podid\.checks\.(?!shared)\w+\.\w+", node.module or "")
        for name in node.names
        if name.name != (node.module or "").rpartition(".")[2]
    }
    assert shared == set()


def test_relative_imports_are_not_used() -> None:
    found = [where(path) for path in FILES for node in nodes(path) if isinstance(node, ast.ImportFrom) and node.level]
    assert found == []


def test_no_command_has_its_body_elsewhere() -> None:
    """What only one command uses is in its file, or in the folder of the commands."""
    users: dict[str, set[str]] = {}
    for path in FILES:
        for module, _ in imports(path):
            if module.startswith("podid.cli."):
                users.setdefault(module.split(".")[2], set()).add(where(path))
    alone = {name for name, found in users.items() if len(found) == 1 and found.pop().startswith("commands/")}
    assert alone == set()


def test_only_a_runtime_builds_clients() -> None:
    """Commands ask for access; an AWS session is made in one place."""
    makers = [where(path) for path in FILES if re.search(r"\bAwsSession\(", path.read_text(encoding="utf-8"))]
    assert [name for name in makers if not name.startswith(("aws/", "sandbox/"))] == ["cli/access.py"]


def test_no_file_is_long() -> None:
    lengths = {where(path): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {name: length for name, length in lengths.items() if length > 420} == {}


def test_tests_are_in_the_folder_of_their_subject() -> None:
    tests = ROOT / "tests"
    folders = {folder.relative_to(PACKAGE) for folder in PACKAGE.rglob("*") if folder.is_dir()}
    folders |= {Path(), Path("e2e"), Path("hostile"), Path("delivery")}
    paths = [path.relative_to(tests) for path in tests.rglob("test_*.py")]
    assert [str(path) for path in paths if path.parent not in folders] == []
    # the folder is not repeated in the name, unless the module of that name does so
    repeated = [path for path in paths if path.stem.startswith(f"test_{path.parent.name}_")]
    assert [path for path in repeated if not (PACKAGE / path.with_name(path.name.removeprefix("test_"))).exists()] == []


def subjects(folder: Path) -> set[str]:
    """Return the names of the modules and folders of one folder of src/podid."""
    return {path.stem.strip("_") for path in folder.iterdir() if path.is_dir() or path.suffix == ".py"}


def test_the_test_of_a_module_is_at_its_path() -> None:
    """src/podid/A/B.py has tests/A/test_B.py if it has a function. The sandbox has tests by topic."""
    missing = []
    for path in FILES:
        module = path.relative_to(PACKAGE)
        test = ROOT / "tests" / module.parent / f"test_{path.stem.strip('_')}.py"
        functions = any(isinstance(node, ast.FunctionDef) for node in nodes(path))
        if functions and path.stem != "__init__" and "sandbox" not in module.parts and not test.exists():
            missing.append(where(path))
    assert missing == []


# tests of many modules: each with its subject
OF_MANY = {
    "aws/test_marks": "the permissions of every gateway",
    "kube/test_marks": "the permissions of every gateway",
    "e2e/test_attached_policies_unread": "every command that reads attached policies",
    "e2e/test_denied_reads": "every command that reads",
    "e2e/test_dry_runs": "every command that changes",
    "e2e/test_endpoint_security_groups": "the section egress and the check that needs it",
    "e2e/test_first_use": "from nothing to verified credentials",
    "e2e/test_gitops_guide": "a guide in docs",
    "e2e/test_interrupts": "every command that changes resources",
    "e2e/test_lines_in_duckdb": "a guide in docs",
    "e2e/test_late_readings": "every command that changes resources",
    "e2e/test_many_read_once": "every command that reads all associations and roles",
    "e2e/test_many_at_once": "every command that reads many associations",
    "e2e/test_narrowing": "every command that deletes or narrows",
    "e2e/test_permissions": "every command that reads",
    "e2e/test_permissions_called": "every command",
    "e2e/test_every_screen": "every command that reads, in every format",
    "e2e/test_printed_fixes": "the fixes of every check",
    "e2e/test_same_answers": "every command that judges pods",
    "e2e/test_same_owner": "every command that names an owner",
    "e2e/test_same_state": "every command that judges pods",
    "e2e/test_unknown_names": "every command that takes a name",
    "e2e/test_useless_options": "every command with options that depend on each other",
    "ops/change/test_bad_input": "every change",
    "ops/change/test_concurrency": "every change",
    "ops/change/test_consent": "every change",
    "ops/change/test_denied": "every change",
    "ops/change/test_faults": "every change",
    "render/test_colour": "every view",
    "render/test_golden": "every view",
    "ops/declare/test_annotations": "every command that reads a file with annotations",
}
# attacks, and the rules for all files
OF_ALL = (Path(), Path("hostile"), Path("delivery"))


def test_a_test_has_the_name_of_its_subject() -> None:
    """The subject is a module or a folder of the same folder of src/podid; further words say the topic."""
    tests, strangers = ROOT / "tests", set()
    for path in tests.rglob("test_*.py"):
        folder, name = path.parent.relative_to(tests), path.stem.removeprefix("test_")
        if folder in OF_ALL:
            continue
        names = subjects(PACKAGE / folder) if folder != Path("e2e") else ()
        if not any(name == subject or name.startswith(f"{subject}_") for subject in names):
            strangers.add(path.relative_to(tests).with_suffix("").as_posix())
    assert strangers == OF_MANY.keys()


def test_a_class_name_means_one_thing() -> None:
    seen: dict[str, list[str]] = {}
    for path in FILES:
        for node in nodes(path):
            if isinstance(node, ast.ClassDef):
                seen.setdefault(node.name, []).append(where(path))
    assert {name: places for name, places in seen.items() if len(places) > 1} == {}


# --- import budgets ---------------------------------------------------------------------------------------------------

CLOUD = {"boto3", "botocore", "kubernetes", "questionary", "prompt_toolkit", "pydantic", "moto", "flask"}
SLOW = CLOUD | {"rich", "jsonschema", "yaml", "jmespath", "urllib3", "importlib.metadata"}


def loaded(*argv: str, **env: str) -> set[str]:
    """The modules that a fresh process has loaded when the command is over."""
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print(*sys.modules, sep='\\n', file=sys.stderr, flush=True))\n"
        "from podid.entry import main\n"
        "main()\n"
    )
    # -S and -I are not used: the editable install needs site
    done = subprocess.run(
        [sys.executable, "-c", code, *argv], env={**os.environ, **env}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines())


def test_version_loads_nothing() -> None:
    heavy = SLOW | {"typer", "json", "podid.cli", "podid.domain"}
    assert loaded("--version") & heavy == set()


def test_help_of_all_loads_no_typer() -> None:
    """Start-up is what everybody waits for; the tree is rows of text."""
    heavy = SLOW | {"typer", "podid.cli.options", "podid.domain.option", "podid.domain.permissions"}
    assert loaded("--help") & heavy == set()
    assert loaded("role") & heavy == set()


@pytest.mark.parametrize("command", one_in(9, ["", *sorted({c.path[0] for c in COMMANDS}), "role create"]))
def test_help_loads_no_cloud(command: str) -> None:
    """Loading is the same for all, see below; drawing it is what is tried here."""
    assert loaded(*command.split(), "--help") & SLOW == set()


def test_no_command_loads_cloud_or_model_before_it_runs() -> None:
    """What `podid COMMAND --help` loads, of all of them at once."""
    code = "import sys; from podid.cli.tree import COMMANDS; [row.load() for row in COMMANDS]; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    heavy = SLOW | {
        "podid.domain.aws",
        "podid.domain.cluster",
        "podid.checks.all",
        "podid.pages.texts",
        "ssl",
        "concurrent.futures",
    }
    assert set(done.stdout.split()) & heavy == set()


def test_a_page_is_shown_without_cloud() -> None:
    assert (
        loaded("explain", "agent-not-installed")
        & (SLOW | {"podid.domain.aws", "podid.domain.cluster", "podid.checks.all"})
        == set()
    )


@pytest.mark.parametrize(
    ("shell", "words"),
    one_in(4, itertools.product(("bash", "zsh", "fish"), ("", "ass", "role ", "list --out", "list -o "))),
)
def test_completion_loads_no_cloud(shell: str, words: str) -> None:
    assert loaded("--", *words.split(" "), _PODID_COMPLETE=shell) & SLOW == set()


# --- the command list -------------------------------------------------------------------------------------------------

NAMES = [command.name for command in COMMANDS]


def _paragraphs(command_help: str) -> list[str]:
    return [" ".join(part.split()) for part in command_help.split("\n\n")]


def test_names_are_unique_and_groups_are_used() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert {command.path[0] for command in COMMANDS if len(command.path) == 2} <= set(GROUPS)


@table("row", COMMANDS)
def test_help_has_a_summary_and_examples(row: Row) -> None:
    """The summary stands in the row as well, so that nothing has to be imported to list the commands."""
    first, *rest = _paragraphs(row.load().help)
    assert first.partition(". ")[0].rstrip(".") + "." == row.summary
    examples = [part for part in rest if part.startswith("Example: ")]
    assert 1 <= len(examples) <= 4
    assert all(f"podid {row.name}" in example for example in examples)
    assert rest[-len(examples) :] == examples


def test_every_example_parses() -> None:
    tree = build()
    for command in COMMANDS:
        examples = [part for part in _paragraphs(command.load().help) if part.startswith("Example: ")]
        words = re.findall(r"--[a-z-]+", " ".join(examples))
        node: Any = tree
        for name in command.path:
            node = node.commands[name]
        known = {name for param in node.params for name in (*param.opts, *param.secondary_opts)} | {"--help"}
        assert set(words) <= known, command.name


def test_shared_options_have_one_spelling() -> None:
    """No command makes an option of its own under a shared option's name, and help does not differ."""
    seen: dict[str, set[tuple[str, ...]]] = {}
    tree = build()
    shared = {f"--{name.replace('_', '-')}" for name in options.SHARED}
    for command in COMMANDS:
        node: Any = tree
        for name in command.path:
            node = node.commands[name]
        for param in node.params:
            for name in param.opts:
                if name in shared:
                    assert param.rich_help_panel == "Shared options", f"{command.name} {name}"
                    # only a doctor's report and a graph have more formats than these
                    shown = param.help.replace(f"|{'|'.join(Report)}", "").replace(f"|{'|'.join(Drawing)}", "")
                    seen.setdefault(name, set()).add((*param.opts, param.metavar or "", shown))
    assert {name: spellings for name, spellings in seen.items() if len(spellings) > 1} == {}


@pytest.mark.parametrize("line", ["list --help", "role create --help", "explain --list"])
def test_only_the_command_that_is_named_is_imported(line: str) -> None:
    imported = {name for name in loaded(*line.split()) if name.startswith("podid.commands.") and name.count(".") > 2}
    named = next(row for row in COMMANDS if line.startswith(row.name))
    assert imported == {named.module}


# --- the tree ---------------------------------------------------------------------------------------------------------


def _tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [path for name in listed.stdout.splitlines() if (path := ROOT / name).is_file()]


def test_nothing_names_a_package_registry() -> None:
    hosts = ("pypi" + ".org", "pypi" + ".python.org", "pythonhosted" + ".org", "registry.npm" + "js.org")
    found = [
        path.relative_to(ROOT).as_posix()
        for path in _tracked()
        if any(host in path.read_text(encoding="utf-8", errors="replace") for host in hosts)
    ]
    assert found == []


def test_the_tested_pythons_are_the_promised_ones() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    prefix = "Programming Language :: Python :: 3."
    promised = [name.removeprefix(prefix) for name in project["classifiers"] if name.startswith(prefix)]
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == [f"3.{minor}" for minor in promised]
    assert project["requires-python"] == f">=3.{promised[0]}"


def test_actions_are_pinned_and_may_only_read() -> None:
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        text = path.read_text(encoding="utf-8")
        assert [use for use in re.findall(r"uses: (\S+)", text) if not re.search(r"@[0-9a-f]{40}$", use)] == []
        workflow = yaml.safe_load(text)
        assert workflow["permissions"] == {}
        # tests/delivery/test_release.py has the permissions of the others
        if path.name == "ci.yml":
            assert all(job["permissions"] == {"contents": "read"} for job in workflow["jobs"].values())


def test_the_changelog_has_a_section() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## (\[?Unreleased\]?|\[?\d+\.\d+\.\d+\]?)", text, re.MULTILINE)


# CONTRIBUTING.md: names are nouns
VAGUE = {
    *("found", "what", "each", "wanted", "there", "told", "given", "made", "said", "asked", "seen", "owed", "here"),
    *("it", "rest", "got"),
}
# members of documents keep their names
KEPT_NAMES = {
    *("domain/section.py what", "render/doctor.py what"),
    *("domain/evidence.py left", "domain/migration.py other"),
}


def vague_names(every: Sequence[ast.AST]) -> Iterator[tuple[int, str]]:
    """Yield line and name of each variable, parameter, field and function with a vague name.

    `left` is plain beside `right`. `other` is plain as a parameter, and as the variable of a loop."""
    looped = {
        id(name) for node in every if isinstance(node, ast.For | ast.comprehension) for name in ast.walk(node.target)
    }
    stored = {node.id for node in every if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    for node in every:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            name = node.id
            if (name == "other" and id(node) not in looped) or (name == "left" and "right" not in stored):
                yield node.lineno, name
        elif isinstance(node, ast.arg):
            name = node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            name = node.name.strip("_")
        elif isinstance(node, ast.ExceptHandler) and node.name:
            name = node.name
        else:
            continue
        if name in VAGUE:
            yield node.lineno, name


def test_names_are_those_of_things() -> None:
    """Check podid, and the helpers that the tests share."""
    vague = [
        f"{where(path)}:{line} {name}"
        for path in FILES
        for line, name in vague_names(nodes(path))
        if f"{where(path)} {name}" not in KEPT_NAMES
    ]
    helpers = sorted(path for path in (ROOT / "tests").rglob("*.py") if not path.name.startswith("test_"))
    assert len(helpers) > 20
    vague += [f"{path}:{line} {name}" for path in helpers for line, name in vague_names(nodes(path))]
    assert vague == []


def test_vague_names_would_be_noticed() -> None:
    text = """
def _found(what, other): pass
class A:
    told: int = 0
    def each(self):
        for other in items: other = 1
        with open() as made: left = [given for given in items]
        try: left, right = 1, 2
        except E as said: pass
"""
    assert sorted(name for _, name in vague_names(list(ast.walk(ast.parse(text))))) == [
        *("each", "found", "given", "made", "other", "said", "told", "what")
    ]
