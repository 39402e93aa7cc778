"""Workers whose words would write on a terminal what they like, one way for
each first argument. Nothing but the standard library."""
import json
import sys

CASE = sys.argv[1]
EVIL = "\x1b[2J\x07\r\nPASS\n\x08\x7f\u202e\u009b31m\u2028\ufeff"
LONG = EVIL * (100_000 // len(EVIL))


def say(message, escape=True):
    text = json.dumps(message, ensure_ascii=escape) + "\n"
    sys.stdout.buffer.write(text.encode())
    sys.stdout.flush()


if CASE == "stderr":
    sys.stderr.buffer.write(LONG.encode() + b"\xff\xc0\xaf")
    sys.exit(3)
if CASE == "bytes":
    sys.stdout.buffer.write(b"\xff\x1b]0;title\x07\xc2\x9b\n")
    sys.stdout.flush()
sys.stdin.readline()
kernel = {"name": "rms_norm", "contract": "op=rms_norm dtype=f32"}
if CASE == "kernel":
    kernel["name"] = EVIL
if CASE == "contract":
    kernel["contract"] += " " + LONG + "=1"
if CASE == "key":
    kernel[EVIL] = EVIL
say({"normgate": 1, "name": LONG if CASE == "name" else EVIL,
     "kernels": [kernel]})
for line in sys.stdin:
    call = json.loads(line)["call"]
    if CASE == "garbage":
        sys.stdout.buffer.write(EVIL.encode() + b"\xff\n")
        sys.stdout.flush()
    elif CASE == "raw":
        say({"error": call, "why": LONG}, escape=False)
    else:
        say({"refused": call, "why": LONG})
