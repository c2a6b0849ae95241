"""podid schema."""

from jsonschema import Draft202012Validator

from harness import Podid

FILE = {
    "apiVersion": "podid/v1",
    "kind": "PodIdentity",
    "metadata": {"name": "shop"},
    "associations": [{"serviceAccount": "shop/orders", "role": "orders"}],
}


def test_the_schema_accepts_a_file_and_refuses_unknown_members(podid: Podid) -> None:
    outcome = podid("schema")
    assert (outcome.code, outcome.stderr) == (0, "")
    schema = Draft202012Validator(outcome.json)
    schema.check_schema(outcome.json)
    assert schema.is_valid(FILE)
    (error,) = schema.iter_errors({**FILE, "rolls": []})
    assert "'rolls' was unexpected" in error.message
