"""Names of files that are of no format that is read."""

from vpuformer.formats.bundle import Bundle
from vpuformer.formats.xml_tree import root_of

_BEGINNINGS = {
    b"%PDF": "a PDF",
    b"SQLite format 3": "an SQLite database",
    b"\x89HDF": "an HDF5 file, as `.h5` and newer `.mat` files are",
    b"MATLAB 5.0": "a MATLAB file",
    b"\x93NUMPY": "a NumPy array",
    b"\x1f\x8b": "a file packed by gzip; unpack it first",
    b"BZh": "a file packed by bzip2; unpack it first",
    b"7z\xbc\xaf": "a 7z archive; pack the files as zip, or give their folder",
    b"Rar!": "a RAR archive; pack the files as zip, or give their folder",
    b"PAR1": "a Parquet table",
}

_KEYS = {
    "_via_img_metadata": "a project of the VGG Image Annotator; export it as COCO",
    "regions": "a file of the VGG Image Annotator; export it as COCO",
    "features": "GeoJSON",
    "classTitle": "a file of Supervisely; export it as COCO",
    "labelbox_id": "a file of Labelbox",
    "data_row": "a file of Labelbox",
    "data": "a JSON file of Label Studio without annotations",
    "panoptic_segments": "COCO panoptic",
}


def what_it_is(bundle: Bundle) -> str:
    """What files are that no format claims, as the begin of a sentence."""
    if not bundle.alone:
        if lists := bundle.under("", (".yaml", ".yml")):
            return f"{bundle.whole} of {lists[0]} holds no labels of YOLO, labels/IMAGE.txt, nor others that are read"
        return f"{bundle.whole} holds no annotations that are read"
    called, content = bundle.whole, bundle.read(bundle.names[0])
    for beginning, what in _BEGINNINGS.items():
        if content.startswith(beginning):
            return f"{called} is {what}"
    if content[257:262] == b"ustar":
        return f"{called} is a tar archive; pack the files as zip, or give their folder"
    root = root_of(bundle, bundle.names[0])
    if root is not None:
        return f"{called} is XML of an unknown format, with the root {root!r:.40}"
    parsed = bundle.json(bundle.names[0])
    first = parsed[0] if isinstance(parsed, list) and parsed else parsed
    for key, what in _KEYS.items():
        if isinstance(first, dict) and key in first:
            return f"{called} is {what}"
    if parsed is not None:
        return f"{called} is JSON of no format that is read"
    return f"{called} is of no format that is read"
