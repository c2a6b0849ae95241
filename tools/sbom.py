"""Writes the software bill of materials (CycloneDX, JSON) of a wheel with everything that pip installs for it.

Run: python tools/sbom.py dist/podid-0.2.0-py3-none-any.whl dist/podid-0.2.0.cdx.json. It needs the extra `build`.
"""

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

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
    return 0


if __name__ == "__main__":
    sys.exit(main())
