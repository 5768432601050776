"""Whatever a server does, a pull ends: with the whole package, or with a sentence and nothing half in its place."""

import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from tests.broker import free_port
from tests.packages.registry import PASSWORD, USER, Registry
from tests.packages.remote.faulty import Faulty, send
from tests.packages.remote.parcels import FILES, names, write_layout
from tests.waiting import until

from edge_mask.errors import Refused, TryLater
from edge_mask.packages.remote.address import parse
from edge_mask.packages.remote.manifest import Manifest
from edge_mask.packages.remote.pull import Pulled, pull
from edge_mask.packages.remote.push import push
from edge_mask.packages.remote.source import Access, Cancelled, Credentials, Effort, Limits
from edge_mask.units import Seconds

KNOWN = Credentials(username=USER, password=PASSWORD)


@pytest.fixture(scope="module")
def parcel(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    return write_layout(tmp_path_factory.mktemp("parcel"))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Faulty]:
    with Faulty(tmp_path) as running:
        yield running


def put(registry: Registry, layout: Path, name: str) -> None:
    access = Access(credentials=KNOWN, ca=registry.ca)
    push(layout, parse(f"{registry.base}/{name}"), access, Effort(Limits()))


def get(source: Registry | Faulty, name: str, made: Manifest, into: Path, **more: Any) -> Pulled:
    base = source.base if isinstance(source, Registry) else f"oci://{source.host}"
    return pull([f"{base}/{name}"], made.digest, into, **{"credentials": KNOWN, "ca": source.ca, **more})


def blob_of(made: Manifest, path: str = "model.tflite") -> str:
    return next(file.digest for file in made.files if file.path == path)


def left(into: Path) -> list[str]:
    return names(into) if into.exists() else []


def test_a_registry_gone_in_the_middle_is_away_and_the_next_pull_goes_on(
    tmp_path: Path, parcel: tuple[Path, Manifest]
) -> None:
    layout, made = parcel
    with Registry(tmp_path / "registry") as registry:
        put(registry, layout, "x")
        seen: list[int] = []

        def gone(have: int, _all: int) -> None:
            seen.append(have)
            if have:
                registry.stop()

        with pytest.raises(TryLater, match="cannot be reached"):
            get(registry, "x", made, tmp_path / "into", on_progress=gone)
        assert [name for name in left(tmp_path / "into") if not name.startswith(".edge-mask-part-")] == FILES[:1]
        registry.start()
        seen.clear()
        get(registry, "x", made, tmp_path / "into", on_progress=lambda have, _: seen.append(have))
        assert seen[0] == made.files[0].size  # what was there is not fetched again
    assert left(tmp_path / "into") == FILES


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (lambda data: b"x" + data[1:], "its sha256 is .* it was changed"),
        (lambda data: data[:-7], "was cut off after"),
        (lambda data: data + b"x", "is longer than the"),
    ],
)
def test_a_blob_that_the_registry_lost_bits_of_is_refused(
    tmp_path: Path, parcel: tuple[Path, Manifest], registry: Registry, fault: Any, sentence: str
) -> None:
    layout, made = write_layout(tmp_path, version=f"2.0.{len(sentence)}")
    put(registry, layout, "broken")
    kept = registry.blob(blob_of(made, "model.yaml"))
    kept.write_bytes(fault(kept.read_bytes()))
    with pytest.raises((Refused, TryLater), match=sentence):
        get(registry, "broken", made, tmp_path / "into")
    assert left(tmp_path / "into") == FILES[:2]


def test_a_manifest_that_the_registry_lost_bits_of_is_refused(tmp_path: Path, registry: Registry) -> None:
    layout, made = write_layout(tmp_path, version="3.0.0")
    put(registry, layout, "lost")
    kept = registry.blob(made.digest)
    kept.write_bytes(kept.read_bytes().replace(b"3.0.0", b"3.0.1"))
    with pytest.raises((Refused, TryLater), match="manifest"):
        get(registry, "lost", made, tmp_path / "into")
    assert left(tmp_path / "into") == []


def test_another_manifest_under_the_digest_is_refused(
    tmp_path: Path, server: Faulty, parcel: tuple[Path, Manifest]
) -> None:
    layout, made = parcel
    server.offer(layout)
    server.files[f"/v2/x/manifests/{made.digest}"] = made.data + b" "
    with pytest.raises(Refused, match=r"its manifest has the digest sha256:.*, expected"):
        get(server, "x", made, tmp_path / "into")


def test_a_tag_that_moved_changes_nothing_for_a_digest(tmp_path: Path, registry: Registry) -> None:
    old, first = write_layout(tmp_path, version="4.0.0", name="old")
    new, second = write_layout(tmp_path, version="4.0.1", name="new")
    put(registry, old, "moving:stable")
    put(registry, new, "moving:stable")
    found = get(registry, "moving:stable", first, tmp_path / "into")
    assert (found.version, first.digest == second.digest) == ("4.0.0", False)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"credentials": None}, "it wants a user and a password .*none are given"),
        ({"credentials": Credentials(username=USER, password="wrong")}, "the user edge is not let in"),
        ({"ca": None}, "its certificate is not trusted"),
    ],
)
def test_who_is_not_let_in_gets_a_sentence(
    tmp_path: Path, parcel: tuple[Path, Manifest], registry: Registry, more: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(Refused, match=sentence) as refused:
        get(registry, "closed", parcel[1], tmp_path / "into", **more)
    assert "wrong" not in str(refused.value)


def test_a_package_that_is_not_there_is_refused(
    tmp_path: Path, parcel: tuple[Path, Manifest], registry: Registry
) -> None:
    with pytest.raises(Refused, match=r"the manifest: the server does not have it \(404\)"):
        get(registry, "nothing", parcel[1], tmp_path / "into")


@pytest.mark.parametrize(("status", "kind"), [(403, Refused), (400, Refused), (429, TryLater), (503, TryLater)])
def test_a_no_is_refused_and_a_server_in_trouble_is_asked_later(
    tmp_path: Path, server: Faulty, parcel: tuple[Path, Manifest], status: int, kind: type[Exception]
) -> None:
    server.offer(parcel[0])
    server.answers[f"/v2/x/manifests/{parcel[1].digest}"] = lambda request: send(request, status)
    with pytest.raises(kind, match=str(status)) as raised:
        get(server, "x", parcel[1], tmp_path / "into")
    assert type(raised.value) is kind


def test_a_server_that_hangs_up_in_the_middle_of_a_file_is_away(
    tmp_path: Path, server: Faulty, parcel: tuple[Path, Manifest]
) -> None:
    layout, made = parcel
    server.offer(layout)
    path = f"/v2/x/blobs/{blob_of(made)}"

    def hang_up(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(server.files[path])))
        request.end_headers()
        request.wfile.write(server.files[path][:100])
        request.close_connection = True

    server.answers[path] = hang_up
    with pytest.raises(TryLater, match="hung up in the middle"):
        get(server, "x", made, tmp_path / "into")
    (part, *whole) = left(tmp_path / "into")
    assert (part, whole) == (f".edge-mask-part-{blob_of(made)[7:23]}", FILES[:1])
    assert (tmp_path / "into" / part).stat().st_size == 100


def in_parts(server: Faulty, path: str) -> Any:
    """The server knows ranges."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        content, wanted = server.files[path], request.headers.get("Range", "")
        start = int(wanted.removeprefix("bytes=").removesuffix("-") or 0)
        if wanted and start >= len(content):
            send(request, 416)
        elif wanted:
            place = f"bytes {start}-{len(content) - 1}/{len(content)}"
            send(request, 206, content[start:], Content_Range=place)
        else:
            send(request, 200, content)

    return answer


def elsewhere(request: BaseHTTPRequestHandler) -> None:
    send(request, 206, b"xyz", Content_Range="bytes 7-9/10")


@pytest.mark.parametrize("knows_ranges", [True, False])
@pytest.mark.parametrize("kept", [100, "all but one", "all", "changed", "too much"])
def test_a_file_goes_on_in_its_middle(
    tmp_path: Path, server: Faulty, parcel: tuple[Path, Manifest], kept: int | str, knows_ranges: bool
) -> None:
    layout, made = parcel
    server.offer(layout)
    path = f"/v2/x/blobs/{blob_of(made)}"
    data = server.files[path]
    there = {
        "all but one": data[:-1], "all": data, "changed": bytes(1000), "too much": data + data,
    }.get(str(kept), data[:100])  # fmt: skip
    into = tmp_path / "into"
    into.mkdir()
    (into / f".edge-mask-part-{blob_of(made)[7:23]}").write_bytes(there)
    (into / ".edge-mask-part-0123456789abcdef").write_bytes(b"of another package")
    if knows_ranges:
        server.answers[path] = in_parts(server, path)
    get(server, "x", made, into)
    assert left(into) == FILES
    assert (into / "model.tflite").read_bytes() == data
    asked = [head.get("range") for head in server.heads(path)]
    first = {"all": [], "too much": [None]}.get(str(kept), [f"bytes={len(there)}-"])
    assert asked == first + ([None] if kept == "changed" else [])


def test_another_part_than_was_asked_for_is_not_taken(
    tmp_path: Path, server: Faulty, parcel: tuple[Path, Manifest]
) -> None:
    layout, made = parcel
    server.offer(layout)
    (tmp_path / "into").mkdir()
    part = tmp_path / "into" / f".edge-mask-part-{blob_of(made)[7:23]}"
    part.write_bytes(b"x")
    server.answers[f"/v2/x/blobs/{blob_of(made)}"] = elsewhere
    with pytest.raises(Refused):
        get(server, "x", made, tmp_path / "into")
    assert not part.exists()


def test_a_server_that_sends_without_an_end_is_cut(
    tmp_path: Path, server: Faulty, parcel: tuple[Path, Manifest]
) -> None:
    layout, made = parcel
    server.offer(layout)

    def endless(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        while not server.ends.is_set():
            request.wfile.write(b"x" * 65_536)

    server.answers[f"/v2/x/blobs/{blob_of(made)}"] = endless
    with pytest.raises(Refused, match="is longer than the"):
        get(server, "x", made, tmp_path / "into")
    server.answers[f"/v2/x/manifests/{made.digest}"] = endless
    with pytest.raises(Refused, match="answers more than 1000000 bytes"):
        get(server, "x", made, tmp_path / "into")


def drip(server: Faulty) -> Any:
    def dripping(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "100000")
        request.end_headers()
        while not server.ends.wait(0.05):
            request.wfile.write(b"x")

    return dripping


def test_a_server_that_drips_is_left_when_its_time_is_over(
    tmp_path: Path, server: Faulty, parcel: tuple[Path, Manifest]
) -> None:
    layout, made = parcel
    server.offer(layout)
    server.answers[f"/v2/x/blobs/{blob_of(made)}"] = drip(server)
    limits = Limits(within=Seconds(2.0), silent=Seconds(1.0))
    with pytest.raises(TryLater, match="not all of it came within 2 s"):
        get(server, "x", made, tmp_path / "into", limits=limits)


def test_a_server_that_says_nothing_is_left(tmp_path: Path, server: Faulty, parcel: tuple[Path, Manifest]) -> None:
    layout, made = parcel
    server.offer(layout)

    def silent(_request: BaseHTTPRequestHandler) -> None:
        server.ends.wait()

    server.answers[f"/v2/x/manifests/{made.digest}"] = silent
    with pytest.raises(TryLater, match="it does not answer"):
        get(server, "x", made, tmp_path / "into", limits=Limits(silent=Seconds(0.5)))


@pytest.mark.parametrize("where", ["manifest", "blob"])
def test_what_is_not_wanted_any_more_ends_at_once(
    tmp_path: Path, server: Faulty, parcel: tuple[Path, Manifest], where: str
) -> None:
    layout, made = parcel
    server.offer(layout)
    path = f"/v2/x/manifests/{made.digest}" if where == "manifest" else f"/v2/x/blobs/{blob_of(made)}"
    server.answers[path] = drip(server)
    stop, ended = threading.Event(), []

    def asking() -> None:
        try:
            get(server, "x", made, tmp_path / "into", stop=stop)
        except Cancelled as error:
            ended.append(error)

    thread = threading.Thread(target=asking)
    thread.start()
    until(lambda: server.heads(path))
    stop.set()
    thread.join(20.0)
    assert len(ended) == 1
    assert [name for name in left(tmp_path / "into") if not name.startswith(".edge-mask-part-")] == (
        [] if where == "manifest" else FILES[:1]
    )


def test_nobody_listens(tmp_path: Path, parcel: tuple[Path, Manifest]) -> None:
    begun = time.monotonic()
    for host in (f"localhost:{free_port()}", "no-such-host.invalid"):
        with pytest.raises(TryLater, match="cannot be reached"):
            pull([f"oci://{host}/x"], parcel[1].digest, tmp_path / "into")
    assert time.monotonic() - begun < 60


def test_a_redirection_to_another_host_takes_no_password_along(
    tmp_path: Path, server: Faulty, parcel: tuple[Path, Manifest]
) -> None:
    layout, made = parcel
    server.offer(layout)
    blob = f"/v2/x/blobs/{blob_of(made)}"

    def login(request: BaseHTTPRequestHandler) -> None:
        if "Authorization" in request.headers:
            send(request, 200, made.data)
        else:
            send(request, 401, WWW_Authenticate='Basic realm="x"')

    with Faulty(tmp_path, server.authority) as store:
        store.files["/stored"] = server.files[blob]
        server.answers[f"/v2/x/manifests/{made.digest}"] = login
        server.answers[blob] = lambda request: send(request, 307, Location=f"https://{store.host}/stored?signature=s")
        get(server, "x", made, tmp_path / "into")
        assert ["authorization" in each for each in server.heads(blob)] == [True]
        assert ["authorization" in each for each in store.heads("/stored")] == [False]


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ("http://localhost/x", "leads to an address without https"),
        ("https://localhost:PORT/v2/x/manifests/DIGEST", "from one address to the next without an end"),
        ("ftp://x/y", "is no address of http or https"),
        ("https://[x/", "is no address"),
    ],
)
def test_a_redirection_that_leads_nowhere_is_refused(
    tmp_path: Path, server: Faulty, parcel: tuple[Path, Manifest], place: str, sentence: str
) -> None:
    made = parcel[1]
    where = place.replace("PORT", server.host.rpartition(":")[2]).replace("DIGEST", made.digest)
    server.answers[f"/v2/x/manifests/{made.digest}"] = lambda request: send(request, 302, Location=where)
    with pytest.raises(Refused, match=sentence):
        get(server, "x", made, tmp_path / "into")


def with_tokens(server: Faulty, made: Manifest, *, realm: str, token: bytes = b'{"token": "t0ken"}') -> None:
    """The registry wants a token, which `/token` gives."""
    asked = f'Bearer realm="{realm}",service="packages",scope="repository:x:pull"'

    def guarded(path: str) -> Any:
        def answer(request: BaseHTTPRequestHandler) -> None:
            if request.headers.get("Authorization") == "Bearer t0ken":
                send(request, 200, server.files[path])
            else:
                send(request, 401, WWW_Authenticate=asked)

        return answer

    for path in [f"/v2/x/manifests/{made.digest}", *(f"/v2/x/blobs/{file.digest}" for file in made.files)]:
        server.answers[path] = guarded(path)
    server.files["/token"] = token


def test_a_token_is_got_once_with_the_password(tmp_path: Path, server: Faulty, parcel: tuple[Path, Manifest]) -> None:
    layout, made = parcel
    server.offer(layout)
    with_tokens(server, made, realm=f"https://{server.host}/token")
    get(server, "x", made, tmp_path / "into")
    (asked,) = [path for path, _ in server.asked if path.startswith("/token")]
    assert asked == "/token?service=packages&scope=repository%3Ax%3Apull"
    (head,) = server.heads("/token")
    assert head["authorization"].startswith("Basic ")
    assert all(not each.get("authorization", "").startswith("Basic") for each in server.heads("/v2/"))


def test_a_token_that_is_over_is_got_anew(tmp_path: Path, server: Faulty, parcel: tuple[Path, Manifest]) -> None:
    layout, made = parcel
    server.offer(layout)
    given, uses = [0], [0]

    def token(request: BaseHTTPRequestHandler) -> None:
        given[0] += 1
        send(request, 200, b'{"access_token": "%d"}' % given[0])

    def guarded(request: BaseHTTPRequestHandler) -> None:
        uses[0] += 1
        is_good = request.headers.get("Authorization") == f"Bearer {given[0]}" and uses[0] != 5  # in the middle
        if is_good:
            send(request, 200, server.files[request.path])
        else:
            send(request, 401, WWW_Authenticate=f'Bearer realm="https://{server.host}/token"')

    server.answers["/token"] = token
    for path in list(server.files):
        server.answers[path] = guarded
    get(server, "x", made, tmp_path / "into")
    assert left(tmp_path / "into") == FILES
    assert given == [2]


@pytest.mark.parametrize(
    ("realm", "token", "sentence"),
    [
        ("http://localhost/token", b"", "its tokens are given out without https"),
        ("https://HOST/missing", b"", r"gets no token from localhost \(404\)"),
        ("https://HOST/token", b"[]", "answers without a token"),
        ("https://HOST/token", b'{"token": "a\\nb"}', "answers without a token"),
        ("https://HOST/token", b'{"token": "stale"}', "the user edge is not let in"),
        ("", b"", "is no address of http or https"),
    ],
)
def test_a_token_that_is_none_is_refused(
    tmp_path: Path, server: Faulty, parcel: tuple[Path, Manifest], realm: str, token: bytes, sentence: str
) -> None:
    server.offer(parcel[0])
    with_tokens(server, parcel[1], realm=realm.replace("HOST", server.host), token=token)
    with pytest.raises(Refused, match=sentence):
        get(server, "x", parcel[1], tmp_path / "into")


def test_a_login_of_an_unknown_kind_is_refused(tmp_path: Path, server: Faulty, parcel: tuple[Path, Manifest]) -> None:
    path = f"/v2/x/manifests/{parcel[1].digest}"
    for asked in ("Negotiate", ""):
        server.answers[path] = partial(send, status=401, WWW_Authenticate=asked)
        with pytest.raises(Refused, match="known are Basic and Bearer"):
            get(server, "x", parcel[1], tmp_path / "into")


def test_what_is_no_http_is_a_sentence(tmp_path: Path, server: Faulty, parcel: tuple[Path, Manifest]) -> None:
    def nonsense(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"220 mail.example ESMTP\r\n")
        request.close_connection = True

    server.answers[f"/v2/x/manifests/{parcel[1].digest}"] = nonsense
    with pytest.raises(TryLater, match="speaks no HTTP"):
        get(server, "x", parcel[1], tmp_path / "into")


def test_the_next_source_goes_on_where_one_failed(
    tmp_path: Path, server: Faulty, parcel: tuple[Path, Manifest]
) -> None:
    layout, made = parcel
    server.offer(layout)
    blob = f"/v2/x/blobs/{blob_of(made)}"
    server.answers[blob] = lambda request: send(request, 200, b"changed")
    found = pull(
        [f"oci://{server.host}/none", f"oci://{server.host}/x", f"file://{layout}"],
        made.digest, tmp_path / "into", ca=server.ca,
    )  # fmt: skip
    assert found.source == f"file://{layout}"
    assert [sentence.partition(": ")[0] for sentence in found.failed] == [
        f"oci://{server.host}/none", f"oci://{server.host}/x",
    ]  # fmt: skip
    assert left(tmp_path / "into") == FILES


def test_every_source_has_its_sentence(tmp_path: Path, server: Faulty, parcel: tuple[Path, Manifest]) -> None:
    sources = [f"oci://{server.host}/x", "oci://a:b@c/d", f"https://{server.host}/y/", f"file://{tmp_path}"]
    with pytest.raises(Refused) as refused:
        pull(sources, parcel[1].digest, tmp_path / "into", ca=server.ca)
    assert len(str(refused.value).splitlines()) == 4
    assert "a:b" not in str(refused.value)
    with pytest.raises(TryLater, match="is the stick in"):  # one of them may come back
        pull([*sources, "file:///media/none"], parcel[1].digest, tmp_path / "into", ca=server.ca)
