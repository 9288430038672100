"""How many labelled pictures the generator renders, and where the time goes: python benchmarks/render.py"""

import resource
import time

from machine import describe

from leadline.render.source import ProceduralSource, Quality, Recipe, draw_stage
from leadline.types import LeadlineError, Size

SIZES = (Size(192, 256), Size(240, 320), Size(480, 640))
SCENES = {"fast": 20, "path": 6}


def main() -> None:
    print(f"{describe()}, one process, two views a scene")
    for quality in ("fast", "path"):
        try:
            measure(quality)
        except LeadlineError as error:
            print(f"{quality}: {error}")


def measure(quality: Quality) -> None:
    recipe = Recipe(quality=quality)
    ProceduralSource(1, recipe=recipe)[0]  # loads libraries, draws patterns, compiles the kernel
    for size in SIZES:
        source = ProceduralSource(seed=1, size=size, recipe=recipe)
        count = SCENES[quality] * recipe.views
        drawing, wall, work = 0.0, time.perf_counter(), time.process_time()
        for index in range(count):
            before = time.process_time()
            draw_stage(recipe, 1, index // recipe.views)
            drawing += time.process_time() - before
            source.shoot(index)
        wall, work = time.perf_counter() - wall, time.process_time() - work
        print(
            f"{quality} {size}: {3600 * count / wall:.0f} pictures an hour; processor {work / count:.2f} s "
            f"each, {drawing / count:.2f} s of it for scenes, bounding volumes and choice of views"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{quality}: {peak:.1f} GiB at most")


if __name__ == "__main__":
    main()
