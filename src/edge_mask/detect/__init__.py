"""TFLite detection: letterbox, decode, the model package."""
