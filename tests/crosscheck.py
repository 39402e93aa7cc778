#!/usr/bin/python3
"""Checks the exact reference in another language: reads what dump_reference
prints and computes it again. Sums and variances are Fractions, the square root
is mpmath's at 3000 bits and more, a suspected tie is settled by squaring
Fractions; the rounding is done on integers. Bits must be equal.

    crosscheck.py path/to/dump_reference     (or its output on stdin)

Exit 0: all equal; 1: a difference, printed with its case; 2: nothing came.
"""
import math
import subprocess
import sys
from fractions import Fraction

import mpmath

FORMATS = {  # p, emin, emax
    "f16": (11, -14, 15),
    "bf16": (8, -126, 127),
    "f32": (24, -126, 127),
    "f64": (53, -1022, 1023),
}


class Radical:
    """base + factor / (sqrt(square) + shift), all Fractions."""

    def __init__(self, base, factor, square, shift):
        self.base, self.factor = base, factor
        self.square, self.shift = square, shift

    def approximate(self):
        """A Fraction within 2^-2500 of the larger of both terms."""
        square = self.square
        bits = 3000 + abs(square.numerator.bit_length()
                          - square.denominator.bit_length())
        mpmath.mp.prec = bits
        root = mpmath.sqrt(mpmath.mpf(square.numerator)
                           / mpmath.mpf(square.denominator))
        man, exp = int(root.man), int(root.exp)
        value = Fraction(man) * Fraction(2) ** exp
        return self.base + self.factor / (value + self.shift)

    def equals(self, m):
        """base + factor/(sqrt(square) + shift) == m, decided exactly."""
        rest = m - self.base
        if rest == 0 or self.factor == 0:
            return rest == self.factor
        root = self.factor / rest - self.shift  # must be sqrt(square)
        return root >= 0 and root * root == self.square

    def size(self):
        return max(abs(self.base), abs(self.approximate() - self.base))


def floor_log2(v):
    e = v.numerator.bit_length() - v.denominator.bit_length()
    return e if v >= Fraction(2) ** e else e - 1


def round_to(name, radical, stats):
    """The nearest number of the format, to even, as a float."""
    p, emin, emax = FORMATS[name]
    v = radical.approximate()
    noise = radical.size() * Fraction(1, 2**2000)
    if abs(v) <= noise:
        if not radical.equals(Fraction(0)):
            raise ArithmeticError("not resolved near zero")
        return 0.0
    a = abs(v)
    sign = -1 if v < 0 else 1
    unit = Fraction(2) ** (max(floor_log2(a), emin) - p + 1)
    k, rest = divmod(a, unit)
    half = unit / 2
    if abs(rest - half) <= noise:
        if not radical.equals(sign * (k * unit + half)):
            raise ArithmeticError("not resolved near a midpoint")
        stats["ties"] += 1
        up = k % 2 == 1
    else:
        up = rest > half
    rounded = (k + up) * unit
    if rounded >= Fraction(2) ** (emax + 1):
        return sign * math.inf
    return sign * float(rounded)  # exact: it fits the format


def values(line, name):
    head, *words = line.split()
    assert head == name, line
    if words == ["-"]:
        return None
    return [Fraction(float.fromhex(w)) for w in words]


def points(line, name):
    head, *words = line.split()
    assert head == name, line
    return [(words[i], float.fromhex(words[i + 1]))
            for i in range(0, len(words), 2)]


def same(exact, got):
    if exact == 0 and math.copysign(1, exact) < 0:  # a rounded negative
        return got == 0 and math.copysign(1, got) < 0
    return exact == got


def check(lines, stats):
    head = lines[0].split()
    norm, dtype, stats_dtype = head[1:4]
    options = dict(zip(head[4::2], head[5::2]))
    eps = Fraction(float.fromhex(options["eps"]))
    x = values(lines[1], "x")
    gamma = values(lines[2], "gamma") or [Fraction(1)] * len(x)
    beta = values(lines[3], "beta") or [Fraction(0)] * len(x)
    n = len(x)
    if options["plus"] == "1":
        gamma = [1 + g for g in gamma]
    average = sum(x) / n
    mean = average if norm == "layer" else Fraction(0)
    var = sum((v - mean) ** 2 for v in x) / (n - int(options["ddof"]))
    place = options["place"]
    square, shift = var, Fraction(0)
    if place == "inside":
        square = var + eps
    elif place == "outside":
        shift = eps
    elif place == "max_var":
        square = max(var, eps)
    zero = square == 0 and shift == 0

    wanted = [("mean", Radical(average, Fraction(0), Fraction(1), Fraction(0)),
               points(lines[4], "mean")[0], stats_dtype)]
    if not zero:
        wanted.append(("rstd", Radical(Fraction(0), Fraction(1), square, shift),
                       points(lines[5], "rstd")[0], stats_dtype))
    for i, point in enumerate(points(lines[6], "y")):
        if zero:
            stats["undefined"] += 1
            if point[0] != "undefined":
                print("FAILURE 0/0 is not undefined:", *lines, sep="\n  ")
                stats["failures"] += 1
            continue
        wanted.append(("y[%d]" % i,
                       Radical(beta[i], gamma[i] * (x[i] - mean), square,
                               shift), point, dtype))
    for what, radical, (kind, got), name in wanted:
        exact = round_to(name, radical, stats)
        stats["compared"] += 1
        if kind != "value" or not same(exact, got):
            stats["failures"] += 1
            print("FAILURE %s: reference %s %s, exact %s" %
                  (what, kind, got.hex(), exact.hex()), *lines, sep="\n  ")


def main():
    if len(sys.argv) > 1:
        text = subprocess.run(sys.argv[1:2], check=True, text=True,
                              stdout=subprocess.PIPE).stdout
    else:
        text = sys.stdin.read()
    lines = text.splitlines()
    stats = {"compared": 0, "ties": 0, "undefined": 0, "failures": 0}
    for i in range(0, len(lines) - 6, 7):
        check(lines[i:i + 7], stats)
    print("crosscheck: %(compared)d outputs compared, %(ties)d ties, "
          "%(undefined)d of 0/0, %(failures)d failures" % stats)
    if stats["compared"] == 0:
        return 2
    return 1 if stats["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
