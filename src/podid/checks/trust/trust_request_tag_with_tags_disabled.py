from podid.checks.shared import trust

trust_request_tag_with_tags_disabled = trust.check("trust-request-tag-with-tags-disabled")
