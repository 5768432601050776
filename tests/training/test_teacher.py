"""Learning from trained networks, beside the labels."""

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training.annotations import BadData

torch: Any = pytest.importorskip("torch", reason="needs torch: pip install -e '.[train]'")
network = import_module("training.network")
predict = import_module("training.predict")
teaching = import_module("training.teacher")

FACE = np.array([[0, 10, 10, 40, 40]], np.float32)

pytestmark = pytest.mark.filterwarnings("ignore")  # torch warns of its own future


def both_ways(net: Any, pixels: np.ndarray) -> tuple[Any, Any]:
    """Logits and corners of a picture, the mean of those of the picture and of its mirror image turned back."""
    x = predict.to_input(pixels)
    said = [network.decode(one)[:2] for one in (net(x), teaching.mirrored(net(x.flip(-1))))]
    return sum(logits for logits, _ in said) / 2, sum(corners for _, corners in said) / 2


@pytest.fixture(scope="module")
def net() -> Any:
    torch.manual_seed(0)
    return network.MaskNet().eval()


def test_a_teacher_who_sees_twice_as_much_has_a_say_at_each_point_but_those_of_the_coarsest_stride(net: Any) -> None:
    large = np.random.default_rng(0).integers(0, 255, (2, 128, 128, 3), dtype=np.uint8)
    scores, corners = teaching.Teachers([net])(large, [FACE, FACE])
    logits, mine, points = network.decode(net(predict.to_input(large[:, ::2, ::2])))
    count = scores.shape[1]
    assert count == logits.shape[1] - int((points[:, 2] == 32).sum())
    middles = (corners[..., :2] + corners[..., 2:]) / 2
    reach = (mine[:, :count, 2:] - mine[:, :count, :2]).abs().max() + 64
    assert (middles - points[:count, :2]).abs().max() < reach, "the same points in the pixels of the smaller picture"


def test_a_teacher_who_sees_the_same_has_a_say_at_each_point(net: Any) -> None:
    clean = np.random.default_rng(0).integers(0, 255, (2, 64, 64, 3), dtype=np.uint8)
    scores, corners = teaching.Teachers([net], detail=1)(clean, [FACE, FACE])
    logits, mine = both_ways(net, clean)
    assert torch.allclose(scores, logits.sigmoid(), atol=1e-5)
    assert torch.allclose(corners, mine, atol=1e-3)


def test_several_teachers_say_the_mean_of_what_each_says(net: Any) -> None:
    torch.manual_seed(7)
    other = network.MaskNet().eval()
    clean = np.random.default_rng(0).integers(0, 255, (1, 64, 64, 3), dtype=np.uint8)
    both, _ = teaching.Teachers([net, other], detail=1)(clean, [FACE])
    said = [both_ways(one, clean)[0] for one in (net, other)]
    assert torch.allclose(both, (sum(said) / 2).sigmoid(), atol=1e-5)


def test_a_teacher_says_of_a_mirror_image_the_mirror_image_of_what_it_says_of_the_picture(lively: Any) -> None:
    for head in lively.heads:  # an untrained one says boxes of nearly zeros, whose mirror image is the same
        torch.nn.init.normal_(head.box.weight, std=0.5)
    clean = np.random.default_rng(0).integers(0, 255, (1, 64, 64, 3), dtype=np.uint8)
    scores, corners = teaching.Teachers([lively], detail=1)(clean, [FACE])
    turned, there = teaching.Teachers([lively], detail=1)(clean[:, :, ::-1].copy(), [FACE])
    points = network.decode(lively(predict.to_input(clean)))[2]
    counterpart = [
        int(((points - points.new_tensor([64 - x, y, stride])).abs().sum(1)).argmin())
        for x, y, stride in points.tolist()
    ]
    assert torch.allclose(turned[:, counterpart], scores, atol=1e-5)
    middles = (corners[..., :2] + corners[..., 2:]) / 2 - points[:, :2]
    assert middles[..., 0].abs().mean() > 0.1, "boxes lie beside their points"
    back = torch.stack([64 - there[..., 2], there[..., 1], 64 - there[..., 0], there[..., 3]], -1)
    assert torch.allclose(back[:, counterpart], corners, atol=1e-3)


def test_where_there_is_no_face_a_teacher_who_sees_one_has_no_say(net: Any) -> None:
    clean = np.random.default_rng(0).integers(0, 255, (2, 64, 64, 3), dtype=np.uint8)
    scores, _ = teaching.Teachers([net], detail=1)(clean, [FACE[:0], FACE])
    assert scores[0].max() == 0
    assert scores[1].min() > 0


def test_what_the_teacher_says_costs_least() -> None:
    scores = torch.tensor([[[0.9, 0.05, 0.01], [0.02, 0.02, 0.02]]])
    boxes = torch.tensor([[[10.0, 10, 30, 30], [0.0, 0, 8, 8]]])
    same = teaching.distillation_loss(torch.logit(scores), boxes, (scores, boxes))
    for logits, corners in (
        (torch.logit(scores).flip(-1), boxes),
        (torch.logit(scores), boxes + torch.tensor([5.0, 0, 5, 0])),
        (torch.logit(scores) + 1, boxes),
    ):
        assert teaching.distillation_loss(logits, corners, (scores, boxes)) > same + 0.01


@pytest.mark.slow
def test_a_run_with_a_teacher_trains_and_the_plan_says_so(net: Any, tmp_path: Path) -> None:
    command, smoke = import_module("training.command"), import_module("training.smoke")
    data = smoke.generate(tmp_path / "data", seed=1, train=4, val=1)
    torch.save(net.state_dict(), tmp_path / "average.pt")
    out = tmp_path / "out"
    out.mkdir()
    words = [
        "--data",
        str(data),
        "--out",
        str(out),
        "--pictures",
        "8",
        "--batch",
        "4",
        "--size",
        "64",
        "--threads",
        "1",
    ]
    options = command.parse([*words, "--teacher", str(tmp_path / "average.pt"), "--taught", "0.8"])
    scenes, held_out = command.load_training(data), command.load_held_out(data)
    trained = command.train(options, scenes, held_out)
    assert all(torch.isfinite(value).all() for value in trained.state_dict().values())
    assert '"taught": 0.8' in (out / "log.jsonl").read_text()
    assert command._command(options).endswith("--taught 0.8 --batch 4"), "what repeats the run"
    options.teacher = [tmp_path / "nobody.pt"]
    with pytest.raises(BadData, match="no such file; --teacher takes"):
        command.train(options, scenes, held_out)


@pytest.mark.parametrize("words", [["--taught", "0.5"], ["--detail", "1"]])
def test_what_is_about_teachers_is_refused_without_any(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        import_module("training.command").main(["--out", str(tmp_path / "run"), *words])
    assert ended.value.code == 2
    assert f"{words[0]}: is about teachers; name them with --teacher" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
