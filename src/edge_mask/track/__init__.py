"""Which face is which over frames, where it stands, and what the frames say of it: no camera, no clock."""

from edge_mask.track.geometry import Polygon, is_inside
from edge_mask.track.tracker import Tracker, TrackPolicy
from edge_mask.track.votes import Ballot, Outcome, VotePolicy

__all__ = ["Ballot", "Outcome", "Polygon", "TrackPolicy", "Tracker", "VotePolicy", "is_inside"]
