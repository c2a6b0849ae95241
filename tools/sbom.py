"""Writes the software bill of materials (CycloneDX, JSON) of a wheel with everything that pip installs for it.

Run: python tools/sbom.py dist/podid-0.2.0-py3-none-any.whl dist/podid-0.2.0.cdx.json. It needs the extra `build`.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    wheel, output = (Path(word).resolve() for word in sys.argv[1:3])
    with tempfile.TemporaryDirectory() as folder:
        # without pip, which is no part of podid
        venv.create(folder, with_pip=False)
        python = str(Path(folder) / "bin" / "python")
        install = ["--python", python, "install", "--constraint", str(ROOT / "constraints.txt"), str(wheel)]
        subprocess.run([sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *install], check=True)
        options = ["--pyproject", str(ROOT / "pyproject.toml"), "--output-reproducible", "--output-format", "JSON"]
        command = [sys.executable, "-m", "cyclonedx_py", "environment", *options, "--output-file", str(output), python]
        subprocess.run(command, check=True)
    document = identified(json.loads(output.read_text(encoding="utf-8")), wheel)
    output.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0


def identified(document: dict[str, Any], wheel: Path) -> dict[str, Any]:
    """Return the bill of materials with version and hash of the wheel: pyproject.toml, its source, has no version."""
    version = wheel.name.split("-")[1]
    hashes = [{"alg": "SHA-256", "content": hashlib.sha256(wheel.read_bytes()).hexdigest()}]
    component = document["metadata"]["component"]
    component = {**component, "version": version, "hashes": hashes, "purl": f"pkg:pypi/podid@{version}"}
    return {**document, "metadata": {**document["metadata"], "component": component}}


if __name__ == "__main__":
    sys.exit(main())
