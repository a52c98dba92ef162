#!/usr/bin/env python3
"""What polysem::core costs and needs: the bytes of each object file, and every symbol that it does not define.

Exit code 1 if code and constants are more than --budget bytes, if there is memory that is written to (no global state)
or if something is needed beside memcpy, memset and what compilers call for arithmetic.
"""
import argparse
import re
import subprocess
import sys

# Of libgcc: arithmetic that a processor does not have (64-bit division, conversions), never memory or system.
ALLOWED = re.compile(r"memcpy|memset|__aeabi_\w+|__(u?div|u?mod|u?mul|ash[lr]|lshr|clz|ctz)[sdt]i\d?|_GLOBAL_OFFSET_TABLE_")


def sections(objdump, library):
    """object -> {"text": bytes, "rodata": bytes, "written": bytes}"""
    sizes, name = {}, None
    for line in subprocess.run([objdump, "-h", library], check=True, capture_output=True, text=True).stdout.split("\n"):
        if match := re.match(r"(\S+\.o(?:bj)?):\s+file format", line):
            name = match[1].removesuffix(".o").removesuffix(".cpp")
            sizes[name] = {"text": 0, "rodata": 0, "written": 0}
        elif match := re.match(r"\s*\d+ (\.\S+)\s+([0-9a-f]+)", line):
            kind = next((kind for prefix, kind in ((".text", "text"), (".rodata", "rodata"), (".data.rel.ro", "rodata"),
                                                   (".data", "written"), (".bss", "written"),
                                                   (".init_array", "written")) if match[1].startswith(prefix)), None)
            if kind:
                sizes[name][kind] += int(match[2], 16)
    return sizes


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library")
    parser.add_argument("--nm", default="nm")
    parser.add_argument("--objdump", default="objdump")
    parser.add_argument("--budget", type=int, default=0, help="bytes; 0 for none")
    arguments = parser.parse_args()
    sizes = sections(arguments.objdump, arguments.library)
    if not sizes:
        sys.exit(f"{arguments.library}: no object files found")
    print(f"{'object':12} {'text':>7} {'rodata':>7}")
    for name, size in sorted(sizes.items()):
        print(f"{name:12} {size['text']:7} {size['rodata']:7}")
    total = sum(size["text"] + size["rodata"] for size in sizes.values())
    print(f"{'together':12} {total:15}" + (f" of {arguments.budget}" if arguments.budget else ""))
    wrong = [f"{name} has {size['written']} bytes of memory that is written to"
             for name, size in sizes.items() if size["written"]]
    if arguments.budget and total > arguments.budget:
        wrong.append(f"{total} bytes are more than the budget of {arguments.budget}")
    listing = subprocess.run([arguments.nm, arguments.library], check=True, capture_output=True, text=True).stdout
    defined = set(re.findall(r"\b[A-TV-Za-tv-z] (\S+)$", listing, re.MULTILINE))
    needed = sorted(set(re.findall(r"\bU (\S+)$", listing, re.MULTILINE)) - defined)
    print("needs", " ".join(needed) or "nothing")
    wrong += [f"needs {symbol}" for symbol in needed if not ALLOWED.fullmatch(symbol)]
    sys.exit("\n".join(wrong) if wrong else 0)


if __name__ == "__main__":
    main()
