"""`Names` measures few names, and `PolicyIndex` tries few policies: both find what a look at each of them finds."""

from difflib import get_close_matches

from hypothesis import given
from hypothesis import strategies as st

from podid.domain.cluster import Requirement
from podid.domain.network import CiliumPolicy, NetworkPolicy, PolicyIndex, Selector
from podid.domain.text import Names

NAMES = st.text("abc-1", min_size=1, max_size=9)
PAIRS = st.dictionaries(st.sampled_from("xyz"), st.sampled_from("123"), max_size=3)
NAMESPACES = st.sampled_from(("shop", "other", ""))


@given(NAMES, st.lists(NAMES, max_size=25), st.integers(1, 4), st.sampled_from((0.6, 0.75, 0.85)))
def test_the_nearest_names(typed: str, known: list[str], count: int, alike: float) -> None:
    expected = get_close_matches(typed, sorted(set(known) - {typed}), n=count, cutoff=alike)
    assert Names(known).nearest(typed, count, alike) == expected


@given(st.lists(st.tuples(NAMESPACES, PAIRS, st.booleans()), max_size=20), PAIRS)
def test_the_policies_that_select_a_pod(
    policies: list[tuple[str, dict[str, str], bool]], labels: dict[str, str]
) -> None:
    selectors = [Selector(pairs, (Requirement("x", "Exists"),) if more else ()) for _, pairs, more in policies]
    places = [place for place, _, _ in policies]
    cilium = [
        CiliumPolicy(namespace=p, name=str(n), selector=s)
        for n, (p, s) in enumerate(zip(places, selectors, strict=True))
    ]
    found = [policy for policy in PolicyIndex(cilium).near("shop", labels) if policy.selects("shop", labels)]
    assert found == [policy for policy in cilium if policy.selects("shop", labels)]
    plain = [
        NetworkPolicy(namespace=p, name=str(n), selector=s, egress=True)
        for n, (p, s) in enumerate(zip(places, selectors, strict=True))
    ]
    near = [policy for policy in PolicyIndex(plain).near("shop", labels) if policy.isolates("shop", labels)]
    assert near == [policy for policy in plain if policy.isolates("shop", labels)]
