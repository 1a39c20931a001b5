"""`python -m benchmarks.duplicates.make_swiss`: write `swiss.csv`, people of Switzerland, many of them twice.

`person` says who it is; everything else is what a bank would have on file. The second record of somebody differs in
ways in which records come to differ. None of that uses `matching`: pet names, spellings and typing errors are chosen
here. Some are not the same person although they look like it: twins, couples with one phone, email and address, fathers
and sons of one name, namesakes.
"""

import csv
import random
import unicodedata
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

FILE = Path(__file__).parent / "swiss.csv"
SEED = 1291
PEOPLE = 1_150
TWICE = 0.62
NEAR_MISSES = 140

FIRST = {
    "de": "Hans Peter Ursula Verena Markus Barbara Jürg Regula Adrian Lorenz Käthi Margrit Björn Sören Günther"
    " Jörg Rösli"
    " Thérèse Beat Urs Reto Köbi Silvan Livia Noah Mia Elias Anna-Lena Hans-Ulrich Heinrich Elisabeth Katharina"
    " Magdalena"
    " Jakob Rudolf Ulrich Friedrich Johannes Christoph Matthias Franziska Jacqueline Zoë Loïc Ruth Esther Gottlieb",
    "fr": "Jean Pierre François Hélène Geneviève Jean-Luc Marie-Claire Benoît Céline Aurélie Étienne Stéphane"
    " Thibault Chloé"
    " Françoise Jacques Guillaume Anaïs Laurence Valérie Jérôme Océane Yves Joëlle",
    "it": "Giovanni Giuseppe Alessandro Francesca Niccolò Elisabetta Domenico Luigi Beatrice Chiara Pietro"
    " Tommaso Ornella"
    " Maddalena Gianluca Fiorenza Matteo Ilaria Fabrizio Nicolò",
    "other": "Đorđe Željko Ivana Besnik Shpresa Xhevat Mehmet Ayşe Özgür José João Conceição Tamil Sivakumar"
    " Yuri Oleksandr"
    " Mohammed Fatima Nguyễn Łukasz Małgorzata",
}
LAST = {
    "de": "Müller Meier Schmid Keller Weber Huber Schneider Meyer Steiner Fischer Gerber Brunner Baumann Frei"
    " Zimmermann Moser"
    " Widmer Wyss Graf Roth Baumgartner Bühler Kälin Nägeli Zürcher Hösli Grünenfelder Böhlen Dätwyler Lüthi"
    " Rüegg Wäfler"
    " Aeschbacher Oesch Uebersax Strässle Grossenbacher Süess Ackermann Schärer Zgraggen Imhof Amstutz Bürgi Jäggi",
    "fr": "Favre Rochat Dubois Béguelin Crausaz Delacrétaz Piguet Jaquet Monnier Chappuis Genoud Métraux Perret Clément"
    " d'Épagnier Rebeaud Cuénod Junod Vuilleumier Schaerer",
    "it": "Bernasconi Bianchi Ferrari Galli Rezzonico Pedrazzini Cattaneo De Luca Della Pietra Fontana Quadri Lepori"
    " Crivelli Camponovo Sala",
    "other": "Đorđević Krasniqi Hoxha Xhaka Şahin Çelik Gonçalves Magalhães Sivanesan Petrović Shevchenko Yıldız Wójcik"
    " Nguyễn al-Khatib Nuñez Jakupi Šarić",
}
PETS = {
    "Hans": "Housi", "Peter": "Pesche", "Ursula": "Uschi", "Verena": "Vreni", "Markus": "Märku", "Barbara": "Bäbi",
    "Jürg": "Jüre", "Adrian": "Ädu", "Lorenz": "Löru", "Margrit": "Gritli", "Elisabeth": "Bethli", "Katharina": "Käthi",
    "Magdalena": "Lena", "Jakob": "Köbi", "Rudolf": "Ruedi", "Ulrich": "Ueli", "Friedrich": "Fritz",
    "Johannes": "Hannes",
    "Christoph": "Stöff", "Matthias": "Hiasi", "Franziska": "Fränzi", "Heinrich": "Heiri", "Hans-Ulrich": "Hansueli",
    "Giuseppe": "Beppe", "Alessandro": "Sandro", "Francesca": "Franca", "Elisabetta": "Betta", "Domenico": "Mimmo",
    "Luigi": "Gigi", "Pietro": "Piero", "Tommaso": "Tom", "Geneviève": "Ginette", "Guillaume": "Guigui",
    "Françoise": "Fanchon", "Jean": "Jeannot", "Oleksandr": "Sasha", "Mohammed": "Mo", "José": "Pepe",
}  # fmt: skip
ELSEWHERE = {
    "Đorđe": "Djordje", "Željko": "Zeljko", "Yuri": "Iouri", "Oleksandr": "Alexander", "Mohammed": "Muhamad",
    "Đorđević": "Djordjevic", "Hoxha": "Hodza", "Xhaka": "Dzaka", "Petrović": "Petrovitch",
    "Shevchenko": "Schewtschenko",
    "Xhevat": "Dzevat", "Sivanesan": "Shivanesan", "al-Khatib": "Alkhatib", "Krasniqi": "Krasnici", "Łukasz": "Lukas",
}  # fmt: skip
PLACES = {
    "de": "8001 Zürich|3011 Bern|4051 Basel|6003 Luzern|9000 St. Gallen|8400 Winterthur|3600 Thun|7000 Chur"
    "|8640 Rapperswil"
    "|5000 Aarau|6300 Zug|8200 Schaffhausen|4500 Solothurn|8750 Glarus|6460 Altdorf",
    "fr": "1003 Lausanne|1201 Genève|2000 Neuchâtel|1700 Fribourg|1950 Sion|2502 Biel/Bienne|1800 Vevey|2800 Delémont",
    "it": "6900 Lugano|6500 Bellinzona|6600 Locarno|6830 Chiasso|6850 Mendrisio|7742 Poschiavo",
}
STREETS = {
    "de": "Bahnhofstrasse Hauptstrasse Dorfstrasse Kirchgasse Seestrasse Rütistrasse Höhenweg Schützenmattweg"
    " Mühlegasse"
    " Lindenstrasse Birkenweg Oberdorf Im_Gässli Zürichstrasse Am_Bach Neufeldstrasse",
    "fr": "Avenue_de_la_Gare Rue_du_Lac Chemin_des_Crêts Route_de_Berne Rue_de_Lausanne Boulevard_de_Pérolles"
    " Chemin_du_Château Rue_des_Alpes",
    "it": "Via_Nassa Via_alla_Stazione Viale_Cassarate Via_San_Gottardo Piazza_Grande Via_Cantonale"
    " Contrada_dei_Mulini",
}
NEAR_KEYS = {a: b for row in ("qwertz", "asdfgh", "yxcvbn", "uiopü", "jklöä") for a, b in pairwise(row)}


@dataclass(frozen=True)
class Row:
    id: int
    person: int
    firstName: str  # noqa: N815 - the keys of the schema
    middleName: str  # noqa: N815
    lastName: str  # noqa: N815
    dateOfBirth: str  # noqa: N815
    nationality: str
    email: str
    mobile: str
    street: str
    houseNumber: str  # noqa: N815
    postalCode: str  # noqa: N815
    city: str
    taxNumber: str  # noqa: N815


class Maker:
    """Makes rows. Each takes its chances from one generator with a fixed seed, so the file is always the same."""

    def __init__(self) -> None:
        self.chance = random.Random(SEED)
        self.next_id = 1
        self.next_person = 1

    def one_of(self, words: str) -> str:
        return self.chance.choice(words.split()).replace("_", " ")

    def happens(self, share: float) -> bool:
        return self.chance.random() < share

    def person(self) -> Row:
        language = self.chance.choices(("de", "fr", "it"), (65, 23, 12))[0]
        origin = "other" if self.happens(0.18) else language
        first = self.one_of(FIRST[origin])
        last = self.chance.choice(
            LAST[origin].replace("De Luca", "De_Luca").replace("Della Pietra", "Della_Pietra").split()
        )
        row = Row(
            id=0,
            person=self.next_person,
            firstName=first,
            middleName=self.one_of(FIRST[origin]) if self.happens(0.2) else "",
            lastName=last.replace("_", " "),
            dateOfBirth=self.day() if self.happens(0.96) else "",
            nationality="CH"
            if origin == language
            else self.chance.choice(["RS", "XK", "TR", "PT", "LK", "CH", "PL", "UA"]),
            email="",
            mobile=self.mobile() if self.happens(0.75) else "",
            street="",
            houseNumber="",
            postalCode="",
            city="",
            taxNumber=self.ahv() if self.happens(0.45) else "",
        )
        self.next_person += 1
        row = self.moved(row, language)
        return replace(row, email=self.email(row)) if self.happens(0.65) else row

    def day(self) -> str:
        return (date(1931, 1, 1) + timedelta(days=self.chance.randrange(27_000))).isoformat()

    def mobile(self) -> str:
        number = f"{self.chance.randrange(10**7):07d}"
        return f"+41 {self.chance.choice(['76', '77', '78', '79'])} {number[:3]} {number[3:5]} {number[5:]}"

    def ahv(self) -> str:
        digits = f"756{self.chance.randrange(10**9):09d}"
        check = -sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits)) % 10
        return f"756.{digits[3:7]}.{digits[7:11]}.{digits[11]}{check}"

    def email(self, row: Row) -> str:
        first, last = (
            unicodedata.normalize("NFKD", name)
            .encode("ascii", "ignore")
            .decode()
            .lower()
            .replace(" ", "")
            .replace("'", "")
            for name in (row.firstName, row.lastName)
        )
        number = str(self.chance.randrange(100)) if self.happens(0.5) else ""
        host = self.chance.choice(["example.ch", "mail.example", "post.example", "example.com", "bluewin.example"])
        return (
            f"{self.chance.choice([f'{first}.{last}', f'{first[0]}.{last}', last, f'{first}_{last}'])}{number}@{host}"
        )

    def moved(self, row: Row, language: str | None = None) -> Row:
        language = language or self.chance.choice(["de", "de", "fr", "it"])
        postal_code, _, city = self.chance.choice(PLACES[language].split("|")).partition(" ")
        street, number = self.one_of(STREETS[language]), str(self.chance.randrange(1, 120))
        return replace(row, street=street, houseNumber=number, postalCode=postal_code, city=city)

    def kept(self, rows: list[Row], row: Row) -> None:
        rows.append(replace(row, id=self.next_id))
        self.next_id += 1

    # What becomes of the second record of somebody.

    def umlauts_in_ascii(self, row: Row) -> Row:
        pairs = dict.fromkeys("äÄ", "ae") | dict.fromkeys("öÖ", "oe") | dict.fromkeys("üÜ", "ue")
        table = str.maketrans(pairs | {"ß": "ss"})
        return replace(
            row,
            firstName=row.firstName.translate(table).capitalize() if "-" not in row.firstName else row.firstName,
            lastName=row.lastName.translate(table),
            city=row.city.translate(table),
        )

    def no_accents(self, row: Row) -> Row:
        def plain(text: str) -> str:
            return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode() or text

        return replace(row, firstName=plain(row.firstName), lastName=plain(row.lastName), street=plain(row.street))

    def capitals(self, row: Row) -> Row:
        return replace(row, firstName=row.firstName.upper(), lastName=row.lastName.upper())

    def pet_name(self, row: Row) -> Row:
        return replace(row, firstName=PETS.get(row.firstName, row.firstName))

    def written_elsewhere(self, row: Row) -> Row:
        return replace(
            row,
            firstName=ELSEWHERE.get(row.firstName, row.firstName),
            lastName=ELSEWHERE.get(row.lastName, row.lastName),
        )

    def double_name(self, row: Row) -> Row:
        other = self.one_of(LAST["de"])
        return replace(row, lastName=f"{row.lastName}{self.chance.choice(['-', ' '])}{other}")

    def married(self, row: Row) -> Row:
        return self.moved(replace(row, lastName=self.one_of(LAST["de"])))

    def house_moved(self, row: Row) -> Row:
        return self.moved(row)

    def second_name_gone(self, row: Row) -> Row:
        if row.middleName and self.happens(0.3):
            return replace(row, firstName=row.middleName, middleName="")
        return replace(row, middleName="")

    def initial(self, row: Row) -> Row:
        return replace(row, firstName=f"{row.firstName[0]}.")

    def names_swapped(self, row: Row) -> Row:
        return replace(row, firstName=row.lastName, lastName=row.firstName)

    def mistyped(self, row: Row) -> Row:
        which = self.chance.choice(["firstName", "lastName", "lastName", "street"])
        text = getattr(row, which)
        place = self.chance.randrange(1, max(2, len(text) - 1))
        letter = text[place : place + 1]
        following = text[place + 1 : place + 2]
        wrong, replaced = self.chance.choice(
            [(NEAR_KEYS.get(letter.lower(), letter), 1), ("", 1), (letter * 2, 1), (following + letter, 2)]
        )
        return replace(row, **{which: text[:place] + wrong + text[place + replaced :]})

    def wrong_day(self, row: Row) -> Row:
        if not row.dateOfBirth:
            return row
        year, month, day = row.dateOfBirth.split("-")
        if int(day) <= 12 and self.happens(0.6):
            return replace(row, dateOfBirth=f"{year}-{day}-{month}")
        return replace(row, dateOfBirth=f"{year[:3]}{self.chance.randrange(10)}-{month}-{day}")

    def new_number(self, row: Row) -> Row:
        return replace(row, mobile=self.mobile())

    def number_at_home(self, row: Row) -> Row:
        return replace(row, mobile=row.mobile.replace("+41 ", "0"))

    def new_email(self, row: Row) -> Row:
        return replace(row, email=self.email(row))

    def less_known(self, row: Row) -> Row:
        return replace(row, **dict.fromkeys(self.chance.sample(["email", "mobile", "taxNumber", "street"], 2), ""))

    def title(self, row: Row) -> Row:
        return replace(row, firstName=f"{self.chance.choice(['Dr.', 'Prof.', 'lic. iur.'])} {row.firstName}")

    def second(self, row: Row) -> Row:
        happens: list[tuple[Callable[[Row], Row], float]] = [
            (self.pet_name, 0.18),
            (self.written_elsewhere, 0.5),
            (self.second_name_gone, 0.5),
            (self.married, 0.05),
            (self.double_name, 0.1),
            (self.house_moved, 0.3),
            (self.new_number, 0.15),
            (self.new_email, 0.2),
            (self.mistyped, 0.22),
            (self.umlauts_in_ascii, 0.3),
            (self.no_accents, 0.15),
            (self.initial, 0.03),
            (self.names_swapped, 0.04),
            (self.wrong_day, 0.1),
            (self.less_known, 0.35),
            (self.number_at_home, 0.4),
            (self.title, 0.05),
            (self.capitals, 0.08),
        ]
        for change, share in happens:
            if self.happens(share):
                row = change(row)
        return row

    # Who is somebody else.

    def near_miss(self, row: Row) -> Row:
        other = replace(row, person=self.next_person, taxNumber=self.ahv() if row.taxNumber else "")
        self.next_person += 1
        kind = self.chance.choice(["twin", "couple", "father", "namesake", "household"])
        language = "de"
        if kind == "twin":
            return replace(other, firstName=self.another_first(row), middleName="", email="")
        if kind == "couple":
            return replace(other, firstName=self.another_first(row), middleName="", dateOfBirth=self.day())
        if kind == "father":
            year = int(row.dateOfBirth[:4] or 1960) - 29
            return replace(other, dateOfBirth=f"{year}-{self.day()[5:7]}-{self.chance.randrange(1, 29):02d}", email="")
        if kind == "namesake":
            apart = replace(other, dateOfBirth=self.day(), mobile=self.mobile(), middleName="", email="")
            return self.moved(apart, language)
        # Another family in the same flat, years later.
        return replace(
            self.person(), street=row.street, houseNumber=row.houseNumber, postalCode=row.postalCode, city=row.city
        )

    def another_first(self, row: Row) -> str:
        return self.chance.choice([name for name in FIRST["de"].split() if name[:2] != row.firstName[:2]])


def made() -> list[Row]:
    maker = Maker()
    rows: list[Row] = []
    people = [maker.person() for _ in range(PEOPLE)]
    for row in people:
        maker.kept(rows, row)
        if maker.happens(TWICE):
            maker.kept(rows, maker.second(row))
            if maker.happens(0.06):
                maker.kept(rows, maker.second(row))
    for row in maker.chance.sample(people, NEAR_MISSES):
        maker.kept(rows, maker.near_miss(row))
    maker.chance.shuffle(rows)
    return rows


def main() -> None:
    with FILE.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in made())


if __name__ == "__main__":
    main()
