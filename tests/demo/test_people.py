"""Fictitious people and firms: pinned, unique, and passing our own checks."""

from collections import Counter
from datetime import date

from stdnum.cn import uscc

from ownercare_api.core.phones import normalise_phone
from ownercare_api.demo.firms import FIRM_TRADES, WORKER_TRADES, credit_code, make_firms
from ownercare_api.demo.people import PeopleFactory, Person
from ownercare_api.owners.documents import DocumentKind, Sex, birth_date_of, check_document, sex_of

TODAY = date(2026, 11, 23)


def test_the_first_five_never_change() -> None:
    assert PeopleFactory(2026).people(5) == [
        Person("龙继东", Sex.MALE, date(1975, 9, 28), "35020319750928917X", "13176848884"),
        Person("蒋婷婷", Sex.FEMALE, date(1988, 8, 12), "360102198808120045", "13813160265"),
        Person("陈志伟", Sex.MALE, date(1987, 9, 7), "65010219870907357X", "18150512102"),
        Person("李秀丽", Sex.FEMALE, date(1970, 11, 9), "320106197011092968", "17794485997"),
        Person("杨春霞", Sex.FEMALE, date(1979, 7, 5), "500103197907054109", "13115629378"),
    ]


def test_seeds_differ() -> None:
    assert PeopleFactory(1).person() != PeopleFactory(2).person()


def test_people_are_consistent_unique_and_grown_up() -> None:
    people = PeopleFactory(7).people(5000)
    for person in people:
        number = person.resident_id
        assert check_document(kind=DocumentKind.RESIDENT_ID, number=number, today=TODAY) == number
        assert birth_date_of(kind=DocumentKind.RESIDENT_ID, number=number) == person.birth_date
        assert sex_of(kind=DocumentKind.RESIDENT_ID, number=number) == person.sex
        assert normalise_phone(person.mobile) == f"+86{person.mobile}"
        assert date(1940, 1, 1) <= person.birth_date < date(2004, 1, 1)
    assert len({person.resident_id for person in people}) == 5000
    assert len({person.mobile for person in people}) == 5000


def test_names_are_spread_as_in_the_country() -> None:
    people = PeopleFactory(7).people(5000)
    first = Counter(person.name[0] for person in people)
    assert {surname for surname, _ in first.most_common(3)} == {"王", "李", "张"}
    assert 350 < first["王"] < 500  # about 8.6 % of the surnames listed
    assert 5 < sum("·" in person.name for person in people) < 60
    assert any(person.name.startswith("欧阳") for person in people)
    assert 0.48 < sum(person.sex == Sex.MALE for person in people) / 5000 < 0.56


def test_a_crowded_day_still_gives_different_numbers() -> None:
    factory = PeopleFactory(3)
    born = (date(1990, 5, 1), date(1990, 5, 2))
    people = [factory.person(born=born, sex=Sex.FEMALE) for _ in range(2000)]
    assert {person.birth_date for person in people} == {date(1990, 5, 1)}
    assert {person.sex for person in people} == {Sex.FEMALE}
    assert len({person.resident_id for person in people}) == 2000


def test_firms() -> None:
    firms = make_firms(seed=2026, people=PeopleFactory(2026))
    assert [firm.trade for firm in firms] == [*FIRM_TRADES, None, None]
    assert [firm.kind for firm in firms] == ["contractor"] * 6 + ["property_company"] * 2
    assert firms[0].name == "临澜固盾防水工程有限公司"
    assert [firm.short_name for firm in firms[6:]] == ["安庭物业", "和悦物业"]
    for firm in firms:
        assert uscc.validate(firm.credit_code) == firm.credit_code
        assert firm.credit_code.startswith("91990000MA")
        assert firm.bank_account.startswith("000000")
        assert len(firm.bank_account) == 19
    assert len({firm.credit_code for firm in firms}) == len({firm.bank_account for firm in firms}) == 8
    assert make_firms(seed=2026, people=PeopleFactory(2026)) == firms


def test_workers_cover_every_trade() -> None:
    firms = make_firms(seed=5, people=PeopleFactory(5), workers_per_company=12)
    assert [len(firm.workers) for firm in firms] == [0] * 6 + [12, 12]
    for company in firms[6:]:
        assert {worker.trades[0] for worker in company.workers} == set(WORKER_TRADES)
        for worker in company.workers:
            assert 1 <= len(set(worker.trades)) == len(worker.trades) <= 2
            assert set(worker.trades) <= set(WORKER_TRADES)
            assert date(1968, 1, 1) <= worker.person.birth_date < date(2001, 1, 1)
    people = [firm.contact for firm in firms] + [worker.person for firm in firms for worker in firm.workers]
    assert len({person.mobile for person in people}) == len(people) == 32


def test_credit_code() -> None:
    assert credit_code(region="110000", organisation="60003734") == "91110000600037341L"
