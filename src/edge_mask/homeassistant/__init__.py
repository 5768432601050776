"""Home Assistant: announces this device, so that its entities appear there by themselves (MQTT discovery)."""
