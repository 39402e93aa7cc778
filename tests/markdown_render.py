"""markdown_render.py DUMP_REPORTS: the Markdown of runs as GitHub's own parser
(cmark-gfm) renders it, with raw HTML allowed: only the elements that the report
means, every hostile text as it is, nothing that a site would make a link of.
Without cmark-gfm the exit code is 77: skipped."""
import html.parser
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import ci_records

ELEMENTS = {"h2", "h3", "h4", "p", "strong", "code", "pre", "table", "thead",
            "tbody", "tr", "th", "td", "details", "summary", "ul", "li"}
ATTRIBUTES = {("th", "align"), ("td", "align"), ("code", "class")}
APART = "\u200b"  # the zero-width space
BYTES_MAX = 900 * 1024
NAME_MAX = 160  # characters that are shown of a name
TEXT_MAX = 12000  # and of a fenced text
REFERENCES = re.compile(
    r"@\w|[#!~$]\w|://|\bwww\.|:\w+:|\w@\w|mailto:", re.IGNORECASE)


class Page(html.parser.HTMLParser):
    """Elements in order; the text of each <code> and <pre>, and the rest."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.names, self.blocks, self.prose = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        assert tag in ELEMENTS, f"<{tag} {attrs}>"
        for name, _ in attrs:
            assert (tag, name) in ATTRIBUTES, (tag, name)
        self.open.append(tag)
        if tag == "code":
            (self.blocks if "pre" in self.open else self.names).append("")

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, (tag, self.open)
        self.open.pop()

    def handle_data(self, data):
        if "pre" in self.open:
            self.blocks[-1] += data
        else:
            if "code" in self.open:
                self.names[-1] += data
            self.prose.append(data)

    def handle_comment(self, data):
        raise AssertionError(f"comment: {data}")

    def handle_decl(self, decl):
        raise AssertionError(f"declaration: {decl}")

    handle_pi = unknown_decl = handle_decl


def shown(text, limit):
    """What a person sees of a text."""
    def one(c):
        code = ord(c)
        if c in "\t\n\r\u2028\u2029":
            return " "
        if code < 0x20:
            return chr(0x2400 + code)
        if code == 0x7F:
            return "\u2421"
        if (0x80 <= code < 0xA0 or code & 0xFFFE == 0xFFFE
                or c in "\u061c\u200e\u200f"
                or 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069):
            return "\ufffd"
        return c
    cut = "\u2026 (cut)" if len(text) > limit else ""
    return "".join(map(one, text[:limit])) + cut


def squeezed(text):
    return re.sub(" +", " ", text.replace(APART, "")).strip()


def check(text, name, findings):
    done = subprocess.run(
        ["cmark-gfm", "--unsafe", "-e", "table", "-e", "autolink", "-e",
         "strikethrough", "-e", "tasklist", "-e", "footnotes"],
        input=text, stdout=subprocess.PIPE, text=True, check=True,
        encoding="utf-8")
    page = Page(done.stdout)
    for part in page.prose:
        found = REFERENCES.search(part.replace("error/bound", ""))
        assert not found, (name, found, part[:200])
    for line in text.splitlines():
        if re.match(r"\| (<code>|\W+ <code>)", line):  # no fenced text
            assert line.count("|") in (4, 9), (name, line[:300])
    if findings:
        assert f"### Findings ({findings:,})" in text, name
    else:
        assert "### Findings" not in text, name
    return page


def check_hostile(page):
    names = {squeezed(name) for name in page.names}
    blocks = {block.strip(" \n") for block in page.blocks}
    for text in ci_records.HOSTILE:
        want = squeezed(shown(text, NAME_MAX))
        assert want in names, ("not shown as it is", want)
    # The worst findings in full: each with its case and its replay command.
    full = [text for text in ci_records.HOSTILE
            if shown(text, TEXT_MAX).strip() in blocks]
    assert len(full) >= 20, len(full)


def main(dump):
    if shutil.which("cmark-gfm") is None:
        print("cmark-gfm is not installed")
        return 77
    outcomes = {"passing": "PASS", "failing": "FAIL", "crash": "FAIL",
                "skipped": "PASS", "survived": "FAIL", "hostile": "FAIL",
                "incomplete": "FAIL", "nothing": "NOT CHECKED",
                "empty": "INCOMPLETE", "worse": "FAIL", "as_before": "PASS",
                "waived": "PASS", "times": "PASS", "many": "FAIL"}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name, (records, findings) in ci_records.scenarios().items():
            base = ci_records.dump(dump, folder, name, records)
            text = base.with_suffix(".md").read_text(encoding="utf-8")
            assert len(text.encode()) < BYTES_MAX, (name, len(text))
            verdict = text.splitlines()[0]
            assert verdict.endswith(outcomes[name]), (name, verdict)
            page = check(text, name, findings)
            if name == "hostile":
                check_hostile(page)
            if name == "worse":
                assert "#### WORSE <code>k</code>" in text
                assert "largest error 9 ulp, was 2 ulp" in text
            if name == "waived":
                assert "known since 2024" in text
            if name == "incomplete":
                assert "did not come to its end" in text
            if name == "many":
                assert "kernel&#95;499" in text, "the worst finding is named"
    print(f"{len(outcomes)} documents are as they should be")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
