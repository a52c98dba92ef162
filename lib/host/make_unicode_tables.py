#!/usr/bin/env python3
"""Writes unicode_tables.inc from UnicodeData.txt (Debian package unicode-data): make_unicode_tables.py FILE VERSION."""
import sys


def ranges(path, group):
    """Closed ranges of code points whose general category begins with `group`."""
    found, first = [], None
    for line in open(path, encoding="ascii"):
        code, name, category = line.split(";")[:3]
        code = int(code, 16)
        if name.endswith(", First>"):
            first = code
            continue
        start, first = (first if name.endswith(", Last>") else code), None
        if category[0] != group:
            continue
        if found and found[-1][1] == start - 1:
            found[-1][1] = code
        else:
            found.append([start, code])
    return found


def table(name, pairs):
    cells = [f"{{0x{a:x}, 0x{b:x}}}," for a, b in pairs]
    lines, line = [], " "
    for cell in cells:
        if len(line) + 1 + len(cell) > 110:
            lines.append(line)
            line = " "
        line += " " + cell
    return f"constexpr CodePointRange {name}[] = {{\n" + "\n".join(lines + [line]) + "\n};\n"


path, version = sys.argv[1:3]
print(f"// Made by make_unicode_tables.py from UnicodeData.txt of Unicode {version}; do not edit.")
print("// General categories L (letters) and N (numbers).")
print(table("kLetters", ranges(path, "L")) + table("kNumbers", ranges(path, "N")), end="")
