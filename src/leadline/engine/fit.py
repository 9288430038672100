"""The training loop, the same for every stage: it counts, logs and saves."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy
from lightning_fabric.utilities.exceptions import MisconfigurationException
from lightning_fabric.wrappers import _FabricModule

from leadline.console import console, progress
from leadline.data.loader import Batches, Stream, load
from leadline.engine.best import Best, Validation
from leadline.engine.checkpoint import Averages, State, load_state, require_same_run, save_state
from leadline.engine.interrupt import end_with_parent, held_back
from leadline.engine.learner import Learner
from leadline.engine.optim import build_optimiser, set_rates
from leadline.engine.run import Machine, Run, described
from leadline.engine.run_log import RunLog, read_log
from leadline.engine.step import NonFiniteError, train_step
from leadline.engine.watch import Watch
from leadline.memory import keep_memory, layout_on
from leadline.models.checkpoints import describe, digest, save_network
from leadline.models.encoders import build_encoder
from leadline.models.network import Network
from leadline.models.published import load_start
from leadline.models.variants import find_variant
from leadline.storage import sweep
from leadline.types import Batch, LeadlineError, Space

WEIGHTS = "weights.safetensors"
LOG = "log.jsonl"


def launch(machine: Machine, precision: str = "32-true") -> Fabric:
    """Start the processes of a run, and set what arithmetic depends on.

    Raises:
        LeadlineError: where the machine has no such accelerator.
    """
    try:
        fabric = Fabric(
            accelerator=machine.accelerator,
            devices=machine.devices,
            strategy=_several() if machine.devices > 1 else "auto",
            precision=precision,  # type: ignore[arg-type]
        )
    except (RuntimeError, ValueError, MisconfigurationException) as error:
        asked = f"machine.accelerator {machine.accelerator}, machine.devices {machine.devices}"
        raise LeadlineError(f"{asked}: {error}") from error
    fabric.launch()
    if not fabric.is_global_zero:
        end_with_parent()
    keep_memory()
    if machine.threads is not None:  # after the launch, which sets its own number for several processes
        torch.set_num_threads(machine.threads)
    return fabric


def _several() -> DDPStrategy:
    """Let processes wait a day for one that measures or saves alone; no buffer of a network ever changes."""
    return DDPStrategy(timeout=timedelta(days=1), broadcast_buffers=False)


def fit(
    run: Run,
    streams: Sequence[Stream],
    out: Path,
    *,
    origin: Mapping[str, Any],
    begin: Callable[[Network | None], Network] | None = None,
    validation: Validation | None = None,
) -> Path:
    """Train as `run` says, going on where an earlier process was stopped, and return the weights' path.

    `origin` is what the checkpoint carries on top of the config: provenance of data and teacher. `begin`
    makes the network with its first weights of the model that `run.start` names, if it does; `begin_network`
    where not given. With a `validation` the best weights stand beside the last ones. After a kill at any
    moment both equal those of an uninterrupted run bit for bit on the same machine.

    Raises:
        LeadlineError: where `out` holds another run, too much of a source is unreadable, or the network
            predicts in another space than the targets have.
        NonFiniteError: where the loss or the gradient stops being a number.
    """
    given, about = _take_up(run, origin)
    if (out / WEIGHTS).exists():
        require_same_run(out / WEIGHTS, describe(out / WEIGHTS), about)
        _clear(out)
        console.print(f"{out / WEIGHTS} is finished already")
        return out / WEIGHTS
    if not any(out.glob("state-*")):  # a run that began before this was refused goes on
        _require_pictures(run, streams)
    fabric = launch(run.machine, run.precision)
    torch.manual_seed(run.seed)
    learner = _build_learner(run, (begin or partial(begin_network, run))(given))
    out.mkdir(parents=True, exist_ok=True)
    if fabric.is_global_zero:
        sweep(out)
    trainee, best = _set_up(run, fabric, learner), Best(validation, out, about)
    watch = Watch(run, streams)
    watch.unreadable.update(load_state(out, trainee.state, about).get("left_out", []))
    if trainee.state.step == 0 and (out / LOG).exists() and (lines := read_log(out / LOG)):
        console.print(
            f"{out} holds no state, though its log reaches step {lines[-1]['step']}: from the start"
        )
    best.require(trainee.state)
    batches = _load(run, fabric, streams, learner, steps=range(trainee.state.step, run.optim.steps))
    if validation is not None and trainee.state.step == 0 and fabric.is_global_zero:
        best.measure(trainee.state, title="before training")
    _train(run, fabric, trainee, batches, watch, best, out, about)
    if fabric.is_global_zero:
        variant, done = learner.network.variant, {**about, "step": run.optim.steps}
        save_network(out / WEIGHTS, run.network, trainee.state.result(), about=done, variant=variant)
        _clear(out)
    fabric.barrier()
    return out / WEIGHTS


@dataclass(frozen=True, slots=True)
class _Trainee:
    """The state of a run, and its network and optimiser as the processes share them.

    `weights` are the network's own tensors, kept because listing them takes as long as averaging them.
    """

    state: State
    model: _FabricModule
    optimiser: torch.optim.Optimizer
    weights: Mapping[str, torch.Tensor]


def _take_up(run: Run, origin: Mapping[str, Any]) -> tuple[Network | None, dict[str, Any]]:
    """Return the model that the run starts from, if it does from one, and what its checkpoints carry."""
    plain = described(run)
    # Where things lie, what computes and what is forgiven may change; the data are told by their provenance.
    apart = ("machine", "out", "unreadable_limit", "labelled", "pseudo", "validation", "trust")
    about = {
        "run": {name: value for name, value in plain.items() if name not in apart},
        "machine": plain["machine"],
        "leadline": version("leadline"),
        **origin,
    }
    if run.start in ("pretrained", "random"):
        return None, about
    given, known = load_start(run.start, network=run.network)  # told by its weights, wherever they lie
    return given, {**about, "start": known, "data": {**origin["data"], "start": digest(given)}}


def begin_network(run: Run, given: Network | None) -> Network:
    """Return the `given` network, or one with the weights that `run.start` means where there is none.

    Raises:
        LeadlineError: where it is another network than the run's.
    """
    if given is None:
        return Network(run.network, pretrained=run.start == "pretrained")
    if given.name != run.network:
        raise LeadlineError(f"{run.start} is a {given.name!r}, the run wants a {run.network!r}")
    return given


def _require_pictures(run: Run, streams: Sequence[Stream]) -> None:
    """Refuse terms that would look at nothing."""
    parts = {"pseudo" if stream.pseudo else "labelled" for stream in streams if stream.batch}
    for name, term in run.objective.items():
        if term.weight and term.on not in {"all", *parts}:
            raise LeadlineError(
                f"objective.{name}.on {term.on}: this run has no such pictures; give it another --objective."
                f"{name}.on, or --objective.{name}.weight 0"
            )


def _clear(out: Path) -> None:
    """Remove what only an unfinished run needs."""
    sweep(out)
    for state in out.glob("state-*.safetensors"):
        state.unlink(missing_ok=True)


def _build_learner(run: Run, network: Network) -> Learner:
    if not any(term.loss == "feature_alignment" for term in run.objective.values()):
        return Learner(network.train())
    variant = find_variant(run.frozen or run.network)
    frozen = build_encoder(variant.encoder, pretrained=True)
    return Learner(network.train(), frozen=frozen, colours=variant.colours)


def _set_up(run: Run, fabric: Fabric, learner: Learner) -> _Trainee:
    learner.to(memory_format=layout_on(fabric.device))
    others = torch.nn.ModuleList([learner.network.decoder, learner.projection])
    head = learner.network.decoder.head
    optimiser = build_optimiser(learner.network.encoder, others, run.optim, head=head)
    model, shared = fabric.setup(learner, optimiser)
    weights = learner.network.state_dict()
    averages = {name: t.clone() for name, t in weights.items()} if run.optim.ema is not None else None
    state = State(step=0, learner=learner, optimiser=optimiser, averages=averages)
    return _Trainee(state, model, cast(torch.optim.Optimizer, shared), weights)


def _load(
    run: Run, fabric: Fabric, streams: Sequence[Stream], learner: Learner, *, steps: range
) -> Iterator[list[Batch]]:
    """Open the batches of `steps`."""
    batches = Batches(
        streams,
        crop=run.crop,
        interpolation=learner.network.variant.interpolation,
        multiple=learner.network.variant.multiple,
        seed=run.seed,
        parts=run.optim.accumulate * fabric.world_size,
    )
    _require_space(run, learner.network.space, batches.space)
    return load(
        batches,
        steps=steps,
        workers=_workers(run.machine, fabric),
        rank=fabric.global_rank,
        processes=fabric.world_size,
        pin=fabric.device.type == "cuda",
    )


def _workers(machine: Machine, fabric: Fabric) -> int:
    if machine.workers is None:
        on_cpu = fabric.device.type == "cpu"
        return 0 if on_cpu else max(1, min(8, (os.cpu_count() or 1) // machine.devices))
    return machine.workers


def _require_space(run: Run, predicted: Space, target: Space) -> None:
    """Refuse to compare maps that mean different things, and disparities with a loss on metres."""
    if predicted is not target:
        raise LeadlineError(
            f"the network predicts {predicted} and the targets are {target}: teacher and student need a "
            "network and a start without metres, leadline metric makes one with metres"
        )
    if target is not Space.DEPTH and any(term.loss == "silog" for term in run.objective.values()):
        raise LeadlineError(
            f"objective: silog compares metres, and the targets are {target}: leadline metric"
        )


def _train(
    run: Run,
    fabric: Fabric,
    trainee: _Trainee,
    batches: Iterator[list[Batch]],
    watch: Watch,
    best: Best,
    out: Path,
    about: Mapping[str, Any],
) -> None:
    """Do the steps that are left, each from its batches to the log.

    After Ctrl-C the step is finished and saved, where no other process is stopped by it half-way.
    """
    state, machine, main = trainee.state, run.machine, fabric.is_global_zero
    alone = fabric.world_size == 1
    steps = range(state.step, run.optim.steps)
    with (
        progress(f"training {out.name}", total=run.optim.steps, done=state.step, quiet=not main) as tick,
        RunLog(out / LOG, step=state.step, machine=machine, quiet=not main) as log,
        held_back(wanted=alone) as interrupted,
    ):
        for step, parts in zip(steps, batches, strict=True):
            watch.look(parts)
            torch.manual_seed(run.seed + step)
            set_rates(trainee.optimiser, step, run.optim)
            values = train_step(
                fabric,
                trainee.model,
                trainee.optimiser,
                [batch.to(fabric.device) for batch in parts],
                objective=run.objective,
                clip=run.optim.clip,
            )
            state.step = step + 1
            if state.averages is not None and run.optim.ema is not None:
                _average(state.averages, trainee.weights, run.optim.ema)
            last = state.step == run.optim.steps
            asked = best.due(state, last=last)
            logged = last or asked or state.step % machine.log_every == 0
            stopping = interrupted()
            saved = last or asked or stopping or state.step % machine.save_every == 0
            if logged or saved:
                watch.share(fabric)
            if saved:
                _require_finite(state)
            figures = best.measure(state, title=f"step {state.step}") if main and asked else {}
            if logged:
                means = cast(dict[str, torch.Tensor], fabric.all_reduce(values))  # over the processes
                line = log.write(state.step, means, figures)
                watch.drift(line, first=log.first, quiet=not main)
            if main and saved:
                save_state(out, state, {**about, "left_out": sorted(watch.unreadable)})
            tick(f"loss {values['loss']:.3f}")
            if stopping and not last:
                raise KeyboardInterrupt


def _require_finite(state: State) -> None:
    """Refuse weights that are no numbers, before they take the place of a state that is whole."""
    if not torch.stack([weight.isfinite().all() for weight in state.result().values()]).all():
        raise NonFiniteError(
            f"the weights are not finite after step {state.step}: lower optim.lr or set optim.clip, which is "
            "another run, in another --out"
        )


def _average(averages: Averages, weights: Mapping[str, torch.Tensor], decay: float) -> None:
    """Move the averages towards the weights: ``a = decay * a + (1 - decay) * w``."""
    moving = [name for name, weight in weights.items() if weight.is_floating_point()]
    torch._foreach_lerp_([averages[name] for name in moving], [weights[name] for name in moving], 1 - decay)
    for name in weights.keys() - set(moving):
        averages[name].copy_(weights[name])
