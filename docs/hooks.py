"""Pages at the root of the repository are part of the site, and links between them and docs/ work in both places.

Links are written for a reader of the checkout: `../README.md` in docs/, `docs/import.md` in the README. On the site all
pages are in one folder.
"""

import re
from pathlib import Path, PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

# Where a file of the root is on the site.
ROOT_FILES = {
    "README.md": "readme.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "LICENSE": "LICENSE.txt",
    "NOTICE": "NOTICE.txt",
}
LINK = re.compile(r"(?<=\]\()(?P<path>[\w./-]+)(?=[)#])")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    root = Path(config.config_file_path).parent
    for name, place in ROOT_FILES.items():
        files.append(File.generated(config, place, abs_src_path=str(root / name)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    is_of_root = page.file.src_uri in ROOT_FILES.values()

    def on_the_site(link: re.Match[str]) -> str:
        path = PurePosixPath(link["path"])
        if is_of_root:
            return ROOT_FILES.get(str(path)) or str(path.relative_to("docs") if path.parts[0] == "docs" else path)
        if path.parts[0] == "..":
            return ROOT_FILES.get(str(path.relative_to("..")), str(path))
        return str(path)

    return LINK.sub(on_the_site, markdown)
