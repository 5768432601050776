"""What a cheap camera does to a picture: light, colour, noise, blur, compression. Plain numpy and OpenCV."""

import cv2
import numpy as np
from numpy.typing import NDArray

from training.pictures import Pixels

Random = np.random.Generator


def spoil(pixels: Pixels, rng: Random, share: float = 1.0) -> Pixels:
    """A random mixture of the faults below; most pictures get light and colour, few get the rest.

    `share` below 1 makes the faults rarer, not weaker.
    """
    found = light_and_colour(pixels, rng)
    if rng.random() < 0.12 * share:
        found = dusk(found, rng)
    if rng.random() < 0.10 * share:
        found = motion_blur(found, rng)
    elif rng.random() < 0.12 * share:
        found = cv2.GaussianBlur(found, (0, 0), rng.uniform(0.4, 1.3)).astype(np.uint8)
    if rng.random() < 0.08 * share:
        found = coarser(found, rng)
    if rng.random() < 0.12 * share:
        found = sensor_noise(found, rng)
    if rng.random() < 0.12 * share:
        found = compressed(found, rng)
    if rng.random() < 0.10 * share:
        found = np.repeat(cv2.cvtColor(found, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    return found


def light_and_colour(pixels: Pixels, rng: Random) -> Pixels:
    """Brightness, contrast, gamma and white balance as one table per channel, then saturation."""
    ramp: NDArray[np.floating] = np.arange(256, dtype=np.float64)
    if rng.random() < 0.7:
        ramp = (ramp - 127) * rng.uniform(0.6, 1.4) + 127 + rng.uniform(-35, 35)
    if rng.random() < 0.2:
        ramp = 255 * (ramp.clip(0, 255) / 255) ** rng.uniform(0.6, 1.7)
    balance = rng.uniform(0.85, 1.15, 3) if rng.random() < 0.3 else np.ones(3)
    table = (ramp[:, None] * balance).clip(0, 255).astype(np.uint8)[None]
    found = cv2.LUT(pixels, table)
    if rng.random() < 0.35:
        grey = cv2.cvtColor(cv2.cvtColor(found, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        amount = rng.uniform(0.2, 1.5)
        found = cv2.addWeighted(found, amount, grey, 1 - amount, 0)
    if rng.random() < 0.15:  # masks come in every colour
        hue = cv2.cvtColor(found, cv2.COLOR_RGB2HSV)
        hue[..., 0] = (hue[..., 0].astype(np.int32) + int(rng.integers(-18, 19))) % 180
        found = cv2.cvtColor(hue, cv2.COLOR_HSV2RGB)
    return np.asarray(found, np.uint8)


def dusk(pixels: Pixels, rng: Random) -> Pixels:
    """Too little light, amplified: dark, few levels, with noise."""
    gain = rng.uniform(0.12, 0.5)
    noisy = pixels * np.float32(gain) + _noise(pixels, rng, rng.uniform(1, 6))
    return np.asarray((noisy * rng.uniform(1.0, 0.7 / gain)).clip(0, 255), np.uint8)


def motion_blur(pixels: Pixels, rng: Random) -> Pixels:
    """A short straight smear in any direction."""
    length = int(rng.integers(3, 9))
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1
    turn = cv2.getRotationMatrix2D(((length - 1) / 2, (length - 1) / 2), rng.uniform(0, 180), 1)
    kernel = cv2.warpAffine(kernel, turn, (length, length))
    return np.asarray(cv2.filter2D(pixels, -1, kernel / max(kernel.sum(), 1e-6)), np.uint8)


def coarser(pixels: Pixels, rng: Random) -> Pixels:
    """The picture of a camera with fewer pixels, enlarged."""
    height, width = pixels.shape[:2]
    factor = rng.uniform(0.4, 0.8)
    small = cv2.resize(pixels, (int(width * factor), int(height * factor)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def sensor_noise(pixels: Pixels, rng: Random) -> Pixels:
    """Gaussian noise of a warm sensor."""
    return np.asarray((pixels + _noise(pixels, rng, rng.uniform(2, 14))).clip(0, 255), np.uint8)


def compressed(pixels: Pixels, rng: Random) -> Pixels:
    """JPEG at a poor quality."""
    _, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 75))])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def _noise(pixels: Pixels, rng: Random, spread: float) -> NDArray[np.float32]:
    """From our own generator: OpenCV's is global and would make samples differ from run to run."""
    return rng.standard_normal(pixels.shape, np.float32) * np.float32(spread)
