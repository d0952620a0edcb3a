"""VPUFormer: outline an object in a picture with a click, a box or a scribble."""
