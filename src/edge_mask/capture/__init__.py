"""Cameras, streams, files and folders as FrameSources."""
