"""The network: image encoder, Dual-cross Merging Attention, multi-scale decoder."""
