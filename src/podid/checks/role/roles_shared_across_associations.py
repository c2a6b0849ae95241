from podid.checks.base import Check, Snapshot, Verdicts, count_of, rule, short_list


@rule(needs=("associations",))
def roles_shared_across_associations(check: Check, snapshot: Snapshot) -> Verdicts:
    """Within one namespace that is nothing to speak of."""
    yield from check.undescribed(snapshot)
    for case, _, associations in check.of_roles(snapshot):
        namespaces = sorted({a.namespace for a in associations})
        if len(namespaces) < 2:
            yield case.ok("service accounts of one namespace have it")
            continue
        yield case.fail(
            f"{count_of(len(associations), 'service account')} of {len(namespaces)} namespaces have it: what one may "
            "do, all may",
            evidence=(f"namespaces: {short_list(namespaces)}",),
        )
