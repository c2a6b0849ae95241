"""Reports in the formats of other programs, on stdout and in files."""

import json
from pathlib import Path

from harness import Podid
from podid.render.formats import Report
from worlds import Site


def test_formats_on_stdout(shared: Site) -> None:
    """Code scanning replaces the results of an earlier upload of the same category."""
    for form in Report:
        for command in ("doctor", "audit"):
            outcome = shared(command, "-o", form)
            assert (outcome.code, outcome.stderr) == (0, "")
            assert (f"podid/{command}/111122223333/" if form == "sarif" else f"podid {command}") in outcome.stdout
            assert outcome.stdout.endswith("\n")


def test_formats_are_for_reports() -> None:
    for form in Report:
        owners = "podid doctor, podid audit and podid graph" if form == "html" else "podid doctor and podid audit"
        for argv, words in (
            (("list",), f"Only {owners} support the output format {form}."),
            (("doctor", "--list"), " is only for reports: omit -o, or use -o json."),
            (("doctor", "--query", "summary"), f"--query cannot be combined with -o {form}"),
        ):
            outcome = Podid()(*argv, "-o", form)
            assert (outcome.code, outcome.stdout, words in outcome.stderr) == (2, "", True), outcome


def test_a_runner_obeys_the_report_and_nothing_else(shared: Site) -> None:
    """Lines that begin with "::" are commands of GitHub's runners."""
    shared.box.world.credentials.deny("iam:GetRole")
    variables = {"GITHUB_ACTIONS": "true"}
    outcome = shared("doctor", "-o", "github", env=variables)
    assert (outcome.code, "::warning title=not checked::" in outcome.stdout) == (9, True)
    assert not any(line.startswith("::") for line in shared("doctor", env=variables).stdout.splitlines())


def test_files_beside_the_report(shared: Site, tmp_path: Path) -> None:
    files = [tmp_path / f"r.{suffix}" for suffix in ("json", "sarif", "md")]
    options = [word for file in files for word in ("--report", str(file))]
    for command in ("doctor", "audit"):
        outcome = shared(command, *options, "--force", "-o", "json")
        assert (outcome.code, outcome.stderr) == (0, "")
        document, sarif, text = (file.read_text() for file in files)
        assert document == outcome.stdout
        whole = f"podid/{command}/111122223333/us-west-2/demo/"
        assert json.loads(sarif)["runs"][0]["automationDetails"]["id"] == whole
        part = shared(command, "-n", "shop", "-o", "sarif").json["runs"][0]["automationDetails"]["id"]
        assert (part.startswith(whole), part == whole) == (True, False)
        assert text.startswith(f"# podid {command}: demo\n")
    again = shared("doctor", *options)
    assert (again.code, again.stdout) == (2, "")
    assert "--force" in again.stderr


def test_a_file_without_a_format_is_refused_before_the_cluster_is_read() -> None:
    for command in ("doctor", "audit"):
        outcome = Podid()(command, "--report", "r.txt")
        assert (outcome.code, outcome.stdout) == (2, "")
        assert "--report r.txt: the name must end in .json" in outcome.stderr


def test_html_is_for_one_cluster() -> None:
    for options, words in ((("-o", "html"), "-o html"), (("--report", "r.html"), "--report r.html")):
        outcome = Podid()("audit", "--region", "us-west-2", "--cluster", "demo", "--cluster", "blue", *options)
        assert (outcome.code, outcome.stdout) == (2, "")
        assert f"{words} cannot be used with several clusters" in outcome.stderr


def test_a_default_format_that_the_options_exclude_has_no_effect(shared: Site) -> None:
    def table(*argv: str, output: str) -> bool:
        usual, changed = shared(*argv), shared(*argv, env={"PODID_OUTPUT": output})
        return (changed.code, changed.stdout) == (usual.code, usual.stdout)

    assert table("doctor", "--me", output="sarif")
    assert table("doctor", "--list-checks", output="html")
    assert table("audit", "--all-clusters", "--skip", "agent-outdated", output="html")
    assert table("list", "--query", "items[].namespace", output="csv")
    assert table("doctor", "--query", "summary", output="sarif")
