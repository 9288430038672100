"""Miniature trees of the published data sets, a few pixels each, laid out and encoded as their authors do."""

import csv
import json
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import lmdb
import numpy as np
import OpenEXR
from PIL import Image
from scipy.io import savemat

from leadline.types import Camera, PointPair, Space

NAN, INF = float("nan"), float("inf")
Pixels = Mapping[tuple[int, int], float]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A tree, and what its first picture must read as."""

    build: Callable[[Path], None]
    ids: tuple[str, ...]
    space: Space = Space.DEPTH
    values: Pixels = field(default_factory=dict)
    """Of valid pixels; all others are invalid. Infinite is sky."""
    camera: Camera | None = None
    pairs: tuple[PointPair, ...] = ()
    split: str | None = None


def numbers(rows: Any, kind: str = "f4") -> np.ndarray:
    return np.array(rows, kind)


def at(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def picture(file: Path, h: int = 2, w: int = 3, *, kind: str | None = None) -> None:
    Image.new("RGB", (w, h), (10, 20, 30)).save(at(file), kind)


def jpeg(h: int = 2, w: int = 3) -> bytes:
    stream = BytesIO()
    Image.new("RGB", (w, h), (10, 20, 30)).save(stream, "JPEG")
    return stream.getvalue()


def png(file: Path, rows: list[list[int]], *, bits: int = 16) -> None:
    Image.fromarray(np.array(rows, np.uint16 if bits == 16 else np.uint8)).save(at(file))


def mask(file: Path, rows: list[list[int]]) -> None:
    png(file, rows, bits=8)


def pfm(file: Path, rows: Any, *, scale: float = -1.0) -> None:
    stored = numbers(rows, "<f4" if scale < 0 else ">f4")[::-1]
    at(file).write_bytes(b"Pf\n%d %d\n%f\n" % (*stored.shape[::-1], scale) + stored.tobytes())


def exr(file: Path, **channels: Any) -> None:
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    with OpenEXR.File(header, {name: numbers(rows) for name, rows in channels.items()}) as made:
        made.write(str(at(file)))


def hdf5(file: Path, **sets: np.ndarray) -> None:
    with h5py.File(at(file), "w") as made:
        for name, values in sets.items():
            made[name] = values


def tagged(file: Path, values: np.ndarray) -> None:
    """Write Sintel's .dpt, or Middlebury's .flo where there are two channels."""
    size = np.array(values.shape[1::-1], "<i4")
    at(file).write_bytes(np.float32(202021.25).tobytes() + size.tobytes() + values.astype("<f4").tobytes())


def npy(file: Path, values: np.ndarray) -> None:
    np.save(at(file), values)


def text(file: Path, content: str) -> None:
    at(file).write_text(content, encoding="utf-8")


def table(file: Path, rows: list[dict[str, Any]]) -> None:
    with at(file).open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def tar(file: Path, members: Mapping[str, bytes]) -> None:
    with tarfile.open(at(file), "w") as made:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            made.addfile(member, BytesIO(data))


# ---------------------------------------------------------------- labelled


def blendedmvs(root: Path) -> None:
    scene = root / "5a3ca9cb270f0e3f14d0eddb"
    picture(scene / "blended_images/00000000.jpg")
    picture(scene / "blended_images/00000000_masked.jpg")
    pfm(scene / "rendered_depth_maps/00000000.pfm", [[4, 0, 2], [8, 1, NAN]])
    rows = ["1 0 0 5", "0 1 0 6", "0 0 1 7", "0 0 0 1"]
    content = "extrinsic\n" + "\n".join(rows)
    text(
        scene / "cams/00000000_cam.txt",
        content + "\n\nintrinsic\n570 0 384\n0 571 288\n0 0 1\n\n1.5 0.1 128 9\n",
    )
    text(scene / "cams/pair.txt", "1\n0\n")


def diml(root: Path) -> None:
    room = root / "indoor/02. Cafe/170513/1"
    picture(room / "col/in_00_170513_155411_c.png")
    png(room / "up_png/in_00_170513_155411_ud3.png", [[0, 1500, 65535], [65500, 65501, 1]])
    street = root / "outdoor/170721_C0/A"
    picture(street / "left/1_left.png")
    png(street / "depth/1_depth.png", [[0, 20000, 30000], [1000, 1000, 1000]])
    mask(street / "conf/1_conf.png", [[255, 255, 0], [154, 153, 0]])


def hrwsi(root: Path) -> None:
    picture(root / "train/imgs/a.jpg")
    mask(root / "train/gts/a.png", [[0, 100, 255], [7, 8, 9]])
    mask(root / "train/valid_masks/a.png", [[255, 255, 255], [0, 1, 0]])


def irs(root: Path) -> None:
    picture(root / "Home/Kitchen/l_00001.png")
    picture(root / "Home/Kitchen/r_00001.png")
    exr(root / "Home/Kitchen/d_00001.exr", G=[[48, 24, 0], [-3, NAN, INF]])
    picture(root / "Office/One/l_00002.png")
    zeros = [[0.0, 0, 0], [0, 0, 0]]
    exr(root / "Office/One/d_00002.exr", R=zeros, G=[[48, 1, 1], [1, 1, 1]], B=zeros)


def megadepth(root: Path) -> None:
    for name, rows in {"a_o": [[0, 2, 4], [5, 8, 10]], "b_o": [[-1, 0, 1], [1, 1, 1]]}.items():
        picture(root / f"0000/dense0/imgs/{name}.{'jpg' if name[0] == 'a' else 'JPG'}", kind="JPEG")
        hdf5(root / f"0000/dense0/depths/{name}.h5", depth=numbers(rows))
    picture(root / "0000/dense0/imgs/without.jpg")


def tartanair(root: Path) -> None:
    path = root / "abandonedfactory/Easy/P000"
    picture(path / "image_left/000000_left.png")
    picture(path / "image_right/000000_right.png")
    npy(path / "depth_left/000000_left_depth.npy", numbers([[2.5, 0, 10_000], [9_999, 65_504, NAN]]))


def hypersim(root: Path, *, own_camera: bool = False) -> None:
    images = root / "ai_001_001/images"
    for number in ("0000", "0001", "0002"):
        picture(images / f"scene_cam_00_final_preview/frame.{number}.tonemap.jpg", 3, 5)
        distance = np.full((3, 5), 2, np.float16)
        distance[0, 0], distance[1, 1] = NAN, INF
        hdf5(images / f"scene_cam_00_geometry_hdf5/frame.{number}.depth_meters.hdf5", dataset=distance)
    splits = [("train", "True"), ("train", "False"), ("test", "True")]
    table(
        root / "metadata_images_split_scene_v1.csv",
        [
            {
                "scene_name": "ai_001_001",
                "camera_name": "cam_00",
                "frame_id": number,
                "included_in_public_release": public,
                "exclude_reason": "",
                "split_partition_name": split,
            }
            for number, (split, public) in enumerate(splits)
        ],
    )
    if own_camera:
        matrix = np.array([[0.5, 0, 0.25], [0, 0.3, 0.1], [0, 0, -1.0]])  # a lens that is shifted
        cells = {f"M_cam_from_uv_{i}{j}": matrix[i, j] for i in range(3) for j in range(3)}
        table(root / "metadata_camera_parameters.csv", [{"scene_name": "ai_001_001", **cells}])


def vkitti2(root: Path) -> None:
    frames = root / "Scene01/15-deg-left/frames"
    for camera in (0, 1):
        picture(frames / f"rgb/Camera_{camera}/rgb_00000.jpg")
        png(frames / f"depth/Camera_{camera}/depth_00000.png", [[0, 1, 65535], [65534, 250, 8000]])


def redweb(root: Path) -> None:
    picture(root / "Imgs/1.jpg")
    mask(root / "RDs/1.png", [[0, 1, 255], [254, 128, 255]])


def nyuv2(root: Path) -> None:
    images = np.zeros((3, 3, 3, 2), np.uint8)  # number, channel, column, row: MATLAB's order in reverse
    images[1, :, 2, 0] = (200, 100, 50)
    raw, filled = np.zeros((3, 3, 2), np.float32), np.full((3, 3, 2), 9, np.float32)
    raw[1, 2, 0], raw[1, 0, 1] = 1.5, 9.99
    hdf5(root / "nyu_depth_v2_labeled.mat", images=images, rawDepths=raw, depths=filled)
    savemat(root / "splits.mat", {"trainNdxs": [[1], [3]], "testNdxs": [[2]]})


def kitti(root: Path) -> None:
    date, drive = "2011_09_26", "2011_09_26_drive_0002_sync"
    for frame in ("0000000005", "0000000069"):
        picture(root / date / drive / f"image_02/data/{frame}.png")
    png(
        root / "val" / drive / "proj_depth/groundtruth/image_02/0000000069.png",
        [[0, 256, 65535], [128, 0, 0]],
    )
    text(root / date / "calib_cam_to_cam.txt", KITTI_CAMERAS.replace("P", "P_rect_0"))
    text(
        root / "kitti_eigen_test_files_with_gt.txt",
        f"{date}/{drive}/image_02/data/0000000069.png "
        f"{drive}/proj_depth/groundtruth/image_02/0000000069.png 721.5377\n"
        f"{date}/{drive}/image_02/data/0000000005.png None 721.5377\n",
    )


KITTI_CAMERAS = (
    "calib_time: 09-Jan-2012 13:57:47\n"
    "P2: 7.2e+02 0 609.5 44.9 0 7.21e+02 172.8 0.2 0 0 1 0.003\n"
    "P3: 7.2e+02 0 609.5 -315.1 0 7.21e+02 172.8 2.2 0 0 1 0.003\n"
)


def kitti_stereo(root: Path) -> None:
    for training, image, disparity, calibration, name in (
        ("data_stereo_flow/training", "colored_0", "disp_occ", "calib", "P"),
        ("data_scene_flow/training", "image_2", "disp_occ_0", "calib_cam_to_cam", "P_rect_0"),
    ):
        picture(root / training / image / "000000_10.png")
        picture(root / training / image / "000000_11.png")
        png(root / training / disparity / "000000_10.png", [[0, 36 * 256, 9216], [1, 65535, 0]])
        text(root / training / calibration / "000000.txt", KITTI_CAMERAS.replace("P", name))


def apolloscape(root: Path) -> None:
    part, name = root / "stereo_train_001", "171206_034559609_Camera_5"
    picture(part / f"camera_5/{name}.jpg")
    mask(part / f"disparity/{name}.png", [[0, 10, 20], [30, 40, 50]])
    mask(part / f"fg_mask/{name}.png", [[1, 1, 0], [0, 0, 0]])
    mask(part / f"bg_mask/{name}.png", [[0, 0, 1], [0, 0, 1]])


def wsvd(root: Path) -> None:
    picture(root / "train/clip_0/00000.png")
    picture(root / "train/clip_0/00001.png")
    across = numbers([[-4, 3, 0], [-1, NAN, -2]])
    tagged(root / "train/clip_0/00000.flo", np.stack([across, np.full_like(across, 99)], axis=2))
    mask(root / "train/clip_0/00000_mask.png", [[255, 255, 0], [255, 255, 0]])


# ---------------------------------------------------------------- benchmarks


def sintel(root: Path) -> None:
    training = root / "training"
    picture(training / "final/alley_1/frame_0001.png")
    picture(training / "clean/alley_1/frame_0001.png")
    tagged(training / "depth/alley_1/frame_0001.dpt", numbers([[1.5, 100_000, 0], [-2, NAN, INF]]))
    intrinsic = np.array([[1120.0, 0, 511.5], [0, 1121, 217.5], [0, 0, 1]], "<f8")
    tag = np.float32(202021.25).tobytes()
    at(training / "camdata_left/alley_1/frame_0001.cam").write_bytes(tag + intrinsic.tobytes() + bytes(96))


def eth3d(root: Path) -> None:
    picture(root / "office/images/dslr_images/DSC_0219.JPG", kind="JPEG")
    picture(root / "office/images/dslr_images/DSC_0220.JPG", kind="JPEG")  # without depth
    at(root / "office/ground_truth_depth/dslr_images/DSC_0219.JPG").write_bytes(
        numbers([[1, 2, INF], [4, NAN, 6]], "<f4").tobytes()
    )


def diode(root: Path) -> None:
    scan = root / "val/outdoor/scene_00022/scan_00193"
    picture(scan / "00022_00193_outdoor_000_000.png")
    npy(
        scan / "00022_00193_outdoor_000_000_depth.npy",
        numbers([[1, 2, 3], [300, 0, NAN]])[:, :, None],
    )
    npy(
        scan / "00022_00193_outdoor_000_000_depth_mask.npy",
        np.array([[1, 0, 1], [1, 1, 1]], np.bool_),
    )


def ddad(root: Path) -> None:
    scene = root / "000150"
    picture(scene / "rgb/CAMERA_01/15616458.png", 4, 6)
    picture(scene / "rgb/CAMERA_05/15616458.png", 4, 6)
    # In the world the camera stands at x = 10 and looks along +x; the LiDAR stands at x = 9, y = 0.
    points = [(11, 0, 0), (5, 0, 0), (5, 1, 0), (-20, 0, 0), (11, 99, 0)]
    cloud = np.array([(*point, 7) for point in points], np.float32)
    np.savez(at(scene / "point_cloud/LIDAR/15616459.npz"), data=cloud)
    facing = {"qw": 0.5, "qx": -0.5, "qy": 0.5, "qz": -0.5}
    poses = {
        "LIDAR": {"translation": {"x": 9.0}, "rotation": {"qw": 1.0}},
        "CAMERA_01": {"translation": {"x": 10.0}, "rotation": facing},
        "CAMERA_05": {"translation": {"x": 10.0}, "rotation": facing},
    }
    data = []
    for name, pose in poses.items():
        kind = "point_cloud" if name == "LIDAR" else "image"
        file = "point_cloud/LIDAR/15616459.npz" if name == "LIDAR" else f"rgb/{name}/15616458.png"
        datum = {kind: {"filename": file, "pose": pose}}
        data.append({"id": {"name": name.lower()}, "key": f"key-{name}", "datum": datum})
    sample = {"datum_keys": [entry["key"] for entry in data], "calibration_key": "c0ffee"}
    text(scene / "scene_ab12.json", json.dumps({"data": data, "samples": [sample]}))
    k = {"fx": 4.0, "fy": 5.0, "cx": 3.0, "cy": 2.0, "skew": 0.0}
    text(
        scene / "calibration/c0ffee.json",
        json.dumps({"names": ["LIDAR", "CAMERA_01"], "intrinsics": [{}, k], "extrinsics": [{}, {}]}),
    )
    splits = {"0": {"filenames": []}, "1": {"filenames": ["000150/scene_ab12.json", "000151/gone.json"]}}
    text(root / "ddad.json", json.dumps({"scene_splits": splits}))


def ibims(root: Path) -> None:
    raw = root / "ibims1_core_raw"
    picture(raw / "rgb/corridor_01.png")
    png(raw / "depth/corridor_01.png", [[0, 65535, 13107], [26214, 26214, 26214]])
    one_bit = Image.fromarray(np.array([[True, True, True], [False, True, True]]))
    one_bit.save(at(raw / "mask_invalid/corridor_01.png"))
    mask(raw / "mask_transp/corridor_01.png", [[255, 255, 255], [255, 0, 255]])
    text(raw / "calib/corridor_01.txt", "560.5,561.25,320.5,240.5")


def middlebury(root: Path) -> None:
    scene = root / "Motorcycle-perfect"
    picture(scene / "im0.png")
    picture(scene / "im1.png")
    pfm(scene / "disp0.pfm", [[68.914, INF, 168.914], [18.914, 68.914, 68.914]], scale=-0.003922)
    pfm(scene / "disp1.pfm", [[1, 1, 1], [1, 1, 1]])
    text(
        scene / "calib.txt",
        "cam0=[1000 0 311.193; 0 1000 254.877; 0 0 1]\ncam1=[1000 0 342.279; 0 1000 254.877; 0 0 1]\n"
        "doffs=31.086\nbaseline=200.0\nwidth=3\nheight=2\nndisp=70\nisint=0\n",
    )


def sunrgbd(root: Path) -> None:
    scene = root / "kv2/kinect2data/000002_2014-05-26_14-23-37_260595134347_rgbf000103-resize"
    picture(scene / "image/0000103.jpg")
    turned = [
        [((mm << 3) | (mm >> 13)) & 0xFFFF for mm in row] for row in [[0, 1500, 65535], [8191, 8192, 1]]
    ]
    png(scene / "depth_bfx/0000103.png", turned)
    png(scene / "depth/0000104.png", turned)
    text(scene / "intrinsics.txt", "529.5 0 365 \n0 530.5 265 \n0 0 1 ")


def da2k(root: Path) -> None:
    picture(root / "images/indoor/1.jpg")
    picture(root / "images/aerial/2.jpg")
    pair = {"point1": [0, 1], "point2": [1, 2], "closer_point": "point1"}
    other = {"point1": [1, 0], "point2": [0, 2], "closer_point": "point2"}
    text(
        root / "annotations.json",
        json.dumps({"images/indoor/1.jpg": [other, pair], "./images/aerial/2.jpg": []}),
    )


def diw(root: Path) -> None:
    for name in ("a1", "b2"):
        picture(root / f"DIW_test/{name}.thumb", kind="JPEG")
    text(
        root / "DIW_Annotations/DIW_test.csv",
        "./DIW_test/a1.thumb\n1,2,2,3,>,3,2\n./DIW_test/b2.thumb\n1,1,2,2,<,3,2\n",
    )


# ---------------------------------------------------------------- unlabelled


def sa1b(root: Path) -> None:
    tar(root / "sa_000020.tar", {"./sa_223750.jpg": jpeg(), "./sa_223750.json": b"{}"})
    picture(root / "sa_1.jpg")


def openimages(root: Path) -> None:
    tar(root / "train_0.tar", {"train_0/000002b66c9c498e.jpg": jpeg()})
    picture(root / "train/000002b97e5471a0.jpg")
    picture(root / "test/000026e7ee790996.jpg")


def objects365(root: Path) -> None:
    tar(root / "train/patch0.tar", {"patch0/objects365_v1_00000000.jpg": jpeg()})
    picture(root / "train/patch1/objects365_v1_00000001.jpg")


def places365(root: Path) -> None:
    tar(root / "train_large_places365standard.tar", {"data_large/a/airfield/00000001.jpg": jpeg()})
    picture(root / "data_large/a/apartment_building/outdoor/00000002.jpg")


def lsun(root: Path) -> None:
    at(root / "bedroom_train_lmdb" / "x")
    with (
        lmdb.open(str(root / "bedroom_train_lmdb"), map_size=1 << 20) as base,
        base.begin(write=True) as view,
    ):
        view.put(b"0a1b", jpeg())
    picture(root / "bedroom_train/0/f/0f2c.webp")


def bdd100k(root: Path) -> None:
    picture(root / "images/100k/train/0000f77c-6257be58.jpg")
    picture(root / "labels/color/train/0000f77c-6257be58.png")


def google_landmarks(root: Path) -> None:
    tar(root / "train/images_000.tar", {"0/0/0/000a1b.jpg": jpeg(), "README": b"x"})
    picture(root / "train/1/2/3/123abc.jpg")


def imagenet21k(root: Path) -> None:
    tar(root / "n02119789.tar", {"n02119789_122.JPEG": jpeg()})
    picture(root / "winter21_whole/n00004475/n00004475_15899.JPEG")


REACH = 512 / 886.81
"""Half a width over Hypersim's usual focal length."""


def _hypersim() -> dict[tuple[int, int], float]:
    """Depth of points two metres away along their rays, from the focal length in pixels."""
    focal = 5 / 2 / REACH
    places = [(row, column) for row in range(3) for column in range(5)]
    return {
        (row, column): 2 / np.sqrt(1 + ((column - 2) / focal) ** 2 + ((row - 1) / focal) ** 2)
        for row, column in places
        if (row, column) not in ((0, 0), (1, 1))
    }


AFFINE, DISPARITY = Space.AFFINE_DISPARITY, Space.DISPARITY

CASES: dict[str, Case] = {
    "blendedmvs": Case(
        build=blendedmvs,
        ids=("5a3ca9cb270f0e3f14d0eddb/00000000",),
        space=AFFINE,
        values={(0, 0): 0.25, (0, 2): 0.5, (1, 0): 0.125, (1, 1): 1},
        camera=Camera(fx=570, fy=571, cx=384, cy=288),
    ),
    "diml": Case(
        build=diml,
        ids=("02. Cafe/170513/1/in_00_170513_155411", "170721_C0/A/1"),
        values={(0, 1): 1.5, (1, 0): 65.5, (1, 2): 0.001},
    ),
    "hrwsi": Case(
        build=hrwsi, ids=("a",), space=AFFINE, values={(0, 0): 0, (0, 1): 100, (0, 2): 255, (1, 1): 8}
    ),
    "irs": Case(
        build=irs,
        ids=("Home/Kitchen/00001", "Office/One/00002"),
        space=DISPARITY,
        values={(0, 0): 1, (0, 1): 0.5},
        camera=Camera(fx=480, fy=480, cx=1, cy=0.5),
    ),
    "megadepth": Case(
        build=megadepth,
        ids=("0000/dense0/a_o", "0000/dense0/b_o"),
        space=AFFINE,
        values={(0, 1): 0.5, (0, 2): 0.25, (1, 0): 0.2, (1, 1): 0.125, (1, 2): 0.1},
    ),
    "tartanair": Case(
        build=tartanair,
        ids=("abandonedfactory/Easy/P000/000000",),
        values={(0, 0): 2.5, (0, 2): INF, (1, 0): 9_999, (1, 1): INF},
        camera=Camera(fx=320, fy=320, cx=320, cy=240),
    ),
    "hypersim": Case(
        build=hypersim,
        ids=("ai_001_001/00/0000",),
        values=_hypersim(),
        camera=Camera(fx=2.5 / REACH, fy=2.5 / REACH, cx=2, cy=1),
    ),
    "vkitti2": Case(
        build=vkitti2,
        ids=("Scene01/15-deg-left/00000",),
        values={(0, 1): 0.01, (0, 2): INF, (1, 0): 655.34, (1, 1): 2.5, (1, 2): 80},
        camera=Camera(fx=725.0087, fy=725.0087, cx=620.5, cy=187),
    ),
    "redweb": Case(
        build=redweb,
        ids=("1",),
        space=AFFINE,
        values={(0, 0): 0, (0, 1): -1, (1, 0): -254, (1, 1): -128},
    ),
    "nyuv2": Case(
        build=nyuv2,
        ids=("0002/rawDepths",),
        values={(0, 2): 1.5, (1, 0): 9.99},
        camera=Camera(fx=518.8579, fy=519.4696, cx=324.5824, cy=252.7362),
        split="test",
    ),
    "kitti": Case(
        build=kitti,
        ids=("val/2011_09_26/0002/2/0000000069",),
        values={(0, 1): 1, (0, 2): 65535 / 256, (1, 0): 0.5},
        camera=Camera(fx=720, fy=721, cx=609.5, cy=172.8),
        split="eigen",
    ),
    "kitti-stereo": Case(
        build=kitti_stereo,
        ids=("000000", "000000"),
        space=DISPARITY,
        values={(0, 1): 0.1, (0, 2): 0.1, (1, 0): 1 / 256 / 360, (1, 1): 65535 / 256 / 360},
        camera=Camera(fx=720, fy=721, cx=609.5, cy=172.8),
    ),
    "apolloscape": Case(
        build=apolloscape,
        ids=("stereo_train_001/171206_034559609_Camera_5",),
        space=AFFINE,
        values={(0, 1): 10, (0, 2): 20, (1, 2): 50},
    ),
    "wsvd": Case(build=wsvd, ids=("clip_0/00000",), space=AFFINE, values={(0, 0): 4, (0, 1): -3, (1, 0): 1}),
    "sintel": Case(
        build=sintel,
        ids=("alley_1/frame_0001",),
        values={(0, 0): 1.5, (0, 1): 100_000},
        camera=Camera(fx=1120, fy=1121, cx=511.5, cy=217.5),
    ),
    "eth3d": Case(build=eth3d, ids=("office/DSC_0219",), values={(0, 0): 1, (0, 1): 2, (1, 0): 4, (1, 2): 6}),
    "diode": Case(
        build=diode,
        ids=("scene_00022/scan_00193/00022_00193_outdoor_000_000",),
        values={(0, 0): 1, (0, 2): 3, (1, 0): 300},
        camera=Camera(fx=886.81, fy=927.06, cx=1.5, cy=1),
        split="val",
    ),
    "ddad": Case(
        build=ddad,
        ids=("000150/scene_ab12.json/rgb/CAMERA_01/15616458.png",),
        values={(2, 3): 4, (2, 2): 4},
        camera=Camera(fx=4, fy=5, cx=3, cy=2),
        split="val",
    ),
    "ibims": Case(
        build=ibims,
        ids=("corridor_01",),
        values={(0, 1): 50, (0, 2): 10, (1, 2): 20},
        camera=Camera(fx=560.5, fy=561.25, cx=320.5, cy=240.5),
    ),
    "middlebury": Case(
        build=middlebury,
        ids=("Motorcycle-perfect",),
        space=DISPARITY,
        values={(0, 0): 0.5, (0, 2): 1, (1, 0): 0.25, (1, 1): 0.5, (1, 2): 0.5},
        camera=Camera(fx=1000, fy=1000, cx=311.193, cy=254.877),
    ),
    "sunrgbd": Case(
        build=sunrgbd,
        ids=("kv2/kinect2data/000002_2014-05-26_14-23-37_260595134347_rgbf000103-resize/0000103",),
        values={(0, 1): 1.5, (0, 2): 65.535, (1, 0): 8.191, (1, 1): 8.192, (1, 2): 0.001},
        camera=Camera(fx=529.5, fy=530.5, cx=365, cy=265),
    ),
    "diw": Case(build=diw, ids=("a1", "b2"), pairs=(PointPair((1, 2), (0, 1)),)),
    "da-2k": Case(
        build=da2k,
        ids=("aerial/2.jpg", "indoor/1.jpg"),
    ),
    "sa1b": Case(build=sa1b, ids=("000020/223750", "1")),
    "openimages": Case(build=openimages, ids=("0/train_0/000002b66c9c498e", "000002b97e5471a0")),
    "objects365": Case(
        build=objects365,
        ids=("0/patch0/objects365_v1_00000000", "patch1/objects365_v1_00000001"),
    ),
    "places365": Case(build=places365, ids=("a/airfield/00000001", "a/apartment_building/outdoor/00000002")),
    "lsun": Case(build=lsun, ids=("bedroom/0a1b", "bedroom/0/f/0f2c")),
    "bdd100k": Case(build=bdd100k, ids=("0000f77c-6257be58",)),
    "google-landmarks": Case(build=google_landmarks, ids=("000/0/0/0/000a1b", "1/2/3/123abc")),
    "imagenet21k": Case(build=imagenet21k, ids=("n02119789/n02119789_122", "n00004475/n00004475_15899")),
}
