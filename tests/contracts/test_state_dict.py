"""The names and shapes of tensors in files: checkpoints of yesterday load tomorrow."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from leadline.engine.checkpoint import State
from leadline.engine.learner import Learner
from leadline.models.network import Network

NETWORKS = {
    "tiny": (288, "490890bc73beafdd", (48, 48, 48, 48)),
    "tiny-lite1": (378, "13a08ebe22d63fd6", (48, 48, 48, 48)),
    "small": (378, "13a08ebe22d63fd6", (24, 48, 96, 192)),
}
"""Network -> tensors of its encoder, the start of the SHA-256 over their names, shapes and types, and the
channels of its decoder's levels, finest first."""


def decoder(channels: Sequence[int]) -> dict[str, tuple[int, ...]]:
    features, outs = channels[0], (channels[0], *channels[:-1])
    shapes: dict[str, tuple[int, ...]] = {
        f"project.{level}.weight": (channels[level], width, 3, 3)
        for level, width in enumerate((24, 40, 112, 320))
    }
    for level, (width, out) in enumerate(zip(channels, outs, strict=True)):
        for unit in ("skip", "refine") if level < 3 else ("refine",):
            for part in ("first", "second"):
                shapes[f"fuse.{level}.{unit}.{part}.weight"] = (width, width, 3, 3)
                shapes[f"fuse.{level}.{unit}.{part}.bias"] = (width,)
        shapes[f"fuse.{level}.out.weight"] = (out, width, 1, 1)
        shapes[f"fuse.{level}.out.bias"] = (out,)
    return {
        **shapes,
        "shrink.weight": (features // 2, features, 3, 3),
        "shrink.bias": (features // 2,),
        "hidden.weight": (16, features // 2, 3, 3),
        "hidden.bias": (16,),
        "head.weight": (1, 16, 1, 1),
        "head.bias": (1,),
    }


def below(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): t for name, t in state.items() if name.startswith(prefix)}


@pytest.mark.parametrize("name", NETWORKS)
def test_network__has_the_tensors_it_always_had(name: str) -> None:
    state = Network(name).state_dict()
    count, expected, channels = NETWORKS[name]
    encoder, decoded = below(state, "encoder."), below(state, "decoder.")
    assert len(encoder) + len(decoded) == len(state)
    assert {name: tuple(tensor.shape) for name, tensor in decoded.items()} == decoder(channels)
    described = "".join(f"{name} {tuple(t.shape)} {t.dtype}\n" for name, t in sorted(encoder.items()))
    digest = hashlib.sha256(described.encode()).hexdigest()[:16]
    assert (len(encoder), digest) == (count, expected)


def test_state_of_a_run__has_the_tensors_it_always_had() -> None:
    frozen = Network("tiny-lite1").encoder
    frozen.widths = Network("tiny").encoder.widths
    learner = Learner(Network("tiny"), frozen=frozen)
    learner.projection = nn.Conv2d(320, 8, 1)
    optimiser = torch.optim.AdamW(parameter for parameter in learner.parameters() if parameter.requires_grad)
    for parameter in learner.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimiser.step()
    network = learner.network.state_dict()
    state = State(step=1, learner=learner, optimiser=optimiser, averages=dict(network))
    trained = [f"network.{name}" for name, _ in learner.network.named_parameters()]
    trained += ["projection.weight", "projection.bias"]
    assert set(state.tensors()) == {
        *(f"learner.network.{name}" for name in network),
        "learner.projection.weight",
        "learner.projection.bias",
        *(f"average.{name}" for name in network),
        *(f"optimiser.{key}.{name}" for key in ("step", "exp_avg", "exp_avg_sq") for name in trained),
    }


def test_names_of_files__are_the_documented_ones(tmp_path: Path) -> None:
    from leadline.engine.checkpoint import save_state
    from leadline.engine.fit import LOG, WEIGHTS

    learner = Learner(Network("tiny"))
    optimiser = torch.optim.AdamW(learner.parameters())
    save_state(tmp_path, State(step=1200, learner=learner, optimiser=optimiser, averages=None), {})
    assert [path.name for path in tmp_path.iterdir()] == ["state-000001200.safetensors"]
    assert (WEIGHTS, LOG) == ("weights.safetensors", "log.jsonl")
