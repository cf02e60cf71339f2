"""scripts/gdb/weir.py: who awaits whom, in gdb.

    (gdb) source scripts/gdb/weir.py
    (gdb) weir chain              the coroutine that the selected frame runs, or the nearest outside, and its awaiters
    (gdb) weir chain 0x7ffe1230   the same for a suspended coroutine, by its handle's address

The stack of a thread shows only who has resumed a coroutine. Who awaits it stands in the frames of the coroutines: one
begins with the function that resumes it, behind that and the one that destroys it lies the promise, and weir's promises
begin with the handle of the awaiter, or of who has opened the scope whose child it is. Works on x86-64, with debug
information and without; not on stripped programs.
"""

import re

import gdb

WORD = 8
KEPT = ("rbx", "rbp", "r12", "r13", "r14", "r15", "rdi")  # where compilers keep the frame's address
MOST_WORDS = 256  # of a call's own part of the stack
MOST_AWAITERS = 1000
# How compilers mark the function that resumes a coroutine.
RESUMES = re.compile(r"(?:\s*\[clone )?\.(?:actor|resume)\]?$")


def word_at(address):
    """The word there; None where there is no memory."""
    try:
        return int.from_bytes(bytes(gdb.selected_inferior().read_memory(address, WORD)), "little")
    except gdb.MemoryError:
        return None


def symbol_at(address):
    """The name of the function there, and how far into it the address lies; None where there is none."""
    text = gdb.execute(f"info symbol {address:#x}", to_string=True).strip()
    found = re.match(r"(.*?)(?: \+ (\d+))? in section ", text)
    return (found[1], int(found[2] or 0)) if found else None


def coroutine_of(frame):
    """The name of the coroutine whose frame this is; None where it is none."""
    resume = word_at(frame) if frame and frame % 16 == 0 else None
    symbol = symbol_at(resume) if resume else None
    if not symbol or symbol[1] != 0 or not RESUMES.search(symbol[0]):
        return None
    name = RESUMES.sub("", symbol[0])
    inside = re.match(r"(.+?)\(\1\(.*\.Frame\*\)$", name)  # GCC: what it has made of a function, taking its frame
    return inside[1] if inside else name


def place_of(frame):
    """Where the coroutine was written, as far as debug information tells."""
    line = gdb.find_pc_line(word_at(frame))
    return f" at {line.symtab.filename}:{line.line}" if line.symtab else ""


def candidates(call):
    """What may be the address of a coroutine's frame in one call of the stack."""
    for name in KEPT:
        try:
            yield int(call.read_register(name)) % 2**64
        except (gdb.error, ValueError):
            pass
    older = call.older()
    if older is None:
        return
    low, high = (int(each.read_register("rsp")) for each in (call, older))
    for address in range(low, min(high, low + MOST_WORDS * WORD), WORD):
        value = word_at(address)
        if value:
            yield value


def running(call):
    """The frame of the innermost coroutine that this call or one outside of it runs; None where there is none."""
    while call is not None and call.is_valid():
        pc = call.pc() - (1 if call.newer() else 0)
        symbol = symbol_at(pc)
        if symbol and RESUMES.search(symbol[0]):
            begins = pc - symbol[1]
            for value in candidates(call):
                if value % 16 == 0 and word_at(value) == begins:
                    return value
        call = call.older()
    return None


def chain_of(frame):
    """The coroutine and its awaiters, as (frame, name), the innermost first."""
    seen = set()
    while frame not in seen and len(seen) < MOST_AWAITERS:
        name = coroutine_of(frame)
        if name is None:
            return
        seen.add(frame)
        yield frame, name
        frame = word_at(frame + 2 * WORD)


class Weir(gdb.Command):
    """What goes on in a program that uses weir."""

    def __init__(self):
        super().__init__("weir", gdb.COMMAND_STACK, prefix=True)


class WeirChain(gdb.Command):
    """weir chain [ADDRESS]: a coroutine and those who await it, the innermost first.
Without an address it is the one that the selected frame runs, or the nearest outside of it."""

    def __init__(self):
        super().__init__("weir chain", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        frame = int(gdb.parse_and_eval(argument)) if argument else running(gdb.selected_frame())
        if frame is None:
            raise gdb.GdbError("this thread runs no coroutine here")
        chain = list(chain_of(frame))
        if not chain:
            raise gdb.GdbError(f"there is no coroutine at {frame:#x}")
        for depth, (each, name) in enumerate(chain):
            print(f"#{depth}  {each:#018x} {name}{place_of(each)}")


Weir()
WeirChain()
