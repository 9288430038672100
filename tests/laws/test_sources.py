"""Sources over files give the picture, the label in its space, and errors that name the place."""

import csv
import os
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest

from leadline.data.files import encode_jpeg, encode_map
from leadline.data.sources.folder import FolderSource
from leadline.data.sources.labels import Coding, fingerprint, read_label
from leadline.data.sources.table import TableSource
from leadline.stages.sources import open_source, open_sources
from leadline.storage import write_atomic
from leadline.types import Label, LeadlineError, Size, Source, Space, UnreadableError

RAW = np.array([[0, 1, 1000], [2000, 65534, 65535]], np.uint16)


def picture(file: Path, *, grey: int = 0, size: tuple[int, int] = (2, 3)) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(file, encode_jpeg(np.full((*size, 3), grey, np.uint8)))


def label(file: Path, raw: np.ndarray = RAW) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(file, encode_map(raw))


def labels_of(source: Source) -> list[Label]:
    samples = [source[index] for index in range(len(source))]
    return [sample.label for sample in samples if sample.label is not None]


# ---------------------------------------------------------------- raw numbers -> label


def test_read_label__value_times_scale_is_in_the_space(tmp_path: Path) -> None:
    label(tmp_path / "l.png")
    for space in Space:
        found = read_label(tmp_path / "l.png", Coding(space=space, scale=0.001), size=Size(2, 3))
        assert found.space is space
        np.testing.assert_allclose(found.values, [[0, 0.001, 1], [2, 65.534, 65.535]], rtol=1e-6)
        np.testing.assert_array_equal(found.valid, RAW > 0)


@pytest.mark.parametrize(
    ("space", "invalid", "valid"),
    [
        (Space.DISPARITY, 0, RAW != 0),
        (Space.DISPARITY, 65535, RAW != 65535),
        (Space.DISPARITY, None, RAW >= 0),  # 0 is sky, and counts
        (Space.AFFINE_DISPARITY, None, RAW >= 0),
        (Space.DEPTH, None, RAW > 0),  # nothing is 0 metres away
        (Space.DEPTH, 65535, (RAW > 0) & (RAW < 65535)),
    ],
)
def test_read_label__validity_is_the_raw_number_and_positive_depth(
    space: Space, invalid: float | None, valid: np.ndarray, tmp_path: Path
) -> None:
    label(tmp_path / "l.png")
    found = read_label(tmp_path / "l.png", Coding(space=space, scale=0.5, invalid=invalid), size=Size(2, 3))
    np.testing.assert_array_equal(found.valid, valid)


def test_read_label__the_invalid_number_is_compared_before_scaling(tmp_path: Path) -> None:
    label(tmp_path / "l.png")
    coding = Coding(space=Space.DEPTH, scale=0.001, invalid=1)
    found = read_label(tmp_path / "l.png", coding, size=Size(2, 3))
    np.testing.assert_array_equal(found.valid, [[False, False, True], [True, True, True]])


def test_read_label__another_size_is_refused_with_both(tmp_path: Path) -> None:
    label(tmp_path / "l.png")
    with pytest.raises(UnreadableError, match=r"l\.png is 2x3, but the upright picture it labels is 3x2"):
        read_label(tmp_path / "l.png", Coding(space=Space.DEPTH), size=Size(3, 2))


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf")])
def test_coding__a_scale_that_is_not_positive_is_refused(scale: float) -> None:
    with pytest.raises(LeadlineError, match=f"positive and finite, got {scale}"):
        Coding(space=Space.DEPTH, scale=scale)


@pytest.mark.parametrize("invalid", ["nan", "inf", "-inf"])
def test_coding__a_number_that_no_pixel_holds_cannot_stand_for_what_was_not_measured(
    invalid: str, tmp_path: Path
) -> None:
    with pytest.raises(LeadlineError, match=f"no file of whole numbers holds {invalid}"):
        Coding(space=Space.DEPTH, invalid=float(invalid))
    for folder in ("p", "l"):
        (tmp_path / folder).mkdir()
    with pytest.raises(LeadlineError, match=f"no file of whole numbers holds {invalid}"):
        open_source(f"{tmp_path / 'p'}?labels={tmp_path / 'l'}&space=depth&invalid={invalid}")


def test_fingerprint__takes_any_name_a_file_can_have(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    one, other = (os.fsdecode(name) for name in (b"caf\xe9.png", b"caf\xe8.png"))
    assert fingerprint([(one, tmp_path / "a")]) != fingerprint([(other, tmp_path / "a")])


def test_fingerprint__follows_names_and_sizes_and_not_the_place(tmp_path: Path) -> None:
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a").write_text("abc")
        (tmp_path / folder / "b").write_text("")
    here, there = tmp_path / "here", tmp_path / "there"
    print_of = fingerprint([("a", here / "a"), ("b", here / "b")])
    assert print_of == fingerprint([("a", there / "a"), ("b", there / "b")])
    others = [
        fingerprint([("a", here / "a")]),
        fingerprint([("a", here / "a"), ("c", here / "b")]),
        fingerprint([("a", here / "b"), ("b", here / "a")]),
        fingerprint([("a", here / "a"), ("b", here / "missing")]),
    ]
    assert len({print_of, *others}) == 5


# ---------------------------------------------------------------- folder


def test_folder_source__pictures_alone_have_no_label(tmp_path: Path) -> None:
    picture(tmp_path / "photos" / "b.jpg", grey=20)
    picture(tmp_path / "photos" / "a" / "c.JPG", grey=10)
    source: Source = FolderSource(tmp_path / "photos")
    assert len(source) == 2
    assert [source[index].id for index in range(2)] == ["photos/a/c.JPG", "photos/b.jpg"]
    assert [int(source[index].image[0, 0, 0]) for index in range(2)] == [10, 20]
    assert labels_of(source) == []


def test_folder_source__each_picture_gets_the_label_of_its_own_name(tmp_path: Path) -> None:
    for number, name in enumerate(("a", "deep/b.left"), start=1):
        picture(tmp_path / "rgb" / f"{name}.jpg", grey=number)
        label(tmp_path / "disparity" / f"{name}.png", np.full((2, 3), number, np.uint16))
    source = FolderSource(
        tmp_path / "rgb",
        labels=tmp_path / "disparity",
        space=Space.DISPARITY,
        scale=0.5,
        name="renders",
    )
    for index in range(2):
        sample = source[index]
        assert sample.label is not None
        assert sample.label.values[1, 2] == 0.5 * sample.image[1, 2, 0] == 0.5 * (index + 1)
    assert [source[index].id for index in range(2)] == ["renders/a.jpg", "renders/deep/b.left.jpg"]


def test_folder_source__sky_is_a_valid_disparity_where_the_source_says_so(tmp_path: Path) -> None:
    picture(tmp_path / "rgb" / "a.jpg")
    label(tmp_path / "disparity" / "a.png")
    source = FolderSource(
        tmp_path / "rgb",
        labels=Path("../disparity"),
        space=Space.DISPARITY,
        scale=1 / 6553.5,
        invalid=None,
    )
    (found,) = labels_of(source)
    assert found.valid.all()
    assert found.values[0, 0] == 0
    assert found.values[1, 2] == pytest.approx(10)


def test_folder_source__labels_are_looked_for_below_the_root_first_and_are_no_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for place, value in ((tmp_path / "root" / "labels", 7), (tmp_path / "labels", 9)):
        label(place / "a.png", np.full((2, 3), value, np.uint16))
    picture(tmp_path / "root" / "a.jpg")
    inner = FolderSource(Path("root"), labels=Path("labels"), space=Space.DEPTH)
    assert [found.values[0, 0] for found in labels_of(inner)] == [7]
    (tmp_path / "root" / "labels" / "a.png").unlink()
    (tmp_path / "root" / "labels").rmdir()
    outer = FolderSource(Path("root"), labels=Path("labels"), space=Space.DEPTH)
    assert [found.values[0, 0] for found in labels_of(outer)] == [9]


def test_folder_source__labels_behind_a_link_are_no_pictures_and_pictures_below_labels_are(
    tmp_path: Path,
) -> None:
    label(tmp_path / "elsewhere" / "a.png")
    picture(tmp_path / "root" / "a.jpg")
    (tmp_path / "root" / "labels").symlink_to(tmp_path / "elsewhere")
    assert len(FolderSource(tmp_path / "root", labels=Path("labels"), space=Space.DEPTH)) == 1
    label(tmp_path / "a.png")
    above = FolderSource(tmp_path / "root", labels=tmp_path, space=Space.DEPTH)
    assert above[0].label is not None


def test_folder_source__a_missing_or_broken_file_is_unreadable_by_name(tmp_path: Path) -> None:
    for name in "abcd":
        picture(tmp_path / "rgb" / f"{name}.jpg")
    label(tmp_path / "depth" / "b.png", RAW.T.copy())
    label(tmp_path / "depth" / "c.png")
    (tmp_path / "rgb" / "c.jpg").write_bytes(b"")
    label(tmp_path / "depth" / "d.png")
    source = FolderSource(tmp_path / "rgb", labels=tmp_path / "depth", space=Space.DEPTH)
    with pytest.raises(UnreadableError, match=r"depth/a\.png cannot be read as a label: No such file"):
        source[0]
    with pytest.raises(UnreadableError, match=r"depth/b\.png is 3x2"):
        source[1]
    with pytest.raises(UnreadableError, match=r"rgb/c\.jpg cannot be read as a picture: it is empty"):
        source[2]
    assert source[3].label is not None


def test_folder_source__wrong_settings_are_named(tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match=r"cannot list the pictures of .*gone"):
        FolderSource(tmp_path / "gone")
    with pytest.raises(LeadlineError, match=f"no pictures below {tmp_path}"):
        FolderSource(tmp_path)
    picture(tmp_path / "a.jpg")
    with pytest.raises(LeadlineError, match="space is one of depth, disparity, affine_disparity"):
        FolderSource(tmp_path, labels=tmp_path)
    with pytest.raises(LeadlineError, match="labels and their space go together"):
        FolderSource(tmp_path, space=Space.DEPTH)
    with pytest.raises(LeadlineError, match=r"the folder of labels is neither .*/nowhere nor .*nowhere"):
        FolderSource(tmp_path, labels=Path("nowhere"), space=Space.DEPTH)
    with pytest.raises(LeadlineError, match="give the labels a folder of their own"):
        FolderSource(tmp_path, labels=Path(), space=Space.DEPTH)
    with pytest.raises(LeadlineError, match="without a slash, got 'a/b'"):
        FolderSource(tmp_path, name="a/b")


def test_folder_source__out_of_range_is_an_index_error(tmp_path: Path) -> None:
    picture(tmp_path / "a.jpg")
    with pytest.raises(IndexError):
        FolderSource(tmp_path)[1]


def test_folder_source__provenance_tells_data_and_labels_apart(tmp_path: Path) -> None:
    picture(tmp_path / "rgb" / "a.jpg")
    label(tmp_path / "l" / "a.png")
    plain = FolderSource(tmp_path / "rgb", licence="CC0").provenance()
    assert (plain["name"], plain["count"], plain["licence"], plain["labels"]) == ("rgb", "1", "CC0", "none")
    assert str(tmp_path) not in str(plain), "private paths stay out of weights and stores"
    source = FolderSource(
        tmp_path / "rgb", labels=tmp_path / "l", space=Space.DISPARITY, scale=0.5, invalid=None
    )
    labelled = source.provenance()
    assert labelled["labels"] == "disparity = value * 0.5, invalid None"
    label(tmp_path / "l" / "a.png", np.zeros((50, 70), np.uint16))
    changed = source.provenance()
    assert len({plain["fingerprint"], labelled["fingerprint"], changed["fingerprint"]}) == 3


# ---------------------------------------------------------------- table

HEADER = ["source", "rgb", "depth", "kind", "scale", "invalid", "licence", "note"]


def table(folder: Path, *rows: list[str], header: list[str] = HEADER) -> Path:
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8-sig") as stream:
        csv.writer(stream).writerows([header, *rows])
    return folder / "manifest.csv"


def pair(folder: Path, source: str) -> tuple[str, str]:
    picture(folder / source / "rgb" / "0.jpg")
    label(folder / source / "gt" / "0.png")
    return f"{source}/rgb/0.jpg", f"{source}/gt/0.png"


def test_table_source__a_row_says_how_its_label_is_read(tmp_path: Path) -> None:
    rows = [
        ["kitti", *pair(tmp_path, "kitti"), "depth", "0.00390625", "0", "CC BY", "x"],
        ["middlebury", *pair(tmp_path, "middlebury"), "disparity", "0.25", "65535", "free", ""],
        ["", *pair(tmp_path, "mine"), "disparity", "1", "", "", ""],
        ["", *pair(tmp_path, "yours"), "disparity", "1", "None", "", ""],
    ]
    source = TableSource(table(tmp_path, *rows), name="eval")
    typed: Source = source
    depth, pixels, whole, too = labels_of(typed)
    assert depth.space is Space.DEPTH
    assert depth.values[0, 2] == 1000 / 256
    np.testing.assert_array_equal(depth.valid, RAW > 0)
    assert pixels.space is Space.AFFINE_DISPARITY  # pixels with an unknown offset, no 1 / metres
    assert pixels.values[0, 2] == 250
    np.testing.assert_array_equal(pixels.valid, RAW < 65535)
    assert whole.valid.all()
    assert too.valid.all()
    ids = [source[index].id for index in range(3)]
    assert ids == ["kitti/rgb/0.jpg", "middlebury/rgb/0.jpg", "eval/mine/rgb/0.jpg"]


def test_table_source__a_source_that_is_no_folder_still_begins_the_id(tmp_path: Path) -> None:
    rows = [["nyu", *pair(tmp_path, "nyu_v2"), "depth", "1", "0", "", ""]]
    assert TableSource(table(tmp_path, *rows))[0].id == "nyu/nyu_v2/rgb/0.jpg"


def test_table__is_told_by_the_sources_of_its_rows(tmp_path: Path) -> None:
    rest = [*pair(tmp_path, "a"), "depth", "1", "0", "", ""]
    told = {
        TableSource(table(tmp_path, [source, *rest]), name="eval").provenance()["fingerprint"]
        for source in ("mine", "sintel", "eval")
    }
    assert len(told) == 3


def test_table_source__optional_columns_may_be_missing(tmp_path: Path) -> None:
    rgb, depth = pair(tmp_path, "s")
    source = TableSource(
        table(tmp_path, [rgb, depth, "depth", "1", "0"], header=["rgb", "depth", "kind", "scale", "invalid"])
    )
    assert source[0].id == f"{tmp_path.name}/s/rgb/0.jpg"
    assert source.provenance()["licence"] == "unknown"


def test_table_source__a_missing_column_is_answered_with_those_found(tmp_path: Path) -> None:
    file = table(tmp_path, ["a", "b", "c"], header=["rgb", "label", "kind"])
    with pytest.raises(LeadlineError, match=r"lacks .* depth, scale, invalid; found: rgb, label, kind$"):
        TableSource(file)


@pytest.mark.parametrize(
    ("column", "cell", "expected"),
    [
        ("rgb", "/etc/passwd", "a path below the table's folder"),
        ("rgb", "../a.jpg", "a path below the table's folder"),
        ("depth", "s/../../a.png", "a path below the table's folder"),
        ("depth", "", "a path below the table's folder"),
        ("kind", "inverse", "depth or disparity"),
        ("kind", "", "depth or disparity"),
        ("scale", "1 mm", "a number"),
        ("scale", "", "a number"),
        ("scale", "inf", "a number"),
        ("scale", "-1", "a positive number"),
        ("scale", "0", "a positive number"),
        ("invalid", "no", "a number"),
        ("invalid", "nan", "a number"),
    ],
)
def test_table_source__a_wrong_cell_is_named_by_line_and_column(
    column: str, cell: str, expected: str, tmp_path: Path
) -> None:
    good = ["s", "a.jpg", "a.png", "depth", "1", "0", "", ""]
    bad = ["s", "b.jpg", "b.png", "depth", "1", "0", "", ""]
    bad[HEADER.index(column)] = cell
    with pytest.raises(
        LeadlineError, match=rf"manifest\.csv, line 3, column {column}: expected {expected}, got '{cell}'"
    ):
        TableSource(table(tmp_path, good, bad))


def test_table_source__a_row_cut_short_is_a_wrong_cell(tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match="line 2, column scale: expected a number, got ''"):
        TableSource(table(tmp_path, ["s", "a.jpg", "a.png", "depth"]))


def test_table_source__tables_that_say_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match=r"gone\.csv cannot be read: .*No such file"):
        TableSource(tmp_path / "gone.csv")
    with pytest.raises(LeadlineError, match="has no rows below its header"):
        TableSource(table(tmp_path))
    (tmp_path / "manifest.csv").write_bytes(b"")
    with pytest.raises(LeadlineError, match=r"lacks the column\(s\) .*; found: none"):
        TableSource(tmp_path / "manifest.csv")
    (tmp_path / "manifest.csv").write_bytes(b"rgb,\xff\xfe\n")
    with pytest.raises(LeadlineError, match=r"manifest\.csv cannot be read: .*utf-8"):
        TableSource(tmp_path / "manifest.csv")
    row = ["s", "a.jpg", "a.png", "depth", "1", "0", "", ""]
    with pytest.raises(LeadlineError, match=r"pairs 1 and 2 are both s/a\.jpg"):
        TableSource(table(tmp_path, row, row))


def test_table_source__unreadable_files_and_bad_indices_are_told_apart(tmp_path: Path) -> None:
    rows = [
        ["s", *pair(tmp_path, "s"), "depth", "1", "0", "", ""],
        ["s", "s/gone.jpg", "s/gt/0.png", "depth", "1", "0", "", ""],
        ["s", "wide.jpg", "s/gt/0.png", "depth", "1", "0", "", ""],
    ]
    picture(tmp_path / "wide.jpg", size=(2, 4))
    source = TableSource(table(tmp_path, *rows))
    assert source[0].size == Size(2, 3)
    with pytest.raises(UnreadableError, match=r"gone\.jpg"):
        source[1]
    with pytest.raises(UnreadableError, match=r"0\.png is 2x3, but .* 2x4"):
        source[2]
    with pytest.raises(IndexError):
        source[3]


def test_table_source__provenance_names_every_licence_and_follows_table_and_files(tmp_path: Path) -> None:
    rows = [
        ["s", *pair(tmp_path, "s"), "depth", "1", "0", "CC BY", ""],
        ["t", *pair(tmp_path, "t"), "depth", "1", "0", "BSD", ""],
        ["u", *pair(tmp_path, "u"), "depth", "1", "0", "BSD", ""],
    ]
    first = TableSource(table(tmp_path, *rows), name="bench").provenance()
    assert (first["name"], first["count"], first["licence"]) == ("bench", "3", "BSD | CC BY")
    assert str(tmp_path) not in str(first), "private paths stay out of weights and stores"
    rescaled = [[*row[:4], "2", *row[5:]] for row in rows]
    second = TableSource(table(tmp_path, *rescaled)).provenance()
    label(tmp_path / "s" / "gt" / "0.png", np.zeros((50, 70), np.uint16))
    third = TableSource(tmp_path / "manifest.csv").provenance()
    assert len({first["fingerprint"], second["fingerprint"], third["fingerprint"]}) == 3


# ---------------------------------------------------------------- both


def test_sources__travel_to_a_worker_process(tmp_path: Path) -> None:
    picture(tmp_path / "rgb" / "a.jpg", grey=9)
    _, data = cv2.imencode(".png", RAW.astype(np.uint8))
    (tmp_path / "a.png").write_bytes(data.tobytes())
    folder = FolderSource(tmp_path / "rgb", labels=tmp_path, space=Space.DISPARITY)
    rows = [["s", "rgb/a.jpg", "a.png", "depth", "1", "0", "", ""]]
    for source in (folder, TableSource(table(tmp_path, *rows))):
        copy: Source = pickle.loads(pickle.dumps(source))
        np.testing.assert_array_equal(copy[0].image, source[0].image)
        assert copy.provenance() == source.provenance()


# ---------------------------------------------------------------- several


@pytest.mark.parametrize("second", ["few", "few/", "./few", "few?"])
def test_sources__one_that_is_given_twice_is_named(
    second: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture(tmp_path / "few" / "0.jpg")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LeadlineError, match=r"few/?\??/? is given twice: once is enough"):
        open_sources(["few", second], role="pictures")
    assert len(open_sources(["few", "few?name=again"], role="pictures")) == 2
