"""The settings of the tests, with an app that has an undeclared command."""

from config.settings.test import *  # noqa: F403
from config.settings.test import INSTALLED_APPS as OF_THE_TESTS

INSTALLED_APPS = [*OF_THE_TESTS, "tests.operations.scratch"]
