"""Settings that hold a secret do not print it."""

from member_hub.settings import Settings


def test_the_password_of_the_database_is_not_printed() -> None:
    settings = Settings.from_environ({"MEMBER_HUB_DATABASE_URL": "postgresql://hub:s3cret-word@127.0.0.1/hub"})

    assert settings.database_url == "postgresql://hub:s3cret-word@127.0.0.1/hub"
    assert "s3cret-word" not in f"{settings} {settings!r}"
