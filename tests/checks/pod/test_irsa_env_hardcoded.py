from checks.builder import NO_PODS, ROLE_ARN, healthy, pod, with_env
from checks.containers import container, sourced
from checks.grid import WORKLOAD, answers, only
from harness import table
from podid.domain.cluster import Container, EnvSource, Mount
from podid.domain.snapshot import Known
from podid.domain.workloads import IRSA_ENV as IRSA

ID = "irsa-env-hardcoded"
FAILS = with_env(AWS_WEB_IDENTITY_TOKEN_FILE="/t", AWS_ROLE_ARN=ROLE_ARN)
UNKNOWN = NO_PODS
FINDINGS = [("fail", "error", "Deployment shop/orders")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]


ROLE, ETC = "AWS_ROLE_ARN", Mount("/etc/aws", "configMap", "aws")


@table(
    ("container", "expected"),
    [
        (sourced(blank=(ROLE, IRSA), env={ROLE: "", IRSA: ""}), ("pass", "error")),
        # its value comes from another object
        (sourced(env={IRSA: ""}), ("fail", "error")),
        (container(AWS_ROLE_ARN="arn:aws:iam::1:role/x"), ("fail", "info")),
    ],
)
def test_variables_of_irsa(container: Container, expected: tuple[str, str]) -> None:
    assert answers(ID, healthy(pods=(pod(containers=(container,)),))) == [(*expected, WORKLOAD)]


def test_variables_of_a_config_map() -> None:
    keys = {("shop", "settings"): Known({IRSA: "", ROLE: ""})}
    by_map = sourced(EnvSource("ConfigMap", "settings"))
    verdict = only(ID, healthy(pods=(pod(containers=(by_map,)),), config_map_keys=keys))
    assert (verdict.outcome, verdict.severity) == ("fail", "error")
    assert verdict.evidence == (
        f"container app sets {ROLE} (from ConfigMap settings), {IRSA} (from ConfigMap settings)",
    )
    assert verdict.fix is not None
    # kubectl set env does not change a ConfigMap
    assert verdict.fix.commands == ()
