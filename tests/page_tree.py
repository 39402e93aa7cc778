"""An HTML page as a tree of elements, for tests that read what it shows."""
import html.parser
import re

VOID = {"meta", "link", "wbr", "br", "img", "input", "hr"}
# Elements whose text stands apart from what is beside it.
APART = {"small", "div", "p", "td", "th", "tr", "li", "br", "summary", "dt",
         "dd", "h1", "h2", "h3", "text", "span", "pre"}


class Node:
    def __init__(self, tag, attributes=()):
        self.tag, self.attributes = tag, dict(attributes)
        self.classes = (self.attributes.get("class") or "").split()
        self.children = []

    def pieces(self):
        for child in self.children:
            if isinstance(child, str):
                yield child
            elif child.tag not in ("script", "style"):
                gap = " " if child.tag in APART else ""
                yield gap
                yield from child.pieces()
                yield gap

    @property
    def text(self):
        return re.sub(r"\s+", " ", "".join(self.pieces())).strip()

    def walk(self):
        for child in self.children:
            if not isinstance(child, str):
                yield child
                yield from child.walk()

    def all(self, tag=None, name=None):
        return [n for n in self.walk() if (tag is None or n.tag == tag)
                and (name is None or name in n.classes)]

    def first(self, tag=None, name=None):
        return next(iter(self.all(tag, name)), None)


class Reader(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.root = Node("")
        self.path = [self.root]

    def handle_starttag(self, tag, attributes):
        node = Node(tag, attributes)
        self.path[-1].children.append(node)
        if tag not in VOID:
            self.path.append(node)

    def handle_startendtag(self, tag, attributes):
        self.path[-1].children.append(Node(tag, attributes))

    def handle_endtag(self, tag):
        if tag not in VOID:
            self.path.pop()

    def handle_data(self, data):
        self.path[-1].children.append(data)


class Row:
    """Cells of a table by the words of their columns' heads."""
    def __init__(self, subject, cells, heads):
        self.subject, self.cells = subject, cells
        self.by_head = dict(zip(heads, cells))

    def __getitem__(self, head):
        """The cell below that head, or below the first that begins so."""
        return self.by_head.get(head) or next(
            cell for name, cell in self.by_head.items()
            if name.startswith(head))

    @property
    def name(self):
        """The first words in bold: of a kernel its name."""
        bold = self.cells[0].first("b")
        return (bold or self.cells[0]).text


def read(text):
    """{the id of a section: its Node}"""
    reader = Reader()
    reader.feed(text)
    return {node.attributes["id"]: node for node in reader.root.all("section")}


def heads(table):
    row = table.first("thead").first("tr")
    return [n.text for n in row.all("th")]


def rows(table):
    """Its rows, each below the row of its subject where the table has such."""
    names, subject = heads(table), None
    for row in table.all("tr"):
        cells = row.all("td") + row.all("th")
        cells = [n for n in row.children if not isinstance(n, str)]
        if "subject" in row.classes:
            subject = cells[0].text
        elif cells and len(cells) == len(names) and \
                not any(c.attributes.get("scope") == "col" for c in cells):
            yield Row(subject, cells, names)
