from django.apps import AppConfig


class OperationsConfig(AppConfig):
    name = "operations"

    def ready(self) -> None:
        from administration.openings import register_openings
        from operations.doors.openings import openings

        register_openings(openings)
