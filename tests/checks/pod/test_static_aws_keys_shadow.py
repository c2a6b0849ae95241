from collections.abc import Mapping
from dataclasses import replace

from checks.builder import DENIED, NO_PODS, agent_pod, healthy, pod, with_env
from checks.containers import KEYS, container, sourced
from checks.grid import WORKLOAD, answers, only
from harness import table
from podid.domain.cluster import Container, EnvSource, Mount
from podid.domain.snapshot import Known, Snapshot
from podid.ops.status.diagnose import diagnose

ID = "static-aws-keys-shadow"
FAILS = with_env(AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
UNKNOWN = NO_PODS
FINDINGS = [("fail", "error", "Deployment shop/orders")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]


MAP, SECRET = EnvSource("ConfigMap", "settings"), EnvSource("Secret", "keys")


def with_map(container: Container, *keys: str, exists: bool = True) -> Snapshot:
    section: Known[Mapping[str, str] | None] = Known(dict.fromkeys(keys, "") if exists else None)
    return healthy(pods=(pod(containers=(container,)),), config_map_keys={("shop", "settings"): section})


@table(
    ("snapshot", "expected"),
    [
        (with_map(sourced(MAP), *KEYS), ("fail", "error")),
        (with_map(sourced(MAP), "AWS_ACCESS_KEY_ID", "LOG_LEVEL"), ("fail", "warn")),
        (with_map(sourced(MAP), "LOG_LEVEL", "ACCESS_KEY_ID"), ("pass", "error")),
        (with_map(sourced(MAP), exists=False), ("pass", "error")),
        (
            with_map(sourced(EnvSource("ConfigMap", "settings", "AWS_")), "ACCESS_KEY_ID", "SECRET_ACCESS_KEY"),
            ("fail", "error"),
        ),
        (with_map(sourced(EnvSource("ConfigMap", "settings", "APP_")), *KEYS), ("pass", "error")),
        # the own variables of the container override these, even if they are empty
        (with_map(sourced(MAP, blank=tuple(KEYS)), *KEYS), ("pass", "error")),
        (with_map(sourced(MAP, env={"AWS_SECRET_ACCESS_KEY": ""}), "AWS_ACCESS_KEY_ID"), ("fail", "error")),
        (with_map(sourced(MAP), "AWS_PROFILE"), ("fail", "warn")),
        (with_map(sourced(MAP), "AWS_SHARED_CREDENTIALS_FILE"), ("fail", "warn")),
        (
            with_map(sourced(MAP, env={"AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}), "AWS_SHARED_CREDENTIALS_FILE"),
            ("pass", "error"),
        ),
        # Secrets are never read
        (healthy(pods=(pod(containers=(sourced(SECRET),)),)), ("unknown", "warn")),
        (healthy(pods=(pod(containers=(sourced(SECRET, env=KEYS),)),)), ("fail", "error")),
        (
            healthy(
                pods=(pod(containers=(sourced(SECRET, blank=(*KEYS, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")),)),)
            ),
            ("pass", "error"),
        ),
        (healthy(pods=(pod(containers=(sourced(MAP),)),), config_map_keys=DENIED), ("unknown", "warn")),
        (
            healthy(pods=(pod(containers=(sourced(MAP),)),), config_map_keys={("shop", "settings"): DENIED}),
            ("unknown", "warn"),
        ),
    ],
)
def test_variables_of_config_maps_and_secrets(snapshot: Snapshot, expected: tuple[str, str]) -> None:
    assert answers(ID, snapshot) == [(*expected, WORKLOAD)]


ROLE, ETC = "AWS_ROLE_ARN", Mount("/etc/aws", "configMap", "aws")
FILE = "AWS_SHARED_CREDENTIALS_FILE"


@table(
    ("container", "expected"),
    [
        (sourced(mounts=(Mount("/root/.aws", "secret", "aws"),)), ("fail", "warn")),
        (sourced(mounts=(Mount("/home/app/.aws/credentials", "hostPath"),)), ("fail", "warn")),
        (sourced(mounts=(Mount("/root/.aws", "configMap", "aws"),)), ("fail", "info")),
        (sourced(mounts=(Mount("/root/.aws/config", "secret", "aws"),)), ("fail", "info")),
        # where the AWS CLI keeps its cache on a read-only root
        (sourced(mounts=(Mount("/root/.aws", "emptyDir"),)), ("pass", "error")),
        (
            sourced(mounts=(ETC,), env={"AWS_CONFIG_FILE": "/etc/aws/config"}),
            ("pass", "error"),
        ),
        (sourced(env={FILE: "/etc/aws/keys"}), ("fail", "warn")),
        (sourced(env={FILE: "/dev/null"}), ("pass", "error")),
        (sourced(blank=(FILE,), env={FILE: ""}), ("pass", "error")),
    ],
)
def test_mounted_credentials_files(container: Container, expected: tuple[str, str]) -> None:
    assert answers(ID, healthy(pods=(pod(containers=(container,)),))) == [(*expected, WORKLOAD)]


@table(
    ("containers", "annotations", "expected"),
    [
        ((container(**KEYS), container("istio-proxy")), {}, "error"),
        ((container(), container("istio-proxy", **KEYS)), {}, "warn"),
        ((container(**KEYS), container("worker")), {}, "warn"),
        ((container(**KEYS), container("worker")), {"kubectl.kubernetes.io/default-container": "app"}, "error"),
        ((container(), container("worker", **KEYS)), {"kubectl.kubernetes.io/default-container": "app"}, "warn"),
        ((container("envoy", **KEYS),), {}, "error"),
    ],
)
def test_keys_of_sidecars(containers: tuple[Container, ...], annotations: dict[str, str], expected: str) -> None:
    snapshot = healthy(pods=(pod(containers=containers, annotations=annotations),))
    assert answers(ID, snapshot) == [("fail", expected, WORKLOAD)]


def test_the_fix_removes_only_variables_of_env() -> None:
    verdict = only(ID, with_map(sourced(MAP), *KEYS))
    where = "(from ConfigMap settings)"
    assert verdict.evidence == (f"container app sets AWS_ACCESS_KEY_ID {where}, AWS_SECRET_ACCESS_KEY {where}",)
    assert verdict.fix is not None
    assert verdict.fix.commands == ()


def test_an_unread_secret_does_not_change_the_exit_code() -> None:
    report = diagnose(healthy(pods=(pod(containers=(sourced(SECRET),)), agent_pod())))
    assert (report.findings, report.exit_code()) == ((), 0)
    (unknown,) = report.unknowns
    assert (
        unknown.message == "not checked whether envFrom Secret keys contains access keys: podid does not read Secrets"
    )


@table(
    ("containers", "expected"),
    [
        ((container(**KEYS),), ("fail", "error")),
        ((container(**KEYS), container("proxy")), ("fail", "warn")),
        ((container(), replace(container("setup", **KEYS), init=True)), ("fail", "warn")),
        ((container(**KEYS), replace(container("setup"), init=True)), ("fail", "error")),
        ((container(AWS_PROFILE="dev"),), ("fail", "warn")),
        ((container(AWS_PROFILE="default", AWS_CONFIG_FILE="/etc/aws"),), ("pass", "error")),
        ((container(AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=""),), ("fail", "error")),
    ],
)
def test_variables_with_credentials(containers: tuple[Container, ...], expected: tuple[str, str]) -> None:
    assert answers(ID, healthy(pods=(pod(containers=containers),))) == [(*expected, WORKLOAD)]


def test_the_fix_removes_the_variables() -> None:
    verdict = only(ID, healthy(pods=(replace(pod(), containers=(container(**KEYS),)),)))
    assert verdict.message == "an SDK in the pods uses the access keys in the container's environment, not Pod Identity"
    assert verdict.evidence == ("container app sets AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY",)
    assert verdict.fix is not None
    (command,) = verdict.fix.commands
    assert command[3:] == ("set", "env", "deployment/orders", "AWS_ACCESS_KEY_ID-", "AWS_SECRET_ACCESS_KEY-")
