#!/usr/bin/env python3
"""A preprocessor of mdBook: links that lead out of docs/ go to the repository, as they do when it is read there."""

import json
import posixpath
import re
import sys

LINK = re.compile(r"\]\(([^)#\s]+)([^)\s]*)\)")


def rewritten(text, directory, repository):
    """The text of a page in a directory of docs/, with its links out of docs/ as addresses."""

    def link(found):
        target, anchor = found[1], found[2]
        path = posixpath.normpath(posixpath.join("docs", directory, target))
        if "://" in target or (path.startswith("docs/") and path.endswith((".md", ".svg"))):
            return found[0]
        return f"]({repository}/blob/main/{path}{anchor})"

    return LINK.sub(link, text)


def chapters(items):
    for item in items:
        if isinstance(item, dict) and "Chapter" in item:
            yield item["Chapter"]
            yield from chapters(item["Chapter"]["sub_items"])


def main():
    if sys.argv[1:2] == ["supports"]:
        return
    context, book = json.load(sys.stdin)
    repository = context["config"]["output"]["html"]["git-repository-url"]
    for chapter in chapters(book.get("items") or book.get("sections")):
        if chapter["path"]:
            chapter["content"] = rewritten(chapter["content"], posixpath.dirname(chapter["path"]), repository)
    json.dump(book, sys.stdout)


if __name__ == "__main__":
    main()
