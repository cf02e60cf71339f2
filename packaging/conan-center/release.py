#!/usr/bin/env python3
"""packaging/conan-center/release.py ARCHIVE URL FOLDER: FOLDER/weir as Conan Center keeps its recipes, for one release.

ARCHIVE is the release's sources, of which the version and the checksum are taken; URL is where everybody finds them.
"""

import hashlib
import re
import shutil
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
VERSION = re.compile(r'\bversion = "([0-9.]+)"')


def version_in(archive):
    with tarfile.open(archive) as sources:
        for member in sources:
            if member.name.endswith("/include/weir/version.hpp"):
                return VERSION.search(sources.extractfile(member).read().decode())[1]
    sys.exit(f"{archive} has no include/weir/version.hpp below one folder")


def release(archive, url, folder):
    version = version_in(archive)
    checksum = hashlib.sha256(Path(archive).read_bytes()).hexdigest()
    recipe = Path(folder) / "weir" / "all"
    shutil.copytree(ROOT / "test_package", recipe / "test_package",
                    ignore=shutil.ignore_patterns("build", "*Presets.json"))
    shutil.copy(HERE / "conanfile.py", recipe)
    (recipe / "conandata.yml").write_text(
        f'sources:\n  "{version}":\n    url: "{url}"\n    sha256: "{checksum}"\n', encoding="utf-8")
    (recipe.parent / "config.yml").write_text(f'versions:\n  "{version}":\n    folder: all\n', encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__.split(":")[0])
    release(*sys.argv[1:])
