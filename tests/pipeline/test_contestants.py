"""Anyone's model behind one contract: what it says of a picture is what its own library says."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from leadline.evaluation.contestants import _names, enter
from leadline.evaluation.contract import FLOORS, Contestant
from leadline.models.checkpoints import save_network
from leadline.models.network import Network
from leadline.predict.predictor import Predictor
from leadline.types import LeadlineError, Prediction, Size, Space

PICTURE = np.random.default_rng(0).integers(0, 256, (30, 44, 3), dtype=np.uint8)
SIZE = Size(30, 44)


def opened(folder: Path, *specs: str, short_side: int | None = None) -> list[Contestant]:
    device = torch.device("cpu")
    return enter(specs, device=device, short_side=short_side, batch=2, ledgers=folder / "figures")[
        len(FLOORS) :
    ]


def predict(contestant: Contestant, picture: np.ndarray = PICTURE) -> Prediction:
    model = contestant.model
    [map] = model.views([model.prepare(picture)])
    return model.restore(map, Size(*picture.shape[:2]))


# ---------------------------------------------------------------- floors and checkpoints


def test_enter__floors_come_first(tmp_path: Path) -> None:
    entered = enter([], device=torch.device("cpu"), short_side=None, batch=1, ledgers=tmp_path)
    assert [one.name for one in entered] == ["constant", "vertical ramp"]
    assert [np.ptp(predict(one).values) for one in entered] == [0, 1]


def test_checkpoint__is_the_predictor_and_its_short_side_can_be_its_own(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = Network("tiny")
    save_network(tmp_path / "net.safetensors", "tiny", network.state_dict(), about={})
    path = str(tmp_path / "net.safetensors")
    one, other = opened(tmp_path, path, f"{path}?short_side=96&name=large", short_side=64)
    for contestant, side in ((one, 64), (other, 96)):
        expected = Predictor(network, size=side)([PICTURE])[0]
        np.testing.assert_allclose(predict(contestant).values, expected.values, rtol=1e-5, atol=1e-6)
    assert (one.name, other.name) == ("net", "large")


def test_checkpoint__of_the_same_weights_that_looks_otherwise_is_measured_anew(tmp_path: Path) -> None:
    network, paths = Network("tiny"), [tmp_path / "once.safetensors", tmp_path / "twice.safetensors"]
    for path, looks in zip(paths, ((), (64, 96)), strict=True):
        variant = replace(network.variant, looks=looks)
        save_network(path, "tiny", network.state_dict(), about={}, variant=variant)
    opened(tmp_path, str(paths[0]))[0].ledger.add("a", {})
    once, twice = opened(tmp_path, *map(str, paths))
    assert ("a" in once.ledger, "a" in twice.ledger) == (True, False)
    opened(tmp_path, str(paths[0]), short_side=64)[0].ledger.add("b", {})
    once, twice = opened(tmp_path, *map(str, paths), short_side=64)
    assert ("b" in once.ledger, "b" in twice.ledger) == (True, True)


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("run-a/weights.safetensors", "run-a"),
        ("weights.safetensors", "here"),
        ("../here/weights.safetensors", "here"),
        ("models/model-v1.5", "model-v1.5"),
        ("models/net.onnx", "net"),
    ],
)
def test_names__are_those_of_files_or_of_the_folder(
    place: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert _names(place)[0] == name


# ---------------------------------------------------------------- transformers


def save_tiny(folder: Path, **changes: Any) -> Path:
    """Write a random Depth Anything of four tiny blocks, with its processor."""
    from transformers import (
        DepthAnythingConfig,
        DepthAnythingForDepthEstimation,
        Dinov2Config,
        DPTImageProcessor,
    )

    backbone = Dinov2Config(
        hidden_size=16,
        num_hidden_layers=4,
        num_attention_heads=2,
        image_size=56,
        patch_size=14,
        out_features=["stage1", "stage2", "stage3", "stage4"],
        reshape_hidden_states=False,
        apply_layernorm=True,
    )
    config = DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=16,
        neck_hidden_sizes=[8, 8, 8, 8],
        fusion_hidden_size=8,
        head_hidden_size=4,
        patch_size=14,
        **changes,
    )
    torch.manual_seed(0)
    DepthAnythingForDepthEstimation(config).save_pretrained(folder)
    size = {"height": 56, "width": 56}
    DPTImageProcessor(size=size, ensure_multiple_of=14, keep_aspect_ratio=True).save_pretrained(folder)
    return folder


def test_transformers__says_what_the_library_says(tmp_path: Path) -> None:
    from transformers import AutoImageProcessor, AutoModelForDepthEstimation

    folder = save_tiny(tmp_path / "tiny-depth-anything")
    [contestant] = opened(tmp_path, f"transformers:{folder}")
    processor = AutoImageProcessor.from_pretrained(folder)
    with torch.no_grad():
        outputs = AutoModelForDepthEstimation.from_pretrained(folder).eval()(
            **processor(images=PICTURE, return_tensors="pt")
        )
    expected = processor.post_process_depth_estimation(outputs, target_sizes=[SIZE])[0]["predicted_depth"]
    found = predict(contestant)
    assert (contestant.name, found.space) == ("tiny-depth-anything", Space.AFFINE_DISPARITY)
    assert found.values.shape == SIZE
    np.testing.assert_allclose(found.values, expected.numpy(), rtol=1e-5)
    assert np.ptp(found.values) > 0


def test_transformers__a_processor_that_pads_is_told_the_pictures_size(tmp_path: Path) -> None:
    from transformers import ZoeDepthImageProcessor

    folder = save_tiny(tmp_path / "padding")
    ZoeDepthImageProcessor(size={"height": 56, "width": 56}, ensure_multiple_of=14).save_pretrained(folder)
    [contestant] = opened(tmp_path, f"transformers:{folder}")
    model: Any = contestant.model
    [view] = model.views([model.prepare(PICTURE)])
    [expected] = model.processor.post_process_depth_estimation(view, source_sizes=[SIZE], target_sizes=[SIZE])
    np.testing.assert_array_equal(model.restore(view, SIZE).values, expected["predicted_depth"].numpy())


def test_transformers__metric_models_predict_depth_unless_told_otherwise(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "metric", depth_estimation_type="metric", max_depth=20)
    one, other = opened(
        tmp_path, f"transformers:{folder}", f"transformers:{folder}?space=disparity&name=other"
    )
    assert predict(one).space is Space.DEPTH
    assert predict(other).space is Space.DISPARITY


def test_transformers__a_folder_that_holds_no_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(LeadlineError, match=r"cannot load a depth-estimation model from .*empty: "):
        opened(tmp_path, f"transformers:{tmp_path / 'empty'}")


@pytest.mark.parametrize(
    ("library", "spec", "line"),
    [
        ("transformers", "transformers:folder", r"pip install 'leadline\[transformers\]'"),
        ("onnxruntime", "model.onnx", r"pip install 'leadline\[onnx\]'"),
    ],
)
def test_missing_library__is_answered_with_the_line_that_installs_it(
    library: str, spec: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model.onnx").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(LeadlineError, match=line):
        opened(tmp_path, spec)


# ---------------------------------------------------------------- ONNX


def save_onnx(
    path: Path,
    *,
    shape: tuple[Any, ...] = (1, 3, "h", "w"),
    kind: int = TensorProto.FLOAT,
    metadata: dict[str, str] | None = None,
    keep_channels: bool = False,
) -> Path:
    """Write a graph whose map is the mean of the channels, cast to float."""
    reduce = helper.make_node("ReduceMean", ["cast"], ["map"], axes=[1], keepdims=1)
    nodes = [helper.make_node("Cast", ["image"], ["cast"], to=TensorProto.FLOAT)]
    nodes.append(helper.make_node("Identity", ["cast"], ["map"]) if keep_channels else reduce)
    out = helper.make_tensor_value_info("map", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("image", kind, shape)], [out])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    if metadata:
        helper.set_model_props(model, metadata)
    onnx.save(model, str(path))
    return path


def test_onnx__gets_a_normalised_picture_and_its_map_comes_back_in_size(tmp_path: Path) -> None:
    path = save_onnx(tmp_path / "net.onnx")
    picture = np.full((28, 42, 3), 51, np.uint8)
    options = "space=disparity&short_side=28&mean=0.1,0.2,0.3&deviation=0.5,0.5,0.5"
    [contestant] = opened(tmp_path, f"{path}?{options}")
    found = predict(contestant, picture)
    assert (contestant.name, found.space, found.values.shape) == ("net", Space.DISPARITY, (28, 42))
    np.testing.assert_allclose(found.values, np.mean([(0.2 - m) / 0.5 for m in (0.1, 0.2, 0.3)]), atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "option", "expected"),
    [
        ((1, 3, "h", "w"), "short_side=56&multiple=14", (56, 84)),
        ((1, 3, "h", "w"), "short_side=60&multiple=32", (64, 96)),
        ((1, 3, 20, 70), "short_side=56", (20, 70)),
    ],
)
def test_onnx__size_is_the_graphs_or_the_short_sides(
    shape: tuple[Any, ...], option: str, expected: tuple[int, int], tmp_path: Path
) -> None:
    path = save_onnx(tmp_path / "net.onnx", shape=shape)
    [contestant] = opened(tmp_path, f"{path}?space=depth&{option}")
    assert contestant.model.prepare(PICTURE).shape == (1, 3, *expected)
    assert predict(contestant).values.shape == SIZE


def test_onnx__at_another_short_side_is_measured_anew(tmp_path: Path) -> None:
    spec = f"{save_onnx(tmp_path / 'net.onnx')}?space=depth"
    opened(tmp_path, spec, short_side=56)[0].ledger.add("a", {})
    known = ["a" in opened(tmp_path, spec, short_side=side)[0].ledger for side in (None, 56, 70)]
    assert known == [False, True, False]


def test_onnx__corners_of_the_map_stay_corners(tmp_path: Path) -> None:
    [contestant] = opened(tmp_path, f"{save_onnx(tmp_path / 'net.onnx')}?space=depth")
    found = contestant.model.restore(np.array([[[0, 2], [4, 6]]]), Size(5, 3)).values
    np.testing.assert_allclose(found, [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5], [4, 5, 6]])


def test_onnx__a_picture_is_resized_as_for_the_network_itself(tmp_path: Path) -> None:
    path = save_onnx(tmp_path / "net.onnx")
    [contestant] = opened(tmp_path, f"{path}?space=depth&short_side=56&mean=0,0,0&deviation=1,1,1")
    stripes = np.zeros((28, 42, 3), np.uint8)
    stripes[:, ::7] = 255  # cubic interpolation overshoots beside them
    network = Network("depth-anything-v2-small")
    expected = Predictor(network, device="cpu", size=56).prepare(stripes)
    assert expected.min() < 0
    np.testing.assert_allclose(
        contestant.model.prepare(stripes)[0] * 255, expected.transpose(2, 0, 1), atol=1e-3
    )


def test_onnx__bytes_are_given_as_they_are_and_metadata_may_state_the_space(tmp_path: Path) -> None:
    path = save_onnx(tmp_path / "net.onnx", kind=TensorProto.UINT8, metadata={"space": "affine_disparity"})
    [contestant] = opened(tmp_path, f"{path}?short_side=30&multiple=2")
    found = predict(contestant)
    assert found.space is Space.AFFINE_DISPARITY
    np.testing.assert_allclose(found.values, PICTURE.mean(axis=2), rtol=1e-5)


def test_onnx__what_it_predicts_must_be_known(tmp_path: Path) -> None:
    path = save_onnx(tmp_path / "net.onnx")
    with pytest.raises(LeadlineError, match=r"net\.onnx does not say what its numbers mean: add \?space="):
        opened(tmp_path, str(path))


def test_onnx__a_graph_of_another_kind_is_described(tmp_path: Path) -> None:
    path = save_onnx(tmp_path / "net.onnx", shape=(1, 4, 8, 8))
    with pytest.raises(
        LeadlineError, match=r"expected one input of pictures.*image: tensor\(float\) \[1, 4, 8, 8\]"
    ):
        opened(tmp_path, f"{path}?space=depth")


def test_onnx__a_graph_with_one_fixed_side_is_refused(tmp_path: Path) -> None:
    path = save_onnx(tmp_path / "net.onnx", shape=(1, 3, 64, "w"))
    with pytest.raises(LeadlineError, match="takes pictures of 64 x w: export it with both sides fixed"):
        opened(tmp_path, f"{path}?space=depth")


def test_onnx__a_graph_that_fails_on_a_picture_says_which_size(tmp_path: Path) -> None:
    node = helper.make_node("Reshape", ["image", "shape"], ["map"])
    shape = helper.make_tensor("shape", TensorProto.INT64, [4], [1, 3, 8, 8])
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, size)
        for name, size in (("image", (1, 3, "h", "w")), ("map", None))
    ]
    graph = helper.make_graph([node], "g", ends[:1], ends[1:], initializer=[shape])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(tmp_path / "net.onnx"))
    [contestant] = opened(tmp_path, f"{tmp_path / 'net.onnx'}?space=depth&short_side=28")
    with pytest.raises(LeadlineError, match=r"net\.onnx fails on a picture of 28x42 \(\?short_side="):
        predict(contestant)


def test_function__that_spoils_its_picture_spoils_it_for_itself_alone(tmp_path: Path) -> None:
    (tmp_path / "spoiling.py").write_text(
        "def black(image):\n    image[:] = 0\n    return image[..., 0].astype('float32') + 1\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        [contestant] = opened(tmp_path, "spoiling:black?space=disparity")
    before = PICTURE.copy()
    predict(contestant)
    np.testing.assert_array_equal(PICTURE, before)


def test_onnx__a_graph_for_a_batch_of_pictures_alone_is_described(tmp_path: Path) -> None:
    path = save_onnx(tmp_path / "net.onnx", shape=(4, 3, 8, 8))
    with pytest.raises(
        LeadlineError, match=r"expected one input of pictures, \(1, 3, h, w\).*\[4, 3, 8, 8\]"
    ):
        opened(tmp_path, f"{path}?space=depth")


def test_onnx__a_map_of_three_channels_is_refused(tmp_path: Path) -> None:
    [contestant] = opened(tmp_path, f"{save_onnx(tmp_path / 'net.onnx', keep_channels=True)}?space=depth")
    with pytest.raises(LeadlineError, match=r"expected a map.*got shape \(1, 3, "):
        predict(contestant)


def test_onnx__a_damaged_or_absent_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"no graph")
    with pytest.raises(LeadlineError, match=r"net\.onnx cannot be opened as ONNX"):
        opened(tmp_path, f"{tmp_path / 'net.onnx'}?space=depth")
    with pytest.raises(LeadlineError, match=r"there is no ONNX file at .*gone\.onnx"):
        opened(tmp_path, f"{tmp_path / 'gone.onnx'}?space=depth")


# ---------------------------------------------------------------- functions


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Stand in a folder with a module of functions."""
    text = """
import torch
from leadline import Prediction, Space

def red(image):
    return image[..., 0]

def tensor(image):
    return torch.from_numpy(image).float().mean(dim=2)

def small(image):
    return image[::2, ::2, 0]

def words(image):
    return "deep"

def whole(image):
    return Prediction(values=image[..., 1].astype("float32"), space=Space.DISPARITY)

def learnt(image):
    return torch.from_numpy(image[..., 1]).float().requires_grad_()

def half(image):
    return Prediction(values=image[::2, ::2, 1].astype("float32"), space=Space.DEPTH)

number = 3
"""
    (tmp_path / "my_models.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    yield "my_models"
    sys.modules.pop("my_models", None)


def test_function__of_the_current_folder_is_called_with_the_picture(module: str, tmp_path: Path) -> None:
    red, mean, learnt, whole = opened(
        tmp_path,
        f"{module}:red?space=depth&name=red",
        f"{module}:tensor?space=affine_disparity",
        f"{module}:learnt?space=depth",
        f"{module}:whole",
    )
    np.testing.assert_array_equal(predict(red).values, PICTURE[..., 0])
    np.testing.assert_allclose(predict(mean).values, PICTURE.mean(axis=2), rtol=1e-5)
    np.testing.assert_array_equal(predict(whole).values, PICTURE[..., 1])
    np.testing.assert_array_equal(predict(learnt).values, PICTURE[..., 1])
    assert [predict(one).space for one in (red, mean, whole)] == [
        Space.DEPTH,
        Space.AFFINE_DISPARITY,
        Space.DISPARITY,
    ]
    assert [one.name for one in (red, mean, whole)] == ["red", "my_models:tensor", "my_models:whole"]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("red", r"my_models:red returns numbers without saying what they mean: add \?space=depth"),
        ("small?space=depth", r"returned uint8 of shape \(15, 22\); expected .* 30x44"),
        ("words?space=depth", r"returned <U4 of shape \(\)"),
        ("half", r"returned float32 of shape \(15, 22\); expected .* 30x44"),
    ],
)
def test_function__what_it_must_return_is_said(module: str, spec: str, said: str, tmp_path: Path) -> None:
    [contestant] = opened(tmp_path, f"{module}:{spec}")
    with pytest.raises(LeadlineError, match=said):
        predict(contestant)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("my_models:blue", "my_models:blue: the module my_models has no function blue"),
        ("my_models:number", "the module my_models has no function number"),
        ("your_models:red", "your_models:red: No module named 'your_models'; looked for in "),
        ("my_models:red?space=depht", "space=depht: did you mean 'depth'?"),
        ("gone.onnx?space=depth&short_side=0", "short_side=0: expected a whole number from 1 on"),
        ("my_models:red?short_side=7", "there is no key 'short_side' here; there are: name, space"),
        ("nowhere.pth", "nowhere.pth is no model: expected the path of a checkpoint or of an .onnx file, "),
        ("my_models.py", "my_models.py is not a readable safetensors file"),
        ("my_models", "my_models is no model"),
    ],
)
def test_enter__a_wrong_model_is_explained(module: str, spec: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(LeadlineError) as raised:
        opened(tmp_path, spec)
    assert said in str(raised.value)


def test_enter__two_models_of_one_name_are_refused(module: str, tmp_path: Path) -> None:
    specs = (f"{module}:red?space=depth&name=same", f"{module}:tensor?space=depth&name=same")
    with pytest.raises(LeadlineError, match=r"two models are called same: tell them apart with \?name="):
        opened(tmp_path, *specs)
    with pytest.raises(LeadlineError, match="two models are called constant"):
        opened(tmp_path, f"{module}:red?space=depth&name=constant")
