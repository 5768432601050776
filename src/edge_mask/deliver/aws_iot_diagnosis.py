"""Why there is no connection, in a sentence: the SDK often knows only that one side hung up."""

from awscrt import mqtt5

from edge_mask.deliver import aws_iot_reasons as reasons
from edge_mask.deliver.aws_iot_client import Endpoint
from edge_mask.deliver.aws_iot_identity import Identity
from edge_mask.deliver.tls_probe import handshake_problem
from edge_mask.errors import Refused, TryLater
from edge_mask.runtime.clock import Clock
from edge_mask.units import Seconds

_PROBE_WITHIN = 3.0
_SOON = 60.0
"""Seconds: a connection that ends without a word before this is suspicious when it happens again."""
_WHY_HUNG_UP = " (is the certificate registered and active there, and does the port speak TLS?)"
_WHY_NO_TLS = " although the certificates are right (does the broker ask for one? The AWS SDK connects to no other)"


class Diagnosis:
    """Looks at our certificate, and asks the broker for one more handshake through Python's own TLS. It remembers over
    connections how they ended."""

    def __init__(self, endpoint: Endpoint, identity: Identity, thing: str, clock: Clock) -> None:
        self._endpoint = endpoint
        self._identity = identity
        self._thing = thing
        self._clock = clock
        self._hang_ups = 0

    def of_loss(self, data: mqtt5.LifecycleDisconnectData, lasted: Seconds) -> TryLater | Refused:
        """Why an accepted connection ended after so many seconds.

        Not every broker says that another client took the id over: some hang up without a word, each time soon after
        the other client came back.
        """
        if (said := data.disconnect_packet) is not None:
            return reasons.goodbye(self._endpoint, self._thing, said.reason_code, said.reason_string)
        is_soon = lasted < _SOON and reasons.has_hung_up(data.exception)
        self._hang_ups = self._hang_ups + 1 if is_soon else 0
        return reasons.lost(self._endpoint, self._thing, data.exception, is_again=self._hang_ups > 1)

    def of_silence(self) -> Refused | None:
        """Why nothing was heard so far. The SDK waits up to 30 s on purpose before it tells of a broker that it does
        not trust; None when there is another reason."""
        why = self._handshake_problem()
        return self._no_tls(why) if why else None

    def of_failure(self, data: mqtt5.LifecycleConnectFailureData) -> TryLater | Refused:
        """Why the SDK gave up."""
        if (said := data.connack_packet) is not None:
            return reasons.refusal(self._endpoint, said.reason_code, said.reason_string)
        if reasons.is_about_tls(data.exception) or reasons.has_hung_up(data.exception):
            if why := self._identity.problem(self._clock.now().wall) or self._handshake_problem():
                return self._no_tls(why)
            hint = _WHY_NO_TLS if reasons.has_no_handshake(data.exception) else _WHY_HUNG_UP
            return TryLater(f"{self._endpoint} hung up: {reasons.text_of(data.exception)}{hint}")
        return TryLater(f"{self._endpoint} cannot be reached: {reasons.text_of(data.exception)}")

    def _no_tls(self, why: str) -> Refused:
        return Refused(f"no TLS connection to {self._endpoint}: {why}")

    def _handshake_problem(self) -> str:
        return handshake_problem(
            self._endpoint.host,
            self._endpoint.port,
            self._identity.files,
            alpn=self._identity.alpn,
            within=Seconds(min(_PROBE_WITHIN, self._endpoint.connect_timeout)),
            now=self._clock.now().wall,
        )
