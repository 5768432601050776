"""The section about AWS beside the broker's own."""

from pydantic import Field

from edge_mask.settings.base import FilePath, Section, read_whole


class Pkcs11(Section):
    """A hardware token that holds the private key."""

    library: FilePath = Field(description="The token's PKCS#11 library, such as /usr/lib/softhsm/libsofthsm2.so.")
    pin_file: FilePath | None = Field(
        default=None, description="File that holds the PIN, and nothing else; none for a token with its own keypad."
    )
    token_label: str | None = Field(default=None, min_length=1, description="Which token, by its label.")
    slot: int | None = Field(default=None, ge=0, description="Which token, by the number of its slot.")
    key_label: str | None = Field(
        default=None, min_length=1, description="Which private key; not needed when the token holds one alone."
    )

    def read_pin(self) -> str | None:
        """The PIN, read anew from its file. Raises OSError."""
        return None if self.pin_file is None else read_whole(self.pin_file).decode().rstrip("\r\n")


class Greengrass(Section):
    """For `mqtt.transport: greengrass`."""

    local: tuple[str, ...] = Field(
        default=(),
        description="Topic filters, with `{thing}`: these topics go to the other components of the device instead of"
        " AWS IoT Core, and commands on them are heard from both.",
    )


class Aws(Section):
    """AWS IoT."""

    pkcs11: Pkcs11 | None = Field(
        default=None, description="The private key stays in a token, instead of in `mqtt.tls.key`; only for `aws-iot`."
    )
    shadow: bool | None = Field(
        default=None,
        description="Take wishes from the named shadow `edge-mask`, report there what became of them, and what was seen"
        " in the classic shadow; when not given: with `aws-iot` and `greengrass`.",
    )
    jobs: bool | None = Field(
        default=None, description="Carry out AWS IoT Jobs; when not given: with `aws-iot` and `greengrass`."
    )
    greengrass: Greengrass = Field(default=Greengrass(), description="The component of a Greengrass nucleus.")
