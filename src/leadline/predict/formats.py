"""Maps as files that say what they hold, and back.

Numbers stay in the prediction's space in every format; none is stretched for looks. Infinity (sky, where a
map is in metres) stays infinity in the float formats and is the number 65535 in a 16-bit PNG.
"""

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, Literal, get_args
from zipfile import BadZipFile, ZipFile

import numpy as np
from jaxtyping import Float32, UInt8

from leadline.data.decoders import plain_array
from leadline.data.files import encode_jpeg, encode_map, read_map_and_text
from leadline.data.records import quantise
from leadline.predict.figures import colour_picture, side_by_side
from leadline.types import Prediction, Space, UnreadableError

Format = Literal["png", "npz", "exr", "pfm", "colour", "side-by-side"]
"""png: 16 bit; npz, exr, pfm: float32; colour and side-by-side: JPEGs for the eye."""

INFINITE = 65535
"""What stands for infinity in a 16-bit PNG whose metadata name it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """One file of a prediction."""

    suffix: str
    """What its name adds to the picture's; files of numbers carry the space: ``.affine_disparity.png``."""
    data: bytes
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What is needed to read it, beyond the format."""


def is_result(path: Path) -> bool:
    """Whether a file is named as `encode` names a picture that it made."""
    formats: tuple[Format, ...] = get_args(Format)
    return path.name.endswith(
        tuple(
            end for format in formats for space in Space for end in suffixes(format, space, disagreement=True)
        )
    )


def suffixes(format: Format, space: Space, *, disagreement: bool) -> list[str]:
    """List what the names of a format's files add to the picture's."""
    match format:
        case "colour" | "side-by-side":
            return [f".{format}.jpg"]
        case "npz" | "exr":  # hold several maps in a file
            return [f".{space}.{format}"]
        case "png" | "pfm":
            return [f".{space}.{format}", *([f".disagreement.{format}"] if disagreement else [])]


def encode(
    prediction: Prediction, format: Format, *, picture: UInt8[np.ndarray, "_h _w 3"] | None = None
) -> list[Encoded]:
    """Encode a prediction in a format; the maps of one that holds a single map come as several files.

    `picture` is what stands beside the map in ``side-by-side``, at any size of its aspect.

    Raises:
        ValueError: for NaN, and for ``side-by-side`` without a picture.
    """
    values, disagreement, space = prediction.values, prediction.disagreement, prediction.space
    maps = {"values": values} | ({} if disagreement is None else {"disagreement": disagreement})
    if any(np.isnan(map).any() for map in maps.values()):
        raise ValueError("a map with NaN says nothing")
    names = suffixes(format, space, disagreement=disagreement is not None)
    match format:
        case "png":
            encoded = [_png(values, space.value, space.unit)]
            if disagreement is not None:
                encoded.append(_png(disagreement, "disagreement", disagreement_unit(space)))
        case "pfm":
            encoded = [(_pfm(map), {}) for map in maps.values()]
        case "npz":
            encoded = [(_npz(maps, space), {})]
        case "exr":
            encoded = [(_exr(maps, space), {})]
        case "colour":
            encoded = [(encode_jpeg(colour_picture(prediction)), {})]
        case "side-by-side":
            if picture is None:
                raise ValueError("side-by-side needs the picture")
            encoded = [(encode_jpeg(side_by_side(picture, prediction)), {})]
    return [
        Encoded(suffix=name, data=data, facts=facts)
        for name, (data, facts) in zip(names, encoded, strict=True)
    ]


_DAMAGED = (
    *(UnreadableError, OSError, LookupError, ValueError, EOFError, MemoryError, OverflowError),
    *(RuntimeError, NotImplementedError, BadZipFile, zlib.error, struct.error),
)
"""What readers raise for files that are no maps."""


def read_prediction(path: Path | str) -> Prediction:
    """Read a map back from an NPZ, exactly, or from a 16-bit PNG, within half a step of its scale.

    Raises:
        UnreadableError: for a file that is missing, damaged, or not one that `encode` made.
    """
    path = Path(path)
    try:
        if path.suffix == ".npz":
            with path.open("rb") as stream, ZipFile(stream) as archive:
                names = {"values", "space", "disagreement"} & {name[:-4] for name in archive.namelist()}
                maps = {name: plain_array(archive.read(f"{name}.npy")) for name in names}
            values, disagreement = maps["values"], maps.get("disagreement")
            for map in (values,) if disagreement is None else (values, disagreement):
                if map.ndim != 2 or map.dtype != np.float32 or map.shape != values.shape:
                    raise ValueError(f"a map in it is {map.dtype} of shape {map.shape}")
                if np.isnan(map).any():
                    raise ValueError("a map in it has NaN")
            return Prediction(values=values, space=Space(str(maps["space"])), disagreement=disagreement)
        stored, text = read_map_and_text(path)
        scale, offset = float(text["scale"]), float(text["offset"])
        if not (np.isfinite(scale) and np.isfinite(offset)):
            raise ValueError(f"its scale is {scale} and its offset {offset}")
        values = (stored.astype(np.float64) * scale + offset).astype(np.float32)
        if "infinity" in text:
            values[stored == int(text["infinity"])] = np.inf
        return Prediction(values=values, space=Space(text["space"]))
    except _DAMAGED as error:
        raise UnreadableError(
            f"{path} cannot be read as a prediction: {error}; expected an .npz, or a 16-bit .png with scale "
            "and offset in its metadata, as leadline predict writes them (.exr and .pfm do not say what "
            "their numbers mean)"
        ) from error


def disagreement_unit(space: Space) -> str:
    """Name the unit of `Prediction.disagreement`."""
    return "mean absolute deviations" if space is Space.AFFINE_DISPARITY else "share of the mean"


def _png(map: Float32[np.ndarray, "h w"], space: str, unit: str) -> tuple[bytes, dict[str, Any]]:
    """Encode 16 bit with ``value = offset + scale * stored``, and say so in tEXt chunks."""
    infinite = np.isinf(map)
    facts: dict[str, Any] = {"space": space, "unit": unit}
    if infinite.any():
        finite = map[~infinite]
        filled = np.where(infinite, finite.max() if finite.size else np.float32(0), map)
        stored, scale, offset = quantise(filled, top=INFINITE - 1)
        stored[infinite] = INFINITE
        facts |= {"scale": scale, "offset": offset, "infinity": INFINITE}
    else:
        stored, scale, offset = quantise(map)
        facts |= {"scale": scale, "offset": offset}
    text = {key: value if isinstance(value, str) else repr(value) for key, value in facts.items()}
    return encode_map(stored, text=text), facts


def _npz(maps: Mapping[str, np.ndarray], space: Space) -> bytes:
    stream = BytesIO()
    np.savez(stream, space=np.array(space.value), unit=np.array(space.unit), **maps)  # type: ignore[arg-type]
    return stream.getvalue()


def _pfm(map: Float32[np.ndarray, "h w"]) -> bytes:
    """Write a portable float map: rows from the bottom up, and a negative scale for little endian."""
    h, w = map.shape
    return f"Pf\n{w} {h}\n-1.0\n".encode() + np.ascontiguousarray(map[::-1], "<f4").tobytes()


def _exr(maps: Mapping[str, np.ndarray], space: Space) -> bytes:
    """Write an uncompressed scan-line OpenEXR file with a float channel for each map; the values are ``Y``.

    Y is the channel that viewers show and every reader finds, whatever it means. The layout is that of the
    specification (openexr.com, "OpenEXR File Layout"), which fits into fewer lines than a dependency.
    """
    channels = {("Y" if name == "values" else name): map for name, map in maps.items()}
    names = sorted(channels)
    h, w = channels["Y"].shape

    def attribute(name: str, kind: str, value: bytes) -> bytes:
        return f"{name}\0{kind}\0".encode() + struct.pack("<i", len(value)) + value

    channel = struct.pack("<iiii", 2, 0, 1, 1)  # float, not perceptually linear, every column and row
    window = struct.pack("<iiii", 0, 0, w - 1, h - 1)
    header = b"".join(
        (
            attribute("channels", "chlist", b"".join(f"{n}\0".encode() + channel for n in names) + b"\0"),
            attribute("compression", "compression", b"\0"),
            attribute("dataWindow", "box2i", window),
            attribute("displayWindow", "box2i", window),
            attribute("lineOrder", "lineOrder", b"\0"),
            attribute("pixelAspectRatio", "float", struct.pack("<f", 1)),
            attribute("screenWindowCenter", "v2f", struct.pack("<ff", 0, 0)),
            attribute("screenWindowWidth", "float", struct.pack("<f", 1)),
            attribute("space", "string", space.value.encode()),
            attribute("unit", "string", space.unit.encode()),
        )
    )
    start = struct.pack("<ii", 20000630, 2) + header + b"\0"
    size = 4 * w * len(names)
    row = np.dtype([("y", "<i4"), ("size", "<i4"), ("pixels", "<f4", (len(names), w))])
    rows = np.empty(h, row)
    rows["y"], rows["size"] = np.arange(h), size
    rows["pixels"] = np.stack([channels[name] for name in names], axis=1)
    first = len(start) + 8 * h
    offsets = first + row.itemsize * np.arange(h, dtype="<u8")
    return b"".join((start, offsets.tobytes(), rows.tobytes()))
