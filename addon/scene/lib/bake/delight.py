# SPDX-License-Identifier: GPL-3.0-or-later
"""Take the light of a photo out of colours: what can be told of the brightness by where the surface looks.

The light that a matt surface receives is all but a polynomial of degree two in its normal (Ramamoorthi & Hanrahan 2001,
"An efficient representation for irradiance environment maps"). Nine numbers are fitted to the logarithm of the
luminance, so that light that varies by direction goes and the marks of the surface, which do not, stay. What is painted
by direction (a pale belly) cannot be told from light; that is why this is off unless asked for.
"""

from __future__ import annotations

import numpy as np

from ..mesh.meshes import Array, Floats

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
_MOST = 60000
"""Texels that the nine numbers are fitted to."""
_DARK, _ROUNDS, _CALM = 0.01, 12, 1e-3
_RANGE = 4.0
"""No texel is made brighter or darker by more than this factor."""


def harmonics(n: Array) -> Floats:
    """The nine spherical harmonics up to order two, (N, 9), but for their constants."""
    x, y, z = n.T
    columns = [np.ones_like(x), x, y, z, x * y, y * z, x * z, x * x - y * y, 3 * z * z - 1]
    return np.asarray(np.stack(columns, axis=1), np.float32)


def shade(colour: Floats, normals: Floats) -> tuple[Array, float]:
    """The nine coefficients of the logarithm of the light, the first 0, for linear colours (N, 3) and normals (N, 3),
    and the share of the variance that they explain.

    Cauchy's weights: what does not fit, an eye or a stripe, has little say.
    """
    some = slice(None, None, max(1, len(colour) // _MOST))
    basis = harmonics(normals[some]).astype(np.float64)
    light = np.log(np.maximum(colour[some] @ LUMINANCE, _DARK)).astype(np.float64)
    weight = np.ones(len(light))
    left = light
    for _ in range(_ROUNDS):
        heavy = basis * weight[:, None]
        fit = np.linalg.solve(heavy.T @ basis + _CALM * weight.sum() * np.eye(9), heavy.T @ light)
        left = light - basis @ fit
        spread = 1.4826 * np.median(np.abs(left)) + 1e-3
        weight = 1 / (1 + (left / (2 * spread)) ** 2)
    explained = 1 - float(np.average(left**2, weights=weight)) / max(
        float(np.average((light - np.average(light, weights=weight)) ** 2, weights=weight)), 1e-12
    )
    fit[0] = 0
    return fit, max(explained, 0.0)


def delit(colour: Floats, normals: Floats, fit: Array, amount: float) -> Floats:
    """Linear colours (N, 3) without this light; the mean of the luminance's logarithm stays as it was."""
    factor = harmonics(normals) @ fit.astype(np.float32)
    factor -= factor.mean()
    top = np.log(_RANGE)
    return np.asarray(colour * np.exp(-amount * np.clip(factor, -top, top))[:, None], np.float32)
