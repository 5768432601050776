"""Shadows and jobs of AWS IoT, over any connection. Begin with worker.py."""
