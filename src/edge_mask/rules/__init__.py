"""AWS IoT SQL on the device: pure, no MQTT, no clock."""
