"""Carries out the Containerfile without a container engine, in a root file system on this machine, and runs the image.

Run as root: python tools/container.py --base ROOT, where ROOT is a folder with a Debian root file system and Python 3,
such as of `debootstrap --include=python3,python3-venv,python3-pip,ca-certificates`. Each stage is a copy of a folder,
RUN runs in it by chroot, and the result runs as the image's user, in namespaces of its own with a read-only root.
Layers, image formats and other architectures are not checked.
"""

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONTAINERFILE = ROOT / "Containerfile"
DIGEST = f"base@sha256:{'0' * 64}"


@dataclass(frozen=True, slots=True)
class Instruction:
    name: str
    text: str

    @property
    def words(self) -> list[str]:
        """Return the arguments without the flags."""
        return [word for word in shlex.split(self.text) if not word.startswith("--")]

    @property
    def flags(self) -> dict[str, str]:
        pairs = (word.partition("=") for word in shlex.split(self.text) if word.startswith("--"))
        return {name.lstrip("-"): value for name, _, value in pairs}


@dataclass(slots=True)
class Stage:
    """`source` is the image or stage that it begins from."""

    source: str
    name: str
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, name: str) -> list[Instruction]:
        return [item for item in self.instructions if item.name == name]

    def one(self, name: str) -> Instruction:
        (item,) = self.all(name)
        return item

    @property
    def env(self) -> dict[str, str]:
        return dict(word.split("=", 1) for item in self.all("ENV") for word in item.words)


def stages(text: str) -> tuple[list[Instruction], list[Stage]]:
    """Return the instructions before the first stage, and the stages."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    before: list[Instruction] = []
    result: list[Stage] = []
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        name, _, rest = line.partition(" ")
        if name == "FROM":
            source, *alias = re.split(r"\s+AS\s+", rest)
            result.append(Stage(source.replace("${BASE}", "BASE"), alias[0] if alias else ""))
        else:
            (result[-1].instructions if result else before).append(Instruction(name, rest.strip()))
    return before, result


def build(base: Path, place: Path, context: Path) -> Path:
    """Return the folder of the last stage."""
    folders: dict[str, Path] = {}
    for number, stage in enumerate(stages(CONTAINERFILE.read_text(encoding="utf-8"))[1]):
        folder = place / (stage.name or f"stage-{number}")
        if stage.source == "scratch":
            folder.mkdir()
        else:
            copy(f"{base}/.", folder)
        for item in stage.instructions:
            if item.name == "COPY":
                *sources, target = item.words
                origin = folders[item.flags["from"]] if "from" in item.flags else context
                for source in sources:
                    for path in sorted(origin.glob(source.lstrip("/"))) if source != "/" else [f"{origin}/."]:
                        copy(path, folder / target.lstrip("/"), into="from" not in item.flags)
            elif item.name == "RUN":
                chroot(folder, ["/bin/sh", "-c", item.text])
        folders[stage.name] = folder
    return folder


def copy(source: object, target: Path, *, into: bool = False) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if into:
        target.mkdir(exist_ok=True)
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)


def chroot(folder: Path, command: Sequence[str]) -> None:
    """Run the command of a RUN as root, with the settings that this machine's pip has."""
    settings = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "HTTP", "http"))}
    env = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/root", "BASE": DIGEST, **settings}
    shared = [Path(name) for name in ("/etc/resolv.conf", "/etc/pip.conf", "/etc/ssl/certs/ca-certificates.crt")]
    mounts = [f"mount --bind /dev {folder}/dev && mount -t proc proc {folder}/proc"]
    for path in (path for path in shared if path.exists()):
        inside = folder / path.relative_to("/")
        inside.parent.mkdir(parents=True, exist_ok=True)
        inside.touch()
        mounts.append(f"mount --bind {path} {inside}")
    script = f"{' && '.join(mounts)} && exec chroot {folder} {shlex.join(command)}"
    subprocess.run(["unshare", "--mount", "sh", "-c", script], check=True, env=env)


def run(
    image: Path, arguments: Sequence[str], env: Mapping[str, str], *, entrypoint: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Run the image as a container engine does with --read-only and --tmpfs /tmp, without its own network."""
    stage = stages(CONTAINERFILE.read_text(encoding="utf-8"))[1][-1]
    user, _, group = stage.one("USER").text.partition(":")
    command = [*(entrypoint or json.loads(stage.one("ENTRYPOINT").text)), *arguments]
    mounts = [
        f"mount --bind {image} {image}",
        f"mount -o remount,bind,ro {image}",
        f"mount -t proc proc {image}/proc",
        f"mount --bind /dev {image}/dev",
        f"mount -t tmpfs -o mode=1777 tmpfs {image / 'tmp'}",
    ]
    inside = shlex.join(["sh", "-c", f"cd {stage.one('WORKDIR').text} && exec {shlex.join(command)}"])
    enter = f"setpriv --no-new-privs {shutil.which('chroot')} --userspec={user}:{group} --groups= {image}"
    script = f"{' && '.join(mounts)} && exec {enter} {inside}"
    return subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "sh", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env={**stage.env, **env},
    )


# what the image must answer: entry point or nothing, arguments, exit code, words of the output
ANSWERS: tuple[tuple[tuple[str, ...], tuple[str, ...], int, str], ...] = (
    ((), ("--version",), 0, "podid "),
    ((), ("explain", "agent-not-installed"), 0, "agent-not-installed"),
    (("/opt/podid/bin/python3", "-c"), ("import os; print(os.getuid(), os.getgid())",), 0, "65532 65532"),
    (("/opt/podid/bin/python3", "-c"), ("open('/etc/new', 'w')",), 1, "Read-only file system"),
    (("/opt/podid/bin/python3", "-c"), ("open('/tmp/new', 'w').write('x')",), 0, ""),
    (("/opt/podid/bin/python3", "-c"), ("import pip",), 1, "No module named 'pip'"),
    (("/bin/sh", "-c"), ("command -v pip pip3 apt apt-get dpkg",), 127, ""),
    (("/bin/sh", "-c"), ("find / -xdev -perm /6000 -type f 2>/dev/null | grep .",), 1, ""),
    (("/bin/sh", "-c"), ("test -s /var/lib/dpkg/status",), 0, ""),
)
DECLARATION = """\
apiVersion: podid/v1
kind: PodIdentity
metadata:
  name: shop
clusters:
- demo
roles:
- name: shop-orders
associations:
- serviceAccount: shop/orders
  role: shop-orders
"""
# on the sandbox, as in a cluster: without a kubeconfig
ONLINE: tuple[tuple[tuple[str, ...], int, str], ...] = (
    (("doctor", "--cluster", "demo"), 3, "agent-not-installed"),
    (("reconcile", "--file", "/etc/podid", "--cluster", "demo", "--once"), 3, "drift"),
    (("reconcile", "--file", "/etc/podid", "--cluster", "demo", "--once", "--apply"), 0, "applied"),
    (("list", "--cluster", "demo"), 0, "shop-orders"),
)


def check(image: Path, place: Path) -> list[str]:
    """Return the wrong answers."""
    wrong = []

    def expect(done: subprocess.CompletedProcess[str], words: object, code: int, text: str) -> None:
        if done.returncode != code or text not in done.stdout + done.stderr:
            wrong.append(f"{words}: exit {done.returncode}, expected {code} and {text!r}\n{done.stdout}{done.stderr}")

    for entrypoint, arguments, code, text in ANSWERS:
        expect(run(image, arguments, {}, entrypoint=entrypoint), arguments, code, text)
    own = [sys.executable, "-P", "-m", "podid", "sandbox"]
    home = {**os.environ, "HOME": str(place), "XDG_STATE_HOME": str(place / "state")}
    subprocess.run([*own, "start", "--samples"], check=True, env=home, stdout=subprocess.DEVNULL)
    try:
        answer = subprocess.run([*own, "env", "-o", "json"], check=True, env=home, capture_output=True)
        env = {name: value for name, value in json.loads(answer.stdout)["export"].items() if name != "KUBECONFIG"}
        for arguments, code, text in ONLINE:
            expect(run(image, arguments, env), arguments, code, text)
    finally:
        subprocess.run([*own, "stop"], check=True, env=home, stdout=subprocess.DEVNULL)
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--base", type=Path, required=True, help="folder of the root file system")
    base = parser.parse_args().base.resolve()
    with tempfile.TemporaryDirectory() as folder:
        place, context = Path(folder), Path(folder) / "context"
        (context / "dist").mkdir(parents=True)
        shutil.copy(ROOT / "constraints.txt", context)
        wheel = ["wheel", "--quiet", "--no-deps", "--wheel-dir", str(context / "dist"), str(ROOT)]
        subprocess.run([sys.executable, "-m", "pip", *wheel], check=True)
        image = build(base, place, context)
        (image / "etc" / "podid").mkdir()
        (image / "etc" / "podid" / "shop.yaml").write_text(DECLARATION, encoding="utf-8")
        wrong = check(image, place)
    print("\n".join(wrong) or "The image answers as it should.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
