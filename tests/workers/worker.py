"""Workers that break the protocol, one way for each first argument; `good` does
not. Nothing but the standard library, and no code of the real client."""
import array
import json
import math
import mmap
import os
import signal
import sys
import time

CASE = sys.argv[1]
CONTRACT = "op=rms_norm dtype=f32"


def say(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def floats(memory, tensor):
    size = 4 * tensor["count"]
    values = array.array("f")
    values.frombytes(memory[tensor["offset"]:tensor["offset"] + size])
    return values


def answer(memory, call):
    tensors, n = call["tensors"], call["n"]
    x, gamma = floats(memory, tensors["x"]), floats(memory, tensors["gamma"])
    y = array.array("f", bytes(4 * len(x)))
    for row in range(call["rows"]):
        part = x[row * n:row * n + n]
        square = math.fsum(v * v for v in part) / n
        rstd = 1 / math.sqrt(square + call["eps"])
        for i in range(n):
            y[row * n + i] = part[i] * rstd * gamma[i]
    begin = tensors["y"]["offset"]
    memory[begin:begin + 4 * len(y)] = y.tobytes()
    if CASE == "scribbles":
        begin = tensors["x"]["offset"]
        memory[begin:begin + 4] = b"\x01\x02\x03\x04"
    if CASE == "overruns":
        memory[begin + 4 * len(y):begin + 4 * len(y) + 1] = b"!"
    if CASE == "far":
        memory[begin + 4 * len(y) + 3000] = 1
    if CASE == "truncates":
        open(hello["memory"], "wb").close()
    if CASE == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if CASE == "garbage_in_call":
        print("Traceback: \x1b[31mred\x1b[0m", flush=True)
    elif CASE == "lies":
        say({"done": call["call"] + 1})
    elif CASE == "two_answers":
        say({"done": call["call"], "error": call["call"]})
    elif CASE == "refuses":
        say({"refused": call["call"], "why": "not today"})
    else:
        say({"done": call["call"]})


if CASE == "dies":
    sys.exit("no framework here")
if CASE == "silent":
    time.sleep(60)
if CASE == "garbage":
    print("hello world")
    sys.stdout.flush()
    time.sleep(60)
if CASE == "endless":
    while True:
        sys.stdout.write("x" * 65536)
hello = json.loads(sys.stdin.readline())
kernels = [{"name": "rms_norm", "contract": CONTRACT}]
if CASE == "bad_contract":
    kernels[0]["contract"] = "op=rms_norm dtype=f8"
if CASE == "no_list":
    kernels = {"rms_norm": CONTRACT}
say({"normgate": 7 if CASE == "version" else 1, "name": "test \x1b[31m" + CASE,
     "kernels": kernels})
with open(hello["memory"], "r+b") as file:
    shared = mmap.mmap(file.fileno(), hello["bytes"])
for line in sys.stdin:
    answer(shared, json.loads(line))
