"""Who has room: what other devices say of themselves, and how they kept their word. Time is an argument.

about (group) ─┐
room (free) ───┼──▶ Peers ──pick──▶ the one that answers soonest, with a place free and no more than two frames of ours
status ────────┤
answers ───────┘     no answer in time ──▶ a pause, and then only after another sign of life
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from edge_mask.units import Seconds

MOST_OUTSTANDING: Final = 2
"""Frames that one peer has at a time: what it would do with more, it does later than others could."""
COOL_DOWN: Final = Seconds(2.0)
"""For a peer that did not answer."""
DISTRUST: Final = Seconds(60.0)
"""For a peer that answered what no model says."""
_ROOM_LASTS: Final = Seconds(12.0)
"""A device tells of its room every few seconds."""
_MOST_PEERS: Final = 1024
_GENTLE: Final = 4
"""The time of a peer follows its last answers so slowly."""
_UNKNOWN_MS: Final = 100.0


@dataclass(slots=True)
class _Peer:
    group: str | None = None
    """None until it has said who it is."""
    accepts: bool = False
    is_online: bool = True
    free: int = 0
    told_at: float = float("-inf")
    """When it last gave a sign of life."""
    lost_at: float = float("-inf")
    rests_until: float = float("-inf")
    ms: float | None = None
    """From the frame to the answer, on average of the last ones."""
    told_ms: float = _UNKNOWN_MS
    outstanding: int = 0

    def may_take(self, now: float) -> bool:
        return (
            self.accepts
            and self.is_online
            and self.outstanding < MOST_OUTSTANDING
            and self.free > self.outstanding
            and now - self.told_at <= _ROOM_LASTS
            and now >= self.rests_until
            and self.told_at > self.lost_at
        )

    @property
    def expected_ms(self) -> float:
        return (self.told_ms if self.ms is None else self.ms) * (1 + self.outstanding)


class Peers:
    """Belongs to one thread."""

    def __init__(self, thing: str, group: str) -> None:
        self._thing = thing
        self._group = group
        self._peers: OrderedDict[str, _Peer] = OrderedDict()

    def __len__(self) -> int:
        return len(self._peers)

    # -- what they say -----------------------------------------------------------------------------------

    def about(self, thing: str, group: str) -> None:
        """It belongs to this group."""
        self._peer(thing).group = group

    def room(
        self, thing: str, *, free: int, ms: float, accepts: Iterable[str], now: Seconds, is_kept: bool = False
    ) -> None:
        """It would take so many frames. `is_kept`: the broker has kept that for a while."""
        peer = self._peer(thing)
        peer.free, peer.accepts, peer.told_at = free, "peer" in accepts, now
        peer.told_ms = ms or _UNKNOWN_MS
        if not is_kept:
            peer.is_online = True

    def came(self, thing: str) -> None:
        """It is there."""
        self._peer(thing).is_online = True

    def gone(self, thing: str) -> None:
        """It says, or the broker says, that it is not there any more."""
        peer = self._peer(thing)
        peer.is_online, peer.free = False, 0

    def away(self) -> None:
        """The connection to the broker was lost: nothing is known of anybody."""
        for peer in self._peers.values():
            peer.told_at = float("-inf")

    # -- what is asked of them ---------------------------------------------------------------------------

    def pick(self, now: Seconds, but: str = "") -> str | None:
        """Who should get the next frame; None when nobody has room."""
        fitting = [
            (peer.expected_ms, thing)
            for thing, peer in self._peers.items()
            if peer.group == self._group and thing != but and peer.may_take(now)
        ]
        return min(fitting)[1] if fitting else None

    def asked(self, thing: str) -> None:
        """It was sent a frame."""
        self._peer(thing).outstanding += 1

    def answered(self, thing: str, free: int, now: Seconds, took: Seconds | None = None) -> None:
        """It answered; without `took` that it is busy, or cannot say."""
        peer = self._returned(thing)
        peer.free, peer.told_at = free, now
        if took is not None:
            ms = 1000 * took
            peer.ms = ms if peer.ms is None else peer.ms + (ms - peer.ms) / _GENTLE

    def lost(self, thing: str, now: Seconds, rests: Seconds = COOL_DOWN) -> None:
        """A frame that it was sent will not be answered."""
        peer = self._returned(thing)
        peer.lost_at, peer.rests_until = now, max(peer.rests_until, now + rests)

    def _returned(self, thing: str) -> _Peer:
        peer = self._peer(thing)
        peer.outstanding = max(0, peer.outstanding - 1)
        return peer

    def _peer(self, thing: str) -> _Peer:
        peer = self._peers.get(thing)
        if peer is None:
            if len(self._peers) >= _MOST_PEERS:
                idle = next((name for name, each in self._peers.items() if not each.outstanding), None)
                if idle is not None:
                    del self._peers[idle]
            peer = self._peers[thing] = _Peer()
        return peer
