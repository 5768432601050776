"""The operator's page and HTTP: who may come in, what they see and may ask for."""
