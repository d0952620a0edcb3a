"""Numbers published in the paper, by table: quoted, never measured here.

Source: Zhang et al., VPUFormer: Visual Prompt Unified Transformer for Interactive Image Segmentation, arXiv:2306.06656,
2023. A pair is NoC@85 and NoC@90 (in Table VII NoI@85 and NoI@90, in Table V NoC@90 and NoF@90). None is a dash in the
paper, or a number that is unreadable in its text.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from vpuformer.prompts import Kind

PAPER = "VPUFormer, arXiv:2306.06656"

Pair = tuple[float | None, float | None]

NATURAL = ("grabcut", "berkeley", "sbd", "davis")
MEDICAL = ("sstem", "brats", "oaizib")

NAMES = {
    "grabcut": "GrabCut",
    "berkeley": "Berkeley",
    "sbd": "SBD",
    "davis": "DAVIS",
    "coco_mval": "COCO MVal",
    "pascalvoc": "Pascal VOC",
    "sstem": "ssTEM",
    "brats": "BraTS",
    "oaizib": "OAIZIB",
}
"""Names of the data sets, as the paper and the field write them."""


@dataclass(frozen=True, slots=True)
class Published:
    """A row of one of the paper's tables."""

    table: str
    """Roman numeral of the table."""
    method: str
    backbone: str
    trained_on: str
    values: Mapping[str, Pair]
    """Pair of numbers by the name of the data set."""
    kinds: tuple[Kind, ...] = ("click",)


def _rows(table: str, trained_on: str, sets: tuple[str, ...], *rows: tuple[str, str, list[Pair]]) -> list[Published]:
    return [
        Published(table, method, backbone, trained_on, dict(zip(sets, pairs, strict=True)))
        for method, backbone, pairs in rows
    ]


_SEGF, _RESNET, _HRNET, _VIT = "SegFormerB0-S2", "ResNet50", "HRNet-18s", "ViT-B"

TABLE_I = _rows(
    "I",
    "SBD",
    NATURAL,
    ("RITM", _SEGF, [(1.62, 1.82), (1.84, 2.92), (4.26, 6.38), (4.65, 6.13)]),
    ("FocalClick", _SEGF, [(1.66, 1.90), (None, 3.14), (4.34, 6.51), (5.02, 7.06)]),
    ("GPCIS", _SEGF, [(1.60, 1.76), (1.84, 2.70), (4.16, 6.28), (4.45, 6.04)]),
    ("VPUFormer (paper)", _SEGF, [(1.54, 1.68), (1.87, 2.53), (4.10, 5.96), (4.24, 5.78)]),
    ("f-BRS-B", _RESNET, [(2.20, 2.64), (2.17, 4.22), (4.55, 7.45), (5.44, 7.81)]),
    ("CDNet", _RESNET, [(2.22, 2.64), (None, 3.69), (4.37, 7.87), (5.17, 6.66)]),
    ("RITM", _RESNET, [(2.16, 2.30), (1.90, 2.95), (3.97, 5.92), (4.56, 6.05)]),
    ("FocusCut", _RESNET, [(1.60, 1.78), (1.86, 3.44), (3.62, 5.66), (5.00, 6.38)]),
    ("FocalClick", _RESNET, [(1.92, 2.14), (1.87, 2.86), (3.84, 5.82), (4.61, 6.01)]),
    ("GPCIS", _RESNET, [(1.64, 1.82), (1.60, 2.60), (3.80, 5.71), (4.37, 5.89)]),
    ("VPUFormer (paper)", _RESNET, [(1.58, 1.86), (1.52, 2.39), (3.72, 5.60), (3.94, 5.64)]),
    ("RITM", _HRNET, [(2.00, 2.24), (2.13, 3.19), (4.29, 6.36), (4.89, None)]),
    ("FocalClick", _HRNET, [(1.86, 2.06), (None, 3.14), (4.30, 6.52), (4.92, 6.48)]),
    ("GPCIS", _HRNET, [(1.74, 1.94), (1.83, 2.65), (4.28, 6.25), (4.62, 6.16)]),
    ("VPUFormer (paper)", _HRNET, [(1.65, 1.82), (1.80, 2.68), (4.12, 5.87), (4.75, 6.13)]),
)

TABLE_II = _rows(
    "II",
    "COCO+LVIS",
    NATURAL,
    ("RITM", _HRNET, [(1.54, 1.68), (None, 2.60), (4.26, 6.86), (4.79, 6.00)]),
    ("FCFI", _HRNET, [(1.50, 1.56), (None, 2.05), (3.88, 6.24), (3.70, 5.16)]),
    ("VPUFormer (paper)", _HRNET, [(1.46, 1.59), (None, 1.94), (3.76, 6.12), (3.91, 5.08)]),
    ("SAM", _VIT, [(None, None), (None, None), (6.50, 9.76), (None, None)]),
    ("SEEM", _VIT, [(None, None), (None, None), (6.67, 9.99), (None, None)]),
    ("InterFormer", _VIT, [(1.38, 1.50), (1.99, 3.14), (3.78, 6.34), (4.10, 6.19)]),
    ("SimpleClick", _VIT, [(1.38, 1.48), (1.36, 1.97), (3.43, 5.62), (3.66, 5.06)]),
    ("VPUFormer (paper)", _VIT, [(1.34, 1.40), (1.38, 1.71), (3.32, 5.45), (3.48, 4.82)]),
)

TABLE_III = _rows(
    "III",
    "COCO+LVIS",
    MEDICAL,
    ("CDNet", "ResNet-34", [(4.15, 8.45), (10.51, 14.80), (17.42, 19.81)]),
    ("RITM", "HRNet32", [(2.74, 4.06), (7.56, 11.24), (15.89, 19.27)]),
    ("FocalClick", "SegF-B3", [(3.95, 5.05), (7.17, 11.19), (12.93, 19.23)]),
    ("SimpleClick", _VIT, [(4.25, 5.61), (8.25, 11.83), (15.57, 18.98)]),
    ("VPUFormer (paper)", _VIT, [(2.64, 3.90), (7.89, 11.73), (14.97, 18.94)]),
)

ABLATED = ("berkeley", "davis")
"""Data sets of the ablations, Tables IV to VII."""

_PUE_ROW: list[Pair] = [(1.38, 1.71), (3.48, 4.82)]

TABLE_IV = _rows(
    "IV",
    "COCO+LVIS",
    ABLATED,
    ("Distance map", _VIT, [(1.57, 2.20), (3.83, 5.27)]),
    ("Learning vector", _VIT, [(1.43, 1.96), (3.62, 5.08)]),
    ("PuE vector", _VIT, _PUE_ROW),
)

TABLE_V = _rows(
    "V",
    "COCO+LVIS",
    ABLATED,
    ("without DMA and P2CL", _HRNET, [(2.53, 6), (5.53, 78)]),
    ("DMA", _HRNET, [(2.28, 3), (5.25, 61)]),
    ("P2CL", _HRNET, [(2.16, 2), (5.37, 58)]),
    ("DMA and P2CL", _HRNET, [(1.94, 1), (5.08, 56)]),
    ("without DMA and P2CL", _VIT, [(2.46, 2), (5.48, 56)]),
    ("DMA", _VIT, [(1.92, 1), (5.26, 51)]),
    ("P2CL", _VIT, [(2.13, 1), (5.12, 49)]),
    ("DMA and P2CL", _VIT, [(1.71, 0), (4.82, 48)]),
)

TABLE_VI = _rows(
    "VI",
    "COCO+LVIS",
    ABLATED,
    ("lambda 0", _VIT, [(1.45, 1.92), (3.81, 5.26)]),
    ("lambda 0.1", _VIT, [(1.43, 1.76), (3.76, 5.10)]),
    ("lambda 0.5", _VIT, [(1.41, 1.66), (3.94, 5.18)]),
    ("lambda 1", _VIT, [(1.37, 1.68), (3.70, 5.03)]),
    ("lambda 2", _VIT, _PUE_ROW),
    ("lambda 5", _VIT, [(1.45, 1.72), (3.92, 5.12)]),
)

_COMBINED: dict[tuple[Kind, ...], dict[str, Pair]] = {
    ("click",): {"berkeley": (1.38, 1.71), "davis": (3.48, 4.82)},
    ("click", "box"): {"berkeley": (1.14, 1.67), "davis": (3.01, 4.65)},
    ("click", "scribble"): {"berkeley": (1.10, 1.65), "davis": (3.06, 4.62)},
    ("click", "box", "scribble"): {"berkeley": (1.10, 1.59), "davis": (2.94, 4.57)},
}
TABLE_VII = [
    Published("VII", "VPUFormer (paper)", _VIT, "COCO+LVIS", values, kinds) for kinds, values in _COMBINED.items()
]
