"""What is done with each frame: detect, track, decide. Begin with lane.py."""
