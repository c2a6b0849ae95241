"""Parts that the forms of an export share."""

from harness import table
from podid.render.export.parts import (
    DistinctNames,
    association_members,
    comments,
    head,
    object_name,
    object_names,
    role_properties,
)
from podid.render.export.parts import renamed as renamed_members
from render.export.samples import ASSOCIATIONS, EMPTY, FULL, INLINE, PLAIN


@table(
    ("line", "comment"),
    [
        ("plain", "# plain\n"),
        ("", "#\n"),
        ("two\nlines", "# two\\nlines\n"),
        ("##[error]", "# #\\x23[error]\n"),
    ],
)
def test_foreign_text_stays_in_its_comment(line: str, comment: str) -> None:
    text = comments((line,))
    assert text == comment


def test_the_comment_at_the_top_has_the_source_and_the_notes() -> None:
    assert head(EMPTY, "a form", "how", notes=("omitted: x",)).splitlines() == [
        "# Pod Identity of cluster demo in us-west-2, account 111122223333: a form",
        "# how",
        "# note: omitted: x",
    ]


def test_equal_names_get_a_number() -> None:
    names = DistinctNames(str.lower, "_")
    assert [names.of(text) for text in ("a", "A", "a_2", "b", "a")] == ["a", "a_2", "a_2_2", "b", "a_3"]


@table(
    ("text", "name"),
    [
        ("Shop_Orders", "shop-orders"),
        ("-a..b-", "a-b"),
        ("@+=", "role"),
        ("a" * 80, "a" * 59),
        (f"{'a' * 58}-b", "a" * 58),
    ],
)
def test_names_of_kubernetes_objects(text: str, name: str) -> None:
    assert object_name(text) == name


def test_a_numbered_name_is_still_a_label() -> None:
    names = object_names()
    assert [len(names.of("a" * 80)) for _ in range(12)][-1] <= 63


def test_properties_of_a_role_omit_marks_and_tags_of_aws() -> None:
    properties = role_properties(PLAIN)
    assert "Tags" not in properties
    assert properties["Policies"] == [{"PolicyName": "b-c", "PolicyDocument": INLINE}]
    assert role_properties(FULL)["Tags"] == [{"Key": "k.o/1", "Value": ""}, {"Key": "team", "Value": "shop ü @ +1"}]


def test_members_of_an_association_omit_defaults_and_ids() -> None:
    _, orders, pay, *_ = ASSOCIATIONS
    assert association_members(orders) == {
        "namespace": "shop",
        "serviceAccount": "orders",
        "roleArn": PLAIN.role.arn,
        "targetRoleArn": orders.target_role_arn,
        "tags": {"cost": "42"},
    }
    members = association_members(pay)
    assert members["disableSessionTags"] is True
    assert " " not in members["policy"].replace("##[error]", "")
    assert renamed_members({"a": 1, "b": 2}, {"a": "c"}) == {"c": 1, "b": 2}
