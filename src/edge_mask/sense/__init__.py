"""Thermometers and other meters."""
