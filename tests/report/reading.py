"""A report read back from its file, as data."""

import json
from html.parser import HTMLParser


class Report(HTMLParser):
    """Its elements, its items, and the text that a reader sees of the summary and the list."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.scripts, self.seen, self.policy = [], {}, [], ""
        self._open = []
        self.html = path.read_text(encoding="utf-8")
        self.feed(self.html)
        self.close()
        self.text = " ".join("".join(self.seen).split())
        self.items = [json.loads(text) for name, text in self.scripts.items() if name.startswith("item-")]

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.tags.append((tag, given))
        if tag == "meta" and given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"]
        if tag in ("script", "style"):
            self._open.append(given.get("id", tag))

    def handle_endtag(self, tag):
        if tag in ("script", "style"):
            self._open.pop()

    def handle_data(self, data):
        if self._open:
            self.scripts[self._open[-1]] = self.scripts.get(self._open[-1], "") + data
        else:
            self.seen.append(data)

    def fields(self, number=0):
        """The fields of an item by their paths."""
        return {each["path"]: each for each in self.items[number]["fields"]}
