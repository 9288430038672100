"""The names and shapes of tensors in files: checkpoints of yesterday load tomorrow."""

import hashlib
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from leadline.engine.checkpoint import State
from leadline.engine.learner import Learner
from leadline.models.network import Network

ENCODERS = {
    "tiny": (288, "490890bc73beafdd"),
    "tiny-lite1": (378, "13a08ebe22d63fd6"),
}
"""Network -> tensors of its encoder, and the start of the SHA-256 over their names, shapes and types."""

UNIT = {
    "first.weight": (48, 48, 3, 3),
    "first.bias": (48,),
    "second.weight": (48, 48, 3, 3),
    "second.bias": (48,),
}
DECODER: dict[str, tuple[int, ...]] = {
    "project.0.weight": (48, 24, 3, 3),
    "project.1.weight": (48, 40, 3, 3),
    "project.2.weight": (48, 112, 3, 3),
    "project.3.weight": (48, 320, 3, 3),
    **{f"fuse.{level}.skip.{name}": shape for level in range(3) for name, shape in UNIT.items()},
    **{f"fuse.{level}.refine.{name}": shape for level in range(4) for name, shape in UNIT.items()},
    **{f"fuse.{level}.out.weight": (48, 48, 1, 1) for level in range(4)},
    **{f"fuse.{level}.out.bias": (48,) for level in range(4)},
    "shrink.weight": (24, 48, 3, 3),
    "shrink.bias": (24,),
    "hidden.weight": (16, 24, 3, 3),
    "hidden.bias": (16,),
    "head.weight": (1, 16, 1, 1),
    "head.bias": (1,),
}


def below(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): t for name, t in state.items() if name.startswith(prefix)}


@pytest.mark.parametrize("name", ENCODERS)
def test_network__has_the_tensors_it_always_had(name: str) -> None:
    state = Network(name).state_dict()
    encoder, decoder = below(state, "encoder."), below(state, "decoder.")
    assert len(encoder) + len(decoder) == len(state)
    assert {name: tuple(tensor.shape) for name, tensor in decoder.items()} == DECODER
    described = "".join(f"{name} {tuple(t.shape)} {t.dtype}\n" for name, t in sorted(encoder.items()))
    digest = hashlib.sha256(described.encode()).hexdigest()[:16]
    assert (len(encoder), digest) == ENCODERS[name]


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
