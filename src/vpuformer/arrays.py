"""Arrays as people hand them over: lists, NumPy's, and torch's tensors of any kind. Imports no torch."""

from typing import Any

import numpy as np
import numpy.typing as npt


def as_array(values: Any) -> npt.NDArray[Any]:
    """The values as a NumPy array: tensors also from a device, with a gradient, or in bfloat16 (as float32).

    >>> as_array([[1, 2]]).shape
    (1, 2)

    Raises:
        ValueError: they are no rectangular array.
    """
    try:
        if hasattr(values, "detach"):
            values = values.detach().cpu()
            if str(values.dtype) == "torch.bfloat16":
                values = values.float()
        return np.asarray(values)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"{type(values).__name__} is no array ({error})") from error
