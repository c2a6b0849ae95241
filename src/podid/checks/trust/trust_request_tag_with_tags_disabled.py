from podid.checks.shared.trust import of_trust_policy

trust_request_tag_with_tags_disabled = of_trust_policy("trust-request-tag-with-tags-disabled")
