"""What this device says of itself, and what is heard of others."""
