from podid.checks.shared import logs

custom_credential_chain = logs.check("custom-credential-chain")
