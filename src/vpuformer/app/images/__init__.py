"""Images for the page: files, pixels, tiles and thumbnails."""
