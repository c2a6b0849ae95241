"""Link 4: which credentials an SDK in the pod would take, and what takes nothing away."""

from dataclasses import replace

import pytest

from podid.domain.model import Container

from .builder import INJECTED, healthy, pod
from .grid import answers, only

KEYS = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
ID, SUBJECT = "static-aws-keys-shadow", "Deployment shop/orders"


def box(name: str, init: bool = False, **env: str) -> Container:
    return Container(name=name, image="example/app:1", init=init, env={**INJECTED, **env}, ready=True)


@pytest.mark.parametrize(
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
    assert verdict.message == "an SDK in it takes the access keys of its own environment, not Pod Identity"
    assert verdict.evidence == ("container app sets AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY",)
    assert verdict.fix is not None
    (command,) = verdict.fix.commands
    assert command[3:] == ("set", "env", "deployment/orders", "AWS_ACCESS_KEY_ID-", "AWS_SECRET_ACCESS_KEY-")
