"""The section privacy."""

from pydantic import Field

from edge_mask.settings.base import Section


class Privacy(Section):
    """What may leave the device of the people whom it sees."""

    send_pictures: bool = Field(
        default=False,
        description="The answer to the command `snapshot` holds the picture; otherwise only the name of its file."
        " Notifications of rules that say `snapshot: true` take the picture along, too.",
    )
