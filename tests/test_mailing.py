"""Mail settings: all of them or none, and what is wrong is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from treadle.core.sealing import Sealer
from treadle.faults import StartFault
from treadle.mailing import mail_of
from treadle.settings import Settings

SEALER = Sealer([b"m" * 32])
WHOLE = {
    "smtp_url": SecretStr("smtp://treadle:hidden@mail.example?starttls"),
    "mail_from": "treadle@example.com",
    "public_url": "https://treadle.example/",
}


def settings(folder: Path, **values: object) -> Settings:
    return Settings(data_dir=folder).model_copy(update=values)


def test_without_settings_there_is_no_mail(tmp_path: Path) -> None:
    assert mail_of(settings(tmp_path), SEALER) is None
    assert mail_of(settings(tmp_path, public_url="https://treadle.example"), SEALER) is None


def test_all_settings_make_mail(tmp_path: Path) -> None:
    mail = mail_of(settings(tmp_path, **WHOLE), SEALER)
    assert mail is not None
    assert (mail.server.host, mail.server.sender) == ("mail.example", "treadle@example.com")
    assert mail.public_url == "https://treadle.example"
    assert "hidden" not in repr(mail)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"smtp_url": None}, "TREADLE_MAIL_FROM: means nothing"),
        ({"mail_from": None}, "TREADLE_MAIL_FROM: is needed"),
        ({"public_url": None}, "TREADLE_PUBLIC_URL: is needed"),
        ({"mail_from": "nobody"}, "TREADLE_MAIL_FROM: the sender"),
        ({"smtp_url": SecretStr("http://x:hidden@y")}, "TREADLE_SMTP_URL: must be like"),
    ],
)
def test_what_is_missing_or_wrong_is_named(
    tmp_path: Path, change: dict[str, object], named: str
) -> None:
    with pytest.raises(StartFault, match=named) as fault:
        mail_of(settings(tmp_path, **{**WHOLE, **change}), SEALER)
    assert "hidden" not in str(fault.value)
