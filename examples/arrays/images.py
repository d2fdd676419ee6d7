"""Works on images that come as arrays, with numpy."""

import numpy as np
from terrarium import tool


@tool
def blur(image: np.ndarray, times: int = 1) -> np.ndarray:
    """Each pixel becomes the mean of itself and its four neighbours."""
    blurred = image.astype(np.float32)
    for _ in range(times):
        padded = np.pad(blurred, 1, mode="edge")
        blurred = (blurred + padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]) / 5
    return blurred


@tool
def histogram(image: np.ndarray, bins: int) -> dict:
    counts, edges = np.histogram(image, bins)
    return {"counts": counts, "edges": edges}


@tool
def tiles(image: np.ndarray, size: int):
    """The image in squares, row by row: an item is a view of the image, and arrives as an array of its own."""
    for top in range(0, image.shape[0], size):
        for left in range(0, image.shape[1], size):
            yield image[top : top + size, left : left + size]
