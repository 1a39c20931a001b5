"""Names in the form in which they are compared."""

import pytest

from matching.nicknames import is_same_person_s
from matching.words import folded, names_of, sound_of


@pytest.mark.parametrize(
    "spellings",
    [
        ("Müller", "MUELLER", "Muller", "Mu\u0308ller"),
        ("Strässle", "Straessle", "Strassle"),
        ("Groß", "Gross", "GROẞ"),
        ("Łukasz Đorđević", "lukasz dordevic"),
        ("Šarić", "SARIC"),
    ],
)
def test_spellings_of_a_name_are_one(spellings: tuple[str, ...]) -> None:
    assert len({folded(spelling) for spelling in spellings}) == 1


def test_different_names_stay_different() -> None:
    assert len({folded(name) for name in ("Meier", "Maier", "Meyer", "Mayr")}) == 4


def test_names_have_neither_titles_nor_particles_unless_they_are_nothing_else() -> None:
    assert names_of("Dr. iur. Freiherr von und zu Salis-Soglio") == ("freiherr", "salis", "soglio")
    assert names_of("D'Angelo") == names_of("D’Angelo") == ("dangelo",)
    assert names_of("Van") == ("van",)
    assert names_of(" - ") == ()


@pytest.mark.parametrize(
    ("name", "sound"),
    [
        ("muller", "657"),
        ("ludenscheidt", "52682"),
        ("wikipedia", "3412"),
        ("breschnew", "17863"),
        ("philipp", "351"),
        ("xaver", "4837"),
        ("christen", "47826"),
        ("celine", "856"),
        ("李", "李"),
    ],
)
def test_names_sound_as_in_cologne(name: str, sound: str) -> None:
    assert sound_of(name) == sound


def test_names_that_sound_alike_have_one_sound() -> None:
    assert len({sound_of(folded(name)) for name in ("Meier", "Maier", "Meyer", "Mayr")}) == 1
    assert sound_of("schmidt") == sound_of("schmitt") != sound_of("schneider")


def test_other_forms_of_a_name_are_those_of_one_person() -> None:
    assert not is_same_person_s("peter", "paul")
    assert not is_same_person_s("unheard", "unheard of")
    for one, other in (
        ("Köbi", "Jakob"),
        ("Hans", "Giovanni"),
        ("Bill", "Wilhelm"),
        ("Vreni", "Verena"),
        ("Jean", "Gian"),
    ):
        assert is_same_person_s(folded(one), folded(other))
