#!/usr/bin/env python3
"""Writes fixtures/images.json: small PNG and JPEG files, and what their pixels are. See README.md beside this file."""

import base64
import json
import os
import struct
import zlib
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = ""

FIXTURE = Path(__file__).parent / "fixtures" / "images.json"
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def packed(row, depth):
    """Samples of one row as bytes, the first in the highest bits."""
    bits = "".join(format(sample, f"0{depth}b") for sample in row)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))


def png(rows, kind, depth=8, extra=b"", interlaced=False):
    """A PNG of rows of pixels, each a tuple of samples."""
    height, width = len(rows), len(rows[0])
    passes = ADAM7 if interlaced else [(0, 0, 1, 1)]
    data = b""
    for top, left, down, right in passes:
        for row in rows[top::down]:
            if row[left::right]:
                data += b"\0" + packed([sample for pixel in row[left::right] for sample in pixel], depth)
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, int(interlaced))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(data, 9))
            + chunk(b"IEND", b""))


def samples(height, width, channels, limit=256):
    """Samples that no two neighbours share."""
    return [[tuple((37 * i + 71 * j + 101 * c + 13 * i * j) % limit for c in range(channels)) for j in range(width)]
            for i in range(height)]


def grey(pixel):
    """ITU-R BT.601, in 16 bits, as most programs round it."""
    r, g, b = pixel
    return (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16


def case(name, data, rgb, tolerance=0):
    return {"name": name, "file": base64.b64encode(data).decode(), "height": len(rgb), "width": len(rgb[0]),
            "tolerance": tolerance, "rgb": [v for row in rgb for pixel in row for v in pixel],
            "grey": [grey(pixel) for row in rgb for pixel in row]}


def png_cases():
    rgb = samples(5, 7, 3)
    bits = samples(3, 9, 1, limit=2)
    indices = samples(4, 5, 1, limit=4)
    colours = [(10, 20, 30), (200, 0, 7), (0, 255, 128), (255, 255, 255)]
    palette = chunk(b"PLTE", bytes(v for colour in colours for v in colour)) + chunk(b"tRNS", b"\x80\xff")
    wide = samples(3, 4, 3, limit=65536)
    scattered = [[tuple(v * 219 % 65536 for v in pixel) for pixel in row] for row in wide]
    pale = samples(4, 3, 2)
    yield case("png_rgb", png(rgb, RGB), rgb)
    yield case("png_rgba", png(samples(5, 7, 4), RGBA), [[p[:3] for p in row] for row in samples(5, 7, 4)])
    yield case("png_interlaced", png(rgb, RGB, interlaced=True), rgb)
    yield case("png_grey_1bit", png(bits, GREY, depth=1), [[(255 * p[0],) * 3 for p in row] for row in bits])
    yield case("png_grey_alpha", png(pale, GREY_ALPHA), [[(p[0],) * 3 for p in row] for row in pale])
    yield case("png_palette", png(indices, PALETTE, depth=2, extra=palette),
               [[colours[p[0]] for p in row] for row in indices])
    yield case("png_16bit", png(scattered, RGB, depth=16),
               [[tuple((v * 255 + 32895) >> 16 for v in pixel) for pixel in row] for row in scattered])


def jpeg_cases(tf):
    smooth = [[(8 * i + 40, 9 * j + 30, 5 * (i + j) + 20) for j in range(19)] for i in range(17)]
    flat = [[(7 * i + 5 * j + 20,) for j in range(19)] for i in range(17)]
    files = {
        "jpeg_rgb": tf.io.encode_jpeg(tf.constant(smooth, tf.uint8), quality=90),
        "jpeg_progressive": tf.io.encode_jpeg(tf.constant(smooth, tf.uint8), quality=80, progressive=True),
        "jpeg_grey": tf.io.encode_jpeg(tf.constant(flat, tf.uint8), format="grayscale", quality=85),
    }
    for name, data in files.items():
        pixels = tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE").numpy().tolist()
        yield case(name, data.numpy(), pixels, tolerance=3)


def resize_cases(tf):
    image = tf.constant(samples(5, 7, 3), tf.uint8)
    for height, width in [(5, 7), (10, 14), (3, 4), (1, 1), (8, 3), (13, 20)]:
        scaled = tf.image.resize(image, [height, width], method="bilinear").numpy()
        yield {"height": height, "width": width, "rgb": [int(v + 0.5) for v in scaled.flatten()]}


def main():
    import tensorflow as tf

    cases = list(png_cases()) + list(jpeg_cases(tf))
    source = [v for row in samples(5, 7, 3) for pixel in row for v in pixel]
    text = json.dumps({"made_with": f"tensorflow {tf.__version__}", "images": cases,
                       "resize": {"height": 5, "width": 7, "rgb": source, "sizes": list(resize_cases(tf))}})
    FIXTURE.write_text(text.replace('{"name"', '\n{"name"') + "\n")
    print(f"{len(cases)} images, {FIXTURE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
