"""Links within the page: always relative, since only a proxy in front of it knows below which path it is shown."""

from urllib.parse import quote, unquote, urlsplit

from starlette.requests import Request


def up(request: Request) -> str:
    """From the page that is asked for to the root of the site: `./`, `../`, `../../`, …"""
    return "../" * (_path(request).count("/") - 1) or "./"


def _path(request: Request) -> str:
    """As the browser sees it, below the proxy's path."""
    path: str = request.scope["path"]
    return path


def login_of(request: Request) -> str:
    """Where to log in, and come back from to this page."""
    query = f"?{request.url.query}" if request.url.query else ""
    here = quote(_path(request).lstrip("/") + query, safe="/")
    return f"{up(request)}login" + (f"?next={here}" if here else "")


def safe_next(wanted: str | None) -> str:
    """The page to go to after the login, from the root of the site; the root for whatever might lead elsewhere."""
    if not wanted or len(wanted) > 1000 or not wanted.isprintable():
        return ""
    decoded = unquote(wanted)
    if wanted.startswith(("/", ".")) or "\\" in decoded or "//" in decoded or ":" in decoded.partition("?")[0]:
        return ""
    if ".." in decoded.partition("?")[0].split("/"):
        return ""
    parts = urlsplit(wanted)
    return "" if parts.scheme or parts.netloc else wanted
