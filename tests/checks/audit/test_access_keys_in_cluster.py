from dataclasses import replace

from checks.builder import DENIED, healthy
from checks.grid import answers, outcomes
from podid.domain.findings import Subject

from .worlds import KEY

ID = "access-keys-in-cluster"
FAILS = healthy(access_keys=(KEY,))
UNKNOWN = healthy(access_keys=DENIED)
FINDINGS = [("fail", "warn", "ConfigMap shop/settings")]
UNKNOWNS = [("unknown", "warn", "Cluster prod")]


def test_secrets_that_cannot_be_read() -> None:
    assert outcomes(ID, healthy(secret_keys=DENIED)) == {"unknown", "pass"}
    both = healthy(access_keys=(KEY,), secret_keys=(replace(KEY, subject=Subject("Secret", "s", "shop")),))
    assert len(answers(ID, both)) == 2
