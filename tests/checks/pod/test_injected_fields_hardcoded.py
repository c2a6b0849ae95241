from dataclasses import replace

from checks.builder import INJECTED, NO_PODS, healthy, pod, with_env
from checks.containers import TOKEN_FILE, URI, container, sourced
from checks.grid import WORKLOAD, answers, only
from harness import table
from podid.domain.cluster import Container

ID = "injected-fields-hardcoded"
FAILS = with_env(AWS_CONTAINER_CREDENTIALS_FULL_URI="http://localhost:9911/credentials")
UNKNOWN = NO_PODS
FINDINGS = [("fail", "error", "Deployment shop/orders")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]


@table(
    ("container", "expected"),
    [
        (sourced(blank=(URI,), env={URI: ""}), ("fail", "error")),
        (sourced(env={URI: ""}), ("fail", "warn")),
        (sourced(env={TOKEN_FILE: "/own/token"}), ("fail", "warn")),
        # as the webhook writes it for Windows
        (sourced(env={TOKEN_FILE: "C:" + INJECTED[TOKEN_FILE].replace("/", "\\")}), ("pass", "error")),
        (Container(name="app", image="x", env={URI: INJECTED[URI]}), ("fail", "error")),
        (
            Container(name="app", image="x", env={URI: INJECTED[URI], "AWS_CONTAINER_AUTHORIZATION_TOKEN": ""}),
            ("pass", "error"),
        ),
        # another webhook removed both variables, or the webhook skipped a container that sets one itself
        (Container(name="app", image="x"), ("fail", "error")),
        (Container(name="app", image="x", env={TOKEN_FILE: INJECTED[TOKEN_FILE]}), ("fail", "error")),
        (Container(name="app", image="x", env={TOKEN_FILE: "/own/token"}), ("fail", "error")),
        (Container(name="app", image="x", env={TOKEN_FILE: ""}, blank=(TOKEN_FILE,)), ("fail", "error")),
        (container(AWS_CONTAINER_CREDENTIALS_FULL_URI="http://[fd00:ec2::23]/v1/credentials"), ("pass", "error")),
    ],
)
def test_variables_of_the_manifest(container: Container, expected: tuple[str, str]) -> None:
    assert answers(ID, healthy(pods=(pod(containers=(container,)),))) == [(*expected, WORKLOAD)]


def test_a_token_file_without_its_volume_is_a_warning() -> None:
    assert answers(ID, healthy(pods=(pod(volumes=()),))) == [("fail", "warn", WORKLOAD)]


def test_a_container_that_another_webhook_adds_needs_no_variables() -> None:
    for name, init in (("istio-proxy", False), ("metrics", False), ("istio-init", True)):
        added = Container(name=name, image="x", init=init)
        assert answers(ID, healthy(pods=(pod(containers=(container(), added)),))) == [("pass", "error", WORKLOAD)]
    # without its volume the pod was not injected, which other checks judge
    bare = pod(containers=(Container(name="app", image="x"),), volumes=())
    assert answers(ID, healthy(pods=(bare,))) == [("pass", "error", WORKLOAD)]


@table(
    ("volumes", "evidence"),
    [
        (("eks-pod-identity-token",), "container app lacks the volumeMount eks-pod-identity-token"),
        ((), f"container app sets {URI}, {TOKEN_FILE}"),
    ],
)
def test_a_token_without_a_mount_is_an_error(volumes: tuple[str, ...], evidence: str) -> None:
    """Another webhook removed the mount, or also the volume."""
    broken = healthy(pods=(pod(containers=(replace(container(), unmounted=True),), volumes=volumes),))
    assert answers(ID, broken) == [("fail", "error", WORKLOAD)]
    assert only(ID, broken).evidence == (evidence,)
