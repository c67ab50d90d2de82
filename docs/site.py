"""What the site has besides the pages of docs (mkdocs.yml): README.md as its first page, and the
files of the repository that pages link to."""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parent.parent
LINK = re.compile(r"\]\((?:\.\./)+([\w./-]+)(?=[)#])")
OF_README = re.compile(r"\]\((?:docs/)?([\w./-]+)(?=[)#])")


def on_files(files: Any, config: Any) -> Any:
    first = (ROOT / "README.md").read_text(encoding="utf-8")
    files.append(File.generated(config, "index.md", content=OF_README.sub(r"](\1", first)))
    linked = {str(path.relative_to(ROOT)) for path in (ROOT / "examples").glob("*.*")}
    linked.update(OF_README.findall(first))
    for page in (ROOT / "docs").glob("*.md"):
        linked.update(LINK.findall(page.read_text(encoding="utf-8")))
    for name in sorted(linked):
        if (ROOT / name).is_file() and not (ROOT / "docs" / name).exists():
            files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links of pages to files beside docs; those of tutorials are to other pages."""
    if page.file.src_uri.startswith("examples/"):
        return markdown.replace("](../docs/", "](../")
    return markdown if "/" in page.file.src_uri else LINK.sub(r"](\1", markdown)
