"""What a rule does on the device itself: a log line, an output line, a picture kept."""
