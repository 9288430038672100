"""Weights of others: names as published, every tensor in its place, and nothing run or guessed."""

import json
import math
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import timm
import torch
from huggingface_hub import errors
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import DepthAnythingForDepthEstimation

from leadline.models.checkpoints import digest, load_network, save_network
from leadline.models.configs import CONFIG, name_of_variant, read_config
from leadline.models.foreign import FAMILIES, AmbiguousError, Family, load_foreign, read_tensors, save_foreign
from leadline.models.layouts import export_weights, import_weights
from leadline.models.network import Network
from leadline.models.published import find_weights, load_start, network_of
from leadline.models.variants import VARIANTS, Tokens, Variant, find_variant
from leadline.predict.predictor import load
from leadline.stages.convert import ConvertConfig, convert
from leadline.types import LeadlineError, Space

SMALL = "depth-anything-v2-small"
HUB = "depth-anything/Depth-Anything-V2-Small"
OFFICIAL, TRANSFORMERS = FAMILIES[:2]
DINO = [name for name, v in VARIANTS.items() if isinstance(v.encoder, Tokens) and v.encoder.dino]

PUBLISHED = {
    "pretrained.cls_token": (1, 1, 384),
    "pretrained.pos_embed": (1, 1370, 384),
    "pretrained.mask_token": (1, 384),
    "pretrained.patch_embed.proj.weight": (384, 3, 14, 14),
    "pretrained.blocks.11.attn.qkv.weight": (1152, 384),
    "pretrained.blocks.0.ls1.gamma": (384,),
    "pretrained.blocks.0.mlp.fc1.bias": (1536,),
    "pretrained.norm.weight": (384,),
    "depth_head.projects.3.weight": (384, 384, 1, 1),
    "depth_head.resize_layers.0.weight": (48, 48, 4, 4),
    "depth_head.resize_layers.3.weight": (384, 384, 3, 3),
    "depth_head.scratch.layer1_rn.weight": (64, 48, 3, 3),
    "depth_head.scratch.refinenet1.out_conv.weight": (64, 64, 1, 1),
    "depth_head.scratch.refinenet4.resConfUnit1.conv1.weight": (64, 64, 3, 3),
    "depth_head.scratch.output_conv1.weight": (32, 64, 3, 3),
    "depth_head.scratch.output_conv2.0.weight": (32, 32, 3, 3),
    "depth_head.scratch.output_conv2.2.bias": (1,),
}
"""Some tensors of depth_anything_v2_vits.pth, from depth_anything_v2/dpt.py and dinov2.py."""


@pytest.fixture(scope="module")
def network() -> Network:
    torch.manual_seed(0)
    return Network(SMALL).eval()


@pytest.fixture(scope="module")
def official(network: Network) -> dict[str, Tensor]:
    return export_weights(network.state_dict(), OFFICIAL.layout(network.variant))


def same(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


# Names


def test_official_names__are_those_of_the_published_files(official: dict[str, Tensor]) -> None:
    assert {name: tuple(official[name].shape) for name in PUBLISHED} == PUBLISHED
    assert len(official) == 239


@pytest.mark.parametrize("name", DINO)
@pytest.mark.parametrize("family", [OFFICIAL, TRANSFORMERS], ids=["official", "transformers"])
def test_layout__is_a_bijection(name: str, family: Family) -> None:
    with torch.device("meta"):
        own = Network(name).state_dict()
    layout = family.layout(VARIANTS[name])
    theirs = export_weights(own, layout)
    split = sum(name.endswith(("attn.qkv.weight", "attn.qkv.bias")) for name in own)
    assert len(theirs) == len(own) + (2 * split if family is TRANSFORMERS else 0)
    found, misfit = import_weights(theirs, own, layout)
    assert not misfit
    assert {name: t.shape for name, t in found.items()} == {name: t.shape for name, t in own.items()}


@pytest.mark.parametrize("family", [OFFICIAL, TRANSFORMERS], ids=["official", "transformers"])
def test_layout__loses_no_bit(network: Network, family: Family) -> None:
    layout = family.layout(network.variant)
    own = network.state_dict()
    found, misfit = import_weights(export_weights(own, layout), own, layout)
    assert not misfit
    assert same(found, dict(own))


# Files as published


def plain(state: dict[str, Tensor]) -> object:
    return state


def parallel(state: dict[str, Tensor]) -> object:
    return {f"module.{name}": tensor for name, tensor in state.items()}


def trainers(state: dict[str, Tensor]) -> object:
    return {"model": parallel(state), "optimizer": {"state": {}}, "epoch": 3, "previous_best": {"d1": 0.9}}


def wrapped_both_ways(state: dict[str, Tensor]) -> object:
    return {"state_dict": {"model": state}, "epoch": 3}


@pytest.mark.parametrize("wrap", [plain, parallel, trainers, wrapped_both_ways])
@pytest.mark.parametrize("suffix", [".pth", ".pt"])
def test_authors_file__is_loaded_however_it_is_wrapped(
    tmp_path: Path,
    network: Network,
    official: dict[str, Tensor],
    wrap: Callable[[dict[str, Tensor]], object],
    suffix: str,
) -> None:
    path = tmp_path / f"mine{suffix}"
    torch.save(wrap(official), path)
    loaded, about = load_network(path, network=SMALL)
    assert same(dict(loaded.state_dict()), dict(network.state_dict()))
    assert about["network"] == SMALL


def test_authors_file__is_known_by_its_name(tmp_path: Path, official: dict[str, Tensor]) -> None:
    for file, name, space in (
        ("depth_anything_v2_vits.pth", SMALL, Space.AFFINE_DISPARITY),
        ("depth_anything_v2_metric_hypersim_vits.pth", "depth-anything-v2-metric-indoor-small", Space.DEPTH),
    ):
        torch.save(official, tmp_path / file)
        loaded = load_foreign(tmp_path / file)
        assert (loaded.name, loaded.space) == (name, space)


def test_ambiguous_file__asks_which_network_it_is(tmp_path: Path, official: dict[str, Tensor]) -> None:
    torch.save(official, tmp_path / "best.pth")
    with pytest.raises(LeadlineError, match=r"v1-small or .*v2-small.* look alike: say which \(--network"):
        load_foreign(tmp_path / "best.pth")
    loaded, _ = load_start(str(tmp_path / "best.pth"), network=SMALL)
    assert (loaded.name, loaded.space) == (SMALL, Space.AFFINE_DISPARITY)
    torch.save(official, tmp_path / "depth_anything_v2_metric_hypersim_vits.pth")
    loaded, _ = load_start(str(tmp_path / "depth_anything_v2_metric_hypersim_vits.pth"), network=SMALL)
    assert loaded.space is Space.DEPTH, "a name that tells is believed"


def test_network__of_an_authors_file_is_told_by_it(tmp_path: Path, official: dict[str, Tensor]) -> None:
    torch.save(official, tmp_path / "depth_anything_v2_vits.pth")
    assert network_of(str(tmp_path / "depth_anything_v2_vits.pth")) == SMALL


def test_wrong_size__is_refused_with_what_fits(tmp_path: Path, official: dict[str, Tensor]) -> None:
    torch.save(official, tmp_path / "best.pth")
    with pytest.raises(LeadlineError, match=r"no weights of 'depth-anything-v2-base'.*It fits .*v2-small"):
        load_foreign(tmp_path / "best.pth", network="depth-anything-v2-base")


def test_incomplete_file__is_refused(tmp_path: Path, official: dict[str, Tensor]) -> None:
    torch.save({k: t for k, t in official.items() if "output_conv2.2" not in k}, tmp_path / "cut.pth")
    with pytest.raises(LeadlineError, match=r"2 missing, first depth_head.scratch.output_conv2.2.weight"):
        load_foreign(tmp_path / "cut.pth", network=SMALL)


class Trap:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return exec, ("raise SystemExit('unpickled')",)


def test_numbers_of_numpy_beside_the_weights__are_no_danger(
    tmp_path: Path, official: dict[str, Tensor]
) -> None:
    best = {"loss": np.float64(0.5), "abs_rel": np.float32(0.1), "step": np.int64(7), "done": np.bool_(1)}
    torch.save({"model": official, "best": best}, tmp_path / "best.pth")
    # As NumPy 1 writes it: the same names but for the module of one function.
    renamed = pickle.dumps({"model": {}, "best": best["loss"]}, protocol=2)
    renamed = renamed.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert torch.equal(
        read_tensors(tmp_path / "best.pth")["pretrained.cls_token"], official["pretrained.cls_token"]
    )
    (tmp_path / "old.pth").write_bytes(legacy(renamed))
    assert read_tensors(tmp_path / "old.pth") == {}


def legacy(pickled: bytes) -> bytes:
    """Wrap an object without tensors as PyTorch's format of before the ZIP files does."""
    head = (0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True})
    parts = [*(pickle.dumps(part, protocol=2) for part in head), pickled, pickle.dumps([], protocol=2)]
    return b"".join(parts)


def test_file_with_more_than_tensors__is_refused_unread(tmp_path: Path, official: dict[str, Tensor]) -> None:
    torch.save({"model": official, "args": Trap()}, tmp_path / "trap.pth")
    torch.save({"model": official, "best": [np.float64(1), Trap()]}, tmp_path / "scalar.pth")
    torch.save({"model": official, "history": np.zeros(3)}, tmp_path / "array.pth")
    (tmp_path / "raw.pth").write_bytes(pickle.dumps(Trap(), protocol=2))
    for name in ("trap.pth", "scalar.pth", "array.pth", "raw.pth"):
        with pytest.raises(LeadlineError, match="could run code when read; it is refused"):
            load_foreign(tmp_path / name)


@pytest.mark.parametrize("legacy", [False, True])
def test_cut_file__is_one_message_wherever_it_is_cut(legacy: bool, tmp_path: Path) -> None:
    path = tmp_path / "x.pth"
    torch.save({"a": torch.zeros(3), "b": torch.ones(2)}, path, _use_new_zipfile_serialization=not legacy)
    whole = path.read_bytes()
    for end in range(0, len(whole), 7):
        path.write_bytes(whole[:end])
        with pytest.raises(LeadlineError):
            load_foreign(path)


@pytest.mark.parametrize("name", ["converted", "w.PTH", "w.safetensors", "w.bin"])
def test_file__is_known_by_its_content_whatever_its_name(
    name: str, tmp_path: Path, network: Network, official: dict[str, Tensor]
) -> None:
    for write in (torch.save, save_file):
        write(official, tmp_path / name)
        assert same(
            dict(load_network(tmp_path / name, network=SMALL)[0].state_dict()), dict(network.state_dict())
        )


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: path.write_bytes(b""), "is not a readable checkpoint"),
        (lambda path: path.write_bytes(b"version https://git-lfs"), "refused|not a readable"),
        (lambda path: torch.save([1, 2], path), "expected tensors by name"),
        (lambda path: torch.save({"core.weight": torch.zeros(2)}, path), "of no known family"),
        (lambda path: torch.save({}, path), "its tensors are called nothing: there are none"),
        (lambda path: path.unlink(missing_ok=True), "there is no checkpoint at"),
    ],
)
def test_bad_file__is_one_message(tmp_path: Path, write: Callable[[Path], object], message: str) -> None:
    path = tmp_path / "x.pth"
    write(path)
    with pytest.raises(LeadlineError, match=message):
        load_foreign(path)


# Folders of transformers


@pytest.fixture
def folder(tmp_path: Path, network: Network) -> Path:
    save_foreign(tmp_path / "hf", network, layout="transformers")
    return tmp_path / "hf"


def test_exported_folder__is_read_by_transformers_itself(folder: Path, network: Network) -> None:
    theirs = DepthAnythingForDepthEstimation.from_pretrained(folder).eval()
    picture = torch.randn(1, 3, 518, 518, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected, found = theirs(picture).predicted_depth[0], network(picture)[0, 0]
    assert found.std() > 0
    assert ((found - expected).abs().max() / expected.abs().max()).item() < 1e-5


def test_exported_metric_network__is_in_metres_for_transformers_too(tmp_path: Path) -> None:
    name = "depth-anything-v1-metric-outdoor-small"
    torch.manual_seed(0)
    network = Network(name).eval()
    save_foreign(tmp_path / "hf", network, layout="transformers")
    theirs = DepthAnythingForDepthEstimation.from_pretrained(tmp_path / "hf").eval()
    assert (theirs.config.max_depth, theirs.config.depth_estimation_type) == (80, "metric")
    assert load_foreign(tmp_path / "hf").variant.ceiling == 80
    picture = torch.randn(1, 3, 518, 518, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected, found = theirs(picture).predicted_depth[0], network(picture)[0, 0]
    assert 0 < expected.min() < expected.max() < 80
    assert ((found - expected).abs().max() / expected.abs().max()).item() < 1e-5


def test_folder__of_a_known_network_has_its_name(folder: Path, network: Network) -> None:
    assert network_of(str(folder)) == SMALL
    loaded, _ = load_start(str(folder), network=SMALL)
    assert (loaded.name, digest(loaded)) == (SMALL, digest(network))
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    (folder / CONFIG).write_text(json.dumps({**config, "max_depth": 12, "depth_estimation_type": "metric"}))
    assert network_of(str(folder)) is None, "nobody published this one"
    assert load_foreign(folder).name == "hf"


def test_folder__of_a_run_says_which_file_to_give(tmp_path: Path) -> None:
    (tmp_path / "weights.safetensors").touch()
    with pytest.raises(LeadlineError, match=r"nor pytorch_model\.bin: give .*weights\.safetensors"):
        load_foreign(tmp_path)


@pytest.mark.parametrize("family", [family for family in FAMILIES if family.describe is not None])
def test_config__tells_every_network_that_it_can_hold(family: Family, tmp_path: Path) -> None:
    held = {name: variant for name, variant in VARIANTS.items() if family.holds(variant)}
    assert held
    assert family.describe is not None
    for name, variant in held.items():
        (tmp_path / CONFIG).write_text(json.dumps(family.describe(variant)), encoding="utf-8")
        assert name_of_variant(read_config(tmp_path / CONFIG)) == name


def test_folder__may_be_in_shards(folder: Path, network: Network) -> None:
    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(state)
    parts = {"a.safetensors": names[:100], "b.safetensors": names[100:]}
    for file, some in parts.items():
        save_file({name: state[name] for name in some}, folder / file)
    index = {"weight_map": {name: file for file, some in parts.items() for name in some}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert same(dict(load_foreign(folder).state_dict()), dict(network.state_dict()))
    index["weight_map"][names[0]] = "../a.safetensors"
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(LeadlineError, match="outside its folder"):
        load_foreign(folder)
    for nothing in ({}, {"weight_map": ["a.safetensors"]}, {"weight_map": {"a": 3}}):
        (folder / "model.safetensors.index.json").write_text(json.dumps(nothing))
        with pytest.raises(LeadlineError, match="does not say which file holds which tensor"):
            load_foreign(folder)


def test_names_in_memory__are_understood_as_those_in_files(folder: Path, network: Network) -> None:
    theirs = DepthAnythingForDepthEstimation.from_pretrained(folder)
    save_file(theirs.state_dict(), folder / "model.safetensors")
    assert same(dict(load_foreign(folder).state_dict()), dict(network.state_dict()))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "glpn"}, "model of type 'glpn'"),
        ({"reassemble_factors": [4, 2, 1, 1]}, "reassemble_factors is"),
        ({"backbone_config": {"model_type": "swin"}}, "model_type is swin"),
    ],
)
def test_other_config__is_refused(folder: Path, change: dict[str, object], message: str) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(LeadlineError, match=message):
        load_foreign(folder)


# Conversion


def test_convert__comes_back_bit_for_bit_over_all_layouts(
    tmp_path: Path, network: Network, official: dict[str, Tensor]
) -> None:
    path = tmp_path / "depth_anything_v2_vits.pth"
    torch.save(official, path)
    for step, layout in enumerate(("leadline", "transformers", "leadline", "official")):
        out = (
            tmp_path / f"{step}{'.pth' if layout == 'official' else '.safetensors' * (layout == 'leadline')}"
        )
        path = convert(ConvertConfig(model=path, out=out, to=layout))  # type: ignore[arg-type]
    back = torch.load(path, weights_only=True)
    assert same(back, official)
    assert same(dict(load_network(path, network=SMALL)[0].state_dict()), dict(network.state_dict()))


def test_convert__to_a_folder_goes_on_after_a_full_disk(
    tmp_path: Path, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_network(tmp_path / "x.safetensors", SMALL, network.state_dict(), about={"stage": "test"})
    config = ConvertConfig(model=tmp_path / "x.safetensors", out=tmp_path / "hf", to="transformers")
    synced: list[int] = []

    def full(number: int) -> None:
        synced.append(number)
        if len(synced) == 3:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(LeadlineError, match="No space left"):
        convert(config)
    monkeypatch.undo()
    assert not config.out.exists()
    convert(config)
    assert same(dict(load_network(config.out)[0].state_dict()), dict(network.state_dict()))
    assert {path.name for path in tmp_path.iterdir()} == {"x.safetensors", "hf"}


def test_convert__keeps_what_was_there(tmp_path: Path, network: Network) -> None:
    save_network(tmp_path / "x.safetensors", SMALL, network.state_dict(), about={"stage": "test"})
    before = (tmp_path / "x.safetensors").read_bytes()
    with pytest.raises(LeadlineError, match="exists already"):
        convert(ConvertConfig(model=tmp_path / "x.safetensors", out=tmp_path / "x.safetensors"))
    assert (tmp_path / "x.safetensors").read_bytes() == before


def test_convert__says_that_other_layouts_look_once(
    tmp_path: Path, network: Network, capsys: pytest.CaptureFixture[str]
) -> None:
    variant, path = replace(network.variant, looks=(84, 112)), tmp_path / "x.safetensors"
    save_network(path, SMALL, network.state_dict(), about={}, variant=variant)
    convert(ConvertConfig(model=path, out=tmp_path / "y.safetensors"))
    assert "no place" not in capsys.readouterr().err
    convert(ConvertConfig(model=path, out=tmp_path / "y.pth", to="official"))
    said = capsys.readouterr().err
    assert "read again, it looks at (518,), not at (112, 84)" in said
    assert f"read it with --network {SMALL}" in said
    assert load_network(tmp_path / "y.safetensors")[0].variant.looks == (84, 112)


@pytest.mark.parametrize(
    ("name", "layout"), [("small", "official"), ("midas-dpt-swin2-tiny-256", "transformers")]
)
def test_convert__writes_no_metres_where_they_would_be_lost(
    tmp_path: Path, name: str, layout: Literal["official", "transformers"]
) -> None:
    variant, path = replace(find_variant(name), ceiling=10.0), tmp_path / "x.safetensors"
    save_network(path, name, Network(name, variant=variant).state_dict(), about={}, variant=variant)
    with pytest.raises(LeadlineError, match=f"no place for '{name}': none for metres"):
        convert(ConvertConfig(model=path, out=tmp_path / "new" / "y", to=layout))
    assert [each.name for each in tmp_path.iterdir()] == ["x.safetensors"]


def test_convert__says_that_no_name_tells_a_ceiling_of_its_own(
    tmp_path: Path, network: Network, capsys: pytest.CaptureFixture[str]
) -> None:
    variant, path = replace(network.variant, ceiling=10.0), tmp_path / "x.safetensors"
    save_network(path, SMALL, network.state_dict(), about={}, variant=variant)
    convert(ConvertConfig(model=path, out=tmp_path / "y.pth", to="official"))
    assert "which network it is, nor its largest depth, 10 m, and no name does" in capsys.readouterr().err


def test_convert__says_that_a_folder_has_no_place_for_looks_under_any_name(
    tmp_path: Path, network: Network, capsys: pytest.CaptureFixture[str]
) -> None:
    variant, path = replace(network.variant, ceiling=10.0, looks=(84, 112)), tmp_path / "x.safetensors"
    save_network(path, SMALL, network.state_dict(), about={}, variant=variant)
    convert(ConvertConfig(model=path, out=tmp_path / "y", to="transformers"))
    assert "read again, it looks at (518,), not at (112, 84)" in capsys.readouterr().err
    assert load_network(tmp_path / "y")[0].variant.sides() == (518,)


def test_convert__averages_an_authors_file_with_itself(tmp_path: Path, official: dict[str, Tensor]) -> None:
    path = tmp_path / "x.pth"
    torch.save(official, path)
    out = tmp_path / "mean"
    convert(ConvertConfig(model=path, network=SMALL, average=(path,), out=out))
    assert digest(load_network(out)[0]) == digest(load_foreign(path, network=SMALL))


def test_convert__averages_what_is_the_same_wherever_it_comes_from(
    tmp_path: Path, folder: Path, official: dict[str, Tensor]
) -> None:
    path, out = tmp_path / "x.pth", tmp_path / "mean"
    torch.save(official, path)
    convert(ConvertConfig(model=path, network=SMALL, average=(folder,), out=out))
    assert load_network(out)[0].variant == find_variant(SMALL)


def test_convert__leaves_nothing_of_a_folder_that_could_not_be_written(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: object, **named: object) -> None:
        raise LeadlineError("the disk is full")

    monkeypatch.setattr("leadline.models.foreign.save", full)
    before = set(tmp_path.iterdir())
    with pytest.raises(LeadlineError, match="the disk is full"):
        convert(ConvertConfig(model=folder, out=tmp_path / "again", to="transformers"))
    assert set(tmp_path.iterdir()) == before


def test_convert__has_no_official_layout_for_our_own_networks(tmp_path: Path) -> None:
    save_network(tmp_path / "x.safetensors", "tiny", Network("tiny").state_dict(), about={})
    with pytest.raises(LeadlineError, match="the official layout has no place for 'tiny'"):
        convert(ConvertConfig(model=tmp_path / "x.safetensors", out=tmp_path / "y.pth", to="official"))


def test_network_of_no_table__comes_back_from_our_file(tmp_path: Path, folder: Path) -> None:
    built = load_foreign(folder)  # without the offset of DINOv2's position embeddings: transformers' way
    assert built.variant != VARIANTS[SMALL]
    save_network(tmp_path / "x.safetensors", built.name, built.state_dict(), about={}, variant=built.variant)
    loaded, _ = load_network(tmp_path / "x.safetensors")
    assert loaded.variant == built.variant
    assert digest(loaded) == digest(built)


# By name


def test_load__takes_a_path_and_options(tmp_path: Path, network: Network) -> None:
    save_network(tmp_path / "x.safetensors", SMALL, network.state_dict(), about={})
    predictor = load(tmp_path / "x.safetensors", device="cpu", size=98)
    assert digest(predictor.network) == digest(network)
    assert predictor.sides == (98,)


def test_unknown_model__is_answered_with_the_nearest() -> None:
    with pytest.raises(LeadlineError, match="did you mean 'depth-anything-v2-small'"):
        find_weights("depth-anything-v2-smal")
    with pytest.raises(LeadlineError, match=r"neither a file nor a network called 'photo\.pth'"):
        find_weights("photo.pth")


def test_unpublished_weights__are_said_to_be() -> None:
    with pytest.raises(LeadlineError, match="never released"):
        find_weights("depth-anything-v2-giant")


def test_unreachable_hub__says_what_to_fetch_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def refuse(repository: str, file: str, *, local_files_only: bool = False) -> str:
        asked.append((repository, file, local_files_only))
        raise errors.LocalEntryNotFoundError("no connection")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", refuse)
    for model, repository, file in (
        (SMALL, HUB, "depth_anything_v2_vits.pth"),
        (
            "depth-anything/Depth-Anything-V2-Small-hf",
            "depth-anything/Depth-Anything-V2-Small-hf",
            "config.json",
        ),
    ):
        with pytest.raises(LeadlineError) as caught:
            find_weights(model)
        assert f"https://huggingface.co/{repository}/resolve/main/{file}" in str(caught.value)
        assert "give its path" in str(caught.value)
        assert asked[-2:] == [(repository, file, True), (repository, file, False)]


def test_cached_file__needs_no_connection(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def cached(repository: str, file: str, *, local_files_only: bool = False) -> str:
        assert local_files_only
        return str(tmp_path / file)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", cached)
    assert find_weights(SMALL) == (tmp_path / "depth_anything_v2_vits.pth", SMALL)


def test_variants__name_every_published_file_once() -> None:
    files = [(v.origin.repository, v.origin.file) for v in VARIANTS.values() if v.origin.file]
    assert len(files) == len(set(files))


def test_sizes__are_those_that_were_published() -> None:
    published = {"small": 24.8, "base": 97.5, "large": 335.3}  # millions: Depth-Anything-V2, README
    for size, millions in published.items():
        for version in ("v1", "v2"):
            variant: Variant = VARIANTS[f"depth-anything-{version}-{size}"]
            with torch.device("meta"):
                built = Network(size, variant=variant)
            count = sum(p.numel() for p in built.parameters()) / 1e6
            assert count == pytest.approx(millions, abs=0.06)


@pytest.mark.parametrize("other", ["tiny", "midas-dpt-large-384", "timm/resnet18"])
def test_network_of_another_family__is_refused_with_what_fits(
    tmp_path: Path, official: dict[str, Tensor], other: str
) -> None:
    torch.save(official, tmp_path / "best.pth")
    with pytest.raises(LeadlineError, match=rf"no weights of '{other}': it is a file of Depth.*v2-small"):
        load_foreign(tmp_path / "best.pth", network=other)


@pytest.mark.parametrize(
    "file",
    [
        "depth_anything_vits14.pth",
        "depth_anything_vits14/pytorch_model.bin",
        "models--LiheYoung--depth_anything_vits14/snapshots/0/pytorch_model.bin",
    ],
)
def test_first_versions_file__is_known_by_name_and_shape(
    tmp_path: Path, official: dict[str, Tensor], file: str
) -> None:
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    torch.save(official, tmp_path / file)
    assert load_foreign(tmp_path / file).name == "depth-anything-v1-small"


def test_name_that_any_trainer_gives__tells_nothing(tmp_path: Path, official: dict[str, Tensor]) -> None:
    torch.save(official, tmp_path / "pytorch_model.bin")
    with pytest.raises(AmbiguousError, match="say which"):
        load_foreign(tmp_path / "pytorch_model.bin")


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
@pytest.mark.parametrize("how", ["meta", "sparse", "quantised"])
def test_tensors_without_plain_numbers__are_refused(
    tmp_path: Path, official: dict[str, Tensor], how: str
) -> None:
    name = "depth_head.projects.0.bias"
    given = official[name]
    odd = {
        "meta": lambda: given.to("meta"),
        "sparse": lambda: given.to_sparse(),
        "quantised": lambda: torch.quantize_per_tensor(given, 0.1, 0, torch.qint8),
    }
    torch.save(official | {name: odd[how]()}, tmp_path / "x.pth")
    with pytest.raises(LeadlineError, match=f"{name} is sparse, quantised, or has no numbers"):
        load_foreign(tmp_path / "x.pth", network=SMALL)


def test_folder_with_a_config__is_what_that_says(folder: Path) -> None:
    assert load_foreign(folder, network=SMALL).variant == load_foreign(folder).variant
    with pytest.raises(LeadlineError, match=f"config.json describes {SMALL}, not 'depth-anything-v1-small'"):
        load_foreign(folder, network="depth-anything-v1-small")


@pytest.mark.parametrize("name", [name for name in VARIANTS if VARIANTS[name].origin.transformers])
def test_folder_of_a_published_network__is_that_network(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variant = VARIANTS[name]
    family = next(f for f in FAMILIES if f.holds(variant) and f.describe is not None)
    assert family.describe is not None
    config = dict(family.describe(variant))
    if "layer_norm_eps" in config:
        config["layer_norm_eps"] = 1e-12  # as published
    (tmp_path / CONFIG).write_text(json.dumps(config))
    assert name_of_variant(read_config(tmp_path / CONFIG)) == name


@pytest.mark.parametrize(
    "change",
    [
        *({"num_attention_heads": 5}, {"out_indices": [3, 6]}, {"out_indices": [3, 6, 9, 99]}),
        *({"num_attention_heads": 0}, {"num_attention_heads": -1}, {"patch_size": 0}, {"hidden_size": 0}),
        *({"image_size": [518, 14]}, {"image_size": []}, {"layer_norm_eps": "a"}, {"layer_norm_eps": 0}),
        *({"hidden_size": 10**30}, {"image_size": 10**30}),
    ],
    ids=str,
)
def test_config_that_contradicts_itself__is_one_message(folder: Path, change: dict[str, object]) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["backbone_config"] |= change
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(LeadlineError, match=r"cannot be built|no network that can be built"):
        load_foreign(folder)


@pytest.mark.parametrize(
    "change",
    [
        *({"max_depth": depth, "depth_estimation_type": "metric"} for depth in (0, -5, math.nan, math.inf)),
        *({"fusion_hidden_size": 10**30}, {"model_type": ["depth_anything"]}, {"model_type": None}),
    ],
    ids=str,
)
def test_config_that_means_nothing__is_one_message(folder: Path, change: dict[str, object]) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(LeadlineError, match=r"no network that can be built|describes a model of type"):
        load_foreign(folder)


def test_config__may_give_a_square_by_both_its_sides(folder: Path) -> None:
    before = load_foreign(folder)
    config = json.loads((folder / "config.json").read_text())
    config["backbone_config"] |= {"image_size": [518, 518], "patch_size": [14, 14]}
    (folder / "config.json").write_text(json.dumps(config))
    assert load_foreign(folder).variant == before.variant


@pytest.mark.parametrize("kind", [torch.int64, torch.complex64])
def test_weights_that_are_no_real_numbers__are_refused(
    tmp_path: Path, official: dict[str, Tensor], kind: torch.dtype
) -> None:
    torch.save({name: tensor.to(kind) for name, tensor in official.items()}, tmp_path / "x.pth")
    with pytest.raises(LeadlineError, match="unlike ours"):
        load_foreign(tmp_path / "x.pth", network=SMALL)


def test_half_precision__is_loaded_as_float32(tmp_path: Path, official: dict[str, Tensor]) -> None:
    torch.save({name: tensor.half() for name, tensor in official.items()}, tmp_path / "x.pth")
    loaded = load_foreign(tmp_path / "x.pth", network=SMALL)
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}


def test_folder_of_transformers__has_no_licence_of_another(folder: Path) -> None:
    assert load_foreign(folder).variant.origin.licence == ""


def test_unreachable_weights_of_timm__are_no_missing_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    build = timm.create_model

    def refuse(*arguments: Any, pretrained: bool, **options: Any) -> Any:
        if pretrained:
            raise errors.LocalEntryNotFoundError("no connection")
        return build(*arguments, **options)

    monkeypatch.setattr("timm.create_model", refuse)
    with pytest.raises(LeadlineError, match=r"timm's 'resnet18' cannot be fetched: .*--start random"):
        Network("timm/resnet18", pretrained=True)


def test_unknown_precision__is_answered_with_those_there_are() -> None:
    code = (
        "import leadline, leadline.models.network as n; leadline.Predictor(n.Network('tiny'), precision='x')"
    )
    # In a process of its own: here the types are checked before the value is.
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "LeadlineError: precision is one of auto, float32, bfloat16, float16, got 'x'" in done.stderr


def test_convert__says_where_transformers_maps_will_differ(
    tmp_path: Path, network: Network, capsys: pytest.CaptureFixture[str]
) -> None:
    save_network(tmp_path / "x.safetensors", SMALL, network.state_dict(), about={})
    convert(ConvertConfig(model=tmp_path / "x.safetensors", out=tmp_path / "hf", to="transformers"))
    assert "transformers without: at other sizes than 518" in capsys.readouterr().err
