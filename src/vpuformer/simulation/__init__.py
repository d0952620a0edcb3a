"""A simulated user, who corrects a prediction with a click, a box or a scribble.

All functions are pure. The arguments of the `next_` functions are the same:

* `truth`, int8 (H, W): 1 for the object, 0 for the background and -1 (`IGNORE`) for ignored pixels;
* `prediction`, bool (H, W);
* `rng`: without it the *evaluation form*, which always gives the same answer, and with a generator the *training form*,
  which varies like people do;
* `earlier`: all prompts of the object so far; no prompt is repeated. Pixels that were clicked do not count when the
  side and the component are chosen.

The answer is in pixels of the image, None when nothing is wrong. They raise a `MaskError` if the arrays do not fit each
other.

>>> import numpy as np
>>> truth = np.zeros((9, 9), np.int8)
>>> truth[2:7, 1:6] = 1
>>> nothing = np.zeros((9, 9), bool)
>>> next_click(truth, nothing)
Click(x=3.0, y=4.0, positive=True)
>>> next_box(truth, nothing)
Box(x0=0.5, y0=1.5, x1=5.5, y1=6.5, positive=True)
>>> next_click(truth, truth == 1) is None
True
"""

from vpuformer.simulation.boxes import next_box
from vpuformer.simulation.clicks import next_click
from vpuformer.simulation.initial import initial_clicks
from vpuformer.simulation.kinds import next_kind, next_prompt
from vpuformer.simulation.scribbles import next_scribble

__all__ = [
    "initial_clicks",
    "next_box",
    "next_click",
    "next_kind",
    "next_prompt",
    "next_scribble",
]
