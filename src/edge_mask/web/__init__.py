"""The operator's page, the HTTP API and metrics, served beside the house. Read `application.py` first."""
