# SPDX-License-Identifier: GPL-3.0-or-later
"""Films as pictures one after the other, for the steps that change them; read and written frame by frame.

A film is a file of video (read with PyAV) or a zip of PNG. What is made of it is of the same kind, with its sound.
Frames are (H, W, 3) or, where some are transparent, (H, W, 4) bytes, sRGB, alpha straight, all of one size.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .protocol import whole
from .protocol.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

MOST_PIXELS, MOST_FRAMES = 100_000_000, 1_000_000
ZIP_RATE = Fraction(24)
"""Frames a second of a zip, which does not say."""
SWS = 0x4 | 0x2000 | 0x4000 | 0x40000
"""How FFmpeg turns colours: bicubic, colour at full width, rounded rightly; else each copy grows darker by 1."""
CRF = "14"
"""Of H.264, which is not seen; a film is packed again at each step."""
MUXERS = {".mp4": "mp4", ".mov": "mov", ".webm": "webm", ".mkv": "matroska"}
"""What FFmpeg calls what writes files of each ending; others become .mp4."""


@dataclass(frozen=True)
class Reel:
    """`size` is (width, height) px; `rate` frames a second; `codec` is empty for a zip."""

    path: Path
    size: tuple[int, int]
    rate: Fraction
    count: int
    alpha: bool = False
    codec: str = ""

    def frames(self) -> Iterator[Pixels]:
        """All frames; raises `UserError` where the file ends too early."""
        done = 0
        for frame in _unzipped(self.path) if not self.codec else _decoded(self):
            if (frame.shape[1], frame.shape[0]) != self.size:
                raise UserError(f"Frame {done + 1} of {self.path.name} has another size. Give frames of one size.")
            done += 1
            yield frame
        if done < self.count:
            raise UserError(f"{self.path.name} is damaged after frame {done} of {self.count}. Render it again.")

    @property
    def suffix(self) -> str:
        """Of what is made of it."""
        if not self.codec:
            return ".zip"
        return self.path.suffix.lower() if self.path.suffix.lower() in MUXERS else ".mp4"


def read(path: str | Path) -> Reel:
    """What a file holds; raises `UserError` where that is no film."""
    path = Path(path)
    if not path.is_file() or not path.stat().st_size:
        raise UserError(f"There is no film {path}, or it is empty. Choose another.")
    return _zip(path) if zipfile.is_zipfile(path) else _film(path)


def write(path: Path, frames: Iterable[Pixels], like: Reel, rate: Fraction, *, sound: bool = True) -> None:
    """A film of the kind of `like`, with its sound; whole or not at all."""
    try:
        with whole.part(path) as part:
            if like.codec:
                _encode(part, path.suffix, frames, like, rate, sound)
            else:
                _pack(part, frames)
    except OSError as error:
        if isinstance(error, UserError) or not error.errno:
            raise
        raise UserError(f"The film could not be written ({error}). Free some disk space.", kind="output") from None


def kept(path: Path) -> Pixels | None:
    """A frame that an interrupted attempt left whole; None where it did not."""
    import numpy as np
    from PIL import Image

    try:
        with Image.open(path, formats=("PNG",)) as picture:
            return np.array(picture)
    except (OSError, SyntaxError):
        return None


def keep(path: Path, frame: Pixels) -> Pixels:
    """The frame, on the disk for when the job is begun again."""
    from PIL import Image

    with whole.part(path) as part:
        Image.fromarray(frame).save(part, "PNG", compress_level=1)
    return frame


def _names(archive: zipfile.ZipFile) -> list[str]:
    return sorted(name for name in archive.namelist() if name.lower().endswith(".png"))[: MOST_FRAMES + 1]


def _zip(path: Path) -> Reel:
    from PIL import Image

    try:
        with zipfile.ZipFile(path) as archive:
            names = _names(archive)
            if not 0 < len(names) <= MOST_FRAMES:
                raise UserError(f"{path.name} holds {len(names)} PNG. Give a zip of the frames of a film.")
            with archive.open(names[0]) as file, Image.open(file, formats=("PNG",)) as first:
                size, alpha = first.size, "A" in first.getbands()
    except (OSError, SyntaxError, zipfile.BadZipFile, RuntimeError) as error:
        raise UserError(f"{path.name} cannot be read ({error}). Render it again.") from None
    _check(path, *size)
    return Reel(path, size, ZIP_RATE, len(names), alpha)


def _check(path: Path, width: int, height: int) -> None:
    if not 0 < width * height <= MOST_PIXELS or max(width, height) > 1 << 15:
        raise UserError(f"Frames of {width} by {height} px are too large: {path.name}. Make them smaller.")


def _unzipped(path: Path) -> Iterator[Pixels]:
    import numpy as np
    from PIL import Image

    with zipfile.ZipFile(path) as archive:
        for name in _names(archive):
            try:
                with archive.open(name) as file, Image.open(file, formats=("PNG",)) as picture:
                    _check(path, *picture.size)
                    if picture.mode.startswith("I"):  # one channel of 16 bits
                        grey = np.asarray(picture, np.int32) >> 8
                        pixels = np.repeat(grey[..., None].astype(np.uint8), 3, axis=2)
                    else:
                        pixels = np.array(picture.convert("RGBA" if "A" in picture.getbands() else "RGB"))
            except (OSError, SyntaxError, zipfile.BadZipFile, RuntimeError) as error:
                raise UserError(f"{name} in {path.name} cannot be read ({error}). Render it again.") from None
            yield pixels


def _pack(part: Path, frames: Iterable[Pixels]) -> None:
    from PIL import Image

    with zipfile.ZipFile(part, "w") as archive:
        for number, frame in enumerate(frames):
            with archive.open(zipfile.ZipInfo(f"{number + 1:06d}.png"), "w", force_zip64=True) as file:
                Image.fromarray(frame).save(file, "PNG", compress_level=4)


def _av() -> Any:
    """PyAV, as whatever it is: it is in the full environment alone."""
    from importlib import import_module

    try:
        return import_module("av")
    except ImportError:
        text = (
            "Films are read with the library av, which is not here. Repair the full environment, or give a zip of PNG."
        )
        raise UserError(text, kind="environment") from None


def _film(path: Path) -> Reel:
    av = _av()
    try:
        with av.open(str(path)) as container:
            stream = next(iter(container.streams.video), None)
            if stream is None:
                raise UserError(f"{path.name} holds no moving picture. Choose a film.")
            context = stream.codec_context
            size, codec = (context.width, context.height), context.name
            alpha = "a" in str(context.pix_fmt).partition("p")[0] or stream.metadata.get("alpha_mode") == "1"
            alpha = alpha and codec != "gif"
            rate = stream.average_rate or stream.guessed_rate or ZIP_RATE
            count = sum(bool(packet.size) for packet in container.demux(stream))
    except av.error.FFmpegError as error:
        raise UserError(f"{path.name} is no film that can be read ({error.strerror}). Choose another.") from None
    _check(path, *size)
    if not 0 < count <= MOST_FRAMES:
        raise UserError(f"{path.name} has {count} frames. Choose another film.")
    return Reel(path, size, Fraction(rate), count, alpha, codec)


def _decoded(reel: Reel) -> Iterator[Pixels]:
    av = _av()
    kind = "rgba" if reel.alpha else "rgb24"
    try:
        with av.open(str(reel.path)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            decode = container.decode(stream)
            if reel.alpha and reel.codec in ("vp8", "vp9"):  # FFmpeg's own decoder does not see transparency
                own = av.CodecContext.create(f"libvpx{'-vp9' if reel.codec == 'vp9' else ''}", "r")
                decode = (frame for packet in container.demux(stream) for frame in own.decode(packet))
            for frame in decode:
                yield frame.to_ndarray(format=kind, interpolation=SWS)
    except av.error.FFmpegError as error:
        raise UserError(f"{reel.path.name} is damaged ({error.strerror}). Render it again.") from None


def _encode(part: Path, suffix: str, frames: Iterable[Pixels], like: Reel, rate: Fraction, heard: bool) -> None:
    av = _av()
    with av.open(str(part), "w", format=MUXERS[suffix]) as out, av.open(str(like.path)) as source:
        stream, sound, voice = None, None, next(iter(source.streams.audio), None) if heard else None
        for frame in frames:
            if stream is None:
                stream = _stream(out, suffix, frame, rate)
                sound = _sound(av, out, voice)
            picture = av.VideoFrame.from_ndarray(frame, format="rgba" if frame.shape[2] == 4 else "rgb24")
            picture = picture.reformat(
                format=stream.pix_fmt, dst_colorspace="ITU709", dst_color_range="MPEG", interpolation=SWS
            )
            for packet in stream.encode(picture):
                out.mux(packet)
        if stream is None:
            raise UserError(f"{like.path.name} has no frames. Choose another film.")
        for packet in stream.encode():
            out.mux(packet)
        for packet in source.demux(voice) if sound else ():
            if packet.dts is not None:
                packet.stream = sound
                out.mux(packet)


def _stream(out: Any, suffix: str, frame: Pixels, rate: Fraction) -> Any:
    """H.264, VP9 in WebM, ProRes 4444 where a .mov is transparent."""
    height, width, channels = frame.shape
    clear, even = channels == 4, width % 2 == 0 and height % 2 == 0
    options: dict[str, str] = {}
    if suffix == ".webm":
        codec, kind, options = (
            "libvpx-vp9",
            "yuva420p" if clear else "yuv420p",
            {"crf": "18", "b": "0", "cpu-used": "4"},
        )
    elif clear and suffix == ".mov":
        codec, kind, options = "prores_ks", "yuva444p10le", {"profile": "4444"}
    else:
        codec, kind, options = "libx264", "yuv420p" if even else "yuv444p", {"crf": CRF, "preset": "medium"}
    stream = out.add_stream(codec, rate=rate, options=options)
    stream.width, stream.height, stream.pix_fmt = width, height, kind
    context = stream.codec_context
    context.colorspace = context.color_primaries = context.color_trc = context.color_range = 1  # BT.709, limited
    return stream


def _sound(av: Any, out: Any, voice: Any) -> Any:
    """The sound's stream as it is; None where there is none or the file cannot hold it."""
    try:
        return out.add_stream_from_template(voice) if voice else None
    except (ValueError, av.error.FFmpegError):
        return None
