from podid.checks.shared.logs import only_in_logs

bearer_token_prefix = only_in_logs("bearer-token-prefix")
