"""Every published data set reads as its authors say: unit, space, what is valid, sky, camera, splits."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import miniature_datasets as trees
from leadline.data.sources import registry
from leadline.data.sources.dataset import DatasetSource
from leadline.data.sources.registry import DATASETS, find_dataset
from leadline.types import LeadlineError, PointPair, Source, Space, UnreadableError
from miniature_datasets import CASES, INF

over_all = pytest.mark.parametrize("name", CASES)
over_labelled = pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.values])


def opened(name: str, root: Path, split: str | None = None) -> DatasetSource:
    case = CASES[name]
    case.build(root)
    return DatasetSource(DATASETS[name], root, split=split or case.split)


def label_of(source: Source, index: int = 0) -> tuple[np.ndarray, np.ndarray, Space]:
    label = source[index].label
    assert label is not None
    return label.values, label.valid, label.space


def test_registry__every_data_set_is_tried_here() -> None:
    assert set(CASES) == set(DATASETS)


def test_registry__a_misspelt_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(LeadlineError, match="no data set 'hypresim'; did you mean 'hypersim'"):
        find_dataset("hypresim")
    with pytest.raises(LeadlineError, match="there are: blendedmvs, diml"):
        find_dataset("xyz")


@over_all
def test_data_set__finds_its_pictures_and_nothing_else(name: str, tmp_path: Path) -> None:
    source = opened(name, tmp_path)
    assert [source[index].id for index in range(len(source))] == [f"{name}/{id}" for id in CASES[name].ids]
    assert source[0].image.ndim == 3


@over_labelled
def test_data_set__has_known_values_at_known_pixels_and_no_others(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    values, valid, space = label_of(opened(name, tmp_path))
    assert space is case.space
    assert {(int(row), int(column)) for row, column in np.argwhere(valid)} == set(case.values)
    for pixel, value in case.values.items():
        assert values[pixel] == pytest.approx(value, rel=2e-3 if name == "hypersim" else 1e-6), pixel


@over_labelled
def test_data_set__is_finite_outside_of_what_is_valid_and_sky_is_infinite_depth(
    name: str, tmp_path: Path
) -> None:
    values, valid, _ = label_of(opened(name, tmp_path))
    assert not np.isnan(values).any()
    assert np.isfinite(values[~valid]).all()
    assert np.isinf(values[valid]).sum() == sum(value == INF for value in CASES[name].values.values())
    assert values.dtype == np.float32


@over_all
def test_data_set__knows_its_camera(name: str, tmp_path: Path) -> None:
    camera, expected = opened(name, tmp_path)[0].camera, CASES[name].camera
    assert (camera is None) == (expected is None)
    if camera is not None and expected is not None:
        found = [getattr(camera, side) for side in ("fx", "fy", "cx", "cy")]
        assert found == pytest.approx([expected.fx, expected.fy, expected.cx, expected.cy])


@over_all
def test_data_set__says_where_it_is_from_and_what_it_expects(name: str, tmp_path: Path) -> None:
    dataset = DATASETS[name]
    for text in (dataset.title, dataset.roles, dataset.licence, dataset.home, dataset.size, dataset.rules):
        assert text
    assert dataset.train or dataset.test
    for split in (dataset.train, dataset.test):
        assert split is None or split in dataset.splits
    with pytest.raises(LeadlineError, match="holds nothing of") as caught:
        DatasetSource(
            replace(dataset, splits=dict(list(dataset.splits.items())[:1])),
            tmp_path,
            split=next(iter(dataset.splits)),
        )
    assert dataset.home in str(caught.value)
    assert "\n" not in str(caught.value)


@over_all
def test_data_set__provenance_follows_its_files_and_not_their_place(name: str, tmp_path: Path) -> None:
    one, other = (opened(name, tmp_path / place) for place in ("here", "there"))
    assert one.provenance()["count"] == str(len(CASES[name].ids))
    assert one.provenance()["licence"] == DATASETS[name].licence
    if name not in ("lsun", "hypersim", "megadepth", "nyuv2", "ddad"):  # HDF5, LMDB and zip hold the time
        assert one.provenance() == other.provenance()


@over_all
def test_data_set__travels_to_another_process(name: str, tmp_path: Path) -> None:
    source = opened(name, tmp_path)
    moved = pickle.loads(pickle.dumps(source))
    np.testing.assert_array_equal(moved[0].image, source[0].image)


@over_labelled
def test_data_set__a_label_that_is_missing_is_unreadable_by_its_name(name: str, tmp_path: Path) -> None:
    source = opened(name, tmp_path)
    frame = source.frame(0)
    what = "label" if "label" in frame.layout.files else "recording"
    file = frame.file(what)
    if name == "nyuv2":
        return  # the picture lies in the same file
    (file if what == "label" else file.parent / "point_cloud/LIDAR/15616459.npz").unlink()
    with pytest.raises(UnreadableError, match=r"\w"):
        source[0]


@pytest.mark.parametrize(
    "name", [name for name in CASES if CASES[name].values and name not in ("nyuv2", "ddad")]
)
@pytest.mark.parametrize("damage", [b"", b"\x00\x01 this is not it", None])
def test_data_set__a_damaged_label_is_unreadable_by_its_name(
    name: str, damage: bytes | None, tmp_path: Path
) -> None:
    source = opened(name, tmp_path)
    file = source.frame(0).file("label")
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2] if damage is None else damage)
    with pytest.raises(UnreadableError, match=file.name.split(".")[0]):
        source[0]


@pytest.mark.parametrize("name", ["kitti", "sintel", "blendedmvs", "ibims", "sunrgbd"])
def test_data_set__without_the_file_of_its_camera_has_none(name: str, tmp_path: Path) -> None:
    source = opened(name, tmp_path)
    source.frame(0).file("camera").unlink()
    assert source[0].camera is None
    assert source[0].label is not None


@pytest.mark.parametrize("name", ["diml", "sunrgbd", "kitti"])
def test_data_set__another_label_is_another_fingerprint(name: str, tmp_path: Path) -> None:
    source = opened(name, tmp_path)
    before = source.provenance()["fingerprint"]
    file = source.frame(0).file("label")
    file.write_bytes(file.read_bytes() + b"x")
    assert source.provenance()["fingerprint"] != before


@pytest.mark.parametrize("orientation", [1, 2, 3, 6, 8])
def test_data_set__a_label_belongs_to_the_pixels_as_they_are_stored(orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    shades = np.array([[40, 80, 120], [160, 200, 240]], np.uint8)
    for folder in ("images", "ground_truth_depth"):
        (tmp_path / "office" / folder / "dslr_images").mkdir(parents=True)
    picture = tmp_path / "office/images/dslr_images/a.JPG"
    Image.fromarray(shades).convert("RGB").resize((48, 32), Image.Resampling.NEAREST).save(
        picture, "JPEG", exif=exif
    )
    depth = np.kron(shades, np.ones((16, 16))).astype("<f4")
    (tmp_path / "office/ground_truth_depth/dslr_images/a.JPG").write_bytes(depth.tobytes())
    source = DatasetSource(DATASETS["eth3d"], tmp_path)
    assert np.abs(source[0].image[..., 0] - label_of(source)[0]).max() < 16


def test_data_set__a_label_of_another_size_is_refused(tmp_path: Path) -> None:
    source = opened("vkitti2", tmp_path)
    trees.png(source.frame(0).file("label"), [[1, 2], [3, 4]])
    with pytest.raises(UnreadableError, match="the label is 2x2, but its picture is 2x3"):
        source[0]


# ---------------------------------------------------------------- splits


@pytest.mark.parametrize(
    ("name", "split", "ids"),
    [
        ("hypersim", "test", ["ai_001_001/00/0002"]),
        ("hypersim", "all", [f"ai_001_001/00/000{number}" for number in range(3)]),
        ("vkitti2", "both", [f"Scene01/15-deg-left/{camera}/00000" for camera in (0, 1)]),
        ("nyuv2", "train", ["0001/rawDepths", "0003/rawDepths"]),
        ("nyuv2", "test-filled", ["0002/depths"]),
        ("kitti", "val", ["2011_09_26/0002/2/0000000069"]),
        ("kitti-stereo", "2015", ["000000"]),
        ("diml", "outdoor", ["170721_C0/A/1"]),
        ("da-2k", "aerial", ["aerial/2.jpg"]),
        ("sunrgbd", "raw", [CASES["sunrgbd"].ids[0]]),
    ],
)
def test_split__holds_its_own_frames(name: str, split: str, ids: list[str], tmp_path: Path) -> None:
    source = opened(name, tmp_path, split)
    assert [source[index].id for index in range(len(source))] == [f"{name}/{id}" for id in ids]


def test_split__an_unknown_one_is_answered_with_all(tmp_path: Path) -> None:
    with pytest.raises(
        LeadlineError, match="hypersim has no split 'valid'; there are: all, train, val, test"
    ):
        opened("hypersim", tmp_path, "valid")


def test_split__nyu_filled_has_a_value_everywhere(tmp_path: Path) -> None:
    values, valid, _ = label_of(opened("nyuv2", tmp_path, "test-filled"))
    assert valid.all()
    assert (values == 9).all()


def test_split__hypersim_without_its_table_names_it(tmp_path: Path) -> None:
    trees.hypersim(tmp_path)
    (tmp_path / "metadata_images_split_scene_v1.csv").unlink()
    with pytest.raises(LeadlineError, match=r"metadata_images_split_scene_v1\.csv cannot be read"):
        DatasetSource(DATASETS["hypersim"], tmp_path)


@pytest.mark.parametrize(
    ("name", "file", "content"),
    [
        ("hypersim", "metadata_images_split_scene_v1.csv", "scene,camera\nai_001_001,cam_00\n"),
        ("kitti", "kitti_eigen_test_files_with_gt.txt", "one\ntwo\n"),
        ("kitti", "kitti_eigen_test_files_with_gt.txt", "a.png b.png 7\n"),
        ("ddad", "ddad.json", "{}"),
        ("ddad", "ddad.json", "["),
        ("ddad", "000150/scene_ab12.json", '{"data": [{}], "samples": []}'),
        ("nyuv2", "splits.mat", "nothing of MATLAB"),
        ("nyuv2", "splits.mat", ""),
    ],
)
def test_split__a_malformed_list_is_one_line(name: str, file: str, content: str, tmp_path: Path) -> None:
    CASES[name].build(tmp_path)
    (tmp_path / file).write_text(content, encoding="utf-8")
    with pytest.raises(LeadlineError, match=r"\w") as caught:
        DatasetSource(DATASETS[name], tmp_path, split=CASES[name].split)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("hypersim", "metadata_camera_parameters.csv"),
        ("kitti", "2011_09_26/calib_cam_to_cam.txt"),
        ("kitti-stereo", "data_stereo_flow/training/calib/000000.txt"),
        ("middlebury", "Motorcycle-perfect/calib.txt"),
        ("ibims", "ibims1_core_raw/calib/corridor_01.txt"),
        ("sintel", "training/camdata_left/alley_1/frame_0001.cam"),
        ("blendedmvs", "5a3ca9cb270f0e3f14d0eddb/cams/00000000_cam.txt"),
        ("ddad", "000150/calibration/c0ffee.json"),
    ],
)
@pytest.mark.parametrize("content", ["", "scene_name\nai_001_001\n", "P2: 1\nP_rect_02: 1\ncam0=[1]\n", "{}"])
def test_data_set__a_malformed_camera_is_unreadable_by_the_name_of_its_picture_or_file(
    name: str, file: str, content: str, tmp_path: Path
) -> None:
    source = opened(name, tmp_path)
    trees.text(tmp_path / file, content)
    if name == "hypersim" and "scene_name" not in content:
        return  # a table without this scene is no mistake
    with pytest.raises(LeadlineError, match=f"{name}/|{Path(file).name}"):
        source[0]


# ---------------------------------------------------------------- single rules


def test_diml__outdoors_only_the_confident_pixels_count(tmp_path: Path) -> None:
    values, valid, _ = label_of(opened("diml", tmp_path, "outdoor"))
    np.testing.assert_array_equal(valid, [[False, True, False], [True, False, False]])
    assert values[0, 1] == pytest.approx(20)


def test_megadepth__an_ordinal_label_has_no_depth(tmp_path: Path) -> None:
    _, valid, _ = label_of(opened("megadepth", tmp_path), 1)
    assert not valid.any()


def test_irs__of_three_channels_green_is_the_map(tmp_path: Path) -> None:
    values, valid, _ = label_of(opened("irs", tmp_path), 1)
    assert valid.all()
    assert values[0, 0] == pytest.approx(1)


def test_hypersim__a_scene_with_its_own_lens_is_measured_with_it(tmp_path: Path) -> None:
    trees.hypersim(tmp_path, own_camera=True)
    source = DatasetSource(DATASETS["hypersim"], tmp_path)
    values, _, _ = label_of(source)
    ray = np.array([0.5 * 0.4 + 0.25, 0.3 * (1 - 5 / 3) + 0.1, -1])  # of row 2, column 3: u = 0.4, v = -2 / 3
    assert values[2, 3] == pytest.approx(2 / np.linalg.norm(ray), rel=1e-3)
    assert source[0].camera is None  # no pinhole camera sees along such rays


def test_hypersim__a_scene_missing_in_the_table_has_the_usual_camera(tmp_path: Path) -> None:
    trees.hypersim(tmp_path)
    cells = {f"M_cam_from_uv_{i}{j}": 9 for i in range(3) for j in range(3)}
    trees.table(tmp_path / "metadata_camera_parameters.csv", [{"scene_name": "ai_002_001", **cells}])
    source = DatasetSource(DATASETS["hypersim"], tmp_path)
    assert label_of(source)[0][1, 4] == pytest.approx(CASES["hypersim"].values[1, 4], rel=2e-3)


def test_nyu__picture_is_turned_like_its_depth(tmp_path: Path) -> None:
    image = opened("nyuv2", tmp_path)[0].image
    assert image.shape == (2, 3, 3)
    assert image[0, 2].tolist() == [200, 100, 50]


def test_ddad__the_nearest_of_several_points_in_a_pixel_stays(tmp_path: Path) -> None:
    values, _, _ = label_of(opened("ddad", tmp_path))
    assert values[2, 3] == pytest.approx(4)  # and not the one at ten metres behind it


def test_point_pairs__are_read_with_the_closer_one_first(tmp_path: Path) -> None:
    source = opened("diw", tmp_path / "diw")
    assert source.pairs(0) == (PointPair(closer=(1, 2), farther=(0, 1)),)  # '>': A is deeper
    assert source.pairs(1) == (PointPair(closer=(0, 0), farther=(1, 1)),)
    source = opened("da-2k", tmp_path / "da-2k")
    assert source.pairs(0) == ()
    assert source.pairs(1) == (PointPair((0, 2), (1, 0)), PointPair((0, 1), (1, 2)))
    assert opened("redweb", tmp_path / "redweb").pairs(0) == ()


@pytest.mark.parametrize(
    "content",
    ["[]", "{", '{"a": [{}]}', '{"a": [{"point1": [1], "point2": [1, 2], "closer_point": "point1"}]}'],
)
def test_point_pairs__a_malformed_annotation_is_named(content: str, tmp_path: Path) -> None:
    trees.text(tmp_path / "annotations.json", content)
    with pytest.raises(
        LeadlineError, match=r"annotations\.json( cannot be read as|, a: a pair needs|: expected)"
    ):
        DatasetSource(DATASETS["da-2k"], tmp_path)


def test_point_pairs__a_malformed_line_is_named(tmp_path: Path) -> None:
    trees.text(tmp_path / "DIW_Annotations/DIW_test.csv", "./DIW_test/a1.thumb\n1,2,2,3,=,3,2\n")
    with pytest.raises(LeadlineError, match=r"DIW_test\.csv, line 2 is no pair"):
        DatasetSource(DATASETS["diw"], tmp_path)


def test_adapters__fit_sixty_lines_each() -> None:
    shared = {
        "__init__",
        "archive",
        "calibration",
        "dataset",
        "folder",
        "labels",
        "lidar",
        "points",
        "registry",
        "table",
    }
    folder = Path(registry.__file__).parent
    adapters = [file for file in folder.glob("*.py") if file.stem not in shared]
    assert len(adapters) == len(DATASETS)
    for file in adapters:
        assert len(file.read_text(encoding="utf-8").splitlines()) <= 60, file.name
