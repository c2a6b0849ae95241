from podid.checks.shared.logs import only_in_logs

custom_credential_chain = only_in_logs("custom-credential-chain")
