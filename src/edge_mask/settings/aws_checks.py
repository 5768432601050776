"""Checks of what AWS IoT needs before anything is sent."""

from collections.abc import Iterator
from importlib.util import find_spec

from edge_mask.settings.model import Settings
from edge_mask.settings.named_files import Complaint, secret_problem, unreadable
from edge_mask.sql.topics import check_filter

EXTRA = 'pip install "edge-mask[aws]"'
"""What installs the AWS libraries."""
_ENDPOINT = "the one that `aws iot describe-endpoint --endpoint-type iot:Data-ATS` prints"


def aws_complaints(settings: Settings) -> Iterator[Complaint]:
    """What is missing for `transport: aws-iot`, and what belongs to it alone."""
    if settings.mqtt.transport == "aws-iot":
        yield from _connection(settings)
        yield from _certificate(settings)
    elif settings.aws.pkcs11 is not None:
        yield ("aws", "pkcs11"), f"goes with mqtt.transport: aws-iot only; found {settings.mqtt.transport}"
    if settings.mqtt.transport == "none":
        for key in ("shadow", "jobs"):
            if getattr(settings.aws, key):
                yield ("aws", key), "found true; it needs a connection, and mqtt.transport is none"
    if settings.mqtt.transport == "greengrass":
        yield from _component(settings)
    elif settings.aws.greengrass.model_fields_set:
        yield ("aws", "greengrass"), f"goes with mqtt.transport: greengrass only; found {settings.mqtt.transport}"


def _component(settings: Settings) -> Iterator[Complaint]:
    if not _is_installed("awscrt"):
        text = "greengrass needs the AWS libraries, which are not installed; install them"
        yield ("mqtt", "transport"), f"{text}: {EXTRA}"
    for key in sorted(settings.mqtt.model_fields_set - {"transport"}):
        yield ("mqtt", key), "means nothing with mqtt.transport: greengrass; the nucleus has the connection"
    for index, topic_filter in enumerate(settings.aws.greengrass.local):
        if why := check_filter(topic_filter.replace("{thing}", settings.device.thing_name)):
            yield ("aws", "greengrass", "local", index), f'"{topic_filter}" is no topic filter: {why}'


def _connection(settings: Settings) -> Iterator[Complaint]:
    mqtt = settings.mqtt
    if not _is_installed("awscrt"):
        yield ("mqtt", "transport"), f"aws-iot needs the AWS libraries, which are not installed; install them: {EXTRA}"
    if "host" not in mqtt.model_fields_set:
        yield ("mqtt", "host"), f"is missing; aws-iot needs the endpoint of your account: {_ENDPOINT}"
    if mqtt.protocol != "5":
        yield ("mqtt", "protocol"), f"found {mqtt.protocol}; allowed with aws-iot: 5"


def _certificate(settings: Settings) -> Iterator[Complaint]:
    tls, token = settings.mqtt.tls, settings.aws.pkcs11
    wanted = ("cert",) if token is not None else ("cert", "key")
    if tls is None or not any(getattr(tls, key) for key in wanted):
        text = "is missing; aws-iot needs the device's certificate and its key"
        yield ("mqtt", "tls"), f"{text}: cert, and key or aws.pkcs11"
    if token is None:
        return
    if tls is not None and tls.key is not None:
        yield ("aws", "pkcs11"), "the key is given twice; keep mqtt.tls.key or aws.pkcs11"
    if not token.library.is_file():
        yield ("aws", "pkcs11", "library"), f'"{token.library}": there is no such file'
    if token.pin_file is not None:
        yield from unreadable(("aws", "pkcs11", "pin_file"), token.pin_file, secret_problem)


def _is_installed(library: str) -> bool:
    try:
        return find_spec(library) is not None
    except (ImportError, ValueError):
        return False
