"""What a depth camera would have measured of a rendered scene: holes, mixed edges, a range, steps.

Edges are displaced and depth is rounded to steps of disparity as in the Kinect model of Barron and Malik
(2013) and Handa et al. (2014); the numbers are ours. It is no simulation of one device.
"""

import json
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from leadline.console import progress
from leadline.data.files import encode_map, read_map
from leadline.data.shards import Store
from leadline.data.source import Evenly
from leadline.render.scene import Kind
from leadline.stages.sources import open_source
from leadline.storage import write_atomic
from leadline.types import LeadlineError, Sample

NEAR, FAR = 0.4, 10.0
"""Metres between which it measures."""
UNSEEN = (Kind.GLASS, Kind.MIRROR, Kind.WINDOW)
"""What its light goes through or is thrown away by."""
BLACK = 28
"""Where no colour of the picture (0 to 255) is as bright, too little light comes back."""
STEP = 0.003
"""Of disparity, in 1 / metres: 3 mm at one metre, 7 cm at five."""
NOISE = 1 / 2
"""Deviation of the disparity in steps, before it is rounded."""
DISPLACED = 0.7
"""Deviation of where a pixel really looks, in pixels along rows and columns; at most two."""
BLUR = 1.5
"""Deviation in pixels of the patch whose disparities a pixel mixes. A plane's disparity is linear in the
picture, so planes stay as they are and only edges fly."""
REACH = 6
"""Pixels beyond which nothing has an influence: four of the blur, two of the displacement."""
SCALE = 0.001
"""Metres that 1 stands for in the files."""
DONE = "finished.json"


def capture(
    disparity: Float32[np.ndarray, "h w"],
    image: UInt8[np.ndarray, "h w 3"],
    kinds: UInt8[np.ndarray, "h w"],
    *,
    rng: np.random.Generator,
) -> Float32[np.ndarray, "h w"]:
    """Return the depth in metres that the camera measures; 0 is a hole.

    There are holes on glass, mirrors and windows, on black, on sky, and where what it measures lies out of
    its range. The rest lies between the nearest and the farthest within `REACH`, but for noise and steps.
    """
    h, w = disparity.shape
    rows, columns = np.mgrid[:h, :w] + np.clip(np.rint(rng.normal(0, DISPLACED, (2, h, w))), -2, 2)
    looked_at = disparity[np.clip(rows, 0, h - 1).astype(np.intp), np.clip(columns, 0, w - 1).astype(np.intp)]
    mixed = cv2.GaussianBlur(looked_at, (9, 9), BLUR, borderType=cv2.BORDER_REPLICATE)
    steps = np.rint(mixed / STEP + rng.normal(0, NOISE, (h, w)))
    depth = np.divide(1, steps * STEP, out=np.zeros((h, w)), where=steps > 0)
    seen = (disparity > 0) & ~np.isin(kinds, UNSEEN) & (image.max(axis=2) >= BLACK)
    measured = np.where(seen & (depth >= NEAR) & (depth <= FAR), depth, 0).astype(np.float32)
    return measured


def write_captured(spec: str, out: Path) -> str:
    """Write the pictures of a store of renders with captured labels, and return the source they are.

    `spec` is a source as the command line takes it; the labels are 16-bit PNG in millimetres, as depth
    cameras give them. What an earlier call finished is not made again; an equal call gives equal files.

    Raises:
        LeadlineError: where it is no store of renders, or `out` holds what was captured from another one.
    """
    source = open_source(spec)
    store = source.source if isinstance(source, Evenly) else source
    if not isinstance(store, Store):
        raise LeadlineError(f"{spec}: a store of renders is needed, as leadline render writes it")
    about = json.dumps(source.provenance(), indent=1)
    address = f"{out / 'rgb'}?labels=../depth&space=depth&scale={SCALE}&name=captured"
    if (out / DONE).exists():
        if (out / DONE).read_text(encoding="utf-8") != about:
            raise LeadlineError(f"{out} was captured from other renders: delete it, or give another --out")
        return address
    for folder in ("rgb", "depth"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    with progress(f"capturing {out.name}", total=len(source)) as tick:
        for index in range(len(source)):
            number = index * len(store) // len(source)
            _write_one(store[number], store.read_extra(number), out, index)
            tick("")
    write_atomic(out / DONE, about)
    return address


def _write_one(sample: Sample, extra: dict[str, bytes], out: Path, index: int) -> None:
    if "kinds.png" not in extra or sample.label is None:
        raise LeadlineError(f"{sample.id}: its store does not say what kinds of things it shows: render anew")
    kinds = read_map(extra["kinds.png"]).astype(np.uint8)
    depth = capture(sample.label.values, sample.image, kinds, rng=np.random.default_rng(index))
    # Without loss, so that who learns from them sees the pictures of the store, bit for bit.
    _, picture = cv2.imencode(".png", cv2.cvtColor(sample.image, cv2.COLOR_RGB2BGR))
    (out / "rgb" / f"{index:06d}.png").write_bytes(picture.tobytes())
    stored = encode_map(np.rint(depth / SCALE).astype(np.uint16))
    (out / "depth" / f"{index:06d}.png").write_bytes(stored)
