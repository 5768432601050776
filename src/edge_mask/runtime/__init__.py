"""Threads, hand-offs, clocks and recovery: this room knows no camera and no MQTT."""
