"""The browser app: a page that shows images and takes prompts, and the server behind it that answers and keeps all.

`protocol` is what the two say to each other; `store` keeps it; `segmenter` is what answers; `server` joins them.
"""
