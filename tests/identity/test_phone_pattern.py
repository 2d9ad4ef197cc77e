"""The short way for Chinese mobile numbers says exactly what the library says."""

from member_hub.identity.normalise import Verdict, _chinese_mobile, _e164, phone


def test_every_mobile_prefix_is_read_as_the_library_reads_it() -> None:
    numbers = [f"{prefix}246813" for prefix in range(10_000, 20_000)]

    differing = [number for number in numbers if phone(number) != _e164(f"+86{number}").value]

    assert differing == []
    assert sum(_chinese_mobile().fullmatch(number) is not None for number in numbers) > 5_000


def test_the_pattern_takes_nothing_but_the_eleven_digits() -> None:
    number = "13924681357"
    assert _chinese_mobile().fullmatch(number)
    assert not any(
        _chinese_mobile().fullmatch(other) for other in (number[:-1], number + "0", "+86" + number, "１" + number[1:])
    )
    assert _e164("+8613924681357").verdict is Verdict.OK
