"""Builds the binary with PyInstaller, and the archive of it: podid-VERSION-PLATFORM.tar.gz.

Run: make binary, or python tools/binary.py --output DIRECTORY. The build takes about a minute.
packaging/binary/podid.spec reads the lists of this file, which are derived from the package.
"""

import argparse
import ast
import gzip
import os
import platform
import re
import subprocess
import sys
import tarfile
import tempfile
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.utils import canonicalize_name

import packaged
from closure import licence_files, resolved

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "podid"
# podid demo and podid sandbox require the extra of that name, which the binary does not have
LEFT_OUT = ("sandbox",)
# symbols of the shared libraries
STRIPPED = sys.platform == "linux"
# botocore itself calls these services to get credentials
SIGN_IN = ("signin", "sso", "sso-oidc", "sts")
# podid reads Kubernetes' JSON without the classes of kubernetes; rich can colour source code
UNUSED = ("kubernetes.client.models.", "kubernetes.client.api.", "pygments.lexers.", "pygments.styles.")
_MODEL = re.compile(r"(?P<service>[^/]+)/(?P<version>\d{4}-\d{2}-\d{2})/(?!examples)")


def modules() -> list[str]:
    """Return every module of podid that the binary contains: podid imports most of them by name."""
    names = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        if len(parts) < 2 or parts[1] not in LEFT_OUT:
            names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return names


def data_files() -> list[tuple[str, str]]:
    """Return the files of the package that are not code, and the schemas, each with its folder in the binary."""
    paths = (path for path in sorted(PACKAGE.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
    others = (path for path in paths if path.suffix not in {".py", ".pyc"})
    files = [
        (str(path), path.parent.relative_to(PACKAGE.parent).as_posix())
        for path in others
        if path.relative_to(PACKAGE).parts[0] not in LEFT_OUT
    ]
    return [*files, *((str(path), folder) for path, folder in packaged.schemas())]


def excluded() -> list[str]:
    """Return the modules that podid does not require, but that are installed beside it. A library that can use them
    would bring them into the binary."""
    required = {canonicalize_name(item.name) for item in resolved()}
    beside = packages_distributions().items()
    names = [name for name, owners in beside if not required & {canonicalize_name(owner) for owner in owners}]
    return [*sorted(names), "tkinter"]


@cache
def services() -> frozenset[str]:
    """Return the AWS services that podid makes clients for, in botocore's names, and those that botocore signs in
    with."""
    named = set(SIGN_IN)
    for path in (PACKAGE / "aws").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(attr="_api" | "_build"), args=[ast.Constant(value=str(name)), *_]):
                    named.add(name)
                case ast.Call(func=ast.Name(id="_Client"), args=[_, ast.Constant(value=str(name)), *_]):
                    named.add(name)
    return frozenset(named)


def is_kept(name: str) -> bool:
    """Return whether the binary contains a file of a library, code or data. Of boto3 and botocore it contains the
    models of the services, in their newest version; they would be two thirds of its size."""
    if name.endswith(".pyc"):
        return name.endswith("__init__.pyc") or not name.replace(os.sep, ".").startswith(UNUSED)
    folder, _, rest = name.replace(os.sep, "/").partition("/data/")
    if folder == "boto3":
        return False
    if folder != "botocore" or "/" not in rest:
        return True
    model = _MODEL.match(rest)
    return model is not None and model["service"] in services() and model["version"] == _newest(model["service"])


@cache
def _newest(service: str) -> str:
    import botocore

    return max(path.name for path in (Path(botocore.__file__).parent / "data" / service).iterdir())


def version() -> str:
    text = (PACKAGE / "version.py").read_text(encoding="utf-8")
    return text.split('VERSION = "')[1].partition('"')[0]


def platform_name() -> str:
    """Return system and architecture in Go's names, as krew and container images use them."""
    machine = platform.machine().lower()
    return f"{platform.system().lower()}-{ {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(machine, machine) }"


def build(place: Path) -> Path:
    """Return the folder of the binary."""
    options = ("--noconfirm", "--clean", "--log-level=WARN", f"--distpath={place}", f"--workpath={place / 'work'}")
    spec = ROOT / "packaging" / "binary" / "podid.spec"
    subprocess.run([sys.executable, "-m", "PyInstaller", *options, str(spec)], check=True, cwd=place)
    folder = place / "podid"
    (folder / "LICENSE").write_bytes((ROOT / "LICENSE").read_bytes())
    (folder / "THIRD-PARTY-LICENSES").write_text(licences(), encoding="utf-8")
    return folder


def licences() -> str:
    """Return the licences of Python and of the libraries in the binary."""
    texts = [(f"Python {platform.python_version()}", _licence_of_python())]
    for item in resolved():
        if item.name != "podid":
            metadata = item.metadata.json
            named = str(metadata.get("license_expression") or metadata.get("license") or "")
            files = [path.read_text(encoding="utf-8", errors="replace") for path in licence_files(item)]
            texts.append((f"{item.name} {item.version}", "\n".join(files or [named])))
    return "".join(f"{title}\n{'=' * len(title)}\n\n{text.strip()}\n\n\n" for title, text in texts)


def _licence_of_python() -> str:
    import sysconfig

    places = (Path(sysconfig.get_path("stdlib")) / "LICENSE.txt", Path("/usr/share/doc/python3/copyright"))
    return next((path.read_text(encoding="utf-8") for path in places if path.is_file()), "PSF-2.0")


def pack(folder: Path, archive: Path, top: str) -> None:
    """Write the archive. Equal folders give equal archives: owners, times and order are not those of this machine."""
    when = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        entry.mtime = when
        entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
        return entry

    with (
        archive.open("wb") as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=when) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        for path in sorted(folder.rglob("*")):
            tar.add(path, f"{top}/{path.relative_to(folder)}", recursive=False, filter=plain)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default=ROOT / "dist", help="folder of the archive")
    output: Path = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    top = f"podid-{version()}"
    archive = output / f"{top}-{platform_name()}.tar.gz"
    with tempfile.TemporaryDirectory() as place:
        pack(build(Path(place)), archive, top)
    print(archive)
    return 0


if __name__ == "__main__":
    sys.exit(main())
