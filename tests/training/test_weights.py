"""Where a network starts from: a smaller one, a leaner form, the file of a package, Linzaer's trunk, a mix."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from training.annotations import BadData

torch: Any = pytest.importorskip("torch", reason="needs torch: pip install -e '.[train]'")
network = import_module("training.network")
predict = import_module("training.predict")
slim = import_module("training.slim")
weights = import_module("training.weights")

pytestmark = pytest.mark.filterwarnings("ignore")  # torch warns of its own future


@pytest.fixture(autouse=True)
def _without_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


@pytest.fixture(scope="module")
def net() -> Any:
    torch.manual_seed(0)
    return network.MaskNet().eval()


def test_a_network_grows_from_a_smaller_one_and_says_the_same(tmp_path: Path) -> None:
    smaller = lively(extras=(1, 0, 1, 1))
    torch.save(smaller.state_dict(), tmp_path / "average.pt")
    grown = network.MaskNet()
    weights.grow_from(grown, tmp_path / "average.pt", some_pictures)
    x = predict.to_input(np.stack(some_pictures()))
    assert len(grown.more3) > len(smaller.more3)
    for wanted, got in zip(smaller(x), grown.eval()(x), strict=True):
        assert torch.allclose(wanted, got, atol=1e-2)
    assert all(torch.isfinite(o).all() for o in grown.train()(x)), "it can be trained on"


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


def lively(**form: Any) -> Any:
    """A network in which no block is the identity, with statistics of pictures."""
    torch.manual_seed(3)
    made = network.MaskNet(**form).train()
    for norm in (m for m in made.modules() if isinstance(m, torch.nn.BatchNorm2d)):
        torch.nn.init.uniform_(norm.weight, 0.5, 1.0)
        torch.nn.init.uniform_(norm.bias, -0.2, 0.2)
    with torch.no_grad():
        for _ in range(30):
            made(predict.to_input(np.stack(some_pictures())))
    return made.eval()


def some_pictures() -> list[np.ndarray]:
    """Smooth noise: neighbouring points have something to do with each other, as in photographs."""
    coarse = np.random.default_rng(0).integers(0, 255, (24, 12, 12, 3), dtype=np.uint8)
    return [np.asarray(cv2.resize(one, (96, 96), interpolation=cv2.INTER_CUBIC), np.uint8) for one in coarse]


@pytest.mark.parametrize("form", ["BRANCHES", "SUMS", "ADDING"])
def test_a_network_of_an_earlier_form_goes_on_in_todays(form: str, tmp_path: Path) -> None:
    wide = lively(form=getattr(network, form), extras=(2, 3, 2, 1))
    torch.save(wide.state_dict(), tmp_path / "average.pt")
    lean = network.MaskNet(extras=(2, 3, 2, 1))
    weights.grow_from(lean, tmp_path / "average.pt", some_pictures)
    assert torch.equal(lean.trunk[8][0].weight, wide.trunk[8][0].weight)
    assert torch.equal(lean.more3[2].point[0].weight, wide.more3[2].point[0].weight)
    said = slim.passing(lean.eval(), lean.trunk[network.VIEW], some_pictures())
    for (_, wanted), (_, got) in zip(slim.passing(wide, wide.trunk[network.VIEW], some_pictures()), said, strict=True):
        assert (wanted - got).square().mean() < 0.5 * wanted.var(), (
            "the dilated block says what stood in its place said"
        )
    x = predict.to_input(np.stack(some_pictures()))
    for index, (wanted, got) in enumerate(zip(wide(x), lean.eval()(x), strict=True)):
        spread = (wanted - wanted.mean((0, 2, 3), keepdim=True)).square().mean()
        assert (wanted - got).square().mean() < 0.8 * spread, f"output {index} is nearer than a constant"
    assert all(torch.isfinite(o).all() for o in lean.train()(x)), "it can be trained on"


def test_a_plain_block_at_stride_4_learns_what_a_residual_one_says() -> None:
    adding, lean = lively(form=network.ADDING), lively()
    torch.nn.init.constant_(adding.smooth[0].point[1].weight, 2)  # a block that changes much
    wanted = [y for _, y in slim.passing(adding, adding.smooth[0], some_pictures())]
    spread = float(torch.cat(wanted).var((0, 2, 3)).mean())
    slim.slim_from(lean, adding, some_pictures())
    said = [y for _, y in slim.passing(lean, lean.smooth[0], some_pictures())]
    missed = float(torch.stack([(a - b).square().mean() for a, b in zip(said, wanted, strict=True)]).mean())
    assert missed < 0.3 * spread
    assert torch.equal(lean.trunk[7].depth[0].weight, adding.trunk[7].depth[0].weight), "what is alike is copied"
    assert torch.equal(lean.heads[0].box.weight, adding.heads[0].box.weight)


def test_the_boxes_of_a_tower_that_is_gone_are_fitted() -> None:
    wide, lean = lively(form=network.SUMS), lively(form=network.SUMS)
    for head in wide.heads[1:]:  # both towers say the same: nothing is lost without the second
        head.box_tower.load_state_dict(head.tower.state_dict())
        torch.nn.init.normal_(head.box.weight)
    lean.load_state_dict(wide.state_dict())
    for level in (1, 2, 3):
        mine, theirs = lean.heads[level], wide.heads[level]
        torch.nn.init.zeros_(mine.box.weight)
        slim.boxes_from_one_tower(lean, mine, wide, theirs, some_pictures())
        for x, (_, wanted) in slim.passing(wide, theirs, some_pictures()):
            missed = (mine(x)[1] - wanted).square().mean()
            assert missed < 0.05 * (wanted - wanted.mean((0, 2, 3), keepdim=True)).square().mean()
        assert mine.box.weight.abs().sum() < theirs.box.weight.abs().sum(), "small weights, for int8"


def test_blocks_for_which_a_leaner_network_has_no_room_are_left_out(tmp_path: Path) -> None:
    wide = lively(form=network.BRANCHES, extras=(2, 2, 1, 1))
    torch.save(wide.state_dict(), tmp_path / "average.pt")
    lean = network.MaskNet(extras=(1, 1, 1, 0)).eval()
    weights.grow_from(lean, tmp_path / "average.pt", some_pictures)
    assert torch.equal(lean.more2[0].point[0].weight, wide.more2[0].point[0].weight)
    assert len(lean.more5) == 0


def test_a_trunk_of_linzaers_is_taken_as_it_is_but_for_its_branches(tmp_path: Path) -> None:
    theirs = lively(form=network.BRANCHES, extras=(0, 0, 0, 0)).trunk
    torch.save({f"base_net.{k}": v for k, v in theirs.state_dict().items()}, tmp_path / "rfb.pth")
    mine = network.MaskNet().eval()
    heads = {k: v.clone() for k, v in mine.heads.state_dict().items()}
    weights.start_from(mine, tmp_path / "rfb.pth", some_pictures)
    assert torch.equal(mine.trunk[12][0].weight, theirs[12][0].weight)
    x = torch.rand(2, 32, 6, 6) * 6
    assert torch.equal(mine.more2(x), x), "blocks that it does not have let everything pass"
    assert mine.trunk[7].point[0].weight.std() > 0
    assert all(torch.equal(v, heads[k]) for k, v in mine.heads.state_dict().items())
    same = network.MaskNet(form=network.BRANCHES)
    weights.start_from(same, tmp_path / "rfb.pth", list)
    assert torch.equal(same.trunk[7].join[0].weight, theirs[7].join[0].weight)


def test_a_trunk_with_another_number_of_layers_is_a_sentence(tmp_path: Path) -> None:
    torch.save({"base_net.0.weight": torch.zeros(1)}, tmp_path / "slim.pth")
    with pytest.raises(BadData, match=r"1 trunk tensors, expected \d+; use an RFB checkpoint"):
        weights.start_from(network.MaskNet(), tmp_path / "slim.pth", list)


def test_a_network_is_read_as_it_is_whatever_its_form(tmp_path: Path) -> None:
    forms = (network.BRANCHES, network.SUMS, network.ADDING, network.NOW)
    for extras, form in zip(((2, 6, 4, 3), (2, 1, 1, 1), (2, 1, 1, 1), (1, 0, 2, 1)), forms, strict=True):
        made = network.MaskNet(extras=extras, form=form).eval()
        torch.save(made.state_dict(), tmp_path / "average.pt")
        found = weights.read_network(tmp_path / "average.pt", list).eval()
        picture = torch.rand(1, 3, 64, 64)
        assert all(torch.equal(a, b) for a, b in zip(made(picture), found(picture), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("form", ["BRANCHES", "SUMS", "ADDING"])
def test_the_float_file_of_an_earlier_form_is_read_too(form: str, tmp_path: Path) -> None:
    export = pytest.importorskip("training.export")
    extras = slim.WIDE_EXTRAS if form == "BRANCHES" else network.EXTRAS
    made = lively(form=getattr(network, form), extras=extras)
    export.export_float(made, 96, tmp_path / "model.float.tflite", joint=False)
    found = weights.read_network(tmp_path / "model.float.tflite", some_pictures).eval()
    x = predict.to_input(np.stack(some_pictures()[:2]))
    assert all(torch.allclose(a, b, atol=1e-2) for a, b in zip(made(x), found(x), strict=True))
