"""Frames on their way between devices: given to others with room, and looked at for others."""
