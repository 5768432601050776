"""The parts that need torch: shapes, decoding, which point answers for which face."""

from importlib import import_module
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch", reason="needs torch: pip install -e '.[train]'")
network = import_module("training.network")
loss = import_module("training.loss")
predict = import_module("training.predict")

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


def test_a_level_is_enlarged_smoothly() -> None:
    step = torch.tensor([0.0, 4.0]).expand(1, 1, 2, 2)
    assert network._enlarged(step)[0, 0, 0].tolist() == [0, 1, 3, 4]


def test_blocks_added_to_the_trunk_start_as_the_identity(net: Any) -> None:
    x = torch.rand(1, 128, 4, 4) * 8
    assert torch.equal(net.more4(x), x.clamp(0, 6))


def test_detections_come_back_in_pixels_of_the_picture() -> None:
    corners = np.array([[10, 10, 50, 50], [12, 10, 52, 50]], np.float32)
    scores = np.array([[0.9, 0.01, 0.0], [0.5, 0.0, 0.0]], np.float32)
    found = predict.postprocess(corners, scores, 0.5)
    shift = 4 * 0.5**2 / (0.9**2 + 0.5**2)  # what the second box, four pixels to the right, has to say
    assert found.boxes[0].tolist() == pytest.approx([20 + shift, 20, 100 + shift, 100])
    assert found.labels.tolist() == [0]


def test_frozen_layers_do_not_learn() -> None:
    some = network.MaskNet().train()
    some.freeze(3)
    sum(o.sum() for o in some(torch.rand(2, 3, 64, 64))).backward()
    assert all(weight.grad is None for weight in some.trunk[:3].parameters())
    assert all(weight.grad is not None for weight in some.trunk[3:].parameters())
    assert not any(layer.training for layer in some.trunk[:3])


def test_half_width_arithmetic_points_every_kernel_the_same_way() -> None:
    """A kernel of oneDNN wrote noise for the wide view; such a run trains, and each step goes somewhere by chance."""
    torch.manual_seed(0)
    net = network.MaskNet().to(memory_format=torch.channels_last)
    shapes: dict[str, Any] = {}
    layers = {name: layer for name, layer in net.named_modules() if isinstance(layer, torch.nn.Conv2d)}
    for name, layer in layers.items():
        layer.register_forward_hook(lambda _, given, __, name=name: shapes.update({name: given[0].shape}))
    net.eval()(torch.zeros(1, 3, 320, 320))

    def gradient(layer: Any, x: Any, *, half: bool) -> Any:
        layer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            said = layer(x)
        (said.float() * torch.linspace(-1, 1, said.shape[-1])).sum().backward()
        return layer.weight.grad.flatten().clone()

    agree = {}
    for name, layer in layers.items():
        x = torch.rand(4, *shapes[name][1:]).to(memory_format=torch.channels_last)
        pair = [gradient(layer, x, half=half) for half in (False, True)]
        agree[name] = float(torch.cosine_similarity(*pair, dim=0))
    assert len(agree) > 50
    assert {name: value for name, value in agree.items() if not value > 0.95} == {}
