"""Laws of the optimiser: the rate at every step, and whose rate it is."""

import math
import re
from dataclasses import replace
from typing import Any, Literal, get_args

import pytest
import torch
from torch import nn

from leadline.engine.optim import Optim, build_optimiser, schedule, set_rates

CONFIG = Optim(steps=10, lr=1e-3, decoder_ratio=5, betas=(0.8, 0.95), weight_decay=0.03)
Schedule = Literal["constant", "linear", "poly", "one-cycle"]


def parts() -> tuple[nn.Module, nn.ModuleList]:
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)), nn.ModuleList([nn.Linear(3, 4), nn.Identity()])


@pytest.mark.parametrize(
    ("name", "step", "factor"),
    [
        ("constant", 0, 1.0),
        ("constant", 9, 1.0),
        ("linear", 0, 1.0),
        ("linear", 5, 0.5),
        ("linear", 9, 0.1),
        ("poly", 0, 1.0),
        ("poly", 5, 0.5358867),  # 0.5 ** 0.9
        ("poly", 9, 0.1258925),  # 0.1 ** 0.9
        ("one-cycle", 0, 1.0),
        ("one-cycle", 6, 1.0),  # 7 of 10 steps
        ("one-cycle", 9, 1e-4),
    ],
)
def test_schedule__is_what_its_name_says(name: Schedule, step: int, factor: float) -> None:
    assert schedule(step, replace(CONFIG, schedule=name)) == pytest.approx(factor, rel=1e-6)


@pytest.mark.parametrize(("steps", "hold"), [(20, 0.7), (11, 0.3), (3, 0.7), (50, 0.99)])
def test_one_cycle__is_pytorchs_with_the_published_settings(steps: int, hold: float) -> None:
    config = replace(CONFIG, steps=steps, schedule="one-cycle", hold=hold)
    ours, theirs = (build_optimiser(*parts(), config) for _ in range(2))
    rule = torch.optim.lr_scheduler.OneCycleLR(  # as zoedepth/trainers/base_trainer.py calls it
        theirs,
        [1e-3, 5e-3],
        total_steps=steps,
        pct_start=hold,
        div_factor=1,
        final_div_factor=10_000,
        base_momentum=0.85,
        max_momentum=0.95,
    )
    for step in range(steps):
        set_rates(ours, step, config)
        for own, other in zip(ours.param_groups, theirs.param_groups, strict=True):
            assert own["lr"] == pytest.approx(other["lr"], rel=1e-9)
            assert own["betas"][0] == pytest.approx(other["betas"][0], rel=1e-9)
            assert own["betas"][1] == 0.95
        theirs.step()
        if step + 1 < steps:
            rule.step()


@pytest.mark.parametrize("name", ["constant", "linear", "poly"])
def test_betas__stay_where_no_cycle_moves_them(name: Schedule) -> None:
    optimiser = build_optimiser(*parts(), CONFIG)
    set_rates(optimiser, 7, replace(CONFIG, schedule=name))
    assert {group["betas"] for group in optimiser.param_groups} == {(0.8, 0.95)}


@pytest.mark.parametrize(("step", "factor"), [(0, 0.25), (1, 0.5), (2, 0.75), (3, 1.0), (9, 1.0)])
def test_warmup__rises_to_the_whole_rate(step: int, factor: float) -> None:
    assert schedule(step, replace(CONFIG, schedule="constant", warmup=3)) == pytest.approx(factor)


def test_warmup__multiplies_what_falls() -> None:
    assert schedule(1, replace(CONFIG, schedule="linear", warmup=3)) == pytest.approx(0.5 * 0.9)


@pytest.mark.parametrize("name", get_args(Schedule))
@pytest.mark.parametrize("warmup", [0, 3])
def test_rate__is_positive_at_every_step(name: Schedule, warmup: int) -> None:
    config = replace(CONFIG, schedule=name, warmup=warmup)
    assert all(0 < schedule(step, config) <= 1 for step in range(config.steps))


def test_optimiser__holds_every_parameter_once() -> None:
    encoder, others = parts()
    groups = build_optimiser(encoder, others, CONFIG).param_groups
    held = [id(parameter) for group in groups for parameter in group["params"]]
    every = [id(parameter) for module in (encoder, others) for parameter in module.parameters()]
    assert sorted(held) == sorted(every)
    assert len(set(held)) == len(held) > 0


def test_decoder__learns_faster_by_the_ratio_at_every_step() -> None:
    encoder, others = parts()
    optimiser = build_optimiser(encoder, others, CONFIG)
    assert [group["lr"] for group in optimiser.param_groups] == pytest.approx([1e-3, 5e-3])
    set_rates(optimiser, 5, CONFIG)
    owners = {id(p): "encoder" for p in encoder.parameters()} | {id(p): "others" for p in others.parameters()}
    rates = {owners[id(p)]: group["lr"] for group in optimiser.param_groups for p in group["params"]}
    assert rates == pytest.approx({"encoder": 0.5e-3, "others": 2.5e-3})


def test_head__has_a_rate_of_its_own_where_asked() -> None:
    encoder, others = parts()
    config = replace(CONFIG, decoder_ratio=1, head_ratio=50)
    optimiser = build_optimiser(encoder, nn.ModuleList([others, nn.Linear(4, 4)]), config, head=others[0])
    set_rates(optimiser, 5, config)
    assert [group["lr"] for group in optimiser.param_groups] == pytest.approx([0.5e-3, 0.5e-3, 25e-3])
    assert [p.shape for p in optimiser.param_groups[2]["params"]] == [(4, 3), (4,)]
    assert len(optimiser.param_groups[1]["params"]) == 2
    with pytest.raises(ValueError, match="head_ratio"):
        replace(config, head_ratio=0.0)


def test_optimiser__is_adamw_as_configured() -> None:
    optimiser = build_optimiser(*parts(), CONFIG)
    assert type(optimiser) is torch.optim.AdamW
    for group in optimiser.param_groups:
        assert group["betas"] == (0.8, 0.95)
        assert group["weight_decay"] == 0.03


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "steps and accumulate are at least 1, got 0, 1"),
        ({"accumulate": 0}, "steps and accumulate are at least 1, got 10, 0"),
        ({"lr": 0.0}, "lr and decoder_ratio are positive"),
        ({"decoder_ratio": -1.0}, "lr and decoder_ratio are positive"),
        ({"warmup": -1}, "warmup is not negative"),
        ({"clip": 0.0}, "optim.clip: a norm is positive, got 0.0"),
        ({"ema": 1.0}, "optim.ema: a decay lies between 0 and 1, got 1.0"),
        ({"hold": 0.0}, "optim.hold: a share between 0 and 1, got 0.0"),
        ({"hold": 1.0}, "optim.hold: a share between 0 and 1, got 1.0"),
        *(({name: math.nan}, "lr and decoder_ratio are positive") for name in ("lr", "decoder_ratio")),
        ({"lr": math.inf}, "lr and decoder_ratio are positive"),
        *(({"clip": clip}, "optim.clip: a norm is positive") for clip in (math.nan, math.inf)),
        *(
            ({"betas": betas}, "optim: betas lie from 0 to below 1")
            for betas in ((1.0, 0.9), (0.9, math.nan))
        ),
        *(({"weight_decay": decay}, "weight_decay is not negative") for decay in (-1.0, math.nan)),
        ({"ema": 0.0}, "optim.ema: a decay lies between 0 and 1, got 0.0"),
    ],
)
def test_config__refuses_what_cannot_train(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        replace(CONFIG, **changes)
