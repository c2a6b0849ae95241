"""All forms of an export, and their schemas (`schemas/`)."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import table
from podid.domain.aws import Association
from podid.ops.declare.export import LiveIdentities, LiveRole
from podid.ops.declare.request import FORMS, Form
from podid.render.export.parts import comments
from podid.render.export.view import export_text
from render.export import samples
from render.export.published import FOLDER, loaded, problems, published
from render.export.samples import BOUNDARY, CLUSTER, EMPTY, MANAGED, OTHER_ROLE, SAMPLE, association, role, trust


@table("path", sorted(FOLDER.iterdir()))
def test_a_schema_states_its_source_and_refuses_unknown_members(path: Path) -> None:
    form = path.stem
    assert published(form).keys() == {"sources", "cut", "schemas"}
    for source in published(form)["sources"]:
        assert source.keys() == {"of", "source", "version", "date", "licence"}
        assert all(source.values())
    for name in published(form)["schemas"]:
        assert any("'serviceAcount' was unexpected" in text for text in problems(form, name, {"serviceAcount": "x"}))


@pytest.mark.parametrize("form", ["cloudformation", "eksctl", "ack", "crossplane", "aws-cli"])
def test_notes_are_comments_too(form: Form) -> None:
    written = export_text(form, SAMPLE)
    assert samples.NOTES[0] in written.notes
    for note in written.notes:
        assert comments((f"note: {note}",)) in written.text


@pytest.mark.parametrize("form", ["cloudformation", "eksctl", "ack", "crossplane", "pulumi"])
def test_nothing_to_export_is_still_a_file(form: Form) -> None:
    assert isinstance(loaded(export_text(form, EMPTY).text), list)


@table("form", ["cloudformation", "eksctl", "ack", "crossplane", "pulumi", "aws-cli"])
def test_no_form_has_marks_of_podid_ids_or_commands_of_ci_runners(form: Form) -> None:
    text = export_text(form, SAMPLE).text
    for mark in ("&id001", "*id001", "podid:owner", "managed-by", "aws:a", "AROAX", "##["):
        assert mark not in text


# --- each form expresses each field of a role and of an association, or says that it cannot ---------------------------


POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:Marked", "Resource": "*"}]}
WIDE: dict[str, Any] = json.loads(json.dumps(trust("shop/orders")).replace("ArnEquals", "ArnLike"))
PLAIN = LiveRole(role("app", trust("shop/orders")))
ROW = association("shop/orders", PLAIN.role.arn, 1)


def of(field: str, value: Any) -> LiveIdentities:
    """Return one role and its association, with one field that differs from its default."""
    live, row = PLAIN, ROW
    if field in ("attached", "inline"):
        live = replace(live, **{field: value})
    elif field in Association.__dataclass_fields__ and (field, value) not in ROLE.items():
        row = replace(row, **{field: value})
    else:
        live = replace(live, role=replace(live.role, **{field: value}))
    return LiveIdentities(CLUSTER, (row,), (live,))


ROLE: Mapping[str, Any] = {
    "path": "/marked/",
    "description": "marked",
    "max_session_seconds": 7201,
    "permissions_boundary_arn": BOUNDARY,
    "tags": {"role-tag": "marked"},
    "trust": WIDE,
    "inline": {"marked": POLICY},
    "attached": (MANAGED,),
}
ASSOCIATION: Mapping[str, Any] = {
    "target_role_arn": OTHER_ROLE,
    "disable_session_tags": True,
    "policy": json.dumps(POLICY),
    "tags": {"row-tag": "marked"},
}
CASES = [*ROLE.items(), *ASSOCIATION.items()]
# the words of the note for what a form cannot say: form -> field -> words
NOTES: dict[str, dict[str, str]] = {
    "eksctl": {
        "path": "path",
        "description": "description",
        "max_session_seconds": "maximum session duration",
        "permissions_boundary_arn": "permissions boundary",
        "tags": "tags",
        "trust": "trust policy",
        "inline": "inline policies marked",
        "attached": f"managed policies {MANAGED}",
    },
    "crossplane": {"policy": "sqs:Marked"},
}
# the texts that stand for a value in the files
TEXTS = {
    "path": "/marked/",
    "description": "marked",
    "max_session_seconds": "7201",
    "permissions_boundary_arn": BOUNDARY,
    "trust": "ArnLike",
    "inline": "sqs:Marked",
    "attached": MANAGED,
    "target_role_arn": OTHER_ROLE,
    "policy": "sqs:Marked",
    "disable_session_tags": "ession",  # sessionTags, disableSessionTags, --disable-session-tags
}


def body(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))


@table("form", [form for form in FORMS if form != "pulumi"])
@table(("field", "value"), CASES)
def test_a_form_expresses_a_field_or_says_that_it_cannot(form: Form, field: str, value: Any) -> None:
    plain, written = export_text(form, LiveIdentities(CLUSTER, (ROW,), (PLAIN,))), export_text(form, of(field, value))
    unsaid = NOTES.get(form, {}).get(field, "") if (field, value) in ROLE.items() or field == "policy" else ""
    if unsaid:
        (note,) = (note for note in written.notes if unsaid in note)
        assert comments((f"note: {note}",)) in written.text
        assert body(written.text) == body(plain.text) or field == "path"  # a path is a part of the ARN
        return
    assert body(written.text) != body(plain.text)
    assert (TEXTS[field] if field in TEXTS else next(iter(value))) in body(written.text)
    # a form in which the value becomes a separate resource says so
    assert form == "terraform-module" or written.notes == plain.notes or field == "policy"


@table(("field", "value"), CASES)
def test_pulumi_reads_each_field_from_the_imported_resource(field: str, value: Any) -> None:
    resources = json.loads(export_text("pulumi", of(field, value)).text)["resources"]
    kinds = {item["type"].rpartition(":")[2]: item["id"] for item in resources}
    assert kinds.keys() >= {"Role", "PodIdentityAssociation"}
    assert kinds.get("RolePolicy", "app:marked") == "app:marked"
    assert ("RolePolicy" in kinds, "RolePolicyAttachment" in kinds) == (field == "inline", field == "attached")


def test_podids_own_file_has_each_key_of_a_live_resource() -> None:
    row = replace(ROW, target_role_arn=OTHER_ROLE, disable_session_tags=True, policy=json.dumps(POLICY))
    detail = {key: value for key, value in ROLE.items() if key not in ("inline", "attached")}
    live = LiveRole(replace(PLAIN.role, **detail), (MANAGED,), {"marked": POLICY})
    both = LiveIdentities(CLUSTER, (replace(row, tags=ASSOCIATION["tags"]),), (live,))
    document = yaml.safe_load(export_text("podid", both).text)
    schema = json.loads((Path(__file__).parents[3] / "docs/reference/json/PodIdentity.json").read_text())["$defs"]
    (exported,), (association,) = document["roles"], document["associations"]
    # a trust policy has either a document or a scope
    assert exported.keys() | {"scope", "subjects", "conditions"} == schema["RolePart"]["properties"].keys()
    # requests of the author of a file, which no live association has
    assert association.keys() | {"selector", "createServiceAccount"} == schema["AssociationPart"]["properties"].keys()
