"""Questions about the role."""

from cli.guide.facts import NEW_ROLE, questions_of


def test_the_preset_for_the_service_account_comes_first() -> None:
    account = {"namespace": "…", "namespace-typed": "kube-system", "account-typed": "cluster-autoscaler"}
    chosen = {"permissions": "preset", "preset": "cluster-autoscaler", "another": "no", "create-account": "no"}
    name = {"scope": "service-account", "name": "demo-kube-system-cluster-autoscaler"}
    asked = questions_of(NEW_ROLE | account | chosen | name)
    assert asked["preset"].options[0].value == "cluster-autoscaler"


def test_the_note_of_a_role_is_the_pods_that_it_allows() -> None:
    options = {
        option.value: option.note
        for option in questions_of(NEW_ROLE | {"role": "wide", "account": "idle"})["role"].options
    }
    assert options["wide"].startswith("allows any pod")
    assert options["narrow"] == "does not allow these pods yet"
