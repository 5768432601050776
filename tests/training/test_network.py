"""The parts that need torch: shapes, decoding, which point answers for which face."""

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training.pictures import BadData

torch: Any = pytest.importorskip("torch", reason="needs torch: pip install -e '.[train]'")
network = import_module("training.network")
loss = import_module("training.loss")
predict = import_module("training.predict")
weights = import_module("training.weights")

pytestmark = pytest.mark.filterwarnings("ignore")  # torch warns of its own future


@pytest.fixture(scope="module")
def net() -> Any:
    torch.manual_seed(0)
    return network.MaskNet().eval()


@pytest.mark.parametrize("size", [160, 320])
def test_each_stride_gives_logits_and_boxes_of_its_grid(net: Any, size: int) -> None:
    outputs = net(torch.zeros(1, 3, size, size))
    shapes = [tuple(o.shape[1:]) for o in outputs]
    assert shapes == [(c, size // s, size // s) for s in (4, 8, 16, 32) for c in (3, 4)]


def test_a_box_of_zeros_is_two_strides_wide_round_the_middle_of_its_cell() -> None:
    logits, boxes = torch.zeros(1, 3, 2, 2), torch.zeros(1, 4, 2, 2)
    _, corners, points = network.decode([logits, boxes], (8,))
    assert points[1].tolist() == [12, 4, 8]
    assert corners[0, 1].tolist() == [4, -4, 20, 12]


def test_the_points_in_a_face_answer_for_it_with_its_label_and_box() -> None:
    outputs = [torch.zeros(1, c, 160 // s, 160 // s) for s in (4, 8, 16, 32) for c in (3, 4)]
    logits, corners, points = network.decode(outputs)
    face = torch.tensor([[1.0, 40.0, 48.0, 72.0, 80.0]])
    found = loss.assign(logits, corners, points, torch.zeros(1, dtype=torch.int64), face)
    assert 1 <= len(found.point) <= 9
    assert set(found.label.tolist()) == {1}
    assert (found.box == face[0, 1:]).all()
    inside = (points[found.point, :2] > face[0, 1:3]) & (points[found.point, :2] < face[0, 3:])
    assert inside.all()
    assert 0 < found.target.max() <= 1


def test_two_faces_never_share_a_point() -> None:
    outputs = [torch.zeros(1, c, 160 // s, 160 // s) for s in (4, 8, 16, 32) for c in (3, 4)]
    logits, corners, points = network.decode(outputs)
    faces = torch.tensor([[0.0, 40, 40, 72, 72], [1.0, 50, 40, 82, 72]])
    found = loss.assign(logits, corners, points, torch.zeros(2, dtype=torch.int64), faces)
    assert len(found.point) == len(set(found.point.tolist()))
    assert set(found.label.tolist()) == {0, 1}


def test_faces_of_one_picture_do_not_answer_in_another() -> None:
    outputs = [torch.zeros(3, c, 160 // s, 160 // s) for s in (4, 8, 16, 32) for c in (3, 4)]
    logits, corners, points = network.decode(outputs)
    faces = torch.tensor([[0.0, 40, 40, 72, 72], [1.0, 50, 40, 82, 72], [1.0, 50, 40, 82, 72]])
    alone = loss.assign(logits[:1], corners[:1], points, torch.tensor([0]), faces[2:])
    found = loss.assign(logits, corners, points, torch.tensor([0, 0, 2]), faces)
    third = found.picture == 2
    assert set(found.picture.tolist()) == {0, 2}
    assert found.point[third].tolist() == alone.point.tolist()
    assert found.target[third].tolist() == alone.target.tolist()


def test_a_face_between_two_of_its_size_keeps_only_points_that_overlap_it_most() -> None:
    outputs = [torch.zeros(1, c, 160 // s, 160 // s) for s in (4, 8, 16, 32) for c in (3, 4)]
    logits, corners, points = network.decode(outputs)
    faces = torch.tensor([[0.0, 40, 40, 56, 56], [1.0, 46, 40, 62, 56], [2.0, 40, 40, 56, 56]])
    found = loss.assign(logits, corners, points, torch.zeros(3, dtype=torch.int64), faces)
    mine, _ = loss.overlap(corners[0, found.point], found.box)
    for _, *box in faces.tolist():
        other, _ = loss.overlap(corners[0, found.point], torch.tensor([box]))
        assert (mine >= other).all()
    assert 2 not in found.label.tolist(), "of equal faces the first answers"


def test_the_points_that_fit_a_face_best_answer_for_it() -> None:
    outputs = [torch.zeros(1, c, 160 // s, 160 // s) for s in (4, 8, 16, 32) for c in (3, 4)]
    logits, corners, points = network.decode(outputs)
    face = torch.tensor([[1.0, 16.0, 16.0, 128.0, 128.0]])
    inside = ((points[:, :2] > 20) & (points[:, :2] < 124)).all(1) & (points[:, 2] == 16)
    good = inside.nonzero()[:, 0][::3]
    assert len(good) > 9
    corners[0, good] = face[0, 1:]
    found = loss.assign(logits, corners, points, torch.zeros(1, dtype=torch.int64), face)
    assert len(found.point) == 9
    assert set(found.point.tolist()) <= set(good.tolist())
    assert found.target.min() == pytest.approx(1.0, abs=1e-3)


def test_a_batch_without_faces_has_a_loss_that_can_be_followed_back() -> None:
    outputs = [torch.zeros(2, c, 160 // s, 160 // s, requires_grad=True) for s in (4, 8, 16, 32) for c in (3, 4)]
    score, box = loss.losses(*network.decode(outputs), [np.zeros((0, 5), np.float32)] * 2)
    (score + box).backward()
    assert float(box.detach()) == 0
    assert float(score.detach()) > 0


def test_blocks_added_to_the_trunk_start_as_the_identity(net: Any) -> None:
    x = torch.rand(1, 128, 4, 4)
    assert torch.equal(net.more4(x), x.clamp(0, 6))


def test_detections_come_back_in_pixels_of_the_picture() -> None:
    corners = np.array([[10, 10, 50, 50], [12, 10, 52, 50]], np.float32)
    scores = np.array([[0.9, 0.01, 0.0], [0.5, 0.0, 0.0]], np.float32)
    found = predict.settle(corners, scores, 0.5)
    shift = 4 * 0.5**2 / (0.9**2 + 0.5**2)  # what the second box, four pixels to the right, has to say
    assert found.boxes[0].tolist() == pytest.approx([20 + shift, 20, 100 + shift, 100])
    assert found.labels.tolist() == [0]


def test_a_network_grows_from_a_smaller_one_and_says_the_same(net: Any, tmp_path: Path) -> None:
    smaller = {k: v for k, v in net.state_dict().items() if not k.startswith(("more3.", "heads.1.box_tower."))}
    torch.save(smaller, tmp_path / "average.pt")
    grown = network.MaskNet().eval()
    weights.grow_from(grown, tmp_path / "average.pt", list)
    picture = torch.rand(1, 3, 64, 64)
    again = [grown(picture)[i] for i in range(8)]
    for index in (0, 1, 2, 4, 5, 6, 7):  # 3: the boxes whose tower was shared
        assert torch.allclose(again[index], net(picture)[index], atol=1e-5)
    assert torch.equal(grown.heads[1].box_tower[0].weight, net.heads[1].tower[0].weight)


def test_layers_of_the_pyramid_that_became_wider_start_anew_and_the_rest_is_kept(tmp_path: Path) -> None:
    narrow = network.MaskNet(fine=16).eval()
    torch.save(narrow.state_dict(), tmp_path / "average.pt")
    wide = network.MaskNet(fine=32).eval()
    weights.grow_from(wide, tmp_path / "average.pt", list)
    picture = torch.rand(1, 3, 64, 64)
    old, new = narrow(picture), wide(picture)
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(old[2:], new[2:], strict=True))


@pytest.mark.slow
def test_a_network_grows_from_the_float_file_of_a_package_and_says_the_same(tmp_path: Path) -> None:
    export = pytest.importorskip("training.export")
    torch.manual_seed(1)
    taught = network.MaskNet().train()
    for norm in (m for m in taught.modules() if isinstance(m, torch.nn.BatchNorm2d)):
        torch.nn.init.uniform_(norm.weight, 0.5, 1.0)
        torch.nn.init.uniform_(norm.bias, -0.2, 0.2)
    pictures = list(np.random.default_rng(0).integers(0, 255, (8, 64, 64, 3), dtype=np.uint8))
    with torch.no_grad():
        taught(predict.to_input(np.stack(pictures)))
    export.export_float(taught.eval(), 64, tmp_path / "model.float.tflite")
    grown = network.MaskNet()
    weights.grow_from(grown, tmp_path / "model.float.tflite", lambda: pictures)
    seen = predict.to_input(np.stack(pictures[:2]))
    for wanted, got in zip(taught(seen), grown.eval()(seen), strict=True):
        assert torch.allclose(wanted, got, atol=1e-3)
    with torch.no_grad():  # with statistics of its own batches it nearly does so, too: it can be trained on
        again = grown.train()(predict.to_input(np.stack(pictures)))
    assert all(torch.isfinite(o).all() for o in again)


def test_boxes_are_moved_by_pixels_of_the_input(net: Any) -> None:
    picture = torch.rand(1, 3, 64, 64)
    moved = network.MaskNet().eval()
    moved.load_state_dict(net.state_dict())
    weights.move_boxes(moved, 0.5)
    with torch.no_grad():
        before, after = network.decode(net(picture))[1], network.decode(moved(picture))[1]
    assert torch.allclose(after - before, torch.tensor([0.5, 0, 0.5, 0]), atol=1e-4)


def test_a_mix_lies_between_its_two_networks(net: Any, tmp_path: Path) -> None:
    other = network.MaskNet().eval()
    torch.save(other.state_dict(), tmp_path / "first.pt")
    torch.save(net.state_dict(), tmp_path / "second.pt")
    mix = import_module("training.mix")
    data = import_module("training.smoke").generate(tmp_path / "data", seed=1, train=2, val=1)
    words = [str(tmp_path / "first.pt"), "--second", str(tmp_path / "second.pt"), "--data", str(data)]
    assert mix.main([*words, "--share", "0.25", "--out", str(tmp_path / "run" / "best.pt")]) == 0
    found = torch.load(tmp_path / "run" / "best.pt", weights_only=True)
    name = "heads.2.box.weight"
    wanted = 0.75 * other.state_dict()[name] + 0.25 * net.state_dict()[name]
    assert torch.allclose(found[name], wanted, atol=1e-6)
    assert set(found) == set(net.state_dict())


@pytest.mark.parametrize("state", [{}, {"stem.weight": 1}, {"trunk.0.0.weight": 1}])
def test_weights_of_something_else_are_a_sentence(state: dict[str, float], tmp_path: Path) -> None:
    torch.save({k: torch.tensor(v) for k, v in state.items()}, tmp_path / "average.pt")
    with pytest.raises(ValueError, match="not the weights of such a network"):
        weights.grow_from(network.MaskNet(), tmp_path / "average.pt", list)


def test_frozen_layers_do_not_learn() -> None:
    some = network.MaskNet().train()
    some.freeze(3)
    sum(o.sum() for o in some(torch.rand(2, 3, 64, 64))).backward()
    assert all(weight.grad is None for weight in some.trunk[:3].parameters())
    assert all(weight.grad is not None for weight in some.trunk[3:].parameters())
    assert not any(layer.training for layer in some.trunk[:3])


def test_a_teacher_who_sees_twice_as_much_has_a_say_at_each_point_but_those_of_the_coarsest_stride(net: Any) -> None:
    teaching = import_module("training.teacher")
    large = np.random.default_rng(0).integers(0, 255, (2, 128, 128, 3), dtype=np.uint8)
    scores, corners = teaching.Teacher(net)(large)
    logits, mine, points = network.decode(net(predict.to_input(large[:, ::2, ::2])))
    count = scores.shape[1]
    assert count == logits.shape[1] - int((points[:, 2] == 32).sum())
    middles = (corners[..., :2] + corners[..., 2:]) / 2
    reach = (mine[:, :count, 2:] - mine[:, :count, :2]).abs().max() + 64
    assert (middles - points[:count, :2]).abs().max() < reach, "the same points in the pixels of the smaller picture"


def test_what_the_teacher_says_costs_least() -> None:
    teaching = import_module("training.teacher")
    scores = torch.tensor([[[0.9, 0.05, 0.01], [0.02, 0.02, 0.02]]])
    boxes = torch.tensor([[[10.0, 10, 30, 30], [0.0, 0, 8, 8]]])
    same = teaching.lesson_loss(torch.logit(scores), boxes, (scores, boxes))
    for logits, corners in (
        (torch.logit(scores).flip(-1), boxes),
        (torch.logit(scores), boxes + torch.tensor([5.0, 0, 5, 0])),
        (torch.logit(scores) + 1, boxes),
    ):
        assert teaching.lesson_loss(logits, corners, (scores, boxes)) > same + 0.01


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
    options = command.parser().parse_args([*words, "--teacher", str(tmp_path / "average.pt")])
    scenes, held_out = command.load_training(data), command.load_held_out(data)
    trained = command.train(options, scenes, held_out)
    assert all(torch.isfinite(value).all() for value in trained.state_dict().values())
    assert '"taught": 0.5' in (out / "log.jsonl").read_text()
    options.teacher = tmp_path / "nobody.pt"
    with pytest.raises(BadData, match="no such file; --teacher takes"):
        command.train(options, scenes, held_out)
