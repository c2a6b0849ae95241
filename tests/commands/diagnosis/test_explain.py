"""`podid explain`: its input, its lists and its exit codes."""

from harness import Podid


def test_a_text_of_more_than_a_megabyte_is_refused() -> None:
    outcome = Podid()("explain", "-", stdin="a" * (1024 * 1024 + 1))
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "larger than 1 MiB" in outcome.stderr


def test_the_text_of_stdin_or_of_the_words() -> None:
    text = "Rate limited! Will try to keep creds locally"
    piped, words = Podid()("explain", "-", "-o", "name", stdin=text), Podid()("explain", *text.split(), "-o", "name")
    assert (piped.code, piped.stdout.splitlines()[0]) == (0, "eks-auth-throttled")
    assert (words.code, words.stdout) == (0, piped.stdout)


def test_an_uncertain_answer_is_exit_5() -> None:
    outcome = Podid()("explain", "connection refused")
    assert (outcome.code, outcome.stdout.startswith("The text alone does not identify a failure.")) == (5, True)


def test_lists() -> None:
    listed = Podid()("explain", "--list", "-o", "json").json["items"]
    assert [item["link"] or 0 for item in listed] == sorted(item["link"] or 0 for item in listed)
    assert (
        Podid()("explain", "--search", "irsa annotation leftover", "-o", "name").stdout.split()[0]
        == "irsa-annotation-leftover"
    )


def test_nothing_to_explain_or_to_list() -> None:
    for argv, code, words in (
        ((), 2, "specify an id, an error text, or - for a log on stdin"),
        (("--search", "zzzz qqqq"), 5, "No page contains all of the words 'zzzz qqqq'"),
        (("zzzz qqqq",), 5, "No page explains 'zzzz qqqq'"),
    ):
        outcome = Podid()("explain", *argv)
        assert (outcome.code, outcome.stdout) == (code, ""), argv
        assert words in outcome.stderr
        assert "podid explain --list" in outcome.stderr
