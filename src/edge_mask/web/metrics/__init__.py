"""What Prometheus scrapes: `/metrics`."""
