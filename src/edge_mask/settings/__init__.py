"""The configuration: one frozen object, or sentences."""
