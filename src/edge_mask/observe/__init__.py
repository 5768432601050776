"""Health, logs and the doctor."""
