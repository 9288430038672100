"""Laws of the model in the box, on a made-up one: its numbers in half the bytes, its name, its network."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import leadline
from leadline.cli import main
from leadline.models.checkpoints import describe, digest, load_network, load_tensors, save_network
from leadline.models.division import divided
from leadline.models.network import Network
from leadline.models.published import BUNDLED, find_weights, load_model, network_of
from leadline.models.rounding import bears_half, rounded
from leadline.models.variants import find_variant
from leadline.predict.predictor import Predictor
from leadline.presets.recipes import METRICS, fitted
from leadline.stages.convert import ConvertConfig, convert
from leadline.stages.metric import MetricConfig
from leadline.types import LeadlineError
from miniature import varied_network


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("run") / "weights.safetensors"
    save_network(path, "tiny", varied_network().state_dict(), about={"run": {"seed": 3}})
    return path


@pytest.fixture
def bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put another network into the box, one that looks at pictures otherwise than the table says."""
    path = tmp_path / "box" / "leadline-small.safetensors"
    path.parent.mkdir()
    variant = replace(find_variant("tiny-lite1"), short_side=96)
    torch.manual_seed(1)
    weights = Network("tiny-lite1", variant=variant).state_dict()
    save_network(path, "tiny-lite1", weights, about={"licence": "Apache-2.0"}, variant=variant)
    for module in ("models.published", "stages.models"):
        monkeypatch.setattr(f"leadline.{module}.BUNDLED_FILE", path)
    return path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["leadline", *arguments])
    return main()


# Half the bytes


@pytest.mark.parametrize(
    ("tensor", "bears"),
    [
        (torch.randn(8, 8), True),
        (torch.randn(8, 8) * 1e3, True),
        (torch.randn(8, 8) * 1e-2, True),
        (torch.tensor([[1.0, 65504.0]]), True),
        (torch.tensor([[1.0, 65520.0]]), False),  # becomes infinite
        (torch.tensor([[-7e4, 1.0]]), False),
        (torch.randn(8, 8) * 1e-6, False),  # loses its digits
        (torch.randn(8, 8) * 1e-9, False),  # becomes nothing
        (torch.tensor([[1.0, 1e-9]]), True),  # what is lost is nothing beside the rest
        (torch.tensor([[1.0, math.nan]]), False),
        (torch.randn(64), False),  # a vector
        (torch.tensor(3.0), False),
        (torch.zeros(4, 4), False),
        (torch.ones(4, 4, dtype=torch.int64), False),
        (torch.ones(4, 4, dtype=torch.float64), False),
    ],
)
def test_half__is_for_tensors_that_keep_their_digits(tensor: Tensor, bears: bool) -> None:
    torch.manual_seed(0)
    kept = tensor.clone()
    assert bears_half(tensor) is bears
    stored = rounded({"x": tensor})["x"]
    assert stored.dtype == (torch.float16 if bears else tensor.dtype)
    if bears:
        error = torch.linalg.vector_norm(stored.float() - tensor) / torch.linalg.vector_norm(tensor)
        assert error <= 2**-11
    assert torch.equal(tensor.nan_to_num(), kept.nan_to_num())


def test_convert__to_half_is_read_as_float32_and_says_what_it_was(tmp_path: Path, checkpoint: Path) -> None:
    out = convert(ConvertConfig(model=checkpoint, out=tmp_path / "half", half=True, note=("a=b=c", "d=")))
    whole, half = load_network(checkpoint)[0], load_network(out)[0]
    about = describe(out)
    assert about["rounded"] == {"to": "float16", "from": digest(whole)}
    assert (about["run"], about["a"], about["d"]) == ({"seed": 3}, "b=c", "")
    assert out.stat().st_size < 0.55 * checkpoint.stat().st_size
    for name, tensor in half.state_dict().items():
        before = whole.state_dict()[name]
        assert tensor.dtype == before.dtype, name
        rounds = tensor.ndim > 1 and tensor.any()
        assert torch.equal(tensor, before.half().float() if rounds else before), name
    image = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        straight, other = whole(image), half(image)
    assert straight.std() > 0.1 * straight.mean() > 0
    assert (straight - other).abs().max() < 0.02 * straight.max()


def test_convert__without_half_keeps_every_bit_of_a_half(tmp_path: Path, checkpoint: Path) -> None:
    half = convert(ConvertConfig(model=checkpoint, out=tmp_path / "half", half=True))
    whole = convert(ConvertConfig(model=half, out=tmp_path / "whole"))
    again = convert(ConvertConfig(model=whole, out=tmp_path / "again", half=True))
    tensors, others = load_tensors(half)[0], load_tensors(again)[0]
    assert all(torch.equal(tensor, others[name]) for name, tensor in tensors.items())
    assert {tensor.dtype for tensor in load_tensors(whole)[0].values()} == {torch.float32, torch.int64}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"to": "transformers", "half": True}, "--average, --divide, --looks, --half and --note are"),
        ({"to": "official", "note": ("a=b",)}, "--average, --divide, --looks, --half and --note are"),
        ({"to": "official", "average": (Path("x"),)}, "--average, --divide, --looks, --half and --note are"),
        ({"to": "transformers", "looks": (64,)}, "--average, --divide, --looks, --half and --note are"),
        ({"to": "official", "divide": 16}, "--average, --divide, --looks, --half and --note are"),
        ({"note": ("licence",)}, "a note is KEY=VALUE"),
        ({"note": ("=x",)}, "a note is KEY=VALUE"),
        ({"note": ("network=tiny",)}, "a key that is none of"),
        ({"note": ("averaged=x",)}, "a key that is none of"),
    ],
)
def test_convert__refuses_what_a_file_cannot_say(
    tmp_path: Path, checkpoint: Path, changes: dict[str, object], message: str
) -> None:
    config = replace(ConvertConfig(model=checkpoint, out=tmp_path / "out"), **changes)  # type: ignore[arg-type]
    with pytest.raises(LeadlineError, match=message):
        convert(config)
    assert not (tmp_path / "out").exists()


# The mean of several


def test_convert__averages_all_weights_alike_and_says_of_what(tmp_path: Path, checkpoint: Path) -> None:
    paths = [checkpoint]
    for number in (1, 2):
        torch.manual_seed(number)
        paths.append(tmp_path / f"{number}.safetensors")
        save_network(paths[-1], "tiny", Network("tiny").state_dict(), about={"run": {"seed": number}})
    out = convert(ConvertConfig(model=checkpoint, average=tuple(paths[1:]), out=tmp_path / "mean"))
    networks = [load_network(path)[0] for path in paths]
    about, mean = describe(out), load_tensors(out)[0]
    assert about["averaged"] == [digest(network) for network in networks]
    assert about["run"] == {"seed": 3}
    for name, tensor in mean.items():
        states = [network.state_dict()[name] for network in networks]
        assert tensor.dtype == states[0].dtype, name
        expected = sum(state.double() for state in states) / 3
        torch.testing.assert_close(tensor.double(), expected, rtol=1e-6, atol=1e-9, msg=name)
    assert not torch.equal(mean["decoder.head.weight"], networks[0].state_dict()["decoder.head.weight"])


def test_convert__the_mean_of_a_network_with_itself_is_itself_to_the_bit(
    tmp_path: Path, checkpoint: Path
) -> None:
    out = convert(ConvertConfig(model=checkpoint, average=(checkpoint,), out=tmp_path / "mean"))
    before, after = (load_tensors(path)[0] for path in (checkpoint, out))
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


@pytest.mark.parametrize(("name", "ceiling"), [("tiny-lite1", None), ("tiny", 10.0)])
def test_convert__refuses_the_mean_of_different_networks(
    tmp_path: Path, checkpoint: Path, name: str, ceiling: float | None
) -> None:
    variant, other = replace(find_variant(name), ceiling=ceiling), tmp_path / "other"
    save_network(other, name, Network(name, variant=variant).state_dict(), about={}, variant=variant)
    with pytest.raises(LeadlineError, match=f"mean of a 'tiny' and a '{name}' is nothing"):
        convert(ConvertConfig(model=checkpoint, average=(other,), out=tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_convert__says_of_a_mean_what_was_said_of_all(tmp_path: Path) -> None:
    weights, paths = Network("tiny").state_dict(), [tmp_path / name for name in "abc"]
    said: list[dict[str, object]] = [
        {"licence": "free", "data": 1},
        {"licence": "not free", "data": 2},
        {"licence": "free"},
    ]
    for path, about in zip(paths, said, strict=True):
        save_network(path, "tiny", weights, about=about)
    first, other, same = paths
    mixed = describe(convert(ConvertConfig(model=first, average=(other,), out=tmp_path / "mixed")))
    assert "licence" not in mixed
    assert mixed["others"] == [{"network": "tiny", "space": "affine_disparity", **said[1]}]
    alike = describe(convert(ConvertConfig(model=first, average=(same,), out=tmp_path / "alike")))
    assert alike["licence"] == "free"


def test_convert__forgets_what_is_true_no_longer(tmp_path: Path, checkpoint: Path) -> None:
    half = convert(ConvertConfig(model=checkpoint, half=True, out=tmp_path / "half"))
    divided = convert(ConvertConfig(model=half, divide=16, out=tmp_path / "divided"))
    again = convert(ConvertConfig(model=divided, divide=256, out=tmp_path / "again"))
    assert "rounded" in describe(half)
    assert "rounded" not in describe(divided)
    assert "rounded" not in describe(
        convert(ConvertConfig(model=half, average=(half,), out=tmp_path / "mean"))
    )
    assert describe(again)["divided"] == 4096
    mean = ConvertConfig(model=checkpoint, average=(divided,), out=tmp_path / "uneven")
    with pytest.raises(LeadlineError, match=r"were divided by 1 and 16, .* before --divide"):
        convert(mean)
    assert describe(convert(replace(mean, model=divided)))["divided"] == 16


@pytest.mark.parametrize("name", ["a.onnx", "a.pth", "a.pt"])
def test_convert__gives_our_layout_no_name_of_another(tmp_path: Path, checkpoint: Path, name: str) -> None:
    with pytest.raises(LeadlineError, match=r"our layout is a \.safetensors file, got .*say --to"):
        convert(ConvertConfig(model=checkpoint, out=tmp_path / name))
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("key", ["network", "run", "data", "start", "step", "leadline", "others"])
def test_convert__lets_no_note_replace_what_a_file_says_of_itself(
    tmp_path: Path, checkpoint: Path, key: str
) -> None:
    with pytest.raises(LeadlineError, match="a note is KEY=VALUE"):
        convert(ConvertConfig(model=checkpoint, note=(f"{key}=mine",), out=tmp_path / "out"))


@pytest.mark.parametrize("folder", ["./leadline-small", "leadline-small/"])
def test_path_called_as_the_bundled_model__is_a_path(
    tmp_path: Path, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "leadline-small").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LeadlineError, match="leadline-small holds neither"):
        convert(ConvertConfig(model=folder, out=tmp_path / "out"))


# Smaller numbers


@pytest.mark.parametrize("name", ["tiny", "small", "midas-small-256", "depth-anything-v2-small"])
@pytest.mark.parametrize("by", [16, 4096])
def test_divided__gives_the_map_divided_to_the_bit(name: str, by: int) -> None:
    torch.manual_seed(2)
    network = Network(name).eval()
    image = torch.rand(1, 3, 2 * network.variant.multiple, 3 * network.variant.multiple)
    for key, tensor in network.named_parameters():
        if key.endswith("bias"):
            torch.nn.init.normal_(tensor, mean=2 if key == "decoder.head.bias" else 0, std=0.5)
    with torch.no_grad():
        before = network(image)
        network.load_state_dict(divided(network.state_dict(), by))
        after = network(image)
    assert before.std() > 0
    assert torch.equal(after * by, before)


def test_convert__divides_the_map_and_says_so(tmp_path: Path, checkpoint: Path) -> None:
    out = convert(ConvertConfig(model=checkpoint, divide=256, out=tmp_path / "small"))
    assert describe(out)["divided"] == 256
    before, after = load_network(checkpoint)[0], load_network(out)[0]
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(after(image) * 256, before(image))
    for name, tensor in after.encoder.state_dict().items():
        assert torch.equal(tensor, before.encoder.state_dict()[name]), name


@pytest.mark.parametrize("by", [0, -16, 2, 81, 4097])
def test_convert__divides_by_powers_of_16_alone(tmp_path: Path, checkpoint: Path, by: int) -> None:
    with pytest.raises(LeadlineError, match=f"a power of 16, such as 256 or 4096, got {by}"):
        convert(ConvertConfig(model=checkpoint, divide=by, out=tmp_path / "out"))


@pytest.mark.parametrize("power", [7, 40, 400])
def test_convert__divides_by_no_more_than_leaves_several_looks_exact(
    tmp_path: Path, checkpoint: Path, power: int
) -> None:
    with pytest.raises(LeadlineError, match="a map is divided by at most 16777216"):
        convert(ConvertConfig(model=checkpoint, divide=16**power, out=tmp_path / "out"))


def test_convert__counts_what_a_map_was_divided_by_before(tmp_path: Path, checkpoint: Path) -> None:
    once = convert(ConvertConfig(model=checkpoint, divide=16**4, out=tmp_path / "once"))
    with pytest.raises(LeadlineError, match="it was divided by 65536 already, and 16777216 is the most"):
        convert(ConvertConfig(model=once, divide=16**3, out=tmp_path / "twice"))


def test_convert__does_not_divide_metres(tmp_path: Path) -> None:
    variant, path = replace(find_variant("tiny"), ceiling=10.0), tmp_path / "metric"
    save_network(path, "tiny", Network("tiny", variant=variant).state_dict(), about={}, variant=variant)
    with pytest.raises(LeadlineError, match="the map of tiny has metres"):
        convert(ConvertConfig(model=path, divide=16, out=tmp_path / "out"))


# Several looks


def test_convert__tells_a_network_at_which_sizes_to_look(tmp_path: Path, checkpoint: Path) -> None:
    out = convert(ConvertConfig(model=checkpoint, looks=(64, 96), out=tmp_path / "twice"))
    network, about = load_network(out)
    before = load_network(checkpoint)[0]
    assert network.variant == replace(before.variant, looks=(64, 96))
    assert digest(network) == digest(before)
    assert about["run"] == {"seed": 3}
    assert Predictor(network).sides == (96, 64)
    again = convert(ConvertConfig(model=out, half=True, out=tmp_path / "half"))
    assert load_network(again)[0].variant.looks == (64, 96)


def test_convert__averages_weights_however_the_networks_look(tmp_path: Path, checkpoint: Path) -> None:
    twice = convert(ConvertConfig(model=checkpoint, looks=(64, 96), out=tmp_path / "twice"))
    for first, second in ((checkpoint, twice), (twice, checkpoint)):
        out = convert(ConvertConfig(model=first, average=(second,), out=tmp_path / f"mean of {first.stem}"))
        mean, before = load_network(out)[0], load_network(first)[0]
        assert mean.variant == before.variant
        assert digest(mean) == digest(before)


@pytest.mark.parametrize("looks", [(0,), (64, -1), (32768,)])
def test_convert__refuses_sizes_that_are_none(looks: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="short sides are from 1 to 32767 pixels"):
        ConvertConfig(looks=looks)


# The name


def test_bundled_name__is_the_file_whatever_lies_in_the_folder(
    bundled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / BUNDLED).mkdir()
    assert find_weights(BUNDLED) == (bundled, None)
    network, about = load_model(BUNDLED)
    assert (network.name, network.variant.short_side) == ("tiny-lite1", 96)
    assert about["licence"] == "Apache-2.0"
    with pytest.raises(LeadlineError, match="holds neither"):
        load_model(f"./{BUNDLED}")


def test_bundled_name__is_what_a_misspelt_one_is_answered_with() -> None:
    with pytest.raises(LeadlineError, match="did you mean 'leadline-small'"):
        load_model("leadline-smal")


def test_load__takes_the_model_in_the_box_where_none_is_given(bundled: Path) -> None:
    predictor = leadline.load(batch=2)
    assert digest(predictor.network) == digest(load_network(bundled)[0])
    assert predictor(np.zeros((40, 56, 3), np.uint8)).values.shape == (40, 56)


def test_box__that_is_empty_is_said_so(bundled: Path) -> None:
    bundled.unlink()
    with pytest.raises(LeadlineError, match=f"there is no checkpoint at {bundled}"):
        leadline.load()


def test_models__lists_the_box_first_as_its_file_tells(
    bundled: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    few = {name: find_variant(name) for name in ("tiny", "tiny-lite1")}
    monkeypatch.setattr("leadline.stages.models.VARIANTS", few)
    assert run(monkeypatch, "models", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert list(listed) == [BUNDLED, *few]
    box = listed[BUNDLED]
    assert (box["network"], box["short_side"], box["licence"]) == ("tiny-lite1", 96, "Apache-2.0")
    assert box["weights"] == f"in the box, {bundled.stat().st_size / 1e6:.1f} MB"
    assert box["parameters"] == listed["tiny-lite1"]["parameters"] != listed["tiny"]["parameters"]
    assert run(monkeypatch, "models") == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("│")]
    assert all(text in lines[0] for text in (BUNDLED, "affine disparity", "in the box", "Apache-2.0"))
    assert len(lines) == len(listed)


# Its network


def test_network__of_a_model_is_told_at_a_glance(bundled: Path, checkpoint: Path, tmp_path: Path) -> None:
    assert network_of(BUNDLED) == "tiny-lite1"
    assert network_of(str(checkpoint)) == "tiny"
    assert network_of("depth-anything-v2-small") == "depth-anything-v2-small"
    assert [network_of(other) for other in ("pretrained", "random", str(tmp_path), "missing")] == [None] * 4


@pytest.mark.parametrize(
    ("options", "start", "network"),
    [
        ([], BUNDLED, "tiny-lite1"),
        (["--start", "CHECKPOINT"], "CHECKPOINT", "tiny"),
        (["--start=CHECKPOINT"], "CHECKPOINT", "tiny"),
        (["--start", "CHECKPOINT", "--network", "tiny-lite1"], "CHECKPOINT", "tiny-lite1"),
        (["--start", "random"], "random", "tiny"),
        (["--start", "depth-anything-v2-small"], "depth-anything-v2-small", "depth-anything-v2-small"),
    ],
)
def test_metric__learns_with_the_network_that_it_starts_from(
    bundled: Path,
    checkpoint: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    start: str,
    network: str,
) -> None:
    received: list[MetricConfig] = []
    monkeypatch.setattr("leadline.stages.metric.train_metric", received.append)
    given = [option.replace("CHECKPOINT", str(checkpoint)) for option in options]
    assert run(monkeypatch, "metric", "depth-anything-v2-indoor", *given) == 0
    expected = fitted(METRICS["depth-anything-v2-indoor"][1], network)
    assert received == [replace(expected, start=start.replace("CHECKPOINT", str(checkpoint)))]
