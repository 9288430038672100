"""After the pipeline: a student and pictures with measured depth -> a network that predicts metres."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from leadline.console import console
from leadline.data.findings import FindingKind
from leadline.data.inspection import Facts
from leadline.data.loader import Stream
from leadline.data.source import Concatenated, Evenly
from leadline.data.transforms import metres
from leadline.engine.best import Validation, shown
from leadline.engine.fit import fit
from leadline.engine.run import Run
from leadline.metrics import Protocol, Reference
from leadline.models.network import Network
from leadline.models.published import BUNDLED
from leadline.models.variants import find_variant
from leadline.predict.predictor import Predictor
from leadline.stages.looking import look
from leadline.stages.sources import open_sources
from leadline.types import Label, LeadlineError, Prediction, Source, Space, UnreadableError

_LOOKED_AT = 64
_TOGETHER = 8  # pictures that go through the network when it is measured
_WHOLE = Protocol(name="metric", clamp=True, origin="Depth Anything V2, metric_depth/train.py: no crop")
_FEWEST = 10  # pixels of a label that is measured with: Depth Anything V2, metric_depth/train.py

Target = Callable[[Label], Label]
"""From a source's label to its metres, valid where they count."""


@dataclass(frozen=True, kw_only=True)
class MetricConfig(Run):
    """Teach a network metres."""

    start: str = BUNDLED
    """What is taken over: a checkpoint or any model that `leadline predict` takes; or ``pretrained`` or
    ``random`` for an encoder without one."""
    keep_decoder: bool = False
    """Take over the decoder too, but for its last layer, instead of the encoder alone."""
    max_depth: float
    """Metres that the network cannot exceed, the factor of its sigmoid; what is farther is not learnt."""
    min_depth: float = 0.001
    """Metres; what is nearer is not learnt."""
    labelled: tuple[str, ...] = ()
    """Sources with labels in metres, or disparity in 1 / metres; dense or sparse."""
    validation: tuple[str, ...] = ()
    """Sources that are not trained on: the weights that do best on them are kept in best.safetensors."""
    validate_every: int = 1000
    """Steps from one validation to the next."""
    batch: int
    """Pictures a step, over all processes."""
    trust: tuple[FindingKind, ...] = ()
    """Kinds of findings of `leadline inspect` to go on in spite of, such as ``unit``."""
    out: Path = Path("runs/metric")
    """Folder of the run: weights.safetensors, best.safetensors, log.jsonl, and the state it goes on from."""

    def __post_init__(self) -> None:
        """Refuse what cannot be learnt from."""
        super().__post_init__()
        if min(self.batch, self.validate_every) < 1:
            raise ValueError(
                f"batch and validate_every are at least 1, got {self.batch} and {self.validate_every}"
            )
        if not 0 < self.min_depth < self.max_depth < np.inf:
            raise ValueError(
                "min_depth and max_depth: metres, the first positive and the second larger, "
                f"got {self.min_depth} and {self.max_depth}"
            )
        if self.crop.smallest is not None or self.crop.min_scale < 1:
            raise ValueError(
                "crop.smallest and crop.min_scale: the same thing in more pixels looks nearer, so metres "
                "need crops of one size that are not enlarged"
            )
        if self.perturb.cutmix:
            raise ValueError(f"perturb.cutmix: is for pseudo-labels, 0 for metres, got {self.perturb.cutmix}")


def train_metric(config: MetricConfig) -> Path:
    """Train, or go on with it, and return the path of the last weights; the best stand beside them.

    Raises:
        LeadlineError: before anything is trained, where a source has no metres or looks as if its numbers
            were others than it says, or `start` does not fit the network; and as `fit`.
    """
    source = open_sources(config.labelled, role="labelled")
    held_out = open_sources(config.validation, role="validation") if config.validation else None
    target = partial(metres, nearest=config.min_depth, farthest=config.max_depth)
    data: dict[str, Any] = {"labelled": source.provenance()}
    validation = None
    _require_metres(config.labelled, source, config)
    if held_out is not None:
        _require_metres(config.validation, held_out, config)
        data["validation"] = held_out.provenance()
        measure = partial(measure_metres, source=held_out, target=target)
        validation = Validation(measure=measure, every=config.validate_every, decisive="abs_rel")
        if not config.out.exists():
            typical = _typical(source, target)
            floor = measure_constant(typical, source=held_out, target=target)
            console.print(f"{typical:.3g} m everywhere: {shown(floor)}")
    stream = Stream(source=source, batch=config.batch, perturb=config.perturb, pseudo=False, target=target)
    origin, begin = {"stage": "metric", "data": data}, partial(begin_metric, config)
    return fit(config, [stream], config.out, origin=origin, begin=begin, validation=validation)


def begin_metric(config: MetricConfig, given: Network | None) -> Network:
    """Return a network with a sigmoid as its last activation, and in it what is taken over from `given`.

    Afterwards it looks at pictures at the size it was trained at: the same thing in more pixels looks nearer.
    Maps are enlarged so that they stay within what it can say. The last layer of a decoder is taken over only
    from a network that predicts metres itself; with another ceiling than its own, what is near stays there.

    Raises:
        LeadlineError: where what is taken over does not fit.
    """
    variant = replace(
        find_variant(config.network),
        ceiling=config.max_depth,
        short_side=config.crop.size,
        bound="lower",  # as crops are resized
    )
    if variant.enlargement == "bicubic":
        variant = replace(variant, enlargement="centres")
    network = Network(config.network, variant=variant, pretrained=config.start == "pretrained")
    if given is None:
        return network
    parts = ("encoder.", "decoder.") if config.keep_decoder else ("encoder.",)
    before = given.variant.ceiling
    without = ("decoder.head.",) if before is None else ()
    own = {
        name: tensor
        for name, tensor in network.state_dict().items()
        if name.startswith(parts) and not name.startswith(without)
    }
    others = given.state_dict()
    if any(name not in others or others[name].shape != tensor.shape for name, tensor in own.items()):
        raise LeadlineError(
            f"{config.start} is a {given.name!r}, whose weights do not fit a {config.network!r}: "
            f"give --network {given.name}"
        )
    network.load_state_dict({name: others[name] for name in own}, strict=False)
    if before is not None and config.keep_decoder:
        with torch.no_grad():  # far below 1 a sigmoid is an exponential
            network.state_dict()["decoder.head.bias"].add_(math.log(before / config.max_depth))
    return network


def measure_metres(network: Network, *, source: Source, target: Target) -> dict[str, float]:
    """Return the figures of a network's metres without any alignment, means over the pictures of `source`.

    Of a label counts what `target` leaves valid; pictures with fewer than ten such pixels are left out.

    Raises:
        LeadlineError: where no picture is left, and where one cannot be read or has no label.
    """
    device = next(network.parameters()).device
    return _figures(Predictor(network, device=device, precision="float32"), source, target)


def measure_constant(depth: float, *, source: Source, target: Target) -> dict[str, float]:
    """Return the same figures of saying `depth` everywhere: the floor beside which a network's stand."""

    def say(images: Sequence[np.ndarray]) -> list[Prediction]:
        maps = (np.full(image.shape[:2], depth, np.float32) for image in images)
        return [Prediction(values=values, space=Space.DEPTH) for values in maps]

    return _figures(say, source, target)


def _figures(
    predict: Callable[[Sequence[np.ndarray]], list[Prediction]], source: Source, target: Target
) -> dict[str, float]:
    rows = []
    samples = (source[index] for index in range(len(source)))
    while some := list(islice(samples, _TOGETHER)):
        for sample, prediction in zip(some, predict([sample.image for sample in some]), strict=True):
            if sample.label is None:
                raise LeadlineError(f"{sample.id} has no label, and validation needs one")
            label = target(sample.label)
            if label.valid.sum() >= _FEWEST:
                rows.append(Reference(label, protocol=_WHOLE).raw(prediction))
    if not rows:
        raise LeadlineError(
            f"{source.name}: no label has {_FEWEST} pixels within min_depth and max_depth to validate with"
        )
    return {
        name: float(np.mean([row[name] for row in rows])) for name in ("abs_rel", "delta1", "rmse", "silog")
    }


def _typical(source: Source, target: Target) -> float:
    """Return the median of the median metres that count in some pictures, evenly spaced.

    Raises:
        LeadlineError: where nothing counts in any of them.
    """
    middles, some = [], Evenly(source, _LOOKED_AT)
    for index in range(len(some)):
        try:
            sample = some[index]
        except UnreadableError:  # the run counts what it cannot read
            continue
        label = None if sample.label is None else target(sample.label)
        if label is not None and label.valid.any():
            middles.append(float(np.median(label.values[label.valid])))
    if not middles:
        raise LeadlineError(f"{source.name}: no label has a pixel within min_depth and max_depth")
    return float(np.median(middles))


def _require_metres(specs: Sequence[str], joined: Concatenated, config: MetricConfig) -> None:
    """Look at samples of every source.

    Raises:
        LeadlineError: where numbers are no metres, or seem to be none.
    """
    for spec, source in zip(specs, joined.sources, strict=True):
        inspection = look(spec, source, samples=_LOOKED_AT, threads=2)
        labelled = [fact for fact in inspection.facts if fact.space is not None]
        if not labelled:
            raise LeadlineError(
                f"{spec}: none of its samples can be read and has a label, and metres need one"
            )
        if any(fact.space is Space.AFFINE_DISPARITY for fact in labelled):
            raise LeadlineError(
                f"{spec}: its labels are affine disparity, 1 / metres up to an unknown scale and shift, as a "
                "teacher's are, so there are no metres in them to learn. Give measured or rendered depth, or "
                "say space=disparity and scale= if the numbers are 1 / metres times a known factor"
            )
        nearest = [min(_depths(fact)) for fact in labelled if fact.levels]
        suspicious = [
            finding
            for finding in inspection.findings
            if finding.kind not in ("unreadable", *config.trust)  # the run counts what it cannot read
        ]
        if suspicious:
            said = "".join(f"\n  {each.kind}: {each.what}.\n    {each.fix}." for each in suspicious)
            kinds = " ".join(each.kind for each in suspicious)
            raise LeadlineError(
                f"{spec} was inspected, and nothing was trained:{said}\n"
                f"Mend it, or go on with --trust {kinds} if it is as it should be"
            )
        if not nearest:
            raise LeadlineError(f"{spec}: no label that was looked at has a valid pixel to learn from")
        if min(nearest) > config.max_depth:
            raise LeadlineError(
                f"{spec}: the nearest label lies at {min(nearest):.3g} m, beyond max_depth "
                f"{config.max_depth:g}: there is nothing to learn"
            )


def _depths(fact: Facts) -> list[float]:
    """Return the quantiles of a label in metres: those of disparity come farthest first."""
    quantiles = fact.quantiles
    return [1 / max(q, 1e-12) for q in quantiles] if fact.space is Space.DISPARITY else list(quantiles)
