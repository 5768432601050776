"""The central store: from the broker into PostgreSQL or MariaDB, and pictures into S3-compatible storage."""
