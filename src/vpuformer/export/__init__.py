"""Networks as graphs for runtimes other than PyTorch.

Writing them needs torch; reading them does not.
"""
