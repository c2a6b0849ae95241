"""What goes into the binary, and what starts it. `make binary` builds and runs one."""

import ast
import importlib
import os
import re
import runpy
import sys
import tarfile
from pathlib import Path
from typing import Any

import botocore
import botocore.credentials
import botocore.tokens
import pytest

import binary
import closure
from podid.aws.session import AwsSession
from podid.cli.tree import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
ENV = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-west-2"}


def test_every_module_is_in_it() -> None:
    names = set(binary.modules())
    commands = {row.module for row in COMMANDS}
    assert {name for name in commands if ".sandbox" not in name} <= names
    assert {"podid", "podid.entry", "podid.cli.suggestions", "podid.render.reports.sarif", "podid.ops"} <= names
    assert not [name for name in names if name.startswith("podid.sandbox")]


def test_every_data_file_is_in_it() -> None:
    copies = {f"{folder}/{Path(source).name}" for source, folder in binary.data_files()}
    assert {"podid/actions/actions.jsonl", "podid/presets/s3-read.json", "podid/pages/agent-not-installed.md"} <= copies
    assert {"podid/schemas/PodIdentity.json", "podid/schemas/Plan.json"} <= copies
    pages = {
        f"podid/pages/{path.name}" for path in (ROOT / "src" / "podid" / "pages").glob("*.*") if path.suffix != ".py"
    }
    assert {name for name in copies if name.startswith("podid/pages/")} == pages
    assert not [name for name in copies if name.endswith((".py", ".pyc"))]


def test_the_models_of_every_client_are_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    session = AwsSession(None, None, env=ENV)
    clients: list[str] = []
    make = session._boto.client

    def recorded(name: str, **settings: Any) -> Any:
        clients.append(name)
        return make(name, **settings)

    session._boto.client = recorded
    for name, member in vars(AwsSession).items():
        if hasattr(type(member), "__get__") and not callable(member) and not name.startswith("_"):
            getattr(session, name)
    assert {"eks", "iam", "cloudtrail"} <= set(clients) <= binary.services()
    for service in clients:
        assert binary.is_kept(f"botocore/data/{service}/{binary._newest(service)}/service-2.json.gz")


def test_no_client_is_made_elsewhere_or_with_a_computed_name() -> None:
    """Those of resource policies (KMS, S3, SQS, Secrets Manager) have no property of the session."""
    names, computed = set(), set()
    for path in binary.PACKAGE.rglob("*.py"):
        where = path.relative_to(binary.PACKAGE)
        if where.parts[0] in binary.LEFT_OUT:
            continue
        text = path.read_text(encoding="utf-8")
        # to parse all files takes two seconds
        for node in ast.walk(ast.parse(text)) if re.search(r"\.(_api|_build|client|create_client)\(", text) else ():
            match node:
                case ast.Call(func=ast.Attribute(attr="_api" | "_build" | "client" | "create_client"), args=[name, *_]):
                    if isinstance(name, ast.Constant):
                        names.add(name.value)
                    else:
                        computed.add(where.as_posix())
    assert {"kms", "s3", "sqs", "secretsmanager"} < names <= binary.services()
    # in it, _api calls _build, and _build makes the client
    assert computed == {"aws/session.py"}


@pytest.mark.parametrize("module", [botocore.credentials, botocore.tokens])
def test_the_models_that_botocore_signs_in_with_are_in_it(module: object) -> None:
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))  # type: ignore[attr-defined]
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    made = {
        argument.value
        for call in calls
        if re.search("create_nested_client|_client_creator$", ast.unparse(call.func))
        for argument in call.args
        if isinstance(argument, ast.Constant)
    }
    assert made
    assert made <= set(binary.SIGN_IN)


def test_models_of_other_services_are_not() -> None:
    data = Path(botocore.__file__).parent / "data"
    kept = {path.name for path in data.iterdir() if binary.is_kept(f"botocore/data/{path.name}/2099-01-01/x")}
    assert kept == set()
    names = [
        "endpoints.json",
        "partitions.json",
        "workmail/2017-10-01/service-2.json.gz",
        "ec2/2014-09-01/service-2.json.gz",
    ]
    assert [binary.is_kept(f"botocore/data/{name}") for name in names] == [True, True, False, False]
    others = ["podid/presets/s3-read.json", "certifi/cacert.pem", "boto3/data/ec2/2016-11-15/resources-1.json"]
    assert [binary.is_kept(name) for name in others] == [True, True, False]


def test_classes_of_kubernetes_objects_are_not() -> None:
    names = [
        "client/models/v1_pod",
        "client/api/core_v1_api",
        "client/models/__init__",
        "client/api_client",
        "config/x",
    ]
    assert [binary.is_kept(f"kubernetes/{name}.pyc") for name in names] == [False, False, True, True, True]


def test_packages_that_podid_does_not_require_are_omitted() -> None:
    names = set(binary.excluded())
    assert {"moto", "werkzeug", "pytest", "cryptography", "mypy"} <= names
    assert not names & {"boto3", "botocore", "kubernetes", "typer", "rich", "yaml", "urllib3", "jsonschema", "podid"}


def test_the_licences_of_everything_in_it() -> None:
    text = binary.licences()
    for item in closure.resolved():
        if item.name != "podid":
            body = text.partition(f"\n{item.name} {item.version}\n")[2].partition("\n\n\n")[0]
            assert len(body.strip("=\n ")) > 2, f"{item.name} has no licence"


def test_equal_folders_give_equal_archives(tmp_path: Path) -> None:
    archives = []
    for number in range(2):
        folder = tmp_path / str(number)
        (folder / "lib").mkdir(parents=True)
        (folder / "podid").write_text("program")
        (folder / "podid").chmod(0o700 + number * 0o55)
        (folder / "lib" / "data").write_text("data")
        os.utime(folder / "podid", (number, number))
        archives.append(tmp_path / f"{number}.tar.gz")
        binary.pack(folder, archives[-1], "podid-1.0.0")
    assert archives[0].read_bytes() == archives[1].read_bytes()
    with tarfile.open(archives[0]) as tar:
        modes = {entry.name: (oct(entry.mode), entry.uname, entry.mtime) for entry in tar}
    assert modes["podid-1.0.0/podid"] == ("0o755", "", 0)
    assert modes["podid-1.0.0/lib/data"] == ("0o644", "", 0)


def test_children_of_the_binary_get_the_users_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    launch = runpy.run_path(str(ROOT / "packaging" / "binary" / "launch.py"), run_name="launch")
    environment = {"LD_LIBRARY_PATH": "/bundle", "LD_LIBRARY_PATH_ORIG": "/opt/lib", "_PYI_ARCHIVE_FILE": "x", "A": "b"}
    monkeypatch.setattr(os, "environ", environment)
    monkeypatch.setattr("sys.platform", "linux")
    launch["restore_environment"]()
    assert environment == {"LD_LIBRARY_PATH": "/opt/lib", "A": "b"}
    environment["LD_LIBRARY_PATH"] = "/bundle"
    launch["restore_environment"]()
    assert environment == {"A": "b"}


def test_the_binary_runs_podids_own_modules(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    launch = runpy.run_path(str(ROOT / "packaging" / "binary" / "launch.py"), run_name="launch")
    # otherwise podid ends the process of the tests
    monkeypatch.setattr("podid.entry._leave_at_once", sys.exit)
    monkeypatch.setattr("sys.argv", ["podid", "-P", "-m", "podid", "--version"])
    with pytest.raises(SystemExit) as left:
        launch["main"]()
    assert left.value.code == 0
    assert capsys.readouterr().out == f"podid {binary.version()}\n"
    # of other modules it is none of the binary's business
    monkeypatch.setattr("sys.argv", ["podid", "-P", "-m", "http.server"])
    with pytest.raises(SystemExit) as left:
        launch["main"]()
    assert left.value.code == 2


def test_the_modules_that_podid_runs_can_be_run() -> None:
    pattern = re.compile(r'python\("(podid[\w.]*)"')
    started = {name for path in (ROOT / "src").rglob("*.py") for name in pattern.findall(path.read_text("utf-8"))}
    assert {"podid", "podid.cli.suggestions"} <= started
    for name in started - {"podid.sandbox.serve"}:
        assert importlib.util.find_spec(name) is not None
        assert name in binary.modules()
