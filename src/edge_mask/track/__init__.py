"""IoU tracking and votes: arrays in, answers out; no camera, no clock."""
