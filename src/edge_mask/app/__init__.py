"""The composition root: from Settings to a House."""
