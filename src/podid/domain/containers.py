"""What a container is given from elsewhere: variables from objects, and files."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EnvSource:
    """A ConfigMap or Secret (`kind`) whose keys all become variables, with `prefix` before their names."""

    kind: str
    name: str
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Mount:
    """Where a volume is seen in a container; `kind` is the volume's in Kubernetes' words (secret, hostPath), `source`
    the object that it shows, where it is one."""

    path: str
    kind: str
    source: str = ""

    def covers(self, file: str) -> bool:
        return bool(file) and (file == self.path or file.startswith(f"{self.path}/"))


def name_and_tag(image: str) -> tuple[str, str]:
    """The last part of an image's repository, and its tag, which may be empty: a digest says nothing of a version."""
    name, _, tag = image.partition("@")[0].rpartition("/")[2].partition(":")
    return name, tag
