"""The operator's page, the HTTP API and metrics, served beside the house. Read `application.py` first."""

from edge_mask.web.bare_uvicorn import without_command_line

without_command_line()
