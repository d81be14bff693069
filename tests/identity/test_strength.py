"""Passwords: long enough, not common, not one's own name; hashed at today's strength."""

import secrets

import anyio.to_thread
import pytest
from argon2 import extract_parameters

from ownercare_api.identity import passwords
from ownercare_api.identity.passwords import hash_password, is_outdated, verify_password
from ownercare_api.identity.strength import WeakPassword, check_strength

HAN_64 = "滕王高阁临江渚佩玉鸣鸾罢歌舞画栋朝飞南浦云珠帘暮卷西山雨闲云"
HAN_64 += "潭影日悠悠物换星移几度秋阁中帝子今何在槛外长江空自流豫章故郡洪都新府"


def is_weak(password: str, *names: str) -> bool:
    try:
        check_strength(password, names=names)
    except WeakPassword:
        return True
    return False


@pytest.mark.parametrize(
    "password",
    [
        "short-one!1",
        "password1234",
        "P@ssw0rd2026",
        "Admin123456!",
        "qwertyuiop12",
        "1qaz2wsx3edc",
        "1qaz@WSX3edc$RFV",
        "!QAZ@WSX#EDC",
        "zaq12wsxcde3",
        "qwer1234asdf",
        "q1w2e3r4t5y6",
        "a1s2d3f4g5h6",
        "asdfghjkl;'\\",
        "147258369147",
        "789456123000",
        "123456789012",
        "98765432101234",
        "aaaaaaaaaaaaaa",
        "abcabcabcabc",
        "Aa123456Aa123456",
        "woaini1314520",
        "iloveyou1314520",
        "5201314520131",
        "Zhongguo2026!",
        "zhangwei19900101",
        "ｐａｓｓｗｏｒｄ１２３４",
        "我爱你我爱你我爱你我爱你",
        "管理员密码2026",
        "密码" * 7,
        "长" * 300,
    ],
)
def test_common_passwords_are_refused(password: str) -> None:
    assert is_weak(password)


@pytest.mark.parametrize(
    "password", ["云栖客服-示例-2026", "青山不改绿水长流后会有期", "Tr7-plum-Kettle", "correct horse battery", HAN_64]
)
def test_good_passwords_are_taken(password: str) -> None:
    assert not is_weak(password)


def test_random_passwords_are_hardly_ever_refused() -> None:
    assert sum(is_weak(secrets.token_urlsafe(12)) for _ in range(2000)) <= 4


@pytest.mark.parametrize(
    ("password", "names"),
    [
        ("wanghaoran-Kettle7", ("wanghaoran",)),
        ("xx-WangHaoRan-77-plum", ("wanghaoran",)),
        ("春江花月夜王浩然海上明月", ("王浩然",)),
        ("plum wang hao ran kettle", ("wanghaoran",)),
    ],
)
def test_a_password_does_not_hold_its_user_s_name(password: str, names: tuple[str, ...]) -> None:
    assert is_weak(password, *names)
    assert not is_weak(password, "lixiaoli", "ran")


async def test_hashes_are_argon2id_at_asvs_strength() -> None:
    for stored in (await hash_password("青山不改绿水长流后会有期"), passwords.ABSENT):
        assert stored.startswith("$argon2id$")
        found = extract_parameters(stored)
        assert (found.memory_cost, found.time_cost, found.parallelism) == (47104, 1, 1)
        assert found.memory_cost >= 46 * 1024
        assert not is_outdated(stored)


async def test_every_one_of_64_chinese_characters_counts() -> None:
    assert len(HAN_64) == 64
    assert len(HAN_64.encode()) == 192
    stored = await hash_password(HAN_64)
    assert await verify_password(HAN_64, stored)
    assert not await verify_password(HAN_64[:-1], stored)
    assert not await verify_password(HAN_64[:-1] + "城", stored)
    assert not await verify_password(HAN_64 + "城", stored)


async def test_what_an_input_method_makes_of_a_letter_does_not_matter() -> None:
    stored = await hash_password("Café１２３-清明上河图")
    assert await verify_password("Cafe\u0301123-清明上河图", stored)
    assert not await verify_password("cafe123-清明上河图", stored)
    assert not await verify_password(" Café123-清明上河图", stored)


async def test_nobody_is_let_in_without_a_hash() -> None:
    assert not await verify_password("青山不改绿水长流后会有期", None)
    assert not await verify_password("长" * 257, await hash_password("长" * 257))


async def test_a_flood_of_hashes_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    running: list[int] = []
    most = 0

    def work(password: str, stored: str | None) -> str:
        nonlocal most
        running.append(1)
        most = max(most, len(running))
        anyio.from_thread.run(anyio.sleep, 0.005)
        running.pop()
        return "yes"

    monkeypatch.setattr(passwords, "_work", work)
    outcomes: list[bool | None] = []

    async def one() -> None:
        try:
            outcomes.append(await verify_password("x", "stored"))
        except passwords.LoginsBusy:
            outcomes.append(None)

    async with anyio.create_task_group() as group:
        for _ in range(100):
            group.start_soon(one)
    assert most == passwords.THREADS
    assert outcomes.count(None) == 100 - passwords.THREADS - passwords.WAITING
    assert outcomes.count(True) == passwords.THREADS + passwords.WAITING
