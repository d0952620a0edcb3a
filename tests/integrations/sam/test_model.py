"""The network where programs build Segment Anything: names of weights, devices, the warning about others' weights."""

from pathlib import Path

import pytest

from vpuformer.errors import CheckpointError
from vpuformer.integrations.sam import Sam, SAM2ImagePredictor, build_sam2, sam_model_registry


def test_weights_of_segment_anything_are_not_loaded_and_the_program_hears_of_it() -> None:
    with pytest.warns(UserWarning, match="sam_vit_h_4b8939.pth names weights of Segment Anything"):
        sam = sam_model_registry["vit_h"](checkpoint="sam_vit_h_4b8939.pth")
    assert sam.name == "default"
    with pytest.warns(UserWarning, match="facebook/sam2-hiera-large names weights"):
        predictor = SAM2ImagePredictor.from_pretrained("facebook/sam2-hiera-large", device="cpu")
    assert predictor.model.name == "default"


def test_weights_of_ours_are_loaded(model: Path) -> None:
    assert build_sam2("sam2_hiera_t.yaml", model, device="cpu", mode="eval").name == str(model)
    with pytest.raises(CheckpointError, match="nowhere"):
        Sam("nowhere")


def test_a_network_stays_on_its_device() -> None:
    sam = Sam(device="cpu")
    loaded = sam._segmenter
    assert sam.cpu().eval().to("cpu") is sam
    assert sam._segmenter is loaded
