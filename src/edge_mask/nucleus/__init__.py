"""The Greengrass nucleus, as a component sees it: one connection of this process, calls and subscriptions over it.

place ──▶ nucleus (keeps a session up) ──▶ session (one socket) ──▶ the nucleus
             ▲ call(request) ──▶ future      ▲ follow(stream, listener)
"""
