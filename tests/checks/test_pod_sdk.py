"""Link 4: which credentials an SDK in the pod would take, and what takes nothing away."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from harness import table
from podid.domain.cluster import Container, EnvSource, Mount
from podid.domain.snapshot import Known, Snapshot
from podid.domain.workloads import INJECTED_ENV
from podid.domain.workloads import IRSA_ENV as IRSA
from podid.ops.status.diagnose import diagnose

from .builder import INJECTED, agent_pod, healthy, pod
from .grid import DENIED, answers, only

KEYS = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
URI, TOKEN_FILE = INJECTED_ENV
ID, SUBJECT = "static-aws-keys-shadow", "Deployment shop/orders"


Env = Mapping[str, str]


def box(name: str, init: bool = False, **env: str) -> Container:
    return Container(name=name, image="example/app:1", init=init, env={**INJECTED, **env}, ready=True)


def given(
    *sources: EnvSource, blank: tuple[str, ...] = (), mounts: tuple[Mount, ...] = (), env: Env | None = None
) -> Container:
    return replace(box("app", False, **(env or {})), env_from=sources, blank=blank, mounts=mounts)


ROLE, ETC = "AWS_ROLE_ARN", Mount("/etc/aws", "configMap", "aws")
MAP, SECRET = EnvSource("ConfigMap", "settings"), EnvSource("Secret", "keys")


def prefixed(prefix: str) -> EnvSource:
    return EnvSource("ConfigMap", "settings", prefix)


FILE = "AWS_SHARED_CREDENTIALS_FILE"


def with_map(container: Container, *keys: str, there: bool = True) -> Snapshot:
    section: Known[Mapping[str, str] | None] = Known(dict.fromkeys(keys, "") if there else None)
    return healthy(pods=(pod(containers=(container,)),), config_map_keys={("shop", "settings"): section})


@table(
    ("snapshot", "expected"),
    [
        (with_map(given(MAP), *KEYS), ("fail", "error")),
        (with_map(given(MAP), "AWS_ACCESS_KEY_ID", "LOG_LEVEL"), ("fail", "warn")),
        (with_map(given(MAP), "LOG_LEVEL", "ACCESS_KEY_ID"), ("pass", "error")),
        (with_map(given(MAP), there=False), ("pass", "error")),
        (
            with_map(given(EnvSource("ConfigMap", "settings", "AWS_")), "ACCESS_KEY_ID", "SECRET_ACCESS_KEY"),
            ("fail", "error"),
        ),
        (with_map(given(EnvSource("ConfigMap", "settings", "APP_")), *KEYS), ("pass", "error")),
        # what the container sets itself wins, also when that is nothing
        (with_map(given(MAP, blank=tuple(KEYS)), *KEYS), ("pass", "error")),
        (with_map(given(MAP, env={"AWS_SECRET_ACCESS_KEY": ""}), "AWS_ACCESS_KEY_ID"), ("fail", "error")),
        (with_map(given(MAP), "AWS_PROFILE"), ("fail", "warn")),
        # Secrets are never read
        (healthy(pods=(pod(containers=(given(SECRET),)),)), ("unknown", "warn")),
        (healthy(pods=(pod(containers=(given(SECRET, env=KEYS),)),)), ("fail", "error")),
        (
            healthy(pods=(pod(containers=(given(SECRET, blank=(*KEYS, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")),)),)),
            ("pass", "error"),
        ),
        (healthy(pods=(pod(containers=(given(MAP),)),), config_map_keys=DENIED), ("unknown", "warn")),
        (
            healthy(pods=(pod(containers=(given(MAP),)),), config_map_keys={("shop", "settings"): DENIED}),
            ("unknown", "warn"),
        ),
    ],
)
def test_what_comes_from_objects(snapshot: Snapshot, expected: tuple[str, str]) -> None:
    assert answers(ID, snapshot) == [(*expected, SUBJECT)]


@table(
    ("container", "expected"),
    [
        (given(mounts=(Mount("/root/.aws", "secret", "aws"),)), ("fail", "warn")),
        (given(mounts=(Mount("/home/app/.aws/credentials", "hostPath"),)), ("fail", "warn")),
        (given(mounts=(Mount("/root/.aws", "configMap", "aws"),)), ("fail", "info")),
        (given(mounts=(Mount("/root/.aws/config", "secret", "aws"),)), ("fail", "info")),
        # where the AWS CLI keeps its cache on a read-only root
        (given(mounts=(Mount("/root/.aws", "emptyDir"),)), ("pass", "error")),
        (
            given(mounts=(ETC,), env={"AWS_CONFIG_FILE": "/etc/aws/config"}),
            ("pass", "error"),
        ),
        (given(env={FILE: "/etc/aws/keys"}), ("fail", "warn")),
        (given(env={FILE: "/dev/null"}), ("pass", "error")),
        (given(blank=(FILE,), env={FILE: ""}), ("pass", "error")),
    ],
)
def test_files(container: Container, expected: tuple[str, str]) -> None:
    assert answers(ID, healthy(pods=(pod(containers=(container,)),))) == [(*expected, SUBJECT)]


@table(
    ("containers", "annotations", "expected"),
    [
        ((box("app", False, **KEYS), box("istio-proxy")), {}, "error"),
        ((box("app"), box("istio-proxy", False, **KEYS)), {}, "warn"),
        ((box("app", False, **KEYS), box("worker")), {}, "warn"),
        ((box("app", False, **KEYS), box("worker")), {"kubectl.kubernetes.io/default-container": "app"}, "error"),
        ((box("app"), box("worker", False, **KEYS)), {"kubectl.kubernetes.io/default-container": "app"}, "warn"),
        ((box("envoy", False, **KEYS),), {}, "error"),
    ],
)
def test_sidecars(containers: tuple[Container, ...], annotations: dict[str, str], expected: str) -> None:
    snapshot = healthy(pods=(pod(containers=containers, annotations=annotations),))
    assert answers(ID, snapshot) == [("fail", expected, SUBJECT)]


def token(audience: str, *, init: bool = False) -> Container:
    """A container with a token file of its manifest."""
    container = given(env={TOKEN_FILE: "/own/token"})
    return replace(container, mounts=(Mount("/own", "serviceAccountToken", audience),), init=init)


@pytest.mark.parametrize(
    ("audience", "expected", "words"),
    [
        ("sts.amazonaws.com", "fail", "audience sts.amazonaws.com"),
        ("", "fail", "audience of the API server"),
        ("pods.eks.amazonaws.com", "pass", ""),
    ],
)
def test_token_audience(audience: str, expected: str, words: str) -> None:
    snapshot = healthy(pods=(pod(containers=(token(audience),)),))
    assert answers("token-audience", snapshot) == [(expected, "error", SUBJECT)]
    assert words in only("token-audience", snapshot).message
    # it is one finding, and a correct token is none
    assert answers("injected-fields-hardcoded", snapshot) == [("pass", "error", SUBJECT)]


def test_init_containers_are_judged_too() -> None:
    init = replace(token("sts.amazonaws.com", init=True), name="migrate")
    snapshot = healthy(pods=(pod(containers=(init, *pod().containers)),))
    assert answers("token-audience", snapshot) == [("fail", "warn", SUBJECT)]
    assert only("token-audience", snapshot).evidence[0].startswith("container migrate sets")
    keys = replace(box("migrate", False, **KEYS), init=True)
    snapshot = healthy(pods=(pod(containers=(keys, *pod().containers)),))
    assert answers(ID, snapshot) == [("fail", "warn", SUBJECT)]


@table(
    ("check", "container", "expected"),
    [
        (
            "irsa-env-hardcoded",
            given(blank=(ROLE, IRSA), env={ROLE: "", IRSA: ""}),
            ("pass", "error"),
        ),
        # its value comes from somewhere else
        ("irsa-env-hardcoded", given(env={IRSA: ""}), ("fail", "error")),
        ("injected-fields-hardcoded", given(blank=(URI,), env={URI: ""}), ("fail", "error")),
        ("injected-fields-hardcoded", given(env={URI: ""}), ("fail", "warn")),
        ("injected-fields-hardcoded", given(env={TOKEN_FILE: "/own/token"}), ("fail", "warn")),
        # as the webhook writes it for Windows
        (
            "injected-fields-hardcoded",
            given(env={TOKEN_FILE: "C:" + INJECTED[TOKEN_FILE].replace("/", "\\")}),
            ("pass", "error"),
        ),
        (
            "injected-fields-hardcoded",
            Container(name="app", image="x", env={URI: INJECTED[URI]}),
            ("fail", "error"),
        ),
        (
            "injected-fields-hardcoded",
            Container(name="app", image="x", env={URI: INJECTED[URI], "AWS_CONTAINER_AUTHORIZATION_TOKEN": ""}),
            ("pass", "error"),
        ),
    ],
)
def test_what_a_manifest_sets_itself(check: str, container: Container, expected: tuple[str, str]) -> None:
    assert answers(check, healthy(pods=(pod(containers=(container,)),))) == [(*expected, SUBJECT)]


def test_the_source_is_named_and_only_what_is_in_env_is_taken_away() -> None:
    verdict = only(ID, with_map(given(MAP), *KEYS))
    where = "(from ConfigMap settings)"
    assert verdict.evidence == (f"container app sets AWS_ACCESS_KEY_ID {where}, AWS_SECRET_ACCESS_KEY {where}",)
    assert verdict.fix is not None
    assert verdict.fix.commands == ()


def test_an_unread_secret_asks_for_nobodys_attention() -> None:
    report = diagnose(healthy(pods=(pod(containers=(given(SECRET),)), agent_pod())))
    assert (report.findings, report.exit_code()) == ((), 0)
    (unknown,) = report.unknowns
    assert (
        unknown.message == "not checked whether envFrom Secret keys contains access keys: podid does not read Secrets"
    )


@table(
    ("check", "containers", "expected"),
    [
        (ID, (box("app", False, **KEYS),), ("fail", "error")),
        (ID, (box("app", False, **KEYS), box("proxy")), ("fail", "warn")),
        (ID, (box("app"), box("setup", True, **KEYS)), ("fail", "warn")),
        (ID, (box("app", False, **KEYS), box("setup", init=True)), ("fail", "error")),
        (ID, (box("app", AWS_PROFILE="dev"),), ("fail", "warn")),
        (ID, (box("app", AWS_PROFILE="default", AWS_CONFIG_FILE="/etc/aws"),), ("pass", "error")),
        (ID, (box("app", AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=""),), ("fail", "error")),
        ("irsa-env-hardcoded", (box("app", AWS_ROLE_ARN="arn:aws:iam::1:role/x"),), ("fail", "info")),
        (
            "injected-fields-hardcoded",
            (box("app", AWS_CONTAINER_CREDENTIALS_FULL_URI="http://[fd00:ec2::23]/v1/credentials"),),
            ("pass", "error"),
        ),
    ],
)
def test_what_an_sdk_takes(check: str, containers: tuple[Container, ...], expected: tuple[str, str]) -> None:
    assert answers(check, healthy(pods=(pod(containers=containers),))) == [(*expected, SUBJECT)]


def test_a_token_file_without_its_volume_is_a_warning() -> None:
    assert answers("injected-fields-hardcoded", healthy(pods=(pod(volumes=()),))) == [("fail", "warn", SUBJECT)]


def test_pods_that_opt_out_bring_what_they_like() -> None:
    alone = pod(containers=(box("app", False, **KEYS),), labels={"eks.amazonaws.com/skip-pod-identity-webhook": "true"})
    assert answers(ID, healthy(pods=(alone,)))[0][0] == "not-applicable"


def test_the_variables_are_named_and_taken_away_by_kubectl() -> None:
    verdict = only(ID, healthy(pods=(replace(pod(), containers=(box("app", False, **KEYS),)),)))
    assert verdict.message == "an SDK in the pods uses the access keys in the container's environment, not Pod Identity"
    assert verdict.evidence == ("container app sets AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY",)
    assert verdict.fix is not None
    (command,) = verdict.fix.commands
    assert command[3:] == ("set", "env", "deployment/orders", "AWS_ACCESS_KEY_ID-", "AWS_SECRET_ACCESS_KEY-")


@pytest.mark.parametrize(
    ("check", "env", "image"),
    [
        (ID, KEYS, "app:1"),
        ("irsa-env-hardcoded", {IRSA: "/token"}, "app:1"),
        ("injected-fields-hardcoded", {URI: "http://localhost/"}, "app:1"),
        ("pod-proxy-missing-no-proxy", {"HTTP_PROXY": ""}, "app:1"),
        ("sdk-too-old", {}, "r.example/aws-cli:2.1.0"),
    ],
)
def test_a_container_that_the_webhook_leaves_alone_is_its_own_affair(check: str, env: Env, image: str) -> None:
    odd = replace(box("odd"), env={**INJECTED, **env}, image=image)
    for skipped, outcome in (("", "fail"), ("odd", "pass")):
        annotations = {"eks.amazonaws.com/skip-containers": skipped}
        snapshot = healthy(pods=(pod(containers=(box("app"), odd), annotations=annotations),))
        assert answers(check, snapshot)[0][0] == outcome, skipped
