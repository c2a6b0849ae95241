from podid.checks.base import Check, Snapshot, Verdicts, count_of, rule, short_list
from podid.facts.index import namespaces_words


@rule(needs=("associations",))
def roles_shared_across_associations(check: Check, snapshot: Snapshot) -> Verdicts:
    """Report roles that service accounts of several namespaces share."""
    yield from check.undescribed(snapshot)
    for case, _, associations in check.of_roles(snapshot):
        if snapshot.only_namespaces:
            yield case.skip(f"only the associations of {namespaces_words(snapshot)} were read")
            continue
        namespaces = sorted({a.namespace for a in associations})
        if len(namespaces) < 2:
            yield case.ok("only service accounts of one namespace use the role")
            continue
        limits = {(a.target_role_arn or "", a.policy or "") for a in associations}
        same = "all of them have the same permissions"
        yield case.fail(
            f"{count_of(len(associations), 'service account')} in {len(namespaces)} namespaces share the role: "
            f"{same if len(limits) == 1 else 'only their target roles or session policies differ'}",
            f"namespaces: {short_list(namespaces)}",
        )
