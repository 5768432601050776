"""Whether an answer may go to the topic that a request names."""

from typing import Any

from edge_mask.kinds import KINDS
from edge_mask.wire.topics import Topics, text_problem


def objection_to(wanted: Any, default: str, topics: Topics) -> str:
    """Why an answer must not go there: whoever may ask must not thereby speak for the device, or make it talk to
    itself. Empty when it may; `default` is where it would go otherwise."""
    if not wanted or text_problem("it", wanted) or "+" in wanted or "#" in wanted:
        return "the response topic is no topic that can be published to"
    if wanted.startswith("$"):
        return "the response topic belongs to the broker or the cloud"
    own = {topics.of(kind.name) for kind in KINDS}
    if wanted in own or (wanted.startswith(topics.of("commands") + "/") and not wanted.endswith("/response")):
        return f"the response topic is one of this device's own; leave it out, and the answer comes to {default}"
    return ""
