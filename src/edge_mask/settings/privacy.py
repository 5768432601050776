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
    second_look: bool = Field(
        default=False,
        description="A visit that was decided narrowly may be looked at by `fleet.second_look.to`: the picture of its"
        " face leaves the device for that, encrypted, with its surroundings blurred.",
    )
