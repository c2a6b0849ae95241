"""The credentials that an SDK in a container uses."""

from dataclasses import replace

from checks.builder import DENIED, INJECTED, pod
from checks.containers import KEYS, URI, container, sourced
from harness import table
from podid.domain.cluster import Container, EnvSource, Mount
from podid.domain.snapshot import Known
from podid.domain.status import CredentialSource
from podid.domain.workloads import IRSA_ENV
from podid.facts.credentials import ConfigMapKeys, brought, main_use, uses_of

NO_MAPS: ConfigMapKeys = Known({})
MAP = EnvSource("ConfigMap", "settings", "AWS_")


@table(
    ("item", "uses", "certain"),
    [
        (container(), CredentialSource.POD_IDENTITY, True),
        (container(**KEYS), CredentialSource.STATIC_KEYS, True),
        (container(**{IRSA_ENV: "/token", "AWS_ROLE_ARN": "arn:aws:iam::1:role/x"}), CredentialSource.IRSA, True),
        # one variable of IRSA is not enough
        (container(**{IRSA_ENV: "/token"}), CredentialSource.POD_IDENTITY, True),
        (container(AWS_CONTAINER_CREDENTIALS_RELATIVE_URI="/v2"), CredentialSource.OTHER_ENDPOINT, True),
        (container(**{URI: "http://localhost:9911"}), CredentialSource.OTHER_ENDPOINT, True),
        # podid does not read the files of profiles
        (container(AWS_PROFILE="dev"), CredentialSource.POD_IDENTITY, False),
        (container(AWS_PROFILE="default"), CredentialSource.POD_IDENTITY, True),
        (sourced(mounts=(Mount("/root/.aws", "secret", "aws"),)), CredentialSource.POD_IDENTITY, False),
        (sourced(EnvSource("Secret", "keys")), CredentialSource.POD_IDENTITY, False),
        (Container(name="app", image="x", env={}), CredentialSource.NODE_ROLE, False),
        (Container(name="app", image="x", env={"AWS_EC2_METADATA_DISABLED": "True"}), CredentialSource.NONE, True),
    ],
)
def test_the_first_source_that_gives_credentials(item: Container, uses: CredentialSource, certain: bool) -> None:
    use = main_use(pod(containers=(item,)), NO_MAPS)
    assert use is not None
    assert use.uses is uses
    assert use.certain is certain


def test_variables_of_a_config_map() -> None:
    maps: ConfigMapKeys = Known({("shop", "settings"): Known({"REGION": "eu-west-1", "PROFILE": "dev"})})
    item = sourced(MAP, blank=("AWS_PROFILE",))
    variables = brought(maps, pod(), item)
    assert variables.names == {"AWS_REGION": "ConfigMap settings", **dict.fromkeys(INJECTED, "env")}
    assert variables.values["AWS_REGION"] == "eu-west-1"
    assert variables.named("AWS_REGION", URI, "AWS_PROFILE") == ("AWS_REGION (from ConfigMap settings)", URI)
    assert brought(Known({("shop", "settings"): Known(None)}), pod(), item).unseen == ()
    assert brought(DENIED, pod(), item).unseen == (("ConfigMap settings", DENIED),)


def test_init_containers_come_last() -> None:
    init = replace(container("migrate", **KEYS), init=True)
    uses = uses_of(pod(containers=(init, container())), NO_MAPS)
    assert [(use.container, use.init, use.uses) for use in uses] == [
        ("app", False, CredentialSource.POD_IDENTITY),
        ("migrate", True, CredentialSource.STATIC_KEYS),
    ]
    assert main_use(pod(containers=()), NO_MAPS) is None
