from podid.checks.shared import logs

bearer_token_prefix = logs.check("bearer-token-prefix")
