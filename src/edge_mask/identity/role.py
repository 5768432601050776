"""What a Greengrass core's role for tokens must allow so that the nucleus can fetch this component."""

from typing import Any, Final

from edge_mask.identity.policy import VERSION

COMPONENT: Final = "edge-mask"
"""The component's name, which `gdk component publish` puts before each version's files in the bucket."""


def role_policy(bucket: str, partition: str) -> dict[str, Any]:
    """An IAM policy: read the component's files, of every version, and nothing else in the bucket."""
    files = f"arn:{partition}:s3:::{bucket}/{COMPONENT}/*"
    return {
        "Version": VERSION,
        "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": [files]}],
    }
