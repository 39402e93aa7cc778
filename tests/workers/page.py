"""A worker whose every message is hostile to a page: markup and control
characters in its name, in what it says of refused calls, and in its noise."""
import json
import sys

HOSTILE = ("<script>alert(1)</script><img src=x onerror=alert(2)>\x01\x1b[31m"
           "\r\n\x7f\u202e\"'&amp;]]>")


def say(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


json.loads(sys.stdin.readline())
say({"normgate": 1, "name": HOSTILE,
     "kernels": [{"name": "refuses", "contract": "op=rms_norm dtype=f32"},
                 {"name": "errs", "contract": "op=rms_norm dtype=f32"}]})
for line in sys.stdin:
    call = json.loads(line)
    sys.stderr.write(HOSTILE)
    if call["kernel"] == "refuses":
        say({"refused": call["call"], "why": HOSTILE})
    else:
        say({"error": call["call"], "why": HOSTILE})
