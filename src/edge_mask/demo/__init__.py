"""The daemon on bundled input, with a broker of its own, for somebody who wants to see it work."""
