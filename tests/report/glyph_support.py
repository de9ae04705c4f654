"""Pages of letters that are all of one size, for tests of what is found on them."""

from batchata.core.glyphs import Box, Glyph

WIDE, HIGH = 6.0, 12.0


def page_of(*lines, number=1, right=0.0):
    """The glyphs of a page on which each character of a line takes the same room, in the order of the lines."""
    return [glyph for row, line in enumerate(lines) for glyph in line_of(line, number, right, row * 1.5 * HIGH)]


def line_of(line, number, left, top):
    glyphs, apart = [], True
    for column, character in enumerate(line):
        if character.isspace():
            apart = True
            continue
        box = Box(left + column * WIDE, top, left + (column + 1) * WIDE, top + HIGH)
        glyphs.append(Glyph(character, number, box, apart))
        apart = False
    return glyphs


def spelled(glyphs, indexes):
    return "".join(glyphs[index].text for index in indexes)
