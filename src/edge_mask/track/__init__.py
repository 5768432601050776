"""Which face is which over frames, and what the frames say of it: no camera, no clock."""

from edge_mask.track.tracker import Tracker, TrackPolicy, distinct
from edge_mask.track.votes import Ballot, Majority, VotePolicy

__all__ = ["Ballot", "Majority", "TrackPolicy", "Tracker", "VotePolicy", "distinct"]
