"""Draw the two sample pictures of README's first command: a mug, and a kitchen table.

Run it from the top folder: `python tests/tools/draw_samples.py`. A test compares the kept
files with what it draws.
"""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

IMAGES = Path(__file__).parent.parent / "images"

_SCALE = 3  # drawn larger and shrunk, for smooth edges


def _gradient(size: tuple[int, int], top: tuple[int, ...], bottom: tuple[int, ...]) -> Image.Image:
    mask = Image.linear_gradient("L").resize(size)
    return Image.composite(Image.new("RGB", size, bottom), Image.new("RGB", size, top), mask)


def _soft(size: tuple[int, int], box: tuple[int, ...], radius: int, strength: int) -> Image.Image:
    """Return a blurred ellipse as a mask."""
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).ellipse(box, fill=strength)
    return mask.filter(ImageFilter.GaussianBlur(radius))


def draw_product() -> Image.Image:
    """Return a white ceramic mug on a plain ground, 640x480 px."""
    width, height = 640 * _SCALE, 480 * _SCALE
    image = _gradient((width, height), (222, 226, 230), (244, 245, 246))
    shadow = _soft(image.size, (470, 1090, 1380, 1290), 40, 120)
    image.paste((120, 126, 134), mask=shadow)
    draw = ImageDraw.Draw(image)
    draw.ellipse((1180, 520, 1560, 980), outline=(232, 234, 236), width=86)
    draw.rounded_rectangle((520, 330, 1330, 1200), radius=150, fill=(250, 250, 249))
    shade = Image.new("L", image.size, 0)
    ImageDraw.Draw(shade).rounded_rectangle((980, 330, 1330, 1200), radius=150, fill=70)
    shade = shade.filter(ImageFilter.GaussianBlur(70))
    body = Image.new("L", image.size, 0)
    ImageDraw.Draw(body).rounded_rectangle((520, 330, 1330, 1200), radius=150, fill=255)
    image.paste((150, 156, 164), mask=Image.composite(shade, Image.new("L", image.size, 0), body))
    draw.ellipse((520, 250, 1330, 470), fill=(238, 239, 240))
    draw.ellipse((560, 280, 1290, 446), fill=(92, 66, 50))
    draw.ellipse((600, 318, 1250, 446), fill=(112, 80, 58))
    return image.resize((640, 480), Image.Resampling.LANCZOS)


def draw_scene() -> Image.Image:
    """Return a kitchen with a wooden table by a window, 960x640 px."""
    width, height = 960 * _SCALE, 640 * _SCALE
    image = _gradient((width, height), (238, 226, 204), (214, 192, 160))
    draw = ImageDraw.Draw(image)
    draw.rectangle((300, 140, 1300, 1120), fill=(252, 250, 240))
    draw.rectangle((350, 190, 1250, 1070), fill=(176, 208, 228))
    draw.ellipse((860, 280, 1090, 510), fill=(255, 240, 190))
    draw.polygon(((350, 1070), (350, 860), (700, 740), (1250, 900), (1250, 1070)), (126, 158, 110))
    draw.rectangle((785, 190, 815, 1070), fill=(252, 250, 240))
    draw.rectangle((350, 620, 1250, 650), fill=(252, 250, 240))
    for left in (1700, 2080, 2460):
        draw.rounded_rectangle((left, 180, left + 320, 760), radius=30, fill=(164, 124, 88))
        draw.ellipse((left + 262, 450, left + 292, 480), fill=(80, 58, 40))
    image = image.filter(ImageFilter.GaussianBlur(9))
    draw = ImageDraw.Draw(image)
    for row in range(8):
        top = 1200 + row * 90
        tone = 150 + (row * 37) % 26
        draw.rectangle((0, top, width, top + 90), fill=(tone, tone * 68 // 100, tone * 42 // 100))
        draw.line((0, top, width, top), fill=(104, 70, 42), width=6)
    light = _soft(image.size, (500, 1250, 1900, 1800), 120, 110)
    image.paste((255, 226, 172), mask=light)
    return image.resize((960, 640), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    draw_product().save(IMAGES / "product.jpg", quality=88)
    draw_scene().save(IMAGES / "scene.jpg", quality=88)
