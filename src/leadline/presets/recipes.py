"""The recipes by name, as the command line offers them.

Both networks there are so far are tiny, so every recipe is scaled by `leadline.presets.tiny` here.
"""

from leadline.presets import depth_anything_v1, depth_anything_v2, midas, tiny

TEACHERS = {
    "midas": ("mixed labelled data, trimmed loss", tiny.teacher(midas.TEACHER)),
    "depth-anything-v1": ("labelled data, affine-invariant loss", tiny.teacher(depth_anything_v1.TEACHER)),
    "depth-anything-v2": ("synthetic pictures alone, sharp edges", tiny.teacher(depth_anything_v2.TEACHER)),
}
"""Name -> what it is, and its config."""

STUDENTS = {
    "depth-anything-v1": (
        "labelled and pseudo-labelled pictures 1:2",
        tiny.student(depth_anything_v1.STUDENT),
    ),
    "depth-anything-v2": ("pseudo-labelled pictures alone", tiny.student(depth_anything_v2.STUDENT)),
}
"""Name -> what it is, and its config. MiDaS has no student."""
