"""What all tests share. Their servers come from the plugin `devstack.embedded.testing`, which pyproject.toml names."""

pytest_plugins = ["tests.databases", "tests.fixtures", "tests.queues", "tests.prepared"]
