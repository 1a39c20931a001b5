"""A new app is in everything that is published."""

import tomllib
from pathlib import Path

import pytest
from django.apps import apps

from release.backend import APP
from release.scripts import ROOT

# Without what is for trials and tests.
OURS = sorted(
    config.name
    for config in apps.get_app_configs()
    if Path(config.path).parent == ROOT and config.name not in {"devstack", "tests"}
)


@pytest.mark.parametrize("app", OURS)
def test_every_app_is_in_the_wheel_and_in_the_image(app: str) -> None:
    found = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]["include"]
    assert app in APP
    assert f"{app}*" in found
    assert f"!{app}" in (ROOT / ".dockerignore").read_text().splitlines()
