"""Laws of checkpoints: what was saved comes back, and nothing else passes for it."""

import errno
import os
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

import leadline
from leadline.data.perturb import NONE
from leadline.data.transforms import Crop
from leadline.engine.checkpoint import State, load_state, save_state
from leadline.engine.learner import Learner
from leadline.engine.run import described, differences
from leadline.models.checkpoints import describe, load_network, load_tensors, save_network, save_tensors
from leadline.models.network import Network
from leadline.models.variants import VARIANTS, find_variant
from leadline.types import LeadlineError, Space
from miniature import small_run, train

ABOUT = {"run": {"seed": 3}, "data": {"name": "discs"}}


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    torch.manual_seed(0)
    return Network("tiny").state_dict()


def scrambled(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return other weights of the same shapes, negative zeros and extremes among them."""
    generator = torch.Generator().manual_seed(1)
    other = {
        name: torch.randn(tensor.shape, generator=generator) if tensor.is_floating_point() else tensor + 7
        for name, tensor in weights.items()
    }
    other["decoder.head.weight"].view(-1)[:3] = torch.tensor([-0.0, 1e-42, 3e38])
    return other


# Round trips


def test_network__comes_back_bit_for_bit_with_its_description(
    tmp_path: Path, weights: dict[str, Tensor]
) -> None:
    path, saved = tmp_path / "weights.safetensors", scrambled(weights)
    save_network(path, "tiny", saved, about=ABOUT)
    network, about = load_network(path)
    assert about == {"network": "tiny", "space": "affine_disparity", **ABOUT}
    assert Space(about["space"]) is network.space
    assert not network.training
    loaded = network.state_dict()
    assert loaded.keys() == saved.keys()
    for name, tensor in saved.items():
        # Bytes, because -0.0 equals 0.0.
        assert loaded[name].numpy().tobytes() == tensor.numpy().tobytes(), name


@pytest.mark.parametrize("name", ["tiny", "tiny-lite1", "small"])
def test_ceiling__comes_back_with_the_network(tmp_path: Path, name: str) -> None:
    variant = replace(find_variant(name), ceiling=12.5, short_side=96)
    network = Network(name, variant=variant)
    save_network(tmp_path / "x", name, network.state_dict(), about=ABOUT, variant=variant)
    loaded, about = load_network(tmp_path / "x")
    assert loaded.variant == variant
    assert (loaded.space, about["space"]) == (Space.DEPTH, "depth")
    image = torch.rand(1, 3, 64, 64)
    assert torch.equal(loaded(image), network.eval()(image))
    assert 0 < loaded(image).min() <= loaded(image).max() < 12.5


def test_variant__that_is_the_tables_is_left_to_the_table(tmp_path: Path, weights: dict[str, Tensor]) -> None:
    for name, variant in (("a", None), ("b", find_variant("tiny"))):
        save_network(tmp_path / name, "tiny", weights, about=ABOUT, variant=variant)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_file__is_the_same_bytes_for_the_same_content(tmp_path: Path, weights: dict[str, Tensor]) -> None:
    backwards = dict(reversed(weights.items()))
    for name, state in (("a", weights), ("b", backwards)):
        save_network(tmp_path / name, "tiny", state, about=ABOUT)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_tensors__are_saved_whatever_their_memory_layout(tmp_path: Path) -> None:
    tensor = torch.rand(2, 3, 4, 5)
    strange = {"last": tensor.to(memory_format=torch.channels_last), "view": tensor[:, ::2].transpose(2, 3)}
    save_tensors(tmp_path / "x", strange, {})
    loaded, _ = load_tensors(tmp_path / "x")
    for name, expected in strange.items():
        assert torch.equal(loaded[name], expected), name


def test_trained_weights__carry_their_config_and_where_the_data_came_from(tmp_path: Path) -> None:
    run = small_run(steps=1, seed=5)
    _, about = load_network(train(run, tmp_path / "run"))
    plain = described(run)
    machine = plain.pop("machine")
    del plain["unreadable_limit"]
    assert about == {
        "leadline": leadline.__version__,
        "machine": machine,
        "network": "tiny",
        "space": "affine_disparity",
        "run": plain,
        "stage": "test",
        "data": {"name": "discs", "seed": "0", "licence": "none"},
        "step": 1,
    }
    assert plain["optim"]["steps"] == 1
    assert plain["objective"]["gradient"]["weight"] == 2
    assert plain["perturb"] == described(NONE)


def test_checkpoint__is_plain_safetensors_that_others_can_read(
    tmp_path: Path, weights: dict[str, Tensor]
) -> None:
    save_network(tmp_path / "x", "tiny", weights, about={})
    with safe_open(tmp_path / "x", framework="np") as file:
        assert set(file.keys()) == set(weights)


# What is no checkpoint


def damage_nothing(path: Path, weights: dict[str, Tensor]) -> None:
    path.unlink()


def damage_truncate(path: Path, weights: dict[str, Tensor]) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def damage_cut_header(path: Path, weights: dict[str, Tensor]) -> None:
    path.write_bytes(path.read_bytes()[:100])


def damage_empty(path: Path, weights: dict[str, Tensor]) -> None:
    path.write_bytes(b"")


def damage_text(path: Path, weights: dict[str, Tensor]) -> None:
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")


def damage_folder(path: Path, weights: dict[str, Tensor]) -> None:
    path.unlink()
    path.mkdir()


def damage_foreign(path: Path, weights: dict[str, Tensor]) -> None:
    save_file(weights, path)


def damage_foreign_description(path: Path, weights: dict[str, Tensor]) -> None:
    save_file(weights, path, metadata={"leadline": "not JSON"})


@pytest.mark.parametrize("said", ["3", "null", "[]", '"x"', "[" * 100_000])
def test_description__that_is_none_is_refused(said: str, weights: dict[str, Tensor], tmp_path: Path) -> None:
    save_file(weights, tmp_path / "w.safetensors", metadata={"leadline": said})
    with pytest.raises(LeadlineError, match="a safetensors file, but not one that leadline wrote"):
        load_network(tmp_path / "w.safetensors")
    with pytest.raises(LeadlineError, match="a safetensors file, but not one that leadline wrote"):
        describe(tmp_path / "w.safetensors")


@pytest.mark.parametrize(
    "change",
    [
        *({"looks": ["a"]}, {"looks": [0]}, {"looks": 3}, {"multiple": 0}, {"short_side": "224"}),
        *({"features": -4}, {"hidden": 2.5}, {"bound": "around"}, {"interpolation": None}),
        *({"enlargement": ["centres"]}, {"encoder": {"mark": 1}}, {"encoder": 3}, {"origin": []}),
        *({"colours": [1]}, {"colours": [[0, 0, 0], []]}, {"colours": [[0, 0, 0], [1, 0, 1]]}),
        *({"ceiling": -1}, {"ceiling": "far"}, {"expanded": "yes"}, {"spare": {}}),
        *({"looks": [32768]}, {"features": 10**30}, {"widths": [True, 1, 1, 1]}),
    ],
    ids=str,
)
def test_description__of_a_network_that_cannot_be_is_refused(
    change: dict[str, Any], weights: dict[str, Tensor], tmp_path: Path
) -> None:
    described = {**asdict(VARIANTS["tiny"]), **change}
    save_tensors(tmp_path / "w.safetensors", weights, {**ABOUT, "network": "own", "variant": described})
    with pytest.raises(LeadlineError, match="describes the network 'own' in a way that this version"):
        load_network(tmp_path / "w.safetensors")


@pytest.mark.parametrize(
    "change",
    [
        *(
            {"name": "hf_hub:a/b"},
            {"name": "hf-hub:a/b"},
            {"name": "local-dir:/tmp"},
            {"name": "resnet18.hf-hub:a"},
        ),
        *({"name": "none_of_timms"}, {"name": 3}, {"maps": 3}, {"normalised": "yes"}),
        *({"options": [["checkpoint_path", "evil.pth"]]}, {"options": [["pretrained", True]]}),
        *({"options": [["feature_cls", "hook"]]}, {"options": [["dynamic_img_size", "yes"]]}, {"options": 3}),
        *({"options": [["pretrained_cfg", {"file": "evil.pth"}]]}, {"options": [["feature_cls"]]}),
    ],
    ids=str,
)
def test_description__sends_timm_nowhere(
    change: dict[str, Any],
    weights: dict[str, Tensor],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    described = asdict(VARIANTS["tiny"])
    described["encoder"] |= change
    save_tensors(tmp_path / "w.safetensors", weights, {**ABOUT, "network": "own", "variant": described})
    asked: list[object] = []
    monkeypatch.setattr("timm.create_model", lambda *names, **options: asked.append((names, options)))
    with pytest.raises(LeadlineError, match="describes the network 'own' in a way that this version"):
        load_network(tmp_path / "w.safetensors")
    assert not asked


def damage_state(path: Path, weights: dict[str, Tensor]) -> None:
    save_tensors(path, weights, {**ABOUT, "step": 3})


def damage_unknown_network(path: Path, weights: dict[str, Tensor]) -> None:
    save_tensors(path, weights, {**ABOUT, "network": "vits"})


def damage_description(path: Path, weights: dict[str, Tensor]) -> None:
    save_tensors(path, weights, {**ABOUT, "network": "own", "variant": {"encoder": {}, "later": 1}})


def damage_shape(path: Path, weights: dict[str, Tensor]) -> None:
    save_network(path, "tiny", {**weights, "decoder.head.bias": torch.zeros(2)}, about=ABOUT)


def damage_missing(path: Path, weights: dict[str, Tensor]) -> None:
    left = {name: tensor for name, tensor in weights.items() if name != "decoder.head.bias"}
    save_network(path, "tiny", left, about=ABOUT)


def damage_left_over(path: Path, weights: dict[str, Tensor]) -> None:
    save_network(path, "tiny", {**weights, "decoder.tail.bias": torch.zeros(1)}, about=ABOUT)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (damage_nothing, "there is no checkpoint at {path}"),
        (damage_truncate, "{path} is not a readable safetensors file"),
        (damage_cut_header, "{path} is not a readable safetensors file"),
        (damage_empty, "{path} is not a readable safetensors file"),
        (damage_text, "{path} is not a readable safetensors file"),
        (damage_folder, "{path} holds neither model.safetensors nor pytorch_model.bin"),
        (damage_foreign, "{path} is of no known family"),
        (damage_foreign_description, "{path} is a safetensors file, but not one that leadline wrote"),
        (damage_state, "{path} is the state of an unfinished run, not a network"),
        (damage_unknown_network, "{path}: no network is called 'vits'"),
        (damage_description, "{path} describes the network 'own' in a way that this version"),
        (
            damage_shape,
            "{path} does not fit the network 'tiny': 1 unlike ours, first decoder.head.bias ((2,)",
        ),
        (damage_missing, "{path} does not fit the network 'tiny': 1 missing, first decoder.head.bias"),
        (damage_left_over, "{path} does not fit the network 'tiny': 1 left over, first decoder.tail.bias"),
    ],
)
def test_wrong_file__is_refused_by_name_and_reason(
    tmp_path: Path,
    weights: dict[str, Tensor],
    damage: Callable[[Path, dict[str, Tensor]], None],
    message: str,
) -> None:
    path = tmp_path / "weights.safetensors"
    save_network(path, "tiny", weights, about=ABOUT)
    damage(path, weights)
    with pytest.raises(LeadlineError) as caught:
        load_network(path)
    assert str(caught.value).startswith(message.format(path=path))


# A disk that is full


def fill_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(file: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", refuse)


def test_full_disk__leaves_the_old_file_and_nothing_else(
    tmp_path: Path, weights: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "weights.safetensors"
    save_network(path, "tiny", weights, about=ABOUT)
    before = path.read_bytes()
    fill_the_disk(monkeypatch)
    with pytest.raises(LeadlineError, match=f"cannot write {path}: No space left on device"):
        save_network(path, "tiny", scrambled(weights), about=ABOUT)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


# States of unfinished runs


def make_state(step: int = 0) -> State:
    torch.manual_seed(step)
    learner = Learner(Network("tiny"))
    optimiser = torch.optim.AdamW(learner.parameters())
    for parameter in learner.parameters():
        parameter.grad = torch.randn_like(parameter)
    optimiser.step()
    averages = {name: tensor + 1 for name, tensor in learner.network.state_dict().items()}
    return State(step=step, learner=learner, optimiser=optimiser, averages=averages)


def assert_same(one: State, other: State) -> None:
    before, after = one.tensors(), other.tensors()
    assert before.keys() == after.keys()
    assert [name for name in before if not torch.equal(before[name], after[name])] == []
    assert one.step == other.step


def test_state__comes_back_whole(tmp_path: Path) -> None:
    saved, other = make_state(7), make_state(0)
    save_state(tmp_path, saved, ABOUT)
    load_state(tmp_path, other, ABOUT)
    assert_same(saved, other)


def test_state__is_the_newest_alone(tmp_path: Path) -> None:
    for step in (3, 12):
        save_state(tmp_path, make_state(step), ABOUT)
    assert [path.name for path in tmp_path.iterdir()] == ["state-000000012.safetensors"]


def test_state__is_the_newest_where_a_kill_left_two(tmp_path: Path) -> None:
    save_state(tmp_path, make_state(9), ABOUT)
    (older,) = tmp_path.iterdir()
    content = older.read_bytes()
    save_state(tmp_path, make_state(10), ABOUT)
    older.write_bytes(content)
    other = make_state(0)
    load_state(tmp_path, other, ABOUT)
    assert_same(make_state(10), other)


def test_state__that_cannot_be_written_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_state(tmp_path, make_state(3), ABOUT)
    fill_the_disk(monkeypatch)
    with pytest.raises(LeadlineError, match="No space left"):
        save_state(tmp_path, make_state(6), ABOUT)
    monkeypatch.undo()
    other = make_state(0)
    load_state(tmp_path, other, ABOUT)
    assert other.step == 3


def test_no_state__changes_nothing(tmp_path: Path) -> None:
    state = make_state(0)
    before = {name: tensor.clone() for name, tensor in state.tensors().items()}
    load_state(tmp_path, state, ABOUT)
    assert state.step == 0
    assert all(torch.equal(tensor, before[name]) for name, tensor in state.tensors().items())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"run": {"seed": 4}}, r"belongs to another run: run\.seed: 3 -> 4\."),
        ({"data": {"name": "cubes"}}, r"belongs to another run: data\.name: discs -> cubes\."),
    ],
)
def test_state__of_another_run_is_refused_naming_the_field(
    tmp_path: Path, changed: dict[str, dict[str, object]], message: str
) -> None:
    save_state(tmp_path, make_state(3), ABOUT)
    with pytest.raises(LeadlineError, match=message):
        load_state(tmp_path, make_state(0), {**ABOUT, **changed})


def test_differences__name_every_field_by_its_path() -> None:
    old = {"a": 1, "same": 0, "deep": {"x": [1], "y": 2}, "gone": 5}
    new = {"a": 2, "same": 0, "deep": {"x": [1, 2], "y": 2}, "new": {"z": 1}}
    assert differences(old, new) == [
        "a: 1 -> 2",
        "deep.x: [1] -> [1, 2]",
        "gone: 5 -> None",
        "new: None -> {'z': 1}",
    ]
    assert differences(old, old) == []


def test_differences__fields_that_came_later_and_are_not_given_are_none() -> None:
    new = described(Crop())
    old = {name: new[name] for name in new.keys() - {"smallest"}}
    assert differences(old, new) == []
    assert differences(old, described(Crop(smallest=64))) == ["smallest: None -> 64"]
