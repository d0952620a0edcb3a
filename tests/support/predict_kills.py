"""Runs of `predict_folder` that are killed after a given number of function calls.

    python -m support.predict_kills IMAGES PROMPTS OUTPUT FORMAT SHARE...

For each share of the calls of an undisturbed run, a copy of this process (`fork`) works on OUTPUT/SHARE until it kills
itself with SIGKILL, and another copy continues to the end. OUTPUT/whole is an undisturbed run. Prints the status of
every copy, the killed one first: 9 after SIGKILL.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from support.app_disks import Disks
from vpuformer.prediction.run import predict_folder


class Counted:
    """Counts the function calls of this thread, and kills the process at the last one."""

    def __init__(self, last: int | None = None) -> None:
        self.calls, self.last = 0, last

    def __call__(self, *_: Any) -> None:
        self.calls += 1
        if self.calls == self.last:
            os.kill(os.getpid(), signal.SIGKILL)


def run(images: str, prompts: str, output: Path, format_name: str, counted: Counted) -> None:
    sys.setprofile(counted)
    predict_folder(images, prompts, output, Disks(5), format_name=format_name)
    sys.setprofile(None)


def main() -> None:
    images, prompts, output, format_name, *shares = sys.argv[1:]
    run(images, prompts, Path(output, "warm"), format_name, Counted())
    whole = Counted()
    run(images, prompts, Path(output, "whole"), format_name, whole)
    for share in shares:
        last = int(float(share) * whole.calls)
        for limit in (last, None):
            child = os.fork()
            if not child:
                run(images, prompts, Path(output, share), format_name, Counted(limit))
                os._exit(0)
            _, status = os.waitpid(child, 0)
            sys.stdout.write(f"{share} {status}\n")


if __name__ == "__main__":
    main()
