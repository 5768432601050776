"""What a file is, its content says: a film by any name is looked at whole, or answered with a sentence."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.detect import tiny_tflite as tiny
from tests.detect.packages import ANCHOR_FREE, RED, picture, write_package

from edge_mask.cli import main

FRAMES = 10


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return write_package(tmp_path / "tiny", tiny.anchor_free(strides=[8]), decoding=ANCHOR_FREE | {"strides": [8]})


@pytest.fixture
def lines(package: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, list[str], str]]:
    """The exit code, the file of each line, and our sentences on stderr."""

    def run(*paths: Path) -> tuple[int, list[str], str]:
        code = main(["detect", *map(str, paths), "--model", str(package), "--json"])
        out, err = capfd.readouterr()
        ours = [line for line in err.splitlines() if line.startswith("/")]  # FFmpeg may say something of its own
        return code, [Path(json.loads(line)["file"]).name for line in out.splitlines()], "\n".join(ours)

    return run


def moments(suffix: str) -> list[bytes]:
    pictures = [picture((64, 64), ((4 * number, 8, 8, 8), RED)) for number in range(FRAMES)]
    return [bytes(cv2.imencode(suffix, each)[1]) for each in pictures]


def bits(*fields: int | tuple[int, int]) -> str:
    """Fields of H.264: a number is coded as Exp-Golomb, a pair is (value, bits)."""
    return "".join(f"{each[0]:0{each[1]}b}" if isinstance(each, tuple) else golomb(each) for each in fields)


def golomb(number: int) -> str:
    return f"{number + 1:b}".zfill(2 * (number + 1).bit_length() - 1)


def unit(kind: int, payload: str, raw: bytes = b"") -> bytes:
    """One NAL unit behind its start code; `raw` stands byte by byte behind the payload."""
    if raw:
        payload = payload.ljust(-(-len(payload) // 8) * 8, "0") + "".join(f"{byte:08b}" for byte in raw)
    payload += "1"
    payload = payload.ljust(-(-len(payload) // 8) * 8, "0")
    return b"\0\0\0\1" + bytes([kind]) + int(payload, 2).to_bytes(len(payload) // 8)


def bare_h264() -> bytes:
    """A stream without a container, one macroblock of plain samples per picture, as a camera's encoder writes them."""
    flag = (1, 1)
    sequence = unit(0x67, bits((66, 8), (0xC0, 8), (10, 8), 0, 0, 2, 1, (0, 1), 0, 0, flag, flag, (0, 1), (0, 1)))
    parameters = unit(0x68, bits(0, 0, (0, 2), 0, 0, 0, (0, 3), 0, 0, 0, (0, 3)))
    stream = sequence + parameters
    for number in range(FRAMES):
        header = bits(0, 7, 0, (0, 4), number % 2, (0, 2), 0, 25)
        stream += unit(0x65, header, bytes([100 + number] * 256 + [128] * 128))
    return stream


def container(path: Path, code: str) -> bytes:
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*code), 10, (64, 64))
    assert writer.isOpened()
    for number in range(FRAMES):
        writer.write(picture((64, 64), ((4 * number, 8, 8, 8), RED)))
    writer.release()
    return path.read_bytes()


def multipart(suffix: str) -> bytes:
    return b"".join(b"--next\r\nContent-Type: image/jpeg\r\n\r\n" + each + b"\r\n" for each in moments(suffix))


def animation(suffix: str) -> bytes:
    if not hasattr(cv2, "imencodeanimation"):
        pytest.skip("this OpenCV writes no animations")
    moving = cv2.Animation()
    moving.frames = [picture((64, 64), ((4 * number, 8, 8, 8), RED)) for number in range(FRAMES)]
    moving.durations = [100] * FRAMES
    done, data = cv2.imencodeanimation(suffix, moving)
    assert done
    return bytes(data)


FILMS: dict[str, Callable[[Path], bytes]] = {
    "JPEGs one behind the other": lambda _: b"".join(moments(".jpg")),
    "JPEGs as a browser gets them": lambda _: multipart(".jpg"),
    "PNGs one behind the other": lambda _: b"".join(moments(".png")),
    "bare H.264": lambda _: bare_h264(),
    "3GP": lambda folder: container(folder / "a.3gp", "mp4v"),
    "FLV": lambda folder: container(folder / "a.flv", "FLV1"),
    "WMV": lambda folder: container(folder / "a.wmv", "WMV2"),
    "transport stream": lambda folder: container(folder / "a.ts", "mp4v"),
    "transport stream of a camcorder": lambda folder: container(folder / "a.m2ts", "mp4v"),
    "Matroska": lambda folder: container(folder / "a.mkv", "mp4v"),
    "AVI": lambda folder: container(folder / "a.avi", "MJPG"),
    "GIF": lambda _: animation(".gif"),
    "animated PNG": lambda _: animation(".png"),
}


@pytest.mark.parametrize("name", ["film", "film.bin", "film.dav", "film.mp4"])
@pytest.mark.parametrize("kind", FILMS)
def test_every_frame_of_a_film_is_looked_at_by_any_name(
    kind: str, name: str, lines: Callable[..., tuple[int, list[str], str]], tmp_path: Path
) -> None:
    content = FILMS[kind](tmp_path)
    folder = tmp_path / "films"
    folder.mkdir()
    (folder / name).write_bytes(content)
    code, seen, said = lines(folder / name)
    assert (code, seen) == (0, [name] * FRAMES), said


@pytest.mark.parametrize("kind", FILMS)
def test_a_film_with_the_name_of_a_picture_is_never_one_line_and_all_is_well(
    kind: str, lines: Callable[..., tuple[int, list[str], str]], tmp_path: Path
) -> None:
    (tmp_path / "film.jpg").write_bytes(FILMS[kind](tmp_path))
    code, seen, said = lines(tmp_path / "film.jpg")
    assert (code, len(seen)) == (0, FRAMES) or (code == 1 and "film.jpg: " in said)


@pytest.mark.parametrize("name", ["still", "still.mp4", "still.gif", "still.png"])
def test_a_picture_with_the_name_of_a_film_is_a_picture(
    name: str, lines: Callable[..., tuple[int, list[str], str]], tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(moments(".jpg")[0])
    assert lines(tmp_path / name)[:2] == (0, [name])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("notes.txt", b"one line after the other\n" * 99),
        ("notes", "마스크\n".encode() * 99),
        ("notes.txt", "letters of two bytes\n".encode("utf-16")),
        ("list.mp4", b"ffconcat version 1.0\nfile film.avi\n"),
        ("list.m3u8", b"#EXTM3U\n#EXTINF:1,\nfilm.avi\n"),
        ("empty.mp4", b""),
        ("noise.bin", np.random.default_rng(0).bytes(5000)),
        ("photo.avif", b"\0\0\0\x1cftypavif" + bytes(200)),
        ("half.png", moments(".png")[0][:-30]),
    ],
)
def test_text_lists_and_noise_are_no_film(
    name: str, content: bytes, lines: Callable[..., tuple[int, list[str], str]], tmp_path: Path
) -> None:
    """FFmpeg would show the letters of a text as a film, and open whatever other files a list names."""
    container(tmp_path / "film.avi", "MJPG")
    (tmp_path / name).write_bytes(content)
    code, seen, said = lines(tmp_path / name)
    assert (code, seen) == (1, [])
    assert said.startswith(f"{tmp_path / name}: ")
    if name.startswith(("notes", "list")):
        assert "holds text, neither a picture nor a video" in said


def test_an_animated_png_that_was_cut_off_is_not_looked_at_in_part(
    lines: Callable[..., tuple[int, list[str], str]], tmp_path: Path
) -> None:
    (tmp_path / "film.png").write_bytes(animation(".png")[:-60])
    code, seen, said = lines(tmp_path / "film.png")
    assert (code, seen) == (1, [])
    assert "film.png: is truncated" in said


def test_in_a_folder_films_and_pictures_are_found_by_content_and_notes_are_left_out(
    lines: Callable[..., tuple[int, list[str], str]], tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "clip").write_bytes(b"".join(moments(".jpg")))
    (folder / "record.dat").write_bytes(bare_h264())
    (folder / "visitor").write_bytes(moments(".png")[0])
    (folder / "labels.csv").write_text("name,label\n" * 9)
    (folder / "icon.ico").write_bytes(b"\0\0\1\0\1\0" + bytes(60))
    (folder / "model.bin").write_bytes(np.random.default_rng(0).bytes(5000))
    code, seen, said = lines(folder)
    assert (code, said) == (0, "")
    assert seen == ["clip"] * FRAMES + ["record.dat"] * FRAMES + ["visitor"]
