"""`vpuformer segment`: one image, all its prompts in one pass, one mask."""

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from vpuformer.cli.outputs import IMAGE_SUFFIXES, check_file, check_unlike
from vpuformer.cli.prompt_syntax import BOX_FORM, CLICK_FORM, SCRIBBLE_FORM
from vpuformer.cli.shared_options import DeviceOption, ModelOption, RuntimeOption, WindowOption
from vpuformer.errors import InputError, PromptError
from vpuformer.memory import no_garbage_collection


@no_garbage_collection()  # one image, and the process ends
def segment(
    image: Annotated[
        Path, typer.Argument(metavar="IMAGE", help="The image, or a file of slices: DICOM, NIfTI or TIFF.")
    ],
    click: Annotated[list[str] | None, typer.Option(metavar=CLICK_FORM, help="A point on the object.")] = None,
    negative_click: Annotated[list[str] | None, typer.Option(metavar=CLICK_FORM, help="A point off it.")] = None,
    box: Annotated[list[str] | None, typer.Option(metavar=BOX_FORM, help="A rectangle around the object.")] = None,
    negative_box: Annotated[list[str] | None, typer.Option(metavar=BOX_FORM, help="One with none of it.")] = None,
    scribble: Annotated[list[str] | None, typer.Option(metavar=SCRIBBLE_FORM, help="A stroke on the object.")] = None,
    negative_scribble: Annotated[list[str] | None, typer.Option(metavar=SCRIBBLE_FORM, help="A stroke off it.")] = None,
    prompts: Annotated[Path | None, typer.Option(metavar="FILE", help="More prompts, as a JSON list.")] = None,
    mask: Annotated[Path | None, typer.Option(metavar="FILE", help="A mask to correct, as large as IMAGE.")] = None,
    mask_label: Annotated[
        str | None, typer.Option(metavar="N", help="The label in --mask that is the object, where there are several.")
    ] = None,
    number: Annotated[
        int | None, typer.Option("--slice", metavar="N", help="Slice of a volume, page or frame, from 0.")
    ] = None,
    axis: Annotated[
        str | None, typer.Option(metavar="x|y|z", help="Sagittal, coronal or axial slices; by default as taken.")
    ] = None,
    time_point: Annotated[
        int | None, typer.Option("--time", metavar="N", help="Volume of a file with several (4-D NIfTI), from 0.")
    ] = None,
    window: WindowOption = None,
    model: ModelOption = "default",
    device: DeviceOption = None,
    runtime: RuntimeOption = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="The mask, as PNG.")] = None,
    overlay: Annotated[Path | None, typer.Option(metavar="FILE", help="The image with mask and prompts.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say what came out as one JSON object.")] = False,
) -> None:
    """Outline the object that the prompts show.

    Coordinates are pixels of the image, x to the right and y downwards from 0. Every option for prompts may be given
    several times and mixed with the others; all of them are used at once.

    Example: vpuformer segment dog.jpg --box 40,30,310,270 --negative-click 60,200 -o dog_mask.png
    """
    from vpuformer.cli.prompts import gather_prompts
    from vpuformer.prompts import fit_to_image, prompt_to_dict

    wanted = gather_prompts(prompts, click, negative_click, box, negative_box, scribble, negative_scribble)
    if not wanted and mask is None:
        raise PromptError(
            f"no prompt given; show the object with --click {CLICK_FORM}, --box {BOX_FORM},"
            f' --scribble "{SCRIBBLE_FORM}" or --prompts FILE'
        )
    _check_outputs(image, prompts, mask, output, overlay, as_json)
    label = _label(mask, mask_label)

    from vpuformer.cli.outcome import read_previous, summary_text
    from vpuformer.geometry import Crop
    from vpuformer.images import overlay as drawn
    from vpuformer.images import slice_path, write_image, write_mask
    from vpuformer.images.addresses import parse_window
    from vpuformer.images.meaning import coverage
    from vpuformer.images.remarks import read_with_remarks
    from vpuformer.marks import marks_of

    if not (number is None and axis is None and time_point is None and window is None):
        shown = None if window is None else parse_window(window)
        image = slice_path(image, number, axis=axis, time=time_point, window=shown)
    pixels, remarks = read_with_remarks(image)
    notes = [f"{image}: {remark}" for remark in remarks]
    size = (pixels.shape[0], pixels.shape[1])
    clipped = fit_to_image(wanted, size)  # fails before the network is loaded
    previous = None
    if mask is not None:
        previous, said = read_previous(mask, size, label)
        notes += said

    from vpuformer.inference.feature_store import FeatureStore
    from vpuformer.inference.protocol import Query
    from vpuformer.inference.segment import VPUFormerSegmenter

    features = FeatureStore(read_only=True)
    segmenter = VPUFormerSegmenter.from_pretrained(model, device, runtime=runtime, features=features)
    start = time.perf_counter()
    (prediction,) = segmenter.segment([Query(segmenter.encode(pixels), wanted, previous, new=len(wanted))])
    found = prediction.mask
    seconds = time.perf_counter() - start
    if (remark := coverage(found)) is not None:
        notes.append(f"the answer: {remark}; show the object with a further prompt")

    if output is not None:
        write_mask(output, found)
    if overlay is not None:
        write_image(overlay, drawn(pixels, found, marks_of(clipped)))
    bounds = Crop.around(found)
    summary = {
        "mask": None if output is None else str(output),
        "overlay": None if overlay is None else str(overlay),
        "area": int(found.sum()),
        "bounding_box": None if bounds is None else list(bounds.edges),
        "seconds": round(seconds, 3),
        "model": model,
        "prompts": [prompt_to_dict(prompt) for prompt in wanted],
        "notes": notes,
    }
    typer.echo(json.dumps(summary) if as_json else summary_text(summary))


def _label(mask: Path | None, word: str | None) -> int | None:
    """The label that a word names: a whole number, or a colour such as #ff8000."""
    if word is None:
        return None
    if mask is None:
        raise InputError("--mask-label chooses a label of --mask; give a mask too")
    try:
        return int(word[1:], 16) if word.startswith("#") else int(word)
    except ValueError as error:
        raise InputError(f"--mask-label is a whole number, or a colour such as #ff8000, got {word!r:.80}") from error


def _check_outputs(
    image: Path, prompts: Path | None, mask: Path | None, output: Path | None, overlay: Path | None, as_json: bool
) -> None:
    if output is None and overlay is None and not as_json:
        raise InputError("nothing to write; say where the mask goes with -o MASK.png, or ask for --overlay or --json")
    if output is not None:
        check_file(output, "the mask", (".png",))
        check_unlike(output, image, prompts, overlay)  # a mask may be corrected in place
    if overlay is not None:
        check_file(overlay, "the overlay", IMAGE_SUFFIXES)
        check_unlike(overlay, image, prompts, mask, output)
