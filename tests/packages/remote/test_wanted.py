"""Which of the sources of a wish are asked, and who hears the password."""

from pathlib import Path
from typing import Any

import pytest
from tests.packages.registry import USER, Registry
from tests.packages.remote.faulty import Faulty, send
from tests.packages.remote.parcels import FILES, names, write_keys, write_layout

from edge_mask.errors import Refused, TryLater
from edge_mask.packages.remote.address import parse
from edge_mask.packages.remote.push import push
from edge_mask.packages.remote.source import Access, Effort, Limits
from edge_mask.packages.remote.wanted import allowed, credentials_for, fetch
from edge_mask.settings.fleet import FleetPackages
from edge_mask.wire.fleet_models import Desired


def settings(**keys: Any) -> FleetPackages:
    return FleetPackages.model_validate(keys)


def wish(digest: str, *sources: str) -> Desired:
    return Desired(revision=1, name="tiny", version="1.0.0", digest=digest, sources=list(sources))


@pytest.mark.parametrize(
    ("beginning", "source", "is_allowed"),
    [
        ("oci://hub.example", "oci://hub.example/mask", True),
        ("oci://hub.example/", "oci://HUB.example/mask", True),
        ("oci://hub.example/shop", "oci://hub.example/shop/mask", True),
        ("oci://hub.example/shop", "oci://hub.example/shop", True),
        ("oci://hub.example/shop", "oci://hub.example/shop-evil/mask", False),
        ("oci://hub.example", "oci://hub.example.evil/mask", False),
        ("oci://hub.example", "oci://hub.example:444/mask", False),
        ("oci://hub.example", "https://hub.example/mask", False),
        ("https://a.example/models/", "https://a.example/models/mask", True),
        ("https://a.example/models/", "https://a.example/modelsx", False),
        ("https://a.example", "https://a.example/any", True),
        ("file:///media/usb", "file:///media/usb/mask", True),
        ("file:///media/usb", "file:///media/usbx", False),
        ("file:///", "file:///etc", True),
    ],
)
def test_a_beginning_ends_where_a_name_ends(beginning: str, source: str, is_allowed: bool) -> None:
    here = settings(sources=[beginning])
    if is_allowed:
        assert allowed([source], here) == [source]
    else:
        with pytest.raises(Refused, match=r"fleet\.packages\.sources does not allow"):
            allowed([source], here)


@pytest.mark.parametrize(
    "source",
    [
        "file:///media/usb/../../etc",
        "file:///media/usb/%2e%2e/x",
        "https://a.example/models/../x",
        "oci://x",
        "nonsense",
    ],
)
def test_what_leads_upwards_or_is_no_address_is_refused(source: str) -> None:
    with pytest.raises(Refused):
        allowed([source], settings(sources=["file:///media/usb", "https://a.example/models"]))


def test_one_bad_address_does_not_spoil_the_good_ones() -> None:
    here = settings(sources=["oci://hub.example"])
    assert allowed(["nonsense", "oci://hub.example/x"], here) == ["oci://hub.example/x"]


def test_without_keys_and_sources_nothing_comes_in(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="packages from outside are not allowed here"):
        allowed(["file:///x"], settings())
    key = write_keys(tmp_path)[1]
    assert allowed(["file:///x"], settings(keys=[str(key)])) == ["file:///x"]


def test_a_wish_is_fetched_from_the_registry_that_the_configuration_names(tmp_path: Path, registry: Registry) -> None:
    layout, made = write_layout(tmp_path)
    here = settings(
        sources=[registry.base], username=USER, password_file=str(registry.password_file), ca=str(registry.ca)
    )
    where = parse(f"{registry.base}/wanted")
    access = Access(credentials=credentials_for(here, [where]), ca=registry.ca)
    push(layout, where, access, Effort(Limits()))
    found = fetch(wish(made.digest, "oci://elsewhere.invalid/x", f"{registry.base}/wanted"), here, tmp_path / "into")
    assert names(found.folder) == FILES
    assert found.failed == ()  # elsewhere was not asked


def test_a_source_that_only_a_wish_names_hears_no_password(tmp_path: Path) -> None:
    layout, made = write_layout(tmp_path)
    key = write_keys(tmp_path)[1]
    (tmp_path / "password").write_text("sesame\n")
    with Faulty(tmp_path) as evil:
        evil.offer(layout)
        evil.answers[f"/v2/x/manifests/{made.digest}"] = lambda request: send(
            request, 401, WWW_Authenticate='Basic realm="give it to me"'
        )
        here = settings(keys=[str(key)], username=USER, password_file=str(tmp_path / "password"), ca=str(evil.ca))
        with pytest.raises(Refused, match="none are given for it"):
            fetch(wish(made.digest, f"oci://{evil.host}/x"), here, tmp_path / "into")
        assert not any("authorization" in headers for _, headers in evil.asked)


def test_a_password_file_that_is_gone_is_named(tmp_path: Path) -> None:
    here = settings(sources=["file:///"], username=USER, password_file=str(tmp_path / "gone"))
    with pytest.raises(TryLater, match=r"fleet\.packages\.password_file: .*gone cannot be read"):
        fetch(wish(f"sha256:{'0' * 64}", "file:///x"), here, tmp_path / "into")
