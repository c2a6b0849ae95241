"""Exit codes of several results, and command lines that errors suggest."""

from harness import table
from podid.domain import errors
from podid.domain.errors import (
    MEANING,
    Again,
    ConnectionLost,
    ExitCode,
    LostAnswer,
    NotFound,
    Other,
    PodidError,
    combine,
)


def test_every_exit_code_has_a_meaning() -> None:
    assert set(MEANING) == set(ExitCode)


@table(
    ("codes", "expected"),
    [
        (set(), ExitCode.OK),
        ({ExitCode.OK}, ExitCode.OK),
        ({ExitCode.OK, ExitCode.ATTENTION, ExitCode.UNDETERMINED}, ExitCode.ATTENTION),
        ({ExitCode.PARTIAL, ExitCode.ATTENTION}, ExitCode.PARTIAL),
        ({ExitCode.PARTIAL, ExitCode.ATTENTION, ExitCode.UNDETERMINED}, ExitCode.PARTIAL),
        ({ExitCode.UNDETERMINED, ExitCode.OK}, ExitCode.UNDETERMINED),
        ({ExitCode.DENIED, ExitCode.NOT_FOUND}, ExitCode.NOT_FOUND),
        ({ExitCode.UNDETERMINED, ExitCode.UNAVAILABLE}, ExitCode.UNDETERMINED),
        ({ExitCode.DENIED, ExitCode.UNAVAILABLE}, ExitCode.UNAVAILABLE),
    ],
)
def test_the_exit_code_of_several_results(codes: set[ExitCode], expected: ExitCode) -> None:
    assert combine(codes) is expected


@table(
    ("hint", "argv", "expected"),
    [
        (Again(add=("--yes",)), ("restart", "a/b"), ("podid", "restart", "a/b", "--yes")),
        # names alone follow a --
        (Again(add=("--yes",)), ("restart", "--", "-a"), ("podid", "restart", "--yes", "--", "-a")),
        (Again(swap=("a", "b")), ("role", "show", "a"), ("podid", "role", "show", "b")),
        (Again(swap=("a", "b")), ("list", "--role=a"), ("podid", "list", "--role=b")),
        (Again(swap=("--rol", "--role")), ("list", "--rol=a"), ("podid", "list", "--role=a")),
        (Again(swap=("shp", "shop")), ("list", "-nshp"), ("podid", "list", "-nshop")),
        (Again(swap=("none", "b")), ("list", "a"), ()),
    ],
)
def test_the_same_command_line_with_a_change(hint: Again, argv: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert hint.of(argv) == expected


def test_the_name_of_the_command_is_never_replaced() -> None:
    assert Again(swap=("role", "rolle")).of(("role", "show", "role"), path=2) == ("podid", "role", "show", "rolle")


def test_a_guessed_word_loses_consent() -> None:
    def unconsented(word: str) -> str:
        return "" if word in ("--yes", "-y") else word

    again = Again(swap=("shp", "shop"))
    assert again.of(("restart", "shp", "-y"), unconsented=unconsented) == ("podid", "restart", "shop")
    kept = Again(add=("--force",)).of(("restart", "a", "--yes"), unconsented=unconsented)
    assert kept == ("podid", "restart", "a", "--yes", "--force")


def test_another_command_line_keeps_names_that_look_like_flags() -> None:
    assert Other(("show",), ("a/b",), ("-v",)).of() == ("podid", "show", "a/b", "-v")
    assert Other(("role", "show"), ("-a",), ("-v",)).of() == ("podid", "role", "show", "-v", "--", "-a")


def test_passwords_of_urls_are_not_shown() -> None:
    error = PodidError(
        "https://user:s3cret@proxy failed", advice="ask https://user:s3cret@proxy", lines=("https://a:s3cret@b",)
    )
    assert "s3cret" not in f"{error} {error.advice} {error.lines}"


def test_a_class_has_the_codes_of_its_base_unless_it_has_its_own() -> None:
    assert (errors.ClusterNotFound.code, errors.ClusterNotFound.exit_code) == (NotFound.code, ExitCode.NOT_FOUND)
    assert (errors.Throttled.code, errors.Throttled.exit_code) == ("Throttled", ExitCode.UNAVAILABLE)


def test_a_write_without_an_answer() -> None:
    lost = LostAnswer.of(ConnectionLost("EKS did not answer", subject="cluster prod", request_id="r-2"))
    assert lost.message == "the change may or may not have taken effect: EKS did not answer"
    assert (lost.subject, lost.request_id) == ("cluster prod", "r-2")
