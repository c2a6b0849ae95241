"""An option that has no effect in a command line is refused, or a note says so: a user expects its effect."""

import json

from harness import table
from podid.domain.names import ServiceAccountRef
from worlds import CLUSTER_ARN, Site, trust_for

IN_PLACE = "--in-place and --role cannot be used together"
ROLE = "--role cannot be used together with --for, --cluster-arn or --session-tags"


@table(
    ("line", "message"),
    [
        ("trust add --role storefront --for shop/orders --in-place", IN_PLACE),
        ("trust remove --role storefront --for shop/orders --in-place", IN_PLACE),
        ("trust tighten --role storefront --in-place", IN_PLACE),
        ("trust tighten --role storefront --no-session-tags", ROLE),
        (f"trust tighten FILE --for a/b --cluster-arn {CLUSTER_ARN} --accept-unread", "requires --role"),
        ("trust remove FILE --for a/b --accept-unread", "--accept-unread requires --role"),
        ("trust check --role storefront --role-tag team=shop", "Specify the service account: --for NS/SA"),
        ("disassociate shop/orders --yes --update-trust", "--update-trust requires --delete-role"),
        ("disassociate shop/orders --yes --target-profile prod", "--target-profile requires --delete-role"),
        ("role create r --for shop/orders --target-profile prod", "--target-profile requires --target-role"),
        ("associate shop/orders --role r --target-profile prod", "--target-profile requires --target-role"),
        ("can-i --policy-file FILE s3:GetObject --target-profile prod", "--target-profile cannot be used together"),
        ("privileges --policy-file FILE --target-profile prod", "--target-profile cannot be used together"),
    ],
)
def test_an_option_without_effect_is_refused(site: Site, line: str, message: str) -> None:
    file = site.directory / "policy.json"
    file.write_text(json.dumps(trust_for(ServiceAccountRef("shop", "orders"))))
    error = site(*(str(file) if word == "FILE" else word for word in line.split()), "-o", "json").error
    assert (error["exitCode"], message in error["message"]) == (2, True), (line, error)


def test_an_unused_profile_is_named(site: Site) -> None:
    outcome = site("role", "delete", "storefront", "--adopt", "--target-profile", "prod", "--dry-run", "-o", "json")
    note = "--target-profile was not used: role storefront assumes no role of another account"
    assert (outcome.code, note in outcome.json["notes"]) == (0, True), outcome


@table("command", ["status", "verify", "restart --dry-run", "associate --role storefront --dry-run", "migrate plan"])
def test_the_namespace_of_a_service_account_may_be_repeated(site: Site, command: str) -> None:
    words = [*command.split(), "shop/orders"]
    repeated, other, everywhere = (
        site(*words, *option, "-o", "json") for option in (("-n", "shop"), ("-n", "payments"), ("-A",))
    )
    assert repeated.code == site(*words, "-o", "json").code != 2
    for outcome in (other, everywhere):
        assert outcome.error["message"] == "Service accounts cannot be used together with -n or -A", outcome
