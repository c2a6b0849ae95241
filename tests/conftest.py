"""Run every test with a clean environment, and with connections to 127.0.0.1 only."""

import gc
import os
import signal
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.mark.structures import ParameterSet
from hypothesis import settings

import direct_requests
import repeated_reads
import reused_threads
import shared_caches
from harness import Golden, Podid
from podid.aws.session import AwsSession
from podid.calls import deadline, pacing
from podid.sandbox.box import Sandbox
from worlds import KubeWorld, Site, account_site, clear, kube_world, whole_site

if TYPE_CHECKING:
    from ops.declare.worlds import Filed
    from scenes import Scene

gc.disable()  # until all tests are collected: collection would spend a quarter of its time on garbage collection

# the same cases on every run, so that a failure means a change; `make fuzz` tries new ones
settings.register_profile("steady", derandomize=True, deadline=None, max_examples=50)
settings.register_profile("fuzz", max_examples=2_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

# omitted by `make fast`: grids over whole commands, separate processes, real time; node ids begin with these
_SLOW_FILES = {
    "cli": "changing cluster completion hints hints_names multicluster multicluster_scale suggestions",
    "ops/addon": "associate install read",
    "ops/agent": "coverage install logs preflight status uninstall waiting_runs",
    "ops/association": "aftermath aftermath_and_status associate associate_with_role details disassociate identity "
    "read transfer",
    "ops/change": "apply concurrency consent denied faults guard guard_owners journal journal_killed undo",
    "ops/change/kinds": "association role",
    "ops/declare": "accounts associations ownership plan roles saved trust",
    "ops/permissions": "can privileges privileges_show resources session who",
    "ops/reading": "collect probes probes_doctor readings roles_chained scope sections trials "
    "trials_dry_runs witnesses_cloudtrail",
    "ops/restart": "rollout_evict targets_choice",
    "ops/role": "create_runs delete policies_validated read target_runs",
    "ops/status": "diagnose_in_every_view facts_second_hop prediction",
    "render": "colour golden layout",
    ".": "documents entry every_command files_named foreign_text scale schemas site start",
}
SLOW = (
    *(f"{folder}/test_{name}.py".removeprefix("./") for folder, names in _SLOW_FILES.items() for name in names.split()),
    *("cli/server/", "commands/", "e2e/", "hostile/", "ops/migrate/"),
    "sandbox/",  # the other tests depend on these parts
    "aws/test_cloudtrail.py",
    "aws/test_eks.py::test_a_throttle",
    "aws/test_eks.py::test_reads_survive_passing_failures",
    "calls/test_pacing.py::test_a_limit_is_kept_to_on_real_threads",
    "cli/guide/test_run.py",
    "delivery/test_ci.py",
    "delivery/test_container.py",
    "domain/policy/test_evaluate_properties.py",
    "domain/trust/test_edit_properties.py",
    "local/test_processes.py",
    "ops/doctor/test_own_permissions.py",
    "ops/restart/test_targets.py::test_restart_of_stale_pods",
    *(f"ops/role/test_plan.py::test_{name}" for name in ("a_preset", "a_role_that", "attach", "detach", "presets")),
    *(f"ops/test_errortext_{name}.py" for name in ("classes", "everyday", "scale")),
    "ops/trust/test_edit_runs.py",
    # a second or two each
    "checks/test_status.py::test_a_section_less",
    "cli/test_usage_errors.py::test_the_hint_for_an_option_of_another_program",
    "domain/policy/test_evaluate_others.py",
    "domain/policy/test_resource.py::test_a_second_evaluator",
    "kube/test_kubeconfig.py::test_a_malformed_kubeconfig",
    "local/test_data.py::test_json_is_read_as_python_reads_it",
    "ops/role/test_quota.py::test_a_command_refuses",
    "render/test_query.py::test_a_command_ends_with_2",
    "render/test_query.py::test_what_doubles_thirty_times",
    "render/export/test_terraform.py::test_live_resources_are_imported",
    *(
        f"test_architecture.py::test_{name}"
        for name in ("completion_loads", "help_loads", "only_the_command", "imports")
    ),
    "test_docs.py",
    "test_words.py::test_terms_that_are_not_used",
)
# the most significant of these, which `make fast` runs
TELLING = (
    *(f"ops/migrate/test_{name}.py" for name in ("candidates", "judge", "proxy_changes", "request")),
    "commands/declare/test_convert.py",
    "commands/declare/test_validate.py",
    "ops/declare/test_accounts.py::test_a_second_declaration",
    "ops/declare/test_ownership.py::test_the_treatment",
    "ops/declare/test_ownership.py::test_an_association_with_the_mark",
    "ops/declare/test_order.py::test_a_new_role",
    "ops/declare/test_saved.py::test_a_plan_is_read_back",
    "ops/declare/test_trust.py::test_statements",
    "ops/change/test_bad_input.py",
    "e2e/test_first_use.py::test_the_first_use_in_json",
    "ops/association/test_aftermath.py::test_a_broken_trust_policy_that_is_fixed_in_the_same_run",
)
_FAST = "not slow and not rare"
_KEPT = ("PATH", "LANG", "TMPDIR", "TZ", "VIRTUAL_ENV")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew")


@pytest.hookimpl(optionalhook=True)  # a hook of pytest-xdist
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Return one more than the number of cores, because tests wait for slow servers, processes and real terminals.
    Those of `make fast` do not, and each worker collects all tests."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    cores = os.cpu_count() or 1
    return cores if config.option.markexpr == _FAST else cores + 1


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Return the golden files: `golden("name", outcome)` compares with tests/golden/name.txt, or writes it with
    --update-golden."""
    return Golden(update=request.config.getoption("--update-golden"))


def _omits_rare(config: pytest.Config) -> bool:
    return config.option.markexpr in ("not rare", _FAST)


def pytest_pycollect_makeitem(collector: pytest.Collector, obj: object) -> list[pytest.Item] | None:
    """Do not create rare tests that are deselected anyway: they were half of all tests, and a third of the time of the
    collection."""
    rare = any(mark.name == "rare" for mark in getattr(obj, "pytestmark", ()))
    return [] if rare and _omits_rare(collector.config) else None


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Do the same for the rare rows of a grid."""
    if not _omits_rare(metafunc.config):
        return
    parametrize = metafunc.parametrize

    def without_rare(names: Any, rows: Iterable[Any], **named: Any) -> None:
        rows = list(rows)
        if not isinstance(named.get("ids"), list):
            rows = [row for row in rows if not isinstance(row, ParameterSet) or pytest.mark.rare not in row.marks]
        parametrize(names, rows, **named)

    metafunc.parametrize = without_rare  # type: ignore[assignment]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    counts: Counter[str] = Counter()
    for item in items:
        name = item.nodeid.removeprefix("tests/")
        for node, mark in item.iter_markers_with_node("sampled"):
            grid = name.partition("[")[0] if node is item else node.nodeid
            if item.get_closest_marker("rare") is None:
                if counts[grid] % mark.args[0]:
                    item.add_marker("rare")
                counts[grid] += 1
            break
        if name.startswith(SLOW) and not name.startswith(TELLING):
            item.add_marker("slow")


def pytest_collection_finish() -> None:
    """Exclude the present objects from garbage collection, which took a quarter of the time."""
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)
    gc.enable()


def pytest_sessionfinish() -> None:
    """Skip pytest's five garbage collections before the process ends."""
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _fast_process() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        shared_caches.install(patch)
        direct_requests.install(patch)
        repeated_reads.install(patch)
        reused_threads.install(patch)
        yield


@pytest.fixture
def own_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start a thread for each call, as the product does: for tests of threads, and of how many calls are throttled."""
    for module in (deadline, pacing):
        monkeypatch.setattr(module, "threading", threading)


@pytest.fixture
def all_regions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use all regions in which botocore knows EKS, as on AWS."""
    monkeypatch.setattr(AwsSession, "eks_regions", shared_caches.EVERY_REGION)


@pytest.fixture(scope="session", autouse=True)
def _default_interrupts() -> Iterator[None]:
    """Handle SIGINT as usual: behind nohup, `&` and some CI runners it is ignored, and every child process inherits
    that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session", autouse=True)
def _loopback_only() -> Iterator[None]:
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in _LOOPBACK:
            raise AssertionError(f"a test tried to reach {address}")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield


@pytest.fixture(scope="session", autouse=True)
def _bare_environment() -> Iterator[None]:
    """Remove all variables except those that programs need to start: AWS_*, KUBECONFIG, CI and proxies change
    results."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name not in _KEPT and not name.startswith(("PYTHON", "PYTEST_", "HYPOTHESIS_", "COVERAGE_", "LC_")):
                patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def _home(_bare_environment: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], None]]:
    """Return a function that sets an empty home directory. Most tests write nothing, so an unused home is kept:
    creating a directory and setting four variables took longer than many a test."""
    root = tmp_path_factory.mktemp("homes")
    homes = (root / str(number) for number in count())
    home: Path | None = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")  # no instance to request keys from

        def empty() -> None:
            nonlocal home
            if home is not None and home.is_dir() and not any(home.iterdir()):
                return
            home = next(homes)
            home.mkdir()
            patch.setenv("HOME", str(home))
            patch.setenv("AWS_CONFIG_FILE", str(home / "aws-config"))
            patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(home / "aws-credentials"))

        yield empty


@pytest.fixture(autouse=True)
def _empty_home(_home: Callable[[], None]) -> None:
    _home()


# --- worlds, see worlds.py: a fixture of these names is the same everywhere -------------------------------------------


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Yield an AWS account in its initial state, without Kubernetes. The process is its administrator."""
    with account_site(tmp_path) as site:
        site.enter(monkeypatch)
        yield site


@pytest.fixture
def box(account: Site) -> Sandbox:
    """Return the sandbox of `account`."""
    return account.box


@pytest.fixture
def podid(account: Site) -> Podid:
    """Return podid for `account`, without a terminal, cluster demo."""
    return account.podid


@pytest.fixture
def site(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Site]:
    """Yield an account whose cluster demo has three nodes and three workloads, without agent and association."""
    with whole_site(tmp_path, encrypted=_encrypted(request)) as site:
        yield site


def _encrypted(request: pytest.FixtureRequest) -> bool:
    return request.node.get_closest_marker("encrypted") is not None


@pytest.fixture
def healthy(site: Site) -> Site:
    """Yield a cluster with the agent on every node and shop/orders associated, its pods created after that.
    payments/billing-worker has no Pod Identity and legacy/reports uses IRSA, as in the baseline."""
    return site.with_agent().with_identity()


@pytest.fixture(scope="module")
def _kept(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Site]:
    with whole_site(tmp_path_factory.mktemp("site"), encrypted=_encrypted(request)) as site:
        yield site.with_agent().with_identity()


@pytest.fixture
def shared(_kept: Site) -> Iterator[Site]:
    """Yield a site like `healthy` for all tests of a module. Tests may only deny permissions, which are restored."""
    yield _kept
    _kept.box.world.credentials.allow_again()
    _kept.box.faults.clear()
    _kept.kube.faults.clear()


@pytest.fixture
def filed(account: Site) -> "Filed":
    """Return podid with a file of declarations for `account`."""
    from ops.declare.worlds import Filed

    return Filed(account)


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> "list[Scene]":
    """Return the JSON output of each line of the story in `ways.py`."""
    import scenes

    return scenes.once_for_all_workers(tmp_path_factory)


@pytest.fixture
def world() -> Iterator[KubeWorld]:
    """Yield a cluster without an account."""
    with kube_world() as new:
        yield new


@pytest.fixture
def no_sandbox() -> None:
    """Stop the kept sandbox, for tests that start one of their own: only one runs in a process."""
    clear()


@pytest.fixture
def settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the path of the settings file in an own home directory. The file does not exist yet."""
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / ".config" / "podid" / "config.toml"
    path.parent.mkdir(parents=True)
    return path


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the directory of podid's journal, which does not exist yet."""
    directory = tmp_path / "journal"
    monkeypatch.setenv("PODID_JOURNAL_DIR", str(directory))
    return directory
