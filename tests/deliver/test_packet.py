"""The bookkeeping of messages on their way, without a network."""

from tests.deliver.stages import note

from edge_mask.deliver.link import StallDetector
from edge_mask.deliver.packet import NO_LIMIT, BrokerLimits, publish_size
from edge_mask.deliver.transport import Sending
from edge_mask.messages import Message, Outcome, Priority
from edge_mask.units import Seconds


def test_a_message_ends_once_and_cannot_be_cancelled() -> None:
    sending = Sending(note())
    assert not sending.future.cancel()
    sending.end(Outcome.UNKNOWN, "timeout")
    sending.end(Outcome.DELIVERED)
    assert sending.future.result().outcome is Outcome.UNKNOWN


def test_a_slow_broker_that_acknowledges_in_turn_is_left_in_peace() -> None:
    stall = StallDetector(20.0)
    for turn in range(100):
        assert stall.left(Sending(note()), Seconds(19.0 * turn)) == 20.0


def test_the_same_oldest_message_for_too_long_is_a_standstill() -> None:
    stall, oldest = StallDetector(20.0), Sending(note())
    assert [stall.left(oldest, Seconds(at)) for at in (100.0, 115.0, 120.0, 121.0)] == [20.0, 5.0, 0.0, -1.0]


def test_nothing_under_way_is_no_standstill() -> None:
    stall, oldest = StallDetector(20.0), Sending(note())
    stall.left(oldest, Seconds(0.0))
    assert stall.left(None, Seconds(1000.0)) == float("inf")
    assert stall.left(oldest, Seconds(2000.0)) == 20.0


def test_sizes_count_every_byte_of_the_packet() -> None:
    short = Message(topic="t", payload=b"", priority=Priority.LIVE, qos=0)
    assert publish_size(short, 1) == 1 + 1 + 2 + 1 + 1
    assert [publish_size(note(b"x" * size, topic="t"), 0) - size for size in (10, 122, 123)] == [7, 7, 8]
    assert publish_size(note("", topic="높이"), 0) == 1 + 1 + 2 + 6 + 2


def test_a_broker_that_named_no_limit_has_none() -> None:
    assert BrokerLimits().objection(note(), NO_LIMIT) == ""
    assert "QoS 0" in BrokerLimits(qos=0).objection(note(), 10)
