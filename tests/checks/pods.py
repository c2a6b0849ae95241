"""A pod in each state of injection, without the fields of the webhook."""

from dataclasses import replace
from datetime import timedelta

from podid.domain.cluster import Container

from .builder import ago, bare, pod

CREATED = ago(days=2)  # when the association was created
OLD = bare(pod(), created_at=CREATED - timedelta(hours=1))
RACED = bare(pod(), created_at=CREATED + timedelta(seconds=30))
MISSED = bare(pod())
WEB_IDENTITY = {"AWS_WEB_IDENTITY_TOKEN_FILE": "/t", "AWS_ROLE_ARN": "r"}
IRSA = replace(OLD, containers=(Container(name="app", image="x", env=WEB_IDENTITY),), volumes=("aws-iam-token",))
