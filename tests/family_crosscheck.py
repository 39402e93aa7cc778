#!/usr/bin/python3
"""Checks the exact reference of the whole family in another language: reads
what dump_family prints and computes it again. Statistics are Fractions; what
hangs on one root is p + q sqrt(A) with Fractions p, q, A, and sums of several
roots keep them apart by class. A number without a root is rounded on integers;
one with a root is irrational, so it is no tie, and mpmath's root at rising
precision encloses it. The gradient goes back through the graph step by step.
Bits must be equal.

    family_crosscheck.py path/to/dump_family     (or its output on stdin)

Exit 0: all equal; 1: a difference, printed with its case; 2: nothing came.
"""
import math
import subprocess
import sys
from fractions import Fraction

import mpmath

sys.dont_write_bytecode = True
from crosscheck import FORMATS, floor_log2, same


def perfect_root(square):
    """The root of a Fraction if it is rational, else None."""
    num, den = math.isqrt(square.numerator), math.isqrt(square.denominator)
    if num * num == square.numerator and den * den == square.denominator:
        return Fraction(num, den)
    return None


class Number:
    """A Fraction plus a sum of Fractions times square roots."""

    def __init__(self, rational, roots=()):
        self.rational, self.roots = Fraction(rational), list(roots)

    @staticmethod
    def root(square):
        exact = perfect_root(square)
        if exact is not None:
            return Number(exact)
        return Number(0, [(Fraction(1), square)])

    def __add__(self, other):
        sum_ = Number(self.rational + other.rational, self.roots)
        for factor, square in other.roots:
            for i, (old, base) in enumerate(sum_.roots):
                ratio = perfect_root(square / base)
                if ratio is not None:
                    sum_.roots[i] = (old + factor * ratio, base)
                    break
            else:
                sum_.roots.append((factor, square))
        sum_.roots = [r for r in sum_.roots if r[0] != 0]
        return sum_

    def times(self, factor):
        return Number(self.rational * factor,
                      [(f * factor, s) for f, s in self.roots if factor != 0])

    def __mul__(self, other):
        product = self.times(other.rational)
        for factor, square in other.roots:
            product += Number(0, [(self.rational * factor, square)]
                              if self.rational * factor != 0 else [])
            for mine, base in self.roots:
                assert base == square  # one root at a time
                product += Number(mine * factor * square)
        return product

    def inverse(self):
        if not self.roots:
            return Number(1 / self.rational)
        (factor, square), = self.roots
        norm = self.rational ** 2 - factor ** 2 * square
        return Number(self.rational / norm, [(-factor / norm, square)])

    def enclosure(self, bits):
        """Two Fractions around it."""
        middle, error = self.rational, Fraction(0)
        for factor, square in self.roots:
            size = square.numerator.bit_length() - \
                square.denominator.bit_length()
            mpmath.mp.prec = bits + abs(size)
            root = mpmath.sqrt(mpmath.mpf(square.numerator)
                               / mpmath.mpf(square.denominator))
            value = Fraction(int(root.man)) * Fraction(2) ** int(root.exp)
            middle += factor * value
            error += abs(factor) * value * Fraction(1, 2 ** (bits - 8))
        return middle - error, middle + error


def round_fraction(name, v, stats=None):
    """The nearest number of the format, to even, as a float."""
    p, emin, emax = FORMATS[name]
    if v == 0:
        return 0.0
    a, sign = abs(v), -1 if v < 0 else 1
    unit = Fraction(2) ** (max(floor_log2(a), emin) - p + 1)
    k, rest = divmod(a, unit)
    up = rest > unit / 2 or (rest == unit / 2 and k % 2 == 1)
    if rest == unit / 2 and stats is not None:
        stats["ties"] += 1
    if (k + up) * unit >= Fraction(2) ** (emax + 1):
        return sign * math.inf
    return sign * float((k + up) * unit)  # exact: it fits the format


def round_number(name, number, stats):
    if not number.roots:
        return round_fraction(name, number.rational, stats)
    bits = 256
    while True:
        low, high = number.enclosure(bits)
        if low * high > 0:
            ends = {round_fraction(name, v) for v in (low, high)}
            if len(ends) == 1:
                return ends.pop()
        bits *= 2


class Case:
    def __init__(self, head):
        self.op, self.way = head[1:3]
        words = dict(zip(head[3::2], head[4::2]))
        self.size = {k: int(words[k]) for k in (
            "N", "C", "S", "groups", "start", "step_n", "step_c", "step_s",
            "batches")}
        self.flag = {k: words[k] == "1" for k in (
            "centred", "one_plus", "saved", "fused", "round_residual",
            "unbiased")}
        self.word = {k: words[k] for k in ("divisor", "place", "rule",
                                           "one_value")}
        self.eps = Fraction(float.fromhex(words["eps"]))
        self.momentum = Fraction(float.fromhex(words["momentum"]))
        self.inputs, self.outputs = {}, []
        self.training = "inference" not in self.way
        self.gradient = "backward" in self.way

    def at(self, n, c, s):
        z = self.size
        return (z["start"] + n * z["step_n"] + c * z["step_c"]
                + s * z["step_s"])

    def indices(self):
        z = self.size
        return [(n, c, s) for n in range(z["N"]) for c in range(z["C"])
                for s in range(z["S"])]

    def set_of(self, n, c):
        z = self.size
        if self.op == "batch_norm":
            return c
        if self.op == "group_norm":
            return n * z["groups"] + c * z["groups"] // z["C"]
        if self.op == "instance_norm":
            return n * z["C"] + c
        return n

    def read(self, role, place):
        """An input as a Fraction; absent ones are 0."""
        if role not in self.inputs:
            return Fraction(0)
        return Fraction(self.inputs[role][1][place])

    def gamma(self, c):
        if "gamma" not in self.inputs:
            return Fraction(1)
        return self.read("gamma", c) + (1 if self.flag["one_plus"] else 0)


class Set:
    """One reduction set: rstd, its derivative, and the distances."""

    def __init__(self, case, number, members):
        self.members, n = members, len(members)
        self.x = {m: case.x[m] for m in members}
        self.average = sum(self.x.values()) / n
        self.k = {"n": n, "n_minus_1": n - 1, "one": 1}[case.word["divisor"]]
        centre = self.average if case.flag["centred"] else Fraction(0)
        self.squares = sum((x - centre) ** 2 for x in self.x.values())
        self.var = self.squares / self.k if self.k else None
        self.kink = self.flat = False
        self.given = None
        channel = members[0][1]
        if not case.training:
            centre = case.read("running_mean", channel)
            self.scale(case, case.read("running_var", channel))
            self.flat, self.kink = True, False
        elif case.gradient and case.flag["saved"]:
            centre = case.read("mean", number)
            self.given = case.read("rstd", number)
            self.rstd, self.kink = Number(self.given), self.k == 0
        elif self.var is None:
            self.rstd = None
        else:
            self.scale(case, self.var)
        self.d = {m: x - centre for m, x in self.x.items()}

    def scale(self, case, var):
        place, eps = case.word["place"], case.eps
        self.sigma = Number.root(var)
        denominator = self.sigma
        if place == "inside":
            denominator = Number.root(var + eps)
        elif place == "outside":
            denominator = self.sigma + Number(eps)
            self.kink = var == 0
        elif place in ("max_var", "max_norm"):
            least = eps if place == "max_var" else eps * eps
            self.kink, self.flat = var == least, var < least
            denominator = Number.root(max(var, least))
        self.outside = place == "outside"
        zero = not denominator.roots and denominator.rational == 0
        self.rstd = None if zero else denominator.inverse()

    def slope(self):
        """d rstd / d var"""
        if self.flat:
            return Number(0)
        square = self.rstd * self.rstd
        if self.given is None and self.outside:
            return (square * self.sigma.inverse()).times(Fraction(-1, 2))
        return (square * self.rstd).times(Fraction(-1, 2))

    def gradient(self, case):
        """dx by member, from the output back to x."""
        if self.rstd is None or self.kink:
            return None
        n = len(self.members)
        g = {m: case.gamma(m[1]) * case.read("dy", case.at(*m))
             for m in self.members}
        if self.given is not None:
            mean_g = sum(g.values()) / n if case.flag["centred"] else 0
            moment = sum(g[m] * self.d[m] for m in self.members) * self.given
            return {m: Number(self.given * (
                g[m] - mean_g - self.d[m] * self.given * moment / self.k))
                for m in self.members}
        of_d = {m: self.rstd.times(g[m]) for m in self.members}
        if not case.training:
            return of_d
        of_rstd = sum(g[m] * self.d[m] for m in self.members)
        of_var = self.slope().times(of_rstd)
        for m in self.members:
            of_d[m] = of_d[m] + of_var.times(2 * self.d[m] / self.k)
        if not case.flag["centred"]:
            return of_d
        mean = Number(0)
        for m in self.members:
            mean += of_d[m].times(Fraction(-1, n))
        return {m: of_d[m] + mean for m in self.members}


def moved(case, old, new):
    """One step of a moving average."""
    m = case.momentum
    if case.word["rule"] == "new":
        return (1 - m) * old + m * new
    if case.word["rule"] == "old":
        return m * old + (1 - m) * new
    b = case.size["batches"]
    return (b * old + new) / (b + 1)


def running(case, sets, channel):
    """mean and variance after the call; None: 0/0."""
    mine = [s for s in sets if s.members[0][1] == channel]
    n = len(mine[0].members)
    mean = moved(case, case.read("running_mean", channel),
                 sum(s.average for s in mine) / len(mine))
    old = case.read("running_var", channel)
    less = 1 if case.flag["unbiased"] else 0
    if n == 1 and case.word["one_value"] == "skip":
        return mean, old
    if n == 1 and case.word["one_value"] == "biased":
        less = 0
    if n == less:
        return mean, None
    return mean, moved(case, old, sum(s.squares / (n - less) for s in mine)
                       / len(mine))


def expected(case):
    """role -> {place: Number or None where it is 0/0}; None: not for us."""
    everything = case.indices()
    wanted = {}
    case.x = {}
    for m in everything:
        case.x[m] = case.read("x", case.at(*m))
        if not case.gradient and case.flag["fused"]:
            h = case.x[m] + case.read("residual", case.at(*m))
            wanted.setdefault("h", {})[case.at(*m)] = Number(h)
            if case.flag["round_residual"]:
                rounded = round_fraction(case.inputs["x"][0], h)
                if math.isinf(rounded):
                    return None  # the decision table has it
                h = Fraction(rounded)
            case.x[m] = h
    groups = {}
    for m in everything:
        groups.setdefault(case.set_of(m[0], m[1]), []).append(m)
    sets = [Set(case, k, groups[k]) for k in sorted(groups)]
    for k, s in enumerate(sets):
        if case.gradient:
            dx = s.gradient(case)
            for m in s.members:
                at = case.at(*m)
                value = dx and dx[m] + Number(case.read("dh", at))
                wanted.setdefault("dx", {})[at] = value
                wanted.setdefault("dresidual", {})[at] = value
                for role in ("dgamma", "dbeta"):
                    wanted.setdefault(role, {}).setdefault(m[1], Number(0))
                dy, sums = case.read("dy", at), wanted["dgamma"]
                wanted["dbeta"][m[1]] += Number(dy)
                if s.rstd is None or sums[m[1]] is None:
                    sums[m[1]] = None
                else:
                    sums[m[1]] += s.rstd.times(dy * s.d[m])
            continue
        wanted.setdefault("mean", {})[k] = Number(s.average)
        wanted.setdefault("var", {})[k] = \
            None if s.var is None else Number(s.var)
        wanted.setdefault("rstd", {})[k] = s.rstd
        for m in s.members:
            wanted.setdefault("y", {})[case.at(*m)] = \
                s.rstd and (s.rstd.times(s.d[m] * case.gamma(m[1]))
                            + Number(case.read("beta", m[1])))
    if case.way == "forward" and "running_mean" in case.inputs:
        for c in range(case.size["C"]):
            mean, var = running(case, sets, c)
            wanted.setdefault("running_mean", {})[c] = Number(mean)
            wanted.setdefault("running_var", {})[c] = \
                None if var is None else Number(var)
    return wanted


def check(case, lines, stats):
    wanted = expected(case)
    if wanted is None:
        stats["beyond"] += 1
        return
    for role, dtype, words in case.outputs:
        for place in range(len(words) // 2):
            kind, got = words[2 * place], float.fromhex(words[2 * place + 1])
            if kind == "gap":
                continue
            value = wanted[role][place]
            if value is None:
                stats["undefined"] += 1
                right, exact = kind == "undefined", math.nan
            else:
                exact = round_number(dtype, value, stats)
                right = kind == "value" and same(exact, got)
            stats["compared"] += 1
            if not right:
                stats["failures"] += 1
                print("FAILURE %s[%d]: reference %s %s, exact %s" % (
                    role, place, kind, got.hex(), exact.hex()), *lines,
                    sep="\n  ")


def main():
    if len(sys.argv) > 1:
        text = subprocess.run(sys.argv[1:2], check=True, text=True,
                              stdout=subprocess.PIPE).stdout
    else:
        text = sys.stdin.read()
    stats = {"cases": 0, "compared": 0, "ties": 0, "undefined": 0,
             "beyond": 0, "failures": 0}
    lines = []
    for line in text.splitlines():
        lines.append(line)
        words = line.split()
        if words[0] == "case":
            lines, case = [line], Case(words)
        elif words[0] == "in":
            case.inputs[words[1]] = (words[2],
                                     [float.fromhex(w) for w in words[3:]])
        elif words[0] == "out":
            case.outputs.append((words[1], words[2], words[3:]))
        elif words[0] == "end":
            stats["cases"] += 1
            check(case, lines, stats)
    print("family crosscheck: %(cases)d cases, %(compared)d outputs compared, "
          "%(ties)d ties, %(undefined)d undefined, %(beyond)d cases left to "
          "the table, %(failures)d failures" % stats)
    if stats["compared"] == 0:
        return 2
    return 1 if stats["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
