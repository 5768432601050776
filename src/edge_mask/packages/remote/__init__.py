"""Packages from outside: OCI registries, HTTPS folders, USB sticks; what comes is checked by digest and signature."""
