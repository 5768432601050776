"""Where a network starts from: an earlier run, the file of a package, Linzaer's trunk."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from training.annotations import BadData

torch: Any = pytest.importorskip("torch", reason="needs torch: pip install -e '.[train]'")
network = import_module("training.network")
predict = import_module("training.predict")
weights = import_module("training.weights")

PACKAGE = Path(__file__).parents[2] / "models" / "mask-detector"

pytestmark = pytest.mark.filterwarnings("ignore")  # torch warns of its own future


@pytest.fixture(autouse=True)
def _without_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


@pytest.fixture(scope="module")
def net() -> Any:
    torch.manual_seed(0)
    return network.MaskNet().eval()


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


@pytest.mark.parametrize("state", [{}, {"stem.weight": 1.0}, {"trunk.0.0.weight": 1.0}])
def test_weights_of_something_else_are_a_sentence(state: dict[str, float], tmp_path: Path) -> None:
    torch.save({k: torch.tensor(v) for k, v in state.items()}, tmp_path / "average.pt")
    with pytest.raises(ValueError, match="not the weights of such a network"):
        weights.grow_from(network.MaskNet(), tmp_path / "average.pt", list)


def test_a_network_goes_on_from_an_earlier_run_and_says_the_same(net: Any, tmp_path: Path) -> None:
    torch.save(net.state_dict(), tmp_path / "average.pt")
    grown = network.MaskNet().eval()
    weights.grow_from(grown, tmp_path / "average.pt", list)
    picture = torch.rand(1, 3, 64, 64)
    assert all(torch.equal(a, b) for a, b in zip(net(picture), grown(picture), strict=True))


def test_a_network_goes_on_from_the_shipped_package_and_says_the_same(pictures: list[np.ndarray]) -> None:
    """Every face that the device finds in the portrait is found by what can be trained on."""
    grown = weights.read_network(PACKAGE / "model.float.tflite", lambda: pictures).eval()
    portrait = import_module("training.pictures").read_pixels(PACKAGE / "golden" / "portrait.jpg")
    found = predict.predict(grown, [portrait], 320)[0]
    answer = yaml.safe_load((PACKAGE / "model.yaml").read_text())["golden"][0]["answer"][0]
    x1, y1, x2, y2 = found.boxes[0]
    # Scores without calibration weigh the votes on the box a little differently.
    assert [x1, y1, x2 - x1, y2 - y1] == pytest.approx(answer["box"], abs=2)
    again = grown.train()(predict.to_input(np.stack(pictures)))
    assert all(torch.isfinite(o).all() for o in again), "it can be trained on"


def test_a_trunk_of_linzaers_is_taken_but_for_its_branches(net: Any, tmp_path: Path) -> None:
    theirs = {k: v + 1 for k, v in net.trunk.state_dict().items() if not k.startswith("7.")}
    tensors = list(theirs.values())
    place = sum(int(name.split(".")[0]) < network.VIEW for name in theirs)
    tensors[place:place] = [torch.zeros(1)] * weights.BRANCHES
    torch.save({f"base_net.{index}": value for index, value in enumerate(tensors)}, tmp_path / "rfb.pth")
    mine = network.MaskNet().eval()
    before = {k: v.clone() for k, v in mine.state_dict().items()}
    weights.start_from(mine, tmp_path / "rfb.pth")
    assert all(torch.equal(mine.trunk.state_dict()[k], v) for k, v in theirs.items())
    others = [k for k in before if not k.startswith("trunk.") or k.startswith("trunk.7.")]
    assert all(torch.equal(mine.state_dict()[k], before[k]) for k in others)
    x = torch.rand(2, 32, 6, 6) * 6
    assert torch.equal(mine.more2(x), x), "blocks that it does not have let everything pass"


def test_a_trunk_with_another_number_of_layers_is_a_sentence(tmp_path: Path) -> None:
    torch.save({"base_net.0.weight": torch.zeros(1)}, tmp_path / "slim.pth")
    with pytest.raises(BadData, match=r"1 trunk tensors, expected \d+; use an RFB checkpoint"):
        weights.start_from(network.MaskNet(), tmp_path / "slim.pth")


def test_the_int8_file_of_a_package_is_a_sentence() -> None:
    """Its whole numbers were once taken for weights."""
    with pytest.raises(BadData, match=r"model.int8.tflite: its weights are int8; give the model.float.tflite"):
        weights.read_network(PACKAGE / "model.int8.tflite", list)


def test_weights_that_are_not_there_are_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadData, match=r"none.pt: no such file; expected an average.pt or a model.float.tflite"):
        weights.read_network(tmp_path / "none.pt", list)
