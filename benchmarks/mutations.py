"""Break the losses, the masked statistics and the geometry one line at a time: does a test notice?

Every mutation is made in a temporary copy of the package, never in the checkout, and the tests run against
that copy. Prints what was broken and which test caught it; exits 1 where one survives. Arguments choose the
mutations whose line contains one of them: ``python benchmarks/mutations.py silog median``.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
TESTS = {
    "losses": ("tests/laws/test_losses.py", "tests/parity/test_losses.py"),
    "masked": ("tests/laws/test_masked.py",),
    "geometry": ("tests/laws/test_geometry.py",),
}

# module.function: what it breaks :: text found once in that function => what takes its place
TABLE = """
losses.normalise: not scaled :: centred / deviation.masked_fill(deviation <= 1e-6, 1) => centred
losses.normalise: a flipped sign forgiven :: return centred / => return centred.abs() /
losses.normalise: mean instead of median :: masked_median => masked_mean
losses.normalise: constant maps unguarded :: deviation.masked_fill(deviation <= 1e-6, 1) => deviation
losses.normalise: NaN times zero :: .masked_fill(~valid, 0) => * valid
losses.normalise: bfloat16 inside autocast :: .float() =>
losses.normalise: scale left out of the gradient :: centred / deviation => centred / deviation.detach()
losses.normalised_residual: residual's sign :: valid) - n => valid) + n
losses.ssi_mae: trimming ignored :: trim=trim => trim=0.0
losses.ssi_mse: shift ignored :: + shift => + 0 * shift
losses.gradient_matching: strides 1, 2, 3, 4 :: 2**scale for => scale + 1 for
losses.gradient_matching: one axis sub-sampled :: residual[..., ::stride, ::stride], counted[..., ::stride, ::stride] => residual[..., ::stride], counted[..., ::stride]
losses.gradient_matching: half a product mask :: (v[..., 1:] * v[..., :-1]) => v[..., 1:]
losses.gradient_matching: over the batch :: r[..., 1:, :] - r[..., :-1, :] => (r - r.roll(1, 0))[..., 1:, :]
losses.gradient_matching: one axis twice :: + down.sum( => + across.sum(
losses.gradient_matching: abs dropped :: (r[..., 1:] - r[..., :-1]).abs() => (r[..., 1:] - r[..., :-1])
losses.gradient_matching: count of the first scale :: / v.sum( => / valid.sum(
losses.gradient_matching: count of all pixels :: v.sum(dim=(1, 2, 3), keepdim=True) => torch.ones_like(v)[0].sum()
losses.silog: clamp dropped :: .clamp_min(1e-3) =>
losses.silog: sign of the mean :: valid) - variance_focus => valid) + variance_focus
losses.silog: infinite gradient of the root :: torch.where(positive, inner, 1).sqrt() => inner.sqrt()
losses.feature_alignment: tolerance reversed :: cosine <= tolerance => cosine > tolerance
losses.feature_alignment: tolerated ones counted :: 1 - cosine, different) => (1 - cosine) * different, cosine < 2)

losses._average: weights ignored :: present * weight => present
losses._average: empty pictures counted :: present.sum() => present.sum() * 0 + len(present)
losses._average: all empty unguarded :: torch.where(total > 0, total, 1) => total
losses._average: weighed by valid pixels :: (count_valid(valid) > 0).flatten() => valid.flatten(1).float().mean(dim=1)
losses._average: waits for the device :: present.sum() => torch.tensor(present.sum().item())
masked.masked_mean: over all pixels :: count_valid(valid) => (valid | ~valid)[0].sum()
masked.masked_mean: over the batch :: 0).sum(dim=(1, 2, 3) => 0).sum(dim=(0, 1, 2, 3)
masked.masked_median: of mask * values :: ~valid, torch.nan => ~valid, 0
masked.masked_median: mean instead :: return median[ => return masked_mean(values, valid).flatten(1)[
masked._largest: smallest trimmed :: [:, : -count - 1 : -1] => [:, :count]
masked.trimmed_mean: the batch's count :: count = count_valid(valid) => count = valid.sum().expand(len(values), 1, 1, 1) // len(values)
masked.trimmed_mean: rounded up :: .floor() => .ceil()
masked.trimmed_mean: ties kept whole :: below + tied * share => below + tied
geometry.fit_size: axes swapped :: target.h / size.h, target.w => target.w / size.h, target.h
geometry.fit_size: lower bound broken :: rounded < limit => rounded < 0
geometry.fit_size: upper bound broken :: rounded > limit => rounded > 10**9
geometry.align_least_squares: shift's sign :: mean_t - scale * mean_p => mean_t + scale * mean_p
geometry.as_disparity: nothing becomes invalid :: label.valid & positive => label.valid
geometry.as_depth: sky at depth 0 :: np.full_like(values, np.inf) => np.zeros_like(values)
geometry.require_metres: affine disparity passes :: if space is Space.AFFINE_DISPARITY => if space is None
"""  # noqa: E501 (one mutation a line)

GUARD = """
import sys, pytest
def pytest_collection_finish():
    loaded = {n: getattr(m, "__file__", None) for n, m in sys.modules.items() if n.startswith("leadline")}
    strays = [file for file in loaded.values() if file and not file.startswith(HERE)]
    if strays or MODULE not in loaded:
        pytest.exit(f"not the mutated copy: {strays}", returncode=99)
"""


class Mutation(NamedTuple):
    """A line of the table."""

    module: str
    function: str
    breaks: str
    original: str
    mutated: str

    def apply(self, source: str) -> str:
        """Return the module's source with the change made."""
        function = re.search(rf"^def {self.function}\(.*?(?=^[^\s)]|\Z)", source, re.M | re.S)
        body = function.group() if function else ""
        if (count := body.count(self.original)) != 1:
            place = f"{self.module}.{self.function}"
            raise SystemExit(f"{place}: {self.original!r} is there {count} times, not once; adapt the table")
        return source.replace(body, body.replace(self.original, self.mutated))


def parse(line: str) -> Mutation:
    """Read a line of the table."""
    if (match := re.fullmatch(r"(\w+)\.(\w+): (.+) :: (.+) =>(?: (.+))?", line)) is None:
        raise SystemExit(f"not a mutation: {line!r}; expected 'module.function: what :: text => text'")
    return Mutation(*match.groups(default=""))


def failed_test(module: str, mutation: Mutation | None = None) -> str | None:
    """Return the first failing test of `module`, with the error where it was no assertion."""
    with tempfile.TemporaryDirectory() as copy:
        shutil.copytree(ROOT / "src", copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        if mutation:
            file = Path(copy, "leadline", f"{module}.py")
            file.write_text(mutation.apply(file.read_text()))
        names = f"HERE, MODULE = {copy + os.sep!r}, 'leadline.{module}'"
        Path(copy, "mutation_guard.py").write_text(names + GUARD)
        options = ["-x", "-q", "--tb=no", "-p", "no:cacheprovider", "-p", "mutation_guard", *TESTS[module]]
        environment = {**os.environ, "PYTHONPATH": copy, "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "500"}
        command = [sys.executable, "-m", "pytest", *options]
        run = subprocess.run(command, cwd=ROOT, env=environment, text=True, capture_output=True, check=False)
    failed = re.search(r"^FAILED \S*?(\w+/\w+\.py::\w+).*? - (?:\w+\.)*(\w+)", run.stdout, re.M)
    if run.returncode not in (0, 1) or (run.returncode == 1 and failed is None):
        raise SystemExit(f"the tests of {module} did not run under {mutation}:\n{run.stdout}{run.stderr}")
    if failed is None:
        return None
    asserted = failed[2] in ("assert", "AssertionError", "HostSyncError", "Failed")
    return failed[1] if asserted else f"{failed[1]} ({failed[2]})"


def main() -> int:
    """Try the mutations that are asked for, or all."""
    words = sys.argv[1:] or [""]
    mutations = [parse(line) for line in TABLE.split("\n") if line and any(word in line for word in words)]
    for mutation in mutations:  # answers at once where the table has fallen behind the code
        mutation.apply((ROOT / "src" / "leadline" / f"{mutation.module}.py").read_text())
    for module in sorted({mutation.module for mutation in mutations}):
        if failed := failed_test(module):
            raise SystemExit(f"{failed} fails without any mutation; mend that first")
    survivors = 0
    for mutation in mutations:
        caught = failed_test(mutation.module, mutation)
        survivors += caught is None
        what = f"{mutation.module}.{mutation.function}: {mutation.breaks}"
        print(f"{what:<65} {caught or 'SURVIVED'}", flush=True)
    print(f"{len(mutations) - survivors} of {len(mutations)} mutations caught")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
