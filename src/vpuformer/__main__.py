"""`python -m vpuformer` is the command `vpuformer`."""

from vpuformer.cli import main

if __name__ == "__main__":
    main()
