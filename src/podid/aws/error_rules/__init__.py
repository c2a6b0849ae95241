"""What AWS and its SDK say, and what podid makes of it: one file a service, one `ErrorRule` an error.

To teach podid a new error, add a rule to the service's file and a line to tests/aws/test_errors.py. Its templates may
use the words of `podid.aws.translate`. Sources: the declared errors of botocore's service models,
https://docs.aws.amazon.com/eks/latest/APIReference/CommonErrors.html, and the public issues that a rule names.
"""
