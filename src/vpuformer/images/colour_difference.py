"""Differences of colours as people see them: CIE L*a*b* and CIEDE2000."""

import numpy as np
import numpy.typing as npt

Lab = npt.NDArray[np.float64]

_XYZ = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]], np.float64
)
_WHITE = np.array([0.95047, 1, 1.08883])


def to_lab(rgb: npt.NDArray[np.float64]) -> Lab:
    """CIE L*a*b* of sRGB colours in 0..1, shape (..., 3), under D65.

    >>> to_lab(np.array([1.0, 0.0, 0.0])).round(2).tolist()
    [53.24, 80.09, 67.2]
    """
    linear = np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    share = linear @ _XYZ.T / _WHITE
    x, y, z = np.moveaxis(np.where(share > 0.008856, np.cbrt(share), 7.787 * share + 16 / 116), -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def ciede2000(first: Lab, second: Lab) -> npt.NDArray[np.float64]:
    """CIEDE2000 of colours, shapes (..., 3), which are broadcast (Sharma, Wu and Dalal, 2005).

    >>> ciede2000(np.array([50, 2.6772, -79.7751]), np.array([50, 0, -82.7485])).round(4).item()
    2.0425
    """
    (light_1, a_1, b_1), (light_2, a_2, b_2) = np.moveaxis(first, -1, 0), np.moveaxis(second, -1, 0)
    stretch = 1.5 - 0.5 * _saturation((np.hypot(a_1, b_1) + np.hypot(a_2, b_2)) / 2)
    chroma_1, chroma_2 = np.hypot(stretch * a_1, b_1), np.hypot(stretch * a_2, b_2)
    hue_1, hue_2 = np.arctan2(b_1, stretch * a_1), np.arctan2(b_2, stretch * a_2)
    turn = (hue_2 - hue_1 + np.pi) % (2 * np.pi) - np.pi  # the shorter way around
    light, chroma, hue = (light_1 + light_2) / 2, (chroma_1 + chroma_2) / 2, hue_1 + turn / 2
    weight = (
        1
        - 0.17 * np.cos(hue - np.radians(30))
        + 0.24 * np.cos(2 * hue)
        + 0.32 * np.cos(3 * hue + np.radians(6))
        - 0.20 * np.cos(4 * hue - np.radians(63))
    )
    by_light = (light_2 - light_1) / (1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2))
    by_chroma = (chroma_2 - chroma_1) / (1 + 0.045 * chroma)
    by_hue = 2 * np.sqrt(chroma_1 * chroma_2) * np.sin(turn / 2) / (1 + 0.015 * chroma * weight)
    blue = np.exp(-(((np.degrees(hue) % 360 - 275) / 25) ** 2))
    rotation = -2 * _saturation(chroma) * np.sin(np.radians(60) * blue)
    return np.sqrt(by_light**2 + by_chroma**2 + by_hue**2 + rotation * by_chroma * by_hue)


def _saturation(chroma: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
