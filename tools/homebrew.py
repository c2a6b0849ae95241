"""Writes a Homebrew formula for podid and the distributions that are installed beside it.

Run in an environment with podid: python tools/homebrew.py dist/podid-0.2.0.tar.gz --url URL > podid.rb. The addresses
of the source archives come from the package index that pip uses, or from --index.
"""

import argparse
import hashlib
import json
import sys
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename

from closure import resolved

# PEP 691
_JSON = "application/vnd.pypi.simple.v1+json"
PYTHON = "python@3.13"
# their source archives contain Rust
RUST = {"pydantic-core", "rpds-py"}
Page = Mapping[str, Any]


class NoSource(Exception):
    pass


def source_of(page: Page, name: str, version: str) -> tuple[str, str]:
    """Return address and SHA-256 of a version's source archive, by the page of the index; of its wheel for every
    platform, which Homebrew installs too, if there is no source archive. Raise NoSource."""
    choice: dict[str, Mapping[str, Any]] = {}
    for file in page["files"]:
        form, number = _form_and_version(file["filename"])
        if form and number == version and "sha256" in file["hashes"] and not file.get("yanked"):
            choice.setdefault(form, file)
    for form in ("sdist", "wheel"):
        if form in choice:
            return choice[form]["url"], choice[form]["hashes"]["sha256"]
    raise NoSource(f"the package index has no source archive of {name} {version}")


def _form_and_version(filename: str) -> tuple[str, str]:
    try:
        if filename.endswith((".tar.gz", ".zip")):
            return "sdist", str(parse_sdist_filename(filename)[1])
        if filename.endswith("-py3-none-any.whl"):
            return "wheel", str(parse_wheel_filename(filename)[1])
    except ValueError:  # names of former times
        pass
    return "", ""


def formula(items: Sequence[Distribution], page_of: Callable[[str], Page], url: str, sha256: str) -> str:
    """Return the formula. `items` are podid's dependencies, `url` is the address of podid's own source archive."""
    resources = []
    for item in items:
        address, digest = source_of(page_of(canonicalize_name(item.name)), item.name, item.version)
        resources.append(
            f'  resource "{canonicalize_name(item.name)}" do\n    url "{address}"\n    sha256 "{digest}"\n  end\n'
        )
    compiled = RUST & {canonicalize_name(item.name) for item in items}
    needs = ['  depends_on "rust" => :build\n'] if compiled else []
    return "".join(
        (
            "class Podid < Formula\n",
            "  include Language::Python::Virtualenv\n\n",
            '  desc "Set up and verify Amazon EKS Pod Identity"\n',
            '  homepage "https://github.com/podid/podid"\n',
            f'  url "{url}"\n',
            f'  sha256 "{sha256}"\n',
            '  license "Apache-2.0"\n\n',
            *needs,
            '  depends_on "libyaml"\n',
            f'  depends_on "{PYTHON}"\n\n',
            "\n".join(resources),
            "\n  def install\n",
            "    virtualenv_install_with_resources\n",
            '    generate_completions_from_executable(bin/"podid", "completion")\n',
            "  end\n\n",
            "  test do\n",
            '    assert_match version.to_s, shell_output("#{bin}/podid --version")\n',
            '    assert_match "agent-not-installed", shell_output("#{bin}/podid explain agent-not-installed")\n',
            "  end\n",
            "end\n",
        )
    )


def index_of_pip() -> str:
    """Return the index that pip uses: of its configuration, else its own default."""
    from pip._internal.configuration import Configuration
    from pip._internal.models.index import PyPI

    settings = Configuration(isolated=False)
    settings.load()
    known = dict(settings.items())
    flat = {key: value for values in known.values() if isinstance(values, dict) for key, value in values.items()}
    for name in (":env:.index-url", "install.index-url", "global.index-url"):
        value = flat.get(name) or known.get(name)
        if isinstance(value, str) and value:
            return value
    return str(PyPI.simple_url)


def read_page(index: str, name: str) -> Page:
    request = urllib.request.Request(f"{index.rstrip('/')}/{name}/", headers={"Accept": _JSON})  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310  the index of pip
        page: Page = json.load(answer)
    return page


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("archive", type=Path, help="podid's source archive")
    parser.add_argument("--url", required=True, help="the address from which Homebrew gets it")
    parser.add_argument("--index", help="the package index, in the form of PEP 691")
    given = parser.parse_args()
    index = given.index or index_of_pip()
    digest = hashlib.sha256(given.archive.read_bytes()).hexdigest()
    items = [item for item in resolved() if item.name != "podid"]
    try:
        sys.stdout.write(formula(items, lambda name: read_page(index, name), given.url, digest))
    except NoSource as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
