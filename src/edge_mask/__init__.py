"""edge_mask: the edge daemon that looks at faces, reads thermometers and never loses an event."""

__version__ = "0.1.0"
