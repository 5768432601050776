"""The picture of a visit or an alert, as far as it is kept."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from edge_mask.web.site import Site


def with_picture(site: Site, row: Mapping[str, Any]) -> dict[str, Any]:
    """The row and the address of its `picture`, None without one: pictures are deleted before their rows."""
    name = row.get("snapshot")
    is_there = isinstance(name, str) and "/" not in name and (site.pictures / name).is_file()
    return {**row, "picture": f"api/v1/pictures/{quote(str(row['id']), safe='')}" if is_there else None}
