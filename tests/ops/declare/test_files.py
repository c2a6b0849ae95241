"""Files of declarations: documents, directories and variables."""

from pathlib import Path

import pytest

from harness import table
from ops.declare.broken import HEAD, ROLE
from ops.declare.worlds import VARIABLES, Read
from podid.domain.errors import InvalidInput, PodidError, UsageError
from podid.ops.declare.files import read_variables


def test_all_mistakes_are_reported_together_in_the_order_of_the_file(read: Read) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(HEAD + "rolls: []\nassociations:\n- serviceAccount: orders\n  role: a b\n- {}\n")
    lines = [caught.value.message, *caught.value.lines]
    assert [line.split(": ")[0] for line in lines] == [
        *("x.yaml:4:1", "x.yaml:6:19", "x.yaml:7:9", "x.yaml:8:3", "x.yaml:8:3")
    ]


def test_a_value_of_a_variable_is_data(read: Read) -> None:
    (declaration,) = read(ROLE + "  description: ${TRICKY}\n")
    assert declaration.roles[0].description == VARIABLES["TRICKY"]


def test_the_environment_is_no_source_of_variables(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "x")
    with pytest.raises(InvalidInput, match="variable SECRET has no value"):
        read(ROLE + "  description: ${SECRET}\n")


def test_json_text_with_characters_beyond_the_first_plane(read: Read) -> None:
    guard = '"guard": {"requiredTags": {"a": "%s"}}'
    text = f'{{"apiVersion": "podid/v1", "kind": "PodIdentity", "metadata": {{"name": "a"}}, {guard}}}'
    (declaration,) = read(text % "\\ud83d\\ude00")
    assert declaration.guard is not None
    assert declaration.guard.required_tags == {"a": "\U0001f600"}
    with pytest.raises(InvalidInput, match=r"x.yaml:1:\d+: .*invalid Unicode character"):
        read(text % "\\ud83d")


def test_documents_files_and_directories(read: Read) -> None:
    Path("more").mkdir()
    for name in ("b.yml", "a.yaml", "c.json.txt"):
        Path(f"more/{name}").write_text(HEAD.replace("shop", name[0]))
    declarations = read(HEAD + "---\n---\n" + HEAD.replace("shop", "web"), "x.yaml", "more", "x.yaml")
    assert [item.name for item in declarations] == ["shop", "web", "a", "b"]
    assert str(declarations[1].at) == "x.yaml:6:1"


def test_two_documents_need_two_names(read: Read) -> None:
    with pytest.raises(InvalidInput, match=r"x.yaml:7:18: metadata.name: the name shop is already used at x.yaml:3:18"):
        read(HEAD + "---\n" + HEAD)


def test_a_directory_without_files_and_an_empty_file(read: Read) -> None:
    Path("empty").mkdir()
    with pytest.raises(UsageError, match="a directory without files"):
        read("", "empty")
    with pytest.raises(InvalidInput, match="no document of kind PodIdentity"):
        read("# nothing\n")


def test_a_large_file_is_refused(read: Read) -> None:
    with pytest.raises(InvalidInput, match="larger than 1 MiB"):
        read(HEAD + "# " + "a" * 1024 * 1024)


def variables(*texts: str, file: str = "") -> dict[str, str]:
    return read_variables(texts, ("v.yaml",) if file else (), read_file=lambda _: file)


def test_variables_of_options_and_files() -> None:
    assert variables("A=1=2", "B=", file="A: x\nC: 12\nD: true\nE: 'no'\n") == {
        "A": "1=2",
        "B": "",
        "C": "12",
        "D": "true",
        "E": "no",
    }


@table(
    ("texts", "file", "message"),
    [
        (("A",), "", "--var 'A' is not NAME=VALUE"),
        (("=a",), "", "--var is empty"),
        ((), "A: no\n", "v.yaml:1:4: A: must be text"),
        ((), "a-b: c\n", "v.yaml:1:6: a-b: is not the name of a variable"),
        ((), "- a\n", "v.yaml:1:1: must be an object"),
        ((), "A: [b]\n", "v.yaml:1:4: A: must be text, not a list"),
    ],
)
def test_variables_that_cannot_be_read(texts: tuple[str, ...], file: str, message: str) -> None:
    with pytest.raises(PodidError) as caught:
        variables(*texts, file=file)
    assert caught.value.message.startswith(message)


def test_a_key_of_a_variable_that_is_no_text_is_one_mistake() -> None:
    with pytest.raises(InvalidInput) as caught:
        variables(file="1: a\nB: c\n")
    assert caught.value.lines == ()
    assert caught.value.message.startswith("v.yaml:1:1: a key must be text")
