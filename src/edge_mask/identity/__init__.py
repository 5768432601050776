"""Who the device is in AWS: its thing, and the policies that allow exactly what it does."""
