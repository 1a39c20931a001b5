from django.apps import AppConfig
from django.core.checks import Tags, register

from core.checks import check_alpine


class CoreConfig(AppConfig):
    name = "core"

    def ready(self) -> None:
        register(check_alpine, Tags.staticfiles)
