"""How others name the tensors of our networks: one table a layout, read in both directions.

A layout maps a prefix of our names to theirs; where theirs is a tuple, our tensor is theirs one below the
other. Every tensor of a network has its place in the layout and every tensor of a file is claimed, so both
directions are exact, and nothing is lost or left over. What takes no part in a network, such as the head
that classified ImageNet, is in some files and not in others, where its place is the empty tuple.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from leadline.models.variants import Tokens, Variant

Layout = Mapping[str, str | tuple[str, ...]]


class Copies(tuple[str, ...]):
    """Their names of a tensor that follows from the network's shape, which they keep more than once."""

    __slots__ = ()


Weights = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Misfit:
    """What keeps a file from being a network's weights."""

    missing: tuple[str, ...]
    left_over: tuple[str, ...]
    unlike: tuple[str, ...]
    """Names of tensors that have another shape, ``name (found, expected)``, or must be equal and are not."""

    def __bool__(self) -> bool:
        """Whether anything is wrong."""
        return bool(self.missing or self.left_over or self.unlike)

    def __str__(self) -> str:
        """Count each kind, with an example."""
        kinds = {"missing": self.missing, "left over": self.left_over, "unlike ours": self.unlike}
        return "; ".join(f"{len(names)} {kind}, first {names[0]}" for kind, names in kinds.items() if names)


def import_weights(
    theirs: Mapping[str, Tensor], expected: Mapping[str, Tensor], layout: Layout
) -> tuple[Weights, Misfit]:
    """Rename the tensors of a file to ours; `expected` are the network's own, for names and shapes."""
    found: Weights = {}
    missing: list[str] = []
    unlike: list[str] = []
    claimed: set[str] = set()
    for name, own in expected.items():
        sources = _sources(name, layout)
        claimed.update(sources)
        absent = [source for source in sources if source not in theirs]
        if absent:
            missing += absent
            continue
        parts = [theirs[source] for source in sources]
        found[name] = own
        if isinstance(sources, Copies):
            unlike += [source for source in sources if not _equal(theirs[source], own)]
        elif parts:
            found[name] = parts[0] if len(parts) == 1 else torch.cat(parts)
            if found[name].shape != own.shape or found[name].is_floating_point() != own.is_floating_point():
                kinds = (f"{tuple(t.shape)} {t.dtype}".replace("torch.", "") for t in (found[name], own))
                unlike.append(f"{sources[0]} ({', '.join(kinds)})")
    left_over = tuple(name for name in theirs if name not in claimed)
    return found, Misfit(tuple(missing), left_over, tuple(unlike))


def _equal(found: Tensor, own: Tensor) -> bool:
    """Compare tensors; those without values, on the meta device, by their shapes."""
    return found.shape == own.shape if own.is_meta else torch.equal(found, own)


def export_weights(weights: Mapping[str, Tensor], layout: Layout) -> Weights:
    """Rename our tensors to theirs: the inverse of `import_weights`, to the bit."""
    theirs: Weights = {}
    for name, tensor in weights.items():
        targets = _sources(name, layout)
        split = len(targets) > 1 and not isinstance(targets, Copies)
        parts = tensor.chunk(len(targets)) if split else [tensor] * len(targets)
        for target, part in zip(targets, parts, strict=True):
            theirs[target] = part.contiguous()
    return theirs


def _sources(name: str, layout: Layout) -> tuple[str, ...]:
    """Return their names of our tensor: those of the longest prefix that fits, and the rest of ours."""
    prefix = max((p for p in layout if name.startswith(p)), key=len)
    theirs = layout[prefix]
    if isinstance(theirs, Copies):
        return theirs
    return tuple(t + name.removeprefix(prefix) for t in ((theirs,) if isinstance(theirs, str) else theirs))


def official_depth_anything(variant: Variant) -> Layout:
    """Names of the authors' files (Depth-Anything-V2, depth_anything_v2/dpt.py and dinov2.py; V1 alike)."""
    layout: dict[str, str | tuple[str, ...]] = {"encoder.": "pretrained."}
    if isinstance(variant.encoder, Tokens) and variant.encoder.gated:
        for block in range(variant.encoder.depth):
            layout[f"encoder.blocks.{block}.mlp.fc1."] = f"pretrained.blocks.{block}.mlp.w12."
            layout[f"encoder.blocks.{block}.mlp.fc2."] = f"pretrained.blocks.{block}.mlp.w3."
    head = "depth_head."
    return (
        layout
        | {f"decoder.reassemble.{n}.project.": f"{head}projects.{n}." for n in range(4)}
        | {f"decoder.reassemble.{n}.resize.": f"{head}resize_layers.{n}." for n in range(4)}
        | official_scratch(f"{head}scratch.")
        | {
            "decoder.shrink.": f"{head}scratch.output_conv1.",
            "decoder.hidden.": f"{head}scratch.output_conv2.0.",
            "decoder.head.": f"{head}scratch.output_conv2.2.",
        }
    )


def official_scratch(scratch: str) -> dict[str, str]:
    """Names of the levels and fusions, which Depth Anything took over from MiDaS (midas/blocks.py)."""
    layout = {}
    for n in range(4):
        fusion = f"{scratch}refinenet{n + 1}."
        layout[f"decoder.project.{n}."] = f"{scratch}layer{n + 1}_rn."
        layout |= _fusion(n, out=f"{fusion}out_conv.", units=(f"{fusion}resConfUnit", "conv"))
    return layout


def _fusion(n: int, *, out: str, units: tuple[str, str]) -> dict[str, str]:
    unit, convolution = units
    return {f"decoder.fuse.{n}.out.": out} | {
        f"decoder.fuse.{n}.{ours}.{place}.": f"{unit}{i}.{convolution}{k}."
        for i, ours in ((1, "skip"), (2, "refine"))
        for k, place in ((1, "first"), (2, "second"))
    }


def transformers_depth_anything(variant: Variant) -> Layout:
    """Names of the transformers package, as its files have them (models/depth_anything and dinov2)."""
    assert isinstance(variant.encoder, Tokens)
    hidden = ("weights_in.", "weights_out.") if variant.encoder.gated else ("fc1.", "fc2.")
    layout: dict[str, str | tuple[str, ...]] = dict(
        under(
            ("encoder.", "backbone."),
            ("cls_token", "embeddings.cls_token"),
            ("mask_token", "embeddings.mask_token"),
            ("pos_embed", "embeddings.position_embeddings"),
            ("patch_embed.proj.", "embeddings.patch_embeddings.projection."),
            ("norm.", "layernorm."),
        )
    )
    for block in range(variant.encoder.depth):
        own, their = f"encoder.blocks.{block}.", f"backbone.encoder.layer.{block}."
        layout[f"{own}attn.qkv."] = transformers_qkv(f"{their}attention.attention.")
        layout |= under(
            (own, their),
            ("norm1.", "norm1."),
            ("attn.proj.", "attention.output.dense."),
            ("ls1.gamma", "layer_scale1.lambda1"),
            ("norm2.", "norm2."),
            ("mlp.fc1.", f"mlp.{hidden[0]}"),
            ("mlp.fc2.", f"mlp.{hidden[1]}"),
            ("ls2.gamma", "layer_scale2.lambda1"),
        )
    heads = {f"decoder.{ours}.": f"head.conv{n}." for n, ours in enumerate(("shrink", "hidden", "head"), 1)}
    return layout | transformers_neck() | heads


def under(prefixes: tuple[str, str], *names: tuple[str, str]) -> dict[str, str]:
    """Map names of ours to names of theirs, each below its prefix."""
    own, their = prefixes
    return {f"{own}{ours}": f"{their}{theirs}" for ours, theirs in names}


def transformers_neck() -> dict[str, str]:
    """Names of the levels and, counted from the coarsest, of their fusions."""
    layout = {}
    for n in range(4):
        layout[f"decoder.reassemble.{n}.project."] = f"neck.reassemble_stage.layers.{n}.projection."
        layout[f"decoder.reassemble.{n}.resize."] = f"neck.reassemble_stage.layers.{n}.resize."
        layout[f"decoder.project.{n}."] = f"neck.convs.{n}."
        fusion = f"neck.fusion_stage.layers.{3 - n}."
        units = (f"{fusion}residual_layer", "convolution")
        layout |= _fusion(n, out=f"{fusion}projection.", units=units)
    return layout


def transformers_qkv(attention: str) -> tuple[str, ...]:
    """Names of queries, keys and values, which we and the authors keep in one tensor."""
    return tuple(f"{attention}{part}." for part in ("query", "key", "value"))


_RENAMED = {
    "attention.q_proj.": "attention.attention.query.",
    "attention.k_proj.": "attention.attention.key.",
    "attention.v_proj.": "attention.attention.value.",
    "attention.o_proj.": "attention.output.dense.",
}
"""What transformers 5 calls a tensor in memory -> what its files call it."""


def as_in_files(names: Iterable[str]) -> dict[str, str]:
    """Map names of either kind to those in transformers' files."""
    renamed = {}
    for name in names:
        renamed[name] = name
        for memory, file in _RENAMED.items():
            renamed[name] = renamed[name].replace(memory, file)
    return renamed
