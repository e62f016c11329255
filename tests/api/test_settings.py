"""Settings: a bad one stops the start with one sentence that names it."""

import pytest

from api import settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MPS_DATABASE_URL", "mysql://x"),
        ("MPS_STORAGE_URL", "ftp://x"),
        ("MPS_PUBLIC_URL", "mps.example"),
        ("MPS_SMTP_URL", "http://x"),
        ("MPS_SECRET_KEY", "trop-court"),
        ("MPS_MAX_UPLOAD_MB", "beaucoup"),
        ("MPS_API_ENTREPRISE_URL", "entreprise.api"),
        ("MPS_OIDC_ISSUER", "proconnect"),
        ("MPS_CHORUS_URL", "http://api.piste.example"),
        ("MPS_CHORUS_TOKEN_URL", "oauth.piste.example"),
        ("MPS_OPERATOR_SIRET", "12345678901234"),
    ],
)
def test_a_bad_setting_is_named_in_one_sentence(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(settings.BadSettings) as error:
        settings.load()
    assert name in str(error.value)
    assert "\n" not in str(error.value)
    assert str(error.value).endswith(".")


def test_secrets_never_show_in_a_printed_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPS_SECRET_KEY", "s" * 40)
    monkeypatch.setenv("MPS_API_ENTREPRISE_TOKEN", "jeton-tres-secret")
    shown = repr(settings.load())
    assert "s" * 40 not in shown
    assert "jeton-tres-secret" not in shown


@pytest.mark.parametrize("given", ["ISSUER", "CLIENT_ID", "CLIENT_SECRET"])
def test_the_provider_s_settings_go_together(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv(f"MPS_OIDC_{given}", "https://fournisseur.example")
    with pytest.raises(settings.BadSettings, match="MPS_OIDC_ISSUER, MPS_OIDC_CLIENT_ID et MPS_OIDC_CLIENT_SECRET"):
        settings.load()


@pytest.mark.parametrize("given", ["URL", "TOKEN_URL"])
def test_the_portal_s_two_addresses_go_together(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv(f"MPS_CHORUS_{given}", "https://portail.example")
    with pytest.raises(settings.BadSettings, match="MPS_CHORUS_URL et MPS_CHORUS_TOKEN_URL vont ensemble"):
        settings.load()
