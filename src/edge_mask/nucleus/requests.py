"""What a component can ask of the nucleus, as values; `Nucleus.call` and `Nucleus.follow` send them."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, Literal, TypeVar

from edge_mask.kinds import Priority
from edge_mask.messages import Message
from edge_mask.units import Seconds

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Request(Generic[Answer]):
    """One operation of the nucleus's interface."""

    operation: str
    """As the library names it: `publish_to_iot_core`."""
    what: str
    """For a sentence: `publish to AWS IoT Core`."""
    shape: Callable[[Any], Any]
    """Makes the library's request out of its module `model`. May raise what the library raises."""
    read: Callable[[Any], Answer]
    """Reads the answer; of a stream, each event."""


# -- messages ------------------------------------------------------------------------------------------------


def publish_to_core(message: Message) -> Request[None]:
    """Hand a message to the nucleus for AWS IoT Core. Its OK means that the nucleus took it, no more."""
    return Request(
        "publish_to_iot_core", "publish to AWS IoT Core", lambda model: _publication(model, message), _nothing
    )


def publish_locally(topic: str, payload: bytes) -> Request[None]:
    """Publish to the components of this device. As bytes: JSON would be written anew by the nucleus."""

    def shape(model: Any) -> Any:
        body = model.PublishMessage(binary_message=model.BinaryMessage(message=payload))
        return model.PublishToTopicRequest(topic=topic, publish_message=body)

    return Request("publish_to_topic", "publish to the local bus", shape, _nothing)


def from_core(topic_filter: str) -> Request[Message]:
    """A stream of what AWS IoT Core sends on topics that match."""
    return Request(
        "subscribe_to_iot_core",
        f"subscribe to {topic_filter} at AWS IoT Core",
        lambda model: model.SubscribeToIoTCoreRequest(topic_name=topic_filter, qos=model.QOS.AT_LEAST_ONCE),
        lambda event: _arrived_from_core(event.message),
    )


def from_components(topic_filter: str) -> Request[Message]:
    """A stream of what the components of this device publish on topics that match."""
    return Request(
        "subscribe_to_topic",
        f"subscribe to {topic_filter} on the local bus",
        lambda model: model.SubscribeToTopicRequest(topic=topic_filter),
        lambda event: _arrived_locally(event, topic_filter),
    )


def core_connection() -> Request[bool]:
    """A stream of whether the nucleus is connected to AWS IoT Core, beginning with how it is (lite since 2.7; older
    ones answer NotNow)."""
    return Request(
        "subscribe_to_iot_core_connection_status",
        "hear of the connection to AWS IoT Core",
        lambda model: model.SubscribeToIoTCoreConnectionStatusRequest(),
        lambda event: event.connection_status_event.status == "CONNECTED",
    )


# -- the component itself ------------------------------------------------------------------------------------


def configuration(key_path: Sequence[str] = ()) -> Request[Any]:
    """The component's configuration, or the part below `key_path`; Refused when there is no such key."""
    return Request(
        "get_configuration",
        "read the configuration",
        lambda model: model.GetConfigurationRequest(key_path=list(key_path)),
        lambda answer: answer.value,
    )


def configuration_updates(key_path: Sequence[str] = ()) -> Request[tuple[str, ...]]:
    """A stream of the key paths that were changed."""
    return Request(
        "subscribe_to_configuration_update",
        "hear of changes of the configuration",
        lambda model: model.SubscribeToConfigurationUpdateRequest(key_path=list(key_path)),
        lambda event: tuple(event.configuration_update_event.key_path or ()),
    )


def set_configuration(value: Mapping[str, Any], key_path: Sequence[str], now: datetime | None = None) -> Request[None]:
    """Merge `value` into the component's configuration below `key_path`."""
    return Request(
        "update_configuration",
        "change the configuration",
        lambda model: model.UpdateConfigurationRequest(
            key_path=list(key_path), timestamp=now or datetime.now(UTC), value_to_merge=dict(value)
        ),
        _nothing,
    )


def update_state(state: Literal["RUNNING", "ERRORED"]) -> Request[None]:
    """Report how the component is."""
    return Request("update_state", "report the state", lambda model: model.UpdateStateRequest(state=state), _nothing)


@dataclass(frozen=True, slots=True)
class ComponentUpdate:
    """A deployment that wants to restart components (classic nucleus)."""

    deployment: str
    is_over: bool
    """False: it is about to begin and may be deferred. True: it has been done."""
    restarts_nucleus: bool = False


def component_updates() -> Request[ComponentUpdate]:
    """A stream of deployments, before and after (classic nucleus; lite answers NotNow)."""
    return Request(
        "subscribe_to_component_updates",
        "hear of deployments",
        lambda model: model.SubscribeToComponentUpdatesRequest(),
        _component_update,
    )


def defer_update(deployment: str, message: str, recheck_after: Seconds) -> Request[None]:
    """Ask for a deployment to wait; 0 seconds tells it to go on. Within 60 s of the event."""
    return Request(
        "defer_component_update",
        "defer a deployment",
        lambda model: model.DeferComponentUpdateRequest(
            deployment_id=deployment, message=message, recheck_after_ms=round(recheck_after * 1000)
        ),
        _nothing,
    )


@dataclass(frozen=True, slots=True)
class Proposal:
    """A configuration that a deployment would set (classic nucleus)."""

    deployment: str
    configuration: Mapping[str, Any]


def configuration_proposals() -> Request[Proposal]:
    """A stream of configurations to judge before they are deployed (classic nucleus; lite answers NotNow)."""

    def read(event: Any) -> Proposal:
        proposed = event.validate_configuration_update_event
        return Proposal(str(proposed.deployment_id), proposed.configuration or {})

    return Request(
        "subscribe_to_validate_configuration_updates",
        "judge configurations",
        lambda model: model.SubscribeToValidateConfigurationUpdatesRequest(),
        read,
    )


def judge_proposal(deployment: str, objection: str = "") -> Request[None]:
    """Accept a proposed configuration, or reject it with a sentence; within 20 s of the event."""

    def shape(model: Any) -> Any:
        report = model.ConfigurationValidityReport(
            status="REJECTED" if objection else "ACCEPTED", deployment_id=deployment, message=objection or None
        )
        return model.SendConfigurationValidityReportRequest(configuration_validity_report=report)

    return Request("send_configuration_validity_report", "judge a configuration", shape, _nothing)


# -- between the library's shapes and ours -------------------------------------------------------------------


def _nothing(_answer: Any) -> None:
    return None


def _publication(model: Any, message: Message) -> Any:
    """Names of the MQTT 5 properties differ from ours; nucleus lite ignores some of them."""
    given = dict(message.properties)
    pairs = given.get("user_properties", ())
    pairs = pairs.items() if isinstance(pairs, Mapping) else pairs
    indicator = given.get("payload_format_indicator")
    return model.PublishToIoTCoreRequest(
        topic_name=message.topic,
        qos=str(message.qos),
        payload=message.payload,
        retain=True if message.retain else None,
        user_properties=[model.UserProperty(key=key, value=value) for key, value in pairs] or None,
        message_expiry_interval_seconds=given.get("message_expiry_interval"),
        correlation_data=given.get("correlation_data"),
        response_topic=given.get("response_topic"),
        payload_format=None if indicator is None else str(indicator),
        content_type=given.get("content_type"),
    )


def _arrived_from_core(got: Any) -> Message:
    properties: dict[str, Any] = {
        name: value
        for name, value in (
            ("content_type", got.content_type),
            ("response_topic", got.response_topic),
            ("correlation_data", got.correlation_data),
            ("message_expiry_interval", got.message_expiry_interval_seconds),
            ("user_properties", [(each.key, each.value) for each in got.user_properties or ()] or None),
        )
        if value is not None
    }
    return _arrived(got.topic_name, got.payload or b"", retain=bool(got.retain), properties=properties)


def _arrived_locally(event: Any, topic_filter: str) -> Message:
    """A component sends bytes or a JSON object."""
    if event.binary_message is not None:
        body, context = event.binary_message.message or b"", event.binary_message.context
    else:
        body, context = json.dumps(event.json_message.message).encode(), event.json_message.context
    return _arrived((context and context.topic) or topic_filter, body)


def _arrived(
    topic: str, payload: bytes, *, retain: bool = False, properties: Mapping[str, Any] | None = None
) -> Message:
    return Message(
        topic=topic, payload=payload, priority=Priority.LIVE, qos=1, retain=retain, properties=properties or {}
    )


def _component_update(event: Any) -> ComponentUpdate:
    if (before := event.pre_update_event) is not None:
        return ComponentUpdate(str(before.deployment_id), False, bool(before.is_ggc_restarting))
    return ComponentUpdate(str(event.post_update_event.deployment_id), True)
