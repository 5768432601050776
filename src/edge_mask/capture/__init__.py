"""Cameras, streams, files and folders as FrameSources."""

from edge_mask.capture.camera import Camera
from edge_mask.capture.content import ContentPolicy
from edge_mask.capture.factory import is_live, source_for
from edge_mask.capture.source import EndOfSource, FrameSource

__all__ = ["Camera", "ContentPolicy", "EndOfSource", "FrameSource", "is_live", "source_for"]
