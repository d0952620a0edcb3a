"""The network of figure 3: image encoder, Dual-cross Merging Attention, multi-scale decoder."""
