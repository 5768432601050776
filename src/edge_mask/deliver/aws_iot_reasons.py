"""What the codes of MQTT 5 and of the AWS SDK mean here, as sentences."""

from concurrent.futures import Future
from typing import Any, Final

from awscrt import exceptions, mqtt5

from edge_mask.deliver.aws_iot_client import Endpoint
from edge_mask.errors import Refused, TryLater
from edge_mask.messages import Outcome, Receipt

_Connack = mqtt5.ConnectReasonCode
_Gone = mqtt5.DisconnectReasonCode
_Puback = mqtt5.PubackReasonCode

_BUSY: Final = {
    _Connack.SERVER_UNAVAILABLE, _Connack.SERVER_BUSY, _Connack.QUOTA_EXCEEDED, _Connack.CONNECTION_RATE_EXCEEDED,
}  # fmt: skip
_NOT_SENT: Final = ("AWS_ERROR_MQTT5_PUBLISH_OPTIONS_VALIDATION", "AWS_ERROR_MQTT5_PACKET_VALIDATION")
"""Operations that fail with these would fail again: no packet can carry the message."""
_SHUT: Final = ("AWS_IO_SOCKET_CLOSED", "AWS_ERROR_MQTT_UNEXPECTED_HANGUP")


def refusal(endpoint: Endpoint, code: Any, reason: str | None) -> TryLater | Refused:
    """A CONNACK that says no."""
    sentence = f"{endpoint} refused the connection: {_words(code)}{_given(reason)}"
    if code in _BUSY:
        return TryLater(sentence)
    if code == _Connack.NOT_AUTHORIZED:
        client = f"client/{endpoint.client_id}"
        sentence += f" (does the policy of the certificate allow iot:Connect for {client}, and the topic of `status`?)"
    return Refused(sentence)


def goodbye(endpoint: Endpoint, thing: str, code: Any, reason: str | None) -> TryLater | Refused:
    """A DISCONNECT that the broker sent."""
    if code == _Gone.SESSION_TAKEN_OVER:
        return Refused(f"another client connected to {endpoint} as {endpoint.client_id}{_own_id(endpoint, thing)}")
    sentence = f"{endpoint} ended the connection: {_words(code)}{_given(reason)}"
    if code == _Gone.NOT_AUTHORIZED:
        sentence += " (the policy of the certificate does not allow what was published or subscribed to just before)"
    return TryLater(sentence)


def _own_id(endpoint: Endpoint, thing: str) -> str:
    if endpoint.client_id != thing:
        return ": each client needs an id of its own; is a second device set up with this one?"
    other = f"{thing}-edge-mask"[:128]
    return (
        f", its thing name: each client needs an id of its own. A Greengrass nucleus takes the thing name; where one"
        f" runs, set mqtt.client_id to another, such as {other}"
    )


def lost(endpoint: Endpoint, thing: str, error: BaseException, *, is_again: bool) -> TryLater:
    """The connection ended without a word; `is_again`: as did the one before."""
    sentence = f"the connection to {endpoint} was lost: {text_of(error)}"
    if is_again:
        sentence += f"; it ends each time soon after it was made: another client connects as {endpoint.client_id}"
        return TryLater(f"{sentence}{_own_id(endpoint, thing)}")
    if has_hung_up(error):
        sentence += f" (did another client connect as {endpoint.client_id}?)"
    return TryLater(sentence)


def receipt_of(done: "Future[Any]", *, qos: int) -> Receipt:
    """How one publish ended."""
    error = done.exception()
    if error is not None:
        return _receipt_of_failure(error)
    return _receipt_of_ack(done.result().puback if qos else None)


def _receipt_of_ack(puback: mqtt5.PubackPacket | None) -> Receipt:
    """The answer to one publish; QoS 0 has none."""
    code = None if puback is None else puback.reason_code
    if puback is None or code in (_Puback.SUCCESS, _Puback.NO_MATCHING_SUBSCRIBERS):
        return Receipt(Outcome.DELIVERED, _words(code))
    if code == _Puback.QUOTA_EXCEEDED:
        return Receipt(Outcome.UNKNOWN, _words(code), is_suspect=True)
    why = f"{_words(code)}{_given(puback.reason_string)}"
    if code == _Puback.NOT_AUTHORIZED:
        why += " (does the policy of the certificate allow iot:Publish on this topic?)"
    return Receipt(Outcome.REFUSED, f"the broker refused the message: {why}")


def _receipt_of_failure(error: BaseException) -> Receipt:
    """A publish that the SDK gave up."""
    if getattr(error, "name", "") in _NOT_SENT:
        return Receipt(Outcome.REFUSED, f"cannot be put into a packet: {text_of(error)}")
    return Receipt(Outcome.UNKNOWN, text_of(error))


def subscription_problem(topic_filter: str, code: Any) -> str:
    """A SUBACK that says no; empty for a yes."""
    if code is not None and code <= mqtt5.SubackReasonCode.GRANTED_QOS_2:
        return ""
    hint = ""
    if code == mqtt5.SubackReasonCode.NOT_AUTHORIZED:
        hint = " (does the policy of the certificate allow iot:Subscribe and iot:Receive on it?)"
    return f"the broker refused the subscription to {topic_filter}: {_words(code)}{hint}"


def text_of(error: BaseException) -> str:
    """`socket connection refused` rather than `AwsCrtError(...)`."""
    if isinstance(error, exceptions.AwsCrtError):
        said = str(error.message).rstrip(".")
        return said[:1].lower() + said[1:] if said[:2] != said[:2].upper() else said
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def has_hung_up(error: BaseException) -> bool:
    """The broker closed the socket without a word."""
    return getattr(error, "name", "") in _SHUT


def has_no_handshake(error: BaseException) -> bool:
    """The SDK itself ended the handshake."""
    return getattr(error, "name", "") == "AWS_IO_TLS_ERROR_NEGOTIATION_FAILURE"


def is_about_tls(error: BaseException) -> bool:
    """TLS failed, or the broker rejected the device's certificate right after the handshake."""
    return "_TLS_" in getattr(error, "name", "")


def _words(code: Any) -> str:
    if code is None:
        return "an unknown reason code"
    return str(code.name).replace("_", " ").capitalize() if hasattr(code, "name") else f"reason code {code}"


def _given(reason: str | None) -> str:
    return f" ({reason})" if reason else ""
