"""Every test runs with a clean environment and talks to 127.0.0.1 only."""

import gc
import os
import signal
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

import once
import straight
from harness import Golden, Podid
from podid.aws.session import AwsSession
from podid.sandbox.box import Sandbox
from worlds import KubeWorld, Site, account_site, clear, kube_world, whole_site

if TYPE_CHECKING:
    from scenes import Scene

gc.disable()  # until all tests are collected: a quarter of that time, for next to no garbage

# the same cases on every run, so that a red run means a change; `make fuzz` looks for new ones
settings.register_profile("steady", derandomize=True, deadline=None, max_examples=50)
settings.register_profile("fuzz", max_examples=2_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

# left out of `make fast`: grids over whole commands, processes of their own, real time; node ids begin with these
SLOW = (
    "aws/test_cloudtrail.py",
    "aws/test_eks.py::test_a_throttle",
    "aws/test_eks.py::test_reads_survive_passing_failures",
    "calls/test_pacing.py::test_a_limit_is_kept_to_on_real_threads",
    "ops/change/",
    "delivery/test_ci.py",
    "e2e/",
    "hostile/",
    "local/test_processes.py",
    "ops/addon/",
    "ops/agent/",
    "ops/reading/test_collect.py",
    "ops/reading/test_costs.py",
    "ops/reading/test_dry_runs.py",
    "ops/reading/test_probes.py",
    "ops/reading/test_scope.py",
    "ops/reading/test_tokens.py",
    "ops/test_explain_scale.py",
    "ops/role/test_role_reading.py",
    "sandbox/",  # what the other tests stand on, as they are
    "cli/test_boundary.py::test_a_closed_pipe",
    "cli/test_boundary.py::test_ctrl_c_in_a_real_process",
    "cli/test_boundary.py::test_streams_that_cannot_be_written_to",
    "render/test_colour.py",
    "cli/test_completion.py",
    "test_docs.py::test_examples",
    "test_documents.py::test_one_thing_wrong_is_found",
    "test_every_command.py",
    "test_files_named.py",
    "test_foreign_text.py",
    "render/test_golden.py",
    "cli/test_guide.py",
    "cli/test_hints.py",
    "render/test_layout.py",
    "render/test_reports.py",
    "test_scale.py",
    "test_schemas.py",
    "test_site.py",
    "test_start.py",
    "domain/trust/test_trust_properties.py",
    "domain/policy/test_policy_properties.py",
)
# of these the part that tells most, soonest
TELLING = (
    "ops/change/test_bad_input.py",
    "e2e/test_main_job.py::test_the_job_in_json",
    "e2e/test_known_broken.py",
)
_KEPT = ("PATH", "LANG", "TMPDIR", "TZ", "VIRTUAL_ENV")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew")


@pytest.hookimpl(optionalhook=True)  # pytest-xdist's
def pytest_xdist_auto_num_workers() -> int | None:
    """One more than there are cores: servers that take their time, processes and real terminals are waited for."""
    return None if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ else (os.cpu_count() or 1) + 1


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """`golden("name", outcome)` compares with tests/golden/name.txt, or writes it with --update-golden."""
    return Golden(update=request.config.getoption("--update-golden"))


# grids of long tests: file -> every how many of its tests `make test` runs, and `make fuzz` all of them
SAMPLED = {
    **dict.fromkeys(
        (
            *("e2e/test_permissions_called.py", "e2e/test_declare.py", "e2e/test_can_i.py", "e2e/test_export.py"),
            *("e2e/test_guard.py", "e2e/test_who_can.py", "e2e/test_privileges.py", "e2e/test_migrate.py"),
            *("ops/change/test_owners_of_resources.py", "ops/audit/test_unused.py", "ops/audit/test_right_size.py"),
        ),
        2,
    ),
    **dict.fromkeys(
        (
            *("e2e/test_migrate_killed.py", "e2e/test_migrate_back.py", "e2e/test_migrate_blockers.py"),
            *("e2e/test_migrate_proxies.py", "e2e/test_migrate_proxies_back.py", "e2e/test_migrate_base_role.py"),
            *("hostile/test_wrong_kind_of_answer.py", "hostile/test_failing_for_good.py"),
        ),
        3,
    ),
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    seen: Counter[str] = Counter()
    for item in items:
        name = item.nodeid.removeprefix("tests/")
        file = name.partition("::")[0]
        if file in SAMPLED and item.get_closest_marker("rare") is None:
            if seen[file] % SAMPLED[file]:
                item.add_marker("rare")
            seen[file] += 1
        if name.startswith(SLOW) and not name.startswith(TELLING):
            item.add_marker("slow")


def pytest_collection_finish() -> None:
    """What is there by now stays, and looking through all of it for garbage took a quarter of the time."""
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)
    gc.enable()


def pytest_sessionfinish() -> None:
    """pytest looks for garbage five times before it ends, and the process is about to end anyway."""
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _found_out_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        once.all_of_it(patch)
        straight.all_of_it(patch)
        yield


@pytest.fixture
def all_regions(monkeypatch: pytest.MonkeyPatch) -> None:
    """All where botocore knows EKS, as in life."""
    monkeypatch.setattr(AwsSession, "eks_regions", once.EVERY_REGION)


@pytest.fixture(scope="session", autouse=True)
def _interrupts_are_heard() -> Iterator[None]:
    """Behind nohup, `&` and some CI runners SIGINT is ignored, and every process started from here inherits that."""
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
    """Nothing of the machine's but what programs need to start: AWS_*, KUBECONFIG, CI and proxies change answers."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name not in _KEPT and not name.startswith(("PYTHON", "PYTEST_", "HYPOTHESIS_", "COVERAGE_", "LC_")):
                patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def _home(_bare_environment: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], None]]:
    """Points at a home with nothing in it. Most tests write nothing: to make a directory and four variables for each of
    them took longer than many a test."""
    root = tmp_path_factory.mktemp("homes")
    homes = (root / str(number) for number in count())
    home: Path | None = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")  # no instance that would be asked for keys

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
    """An AWS account as good as new, without Kubernetes; the process is pointed at it as its administrator."""
    with account_site(tmp_path) as site:
        site.enter(monkeypatch)
        yield site


@pytest.fixture
def box(account: Site) -> Sandbox:
    """The sandbox of `account`."""
    return account.box


@pytest.fixture
def podid(account: Site) -> Podid:
    """podid at `account`, off a terminal, cluster demo."""
    return account.podid


@pytest.fixture
def site(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Site]:
    """An account whose cluster demo has three nodes and three workloads, no agent, no association."""
    with whole_site(tmp_path, encrypted=_encrypted(request)) as site:
        yield site


def _encrypted(request: pytest.FixtureRequest) -> bool:
    return request.node.get_closest_marker("encrypted") is not None


@pytest.fixture
def healthy(site: Site) -> Site:
    """The agent on every node, shop/orders associated and its pods made again; payments/billing-worker without Pod
    Identity and legacy/reports on IRSA, as they came."""
    return site.with_agent().with_identity()


@pytest.fixture(scope="module")
def _kept(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Site]:
    with whole_site(tmp_path_factory.mktemp("site"), encrypted=_encrypted(request)) as site:
        yield site.with_agent().with_identity()


@pytest.fixture
def shared(_kept: Site) -> Iterator[Site]:
    """Like `healthy`, one for the tests of a module: only rights may be taken away, and they come back."""
    yield _kept
    _kept.box.world.credentials.allow_again()
    _kept.box.faults.clear()
    _kept.kube.faults.clear()


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> "list[Scene]":
    """What each line of the story in `ways.py` printed, in JSON."""
    import scenes

    return scenes.once_for_all_workers(tmp_path_factory)


@pytest.fixture
def world() -> Iterator[KubeWorld]:
    """A cluster without an account."""
    with kube_world() as made:
        yield made


@pytest.fixture
def no_sandbox() -> None:
    """For tests that start one of their own: only one runs in a process."""
    clear()


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where podid records its changes; not there yet."""
    directory = tmp_path / "journal"
    monkeypatch.setenv("PODID_JOURNAL_DIR", str(directory))
    return directory
