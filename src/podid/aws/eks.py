"""The client for EKS: clusters, pod identity associations, node groups. Add-ons are in `podid.aws.eks_addons`."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property, partial
from typing import Any, TypeVar

from podid.aws import decode
from podid.aws.eks_addons import EksAddons
from podid.calls import pacing
from podid.domain import aws
from podid.domain.errors import Again, ClusterNotFound, CredentialsError, NotFound, PodidError
from podid.domain.foreign import Reading, about, at, list_at, pairs, text
from podid.domain.names import ServiceAccountRef
from podid.domain.permissions import needs
from podid.domain.text import nearest, short_list

T = TypeVar("T")

_LIST, _DESCRIBE = "ListPodIdentityAssociations", "DescribePodIdentityAssociation"
# the members that a change can show late
_MEMBERS = ("role_arn", "target_role_arn", "external_id", "disable_session_tags", "policy", "tags", "modified_at")
# the first botocore with a member: wheels on PyPI and https://awsapichanges.com/archive/changes/3a15ff-eks.html
_FIRST_BOTOCORE = {"targetRoleArn": "1.38.35", "disableSessionTags": "1.38.35", "policy": "1.42.73"}


class Eks(EksAddons):
    """EKS of one region. In addition to the errors below, every method raises AccessDenied, CredentialsError and
    Unavailable, and ClusterNotFound without its cluster; writes raise LostAnswer, see `Api.write`.

    `token` is EKS's clientRequestToken. Create one for each logical change (`uuid.uuid4().hex`), and reuse it when the
    same change is sent again: EKS then carries it out once.
    """

    @needs("eks:DescribeCluster", "eks:ListClusters")
    def get_cluster(self, name: str) -> aws.Cluster:
        """Return the cluster. NotFound lists the nearest clusters of the region, if they can be listed."""
        try:
            own = self._api.of_caller(decode.cluster, "arn", "eks", lambda data: f"cluster/{data['name']}")
            read = at("cluster", about(own, name=name))
            return self._api.read("DescribeCluster", {"name": name}, f"cluster {name}", read)
        except NotFound as error:
            raise self._with_neighbours(error, name) from error

    @needs("eks:DescribeCluster")
    def find_cluster_tags(self, name: str) -> dict[str, str] | None:
        read = at("cluster", partial(pairs, name="tags"))
        try:
            return self._api.read("DescribeCluster", {"name": name}, f"cluster {name}", read)
        except NotFound:
            return None

    @needs("eks:ListClusters")
    def list_clusters(self) -> tuple[str, ...]:
        return tuple(sorted(self._api.names("ListClusters", {}, "the clusters", "clusters")))

    def _with_neighbours(self, error: NotFound, name: str) -> ClusterNotFound:
        where, advice, near = f" in {self._api.origin.region}", error.advice, list[str]()
        with suppress(PodidError):
            known = self.list_clusters()
            near = nearest(name, known)
            shown = short_list(near or known, 10)
            advice = f"Clusters{where}: {shown}." if known else f"This account has no clusters{where}."
        hint = Again(swap=(name, near[0])) if near else ()
        return ClusterNotFound(
            error.message, hint=hint, subject=error.subject, request_id=error.request_id, advice=advice
        )

    @needs("eks:ListPodIdentityAssociations")
    def list_association_summaries(
        self, cluster: str, namespace: str | None = None
    ) -> tuple[aws.AssociationSummary, ...]:
        """Return associations without their roles, in one call per hundred; sorted by namespace and service account."""
        summaries = self._iter_summaries(cluster, namespace, None)
        return tuple(sorted(summaries, key=lambda summary: (summary.ref, summary.association_id)))

    @needs("eks:ListPodIdentityAssociations", "eks:DescribePodIdentityAssociation")
    def list_associations(
        self, cluster: str, namespace: str | None = None, service_account: str | None = None
    ) -> tuple[aws.Association, ...]:
        """Return associations with roles, sorted by namespace and service account. An association that is deleted
        meanwhile is omitted. One that the caller is not authorized to describe raises AccessDenied."""
        summaries = self._iter_summaries(cluster, namespace, service_account)
        answers = pacing.fan_out(self._find_described, summaries)
        associations = [association for _, association in answers if association is not None]
        return tuple(sorted(associations, key=lambda association: (association.ref, association.association_id)))

    @needs(list_associations)
    def iter_associations(
        self, cluster: str, namespace: str | None = None, *, only: Collection[ServiceAccountRef] = ()
    ) -> Iterator[aws.Listed]:
        """Yield associations in order of arrival, with one describe for each, which starts while later pages are read.
        Those that could not be described come last. If none could be described, raise the first error. With `only`,
        describe only the associations of these service accounts; others of their namespaces come last, without
        roles."""
        describe = pacing.attempt(self._find_described)
        others: list[aws.UnreadAssociation] = []
        failed: list[tuple[aws.UnreadAssociation, PodidError]] = []
        some = False

        def chosen() -> Iterator[aws.AssociationSummary]:
            for place in sorted({ref.namespace for ref in only}) or (namespace,):
                for summary in self._iter_summaries(cluster, place, None):
                    if only and summary.ref not in only:
                        others.append(aws.UnreadAssociation.unasked(summary))
                    else:
                        yield summary

        for summary, answer in pacing.fan_out(describe, chosen()):
            if isinstance(answer, ClusterNotFound | CredentialsError):
                raise answer
            if isinstance(answer, PodidError):
                why = {"reason": answer.message, "permission": answer.permission, "error_code": answer.code}
                unread = aws.UnreadAssociation.of(summary, **why)
                failed.append((unread, answer))
            elif answer is not None:
                some = True
                yield answer
        if failed and not some:
            raise failed[0][1]
        yield from (unread for unread, _ in failed)
        yield from others

    @needs("eks:DescribePodIdentityAssociation")
    def get_association(self, cluster: str, association_id: str) -> aws.Association:
        """Return the association. Raise UnreadableAnswer if the answer is about another cluster or ID."""
        association: aws.Association | None = None
        missing: NotFound | None = None
        try:
            association = self._api.read(*self._describe(cluster, association_id))
        except ClusterNotFound:
            raise
        except NotFound as error:
            missing = error
        association = self._as_written(cluster, association_id, association)
        if association is None:
            raise missing or NotFound(f"{_association(cluster, association_id)} was deleted", subject=association_id)
        return association

    def _as_written(self, cluster: str, ident: str, read: aws.Association | None) -> aws.Association | None:
        """Return the association with the changes that EKS does not show yet; None if it does not exist, and for one of
        an earlier run that EKS does not describe."""
        written, key = self._api.written, self._association_key(cluster, ident)
        if not written.current(_DESCRIBE, key, read is not None):
            return None
        if read is None:
            known = written.read(key)
            return known if isinstance(known, aws.Association) else None
        association = written.members(_DESCRIBE, key, read, _MEMBERS)
        written.note(key, association)
        return association

    def _association_key(self, cluster: str, *ident: str) -> tuple[str, ...]:
        return self._api.key("association", cluster, *ident)

    def _keep(self, association: aws.AssociationSummary, *, exists: bool = True) -> None:
        key = self._association_key(association.cluster_name, association.association_id)
        self._api.written.keep(key, before=not exists, after=exists, value=association)

    @needs(get_association)
    def get_reported(self, cluster: str, association_id: str) -> aws.Association:
        """Return an association that EKS has reported to exist, though it may not list it yet: later lists have it."""
        association = self.get_association(cluster, association_id)
        self._keep(association)
        return association

    @needs(list_associations)
    def list_late(self, cluster: str, refs: Collection[ServiceAccountRef]) -> list[ServiceAccountRef]:
        """Return those of `refs` whose last change EKS does not list or describe yet, sorted."""
        parts = self._api.written.changed_parts(self._association_key(cluster))
        late = [(key, known.ref) for key, known in parts if known and known.ref in refs and self._is_late(key)]
        for namespace in {ref.namespace for _, ref in late}:
            for _ in self._iter_summaries(cluster, namespace, None):
                pass
        for key, _ in late:
            with suppress(NotFound):
                self.get_association(cluster, key[-1])
        return sorted({ref for key, ref in late if self._is_late(key)})

    def _is_late(self, key: tuple[str, ...]) -> bool:
        written = self._api.written
        return written.late(_LIST, key) or any(written.late(_DESCRIBE, (*key, name)) for name in _MEMBERS)

    @needs(list_associations)
    def find_association(self, cluster: str, ref: ServiceAccountRef) -> aws.Association | None:
        return next(iter(self.list_associations(cluster, ref.namespace, ref.name)), None)

    @needs("eks:CreatePodIdentityAssociation", "eks:TagResource", "iam:GetRole", "iam:PassRole")
    def create_association(
        self,
        cluster: str,
        ref: ServiceAccountRef,
        role_arn: str,
        settings: Mapping[str, object] | None = None,
        *,
        tags: Mapping[str, str] | None = None,
        token: str,
    ) -> aws.Association:
        """Create an association. `settings` are members of the request besides the role. AlreadyExists contains the
        existing association's ID. RoleUnknown and TrustRefused may pass within two minutes: IAM takes seconds, rarely
        longer, to propagate a new role or trust policy."""
        params = {
            "clusterName": cluster,
            "namespace": ref.namespace,
            "serviceAccount": ref.name,
            "roleArn": role_arn,
            **(settings or {}),
            **({"tags": dict(tags)} if tags else {}),
        }
        subject = f"the association of {ref} in cluster {cluster}"
        created = self._change("CreatePodIdentityAssociation", params, subject, token)
        self._keep(created)
        return created

    @needs("eks:UpdatePodIdentityAssociation", "iam:GetRole", "iam:PassRole")
    def update_association(
        self, cluster: str, association_id: str, settings: Mapping[str, object], *, token: str
    ) -> aws.Association:
        """Change the `settings`, members of the request; at least one must change. An empty `targetRoleArn` asks EKS to
        clear it (https://github.com/aws-controllers-k8s/eks-controller/pull/164)."""
        params = {"clusterName": cluster, "associationId": association_id, **settings}
        updated = self._change("UpdatePodIdentityAssociation", params, _association(cluster, association_id), token)
        changed = {name: getattr(updated, name) for name in _MEMBERS}
        self._api.written.keep_members(self._association_key(cluster, association_id), **changed)
        return updated

    def _change(self, operation: str, params: dict[str, Any], subject: str, token: str) -> aws.Association:
        for member, version in _FIRST_BOTOCORE.items():
            if member in params and not self._api.supports(operation, member):
                raise PodidError(
                    f"the installed botocore does not support {member}: version {version} or later is required",
                    hint=("pip", "install", "--upgrade", "boto3"),
                )
        params = {**params, "clientRequestToken": token}
        return self._api.write(operation, params, subject, self._from_write(params["clusterName"]))

    @needs("eks:DeletePodIdentityAssociation")
    def delete_association(self, cluster: str, association_id: str) -> aws.Association:
        """Delete the association and return it. Credentials that pods already have remain valid until they expire."""
        deleted = self._api.write(
            "DeletePodIdentityAssociation",
            {"clusterName": cluster, "associationId": association_id},
            _association(cluster, association_id),
            self._from_write(cluster),
        )
        self._keep(deleted, exists=False)
        return deleted

    @needs("eks:TagResource")
    def tag_association(self, arn: str, tags: Mapping[str, str]) -> None:
        """Add the tags, or replace their values; other tags are unchanged."""
        self._api.write("TagResource", {"resourceArn": arn, "tags": dict(tags)}, arn)
        self._keep_tags(arn, lambda old: {**old, **tags})

    @needs("eks:UntagResource")
    def untag_association(self, arn: str, keys: Sequence[str]) -> None:
        self._api.write("UntagResource", {"resourceArn": arn, "tagKeys": list(keys)}, arn)
        self._keep_tags(arn, lambda old: {key: value for key, value in old.items() if key not in keys})

    def _keep_tags(self, arn: str, changed: Callable[[Mapping[str, str]], Mapping[str, str]]) -> None:
        key = self._association_key(*arn.split("/")[-2:])
        if (known := self._api.written.read(key)) is not None:
            self._api.written.keep_members(key, tags=changed(known.tags))

    def _iter_summaries(
        self, cluster: str, namespace: str | None, service_account: str | None
    ) -> Iterator[aws.AssociationSummary]:
        """Yield summaries. Filter them again, so that a service that ignores a filter cannot widen podid's scope."""
        params = {"clusterName": cluster, "maxResults": 100}
        if namespace is not None:
            params["namespace"] = namespace
        if service_account is not None:
            params["serviceAccount"] = service_account
        ids: set[str] = set()
        written, key = self._api.written, self._association_key(cluster)

        def matches(summary: aws.AssociationSummary) -> bool:
            return namespace in (None, summary.namespace) and service_account in (None, summary.service_account)

        for summary in self._api.items(
            _LIST,
            params,
            f"the associations of cluster {cluster}",
            list_at("associations", about(self._own(decode.association_summary), clusterName=cluster)),
        ):
            if summary.association_id in ids:
                continue
            ids.add(summary.association_id)
            if matches(summary) and written.current(_LIST, (*key, summary.association_id), read=True):
                yield summary
        for own, value in written.parts(key):
            if own[-1] in ids:
                continue
            # of an earlier run, and of an add-on, only the id is known
            late = value if isinstance(value, aws.Association) else self._find_late(cluster, own[-1])
            if late is not None and matches(late) and written.current(_LIST, own, read=False):
                yield late

    def _find_late(self, cluster: str, association_id: str) -> aws.Association | None:
        try:
            return self.get_association(cluster, association_id)
        except NotFound:
            return None

    def _find_described(self, summary: aws.AssociationSummary) -> aws.Association | None:
        cluster, ident = summary.cluster_name, summary.association_id
        described = self._api.find(
            *self._describe(cluster, ident, namespace=summary.namespace, serviceAccount=summary.service_account)
        )
        return self._as_written(cluster, ident, described)

    def _describe(
        self, cluster: str, association_id: str, **known: str
    ) -> tuple[str, dict[str, str], str, Reading[aws.Association]]:
        """Return the arguments that describe an association. The answer is refused if it is about another one, or
        differs from the `known` members."""
        params = {"clusterName": cluster, "associationId": association_id}
        read = at("association", about(self._with_own_role, **params, **known))
        return _DESCRIBE, params, _association(cluster, association_id), read

    def _from_write(self, cluster: str) -> Reading[aws.Association]:
        return at("association", about(self._with_own_role, clusterName=cluster))

    @cached_property
    def _with_own_role(self) -> Reading[aws.Association]:
        return self._own(self._api.of_caller(decode.association, "roleArn", "iam"))

    def _own(self, read: Reading[T]) -> Reading[T]:
        return self._api.of_caller(
            read,
            "associationArn",
            "eks",
            lambda data: f"podidentityassociation/{text(data, 'clusterName')}/{text(data, 'associationId')}",
        )

    @needs("eks:ListNodegroups", "eks:DescribeNodegroup")
    def list_node_groups(self, cluster: str) -> tuple[aws.NodeGroup, ...]:
        params, subject = {"clusterName": cluster}, f"the node groups of cluster {cluster}"
        find = partial(self._find_node_group, cluster)
        return tuple(self._api.find_listed("ListNodegroups", params, subject, "nodegroups", find).values())

    @needs("eks:ListAccessEntries", "eks:DescribeAccessEntry")
    def list_access_entries(self, cluster: str) -> tuple[aws.AccessEntry, ...]:
        params, subject = {"clusterName": cluster}, f"the access entries of cluster {cluster}"
        find = partial(self._find_access_entry, cluster)
        return tuple(self._api.find_listed("ListAccessEntries", params, subject, "accessEntries", find).values())

    @needs("eks:ListAccessEntries", "eks:ListAssociatedAccessPolicies")
    def list_access_policies(self, cluster: str) -> tuple[aws.AccessPolicy, ...]:
        """Return the access policies of all access entries, sorted."""
        params, subject = {"clusterName": cluster}, f"the access entries of cluster {cluster}"
        find = partial(self._find_access_policies, cluster)
        entries = self._api.find_listed("ListAccessEntries", params, subject, "accessEntries", find)
        return tuple(sorted(policy for policies in entries.values() for policy in policies))

    @needs("eks:ListInsights")
    def list_upgrade_findings(self, cluster: str) -> tuple[str, ...]:
        """Return the ids of insights about the next upgrade of Kubernetes that are warnings or errors."""
        chosen = {"categories": ["UPGRADE_READINESS"], "statuses": ["WARNING", "ERROR"]}
        params = {"clusterName": cluster, "filter": chosen}
        subject = f"the upgrade insights of cluster {cluster}"
        return tuple(self._api.items("ListInsights", params, subject, list_at("insights", partial(text, name="id"))))

    @needs("eks:DescribeInsight")
    def find_insight(self, cluster: str, ident: str) -> aws.UpgradeInsight | None:
        params, subject = {"clusterName": cluster, "id": ident}, f"insight {ident} of cluster {cluster}"
        return self._api.find("DescribeInsight", params, subject, at("insight", decode.upgrade_insight))

    def _find_access_entry(self, cluster: str, principal: str) -> aws.AccessEntry | None:
        params, subject = {"clusterName": cluster, "principalArn": principal}, f"the access entry of {principal}"
        return self._api.find("DescribeAccessEntry", params, subject, at("accessEntry", decode.access_entry))

    def _find_access_policies(self, cluster: str, principal: str) -> tuple[aws.AccessPolicy, ...] | None:
        """Return the access policies of the principal; None if its access entry was deleted."""
        params, subject = {"clusterName": cluster, "principalArn": principal}, f"the access policies of {principal}"
        read = list_at("associatedAccessPolicies", partial(decode.access_policy, principal))
        try:
            return tuple(self._api.items("ListAssociatedAccessPolicies", params, subject, read))
        except ClusterNotFound:
            raise
        except NotFound:
            return None

    def _find_node_group(self, cluster: str, name: str) -> aws.NodeGroup | None:
        params, subject = {"clusterName": cluster, "nodegroupName": name}, f"node group {name} of cluster {cluster}"
        read = at("nodegroup", about(decode.node_group, nodegroupName=name))
        return self._api.find("DescribeNodegroup", params, subject, read)


def _association(cluster: str, association_id: str) -> str:
    return f"association {association_id} of cluster {cluster}"
