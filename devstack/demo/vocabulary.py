"""Vocabulary of the fictional clients. Names of people, streets and firms are free text; keys are list items.

No real person is meant: telephone and tax numbers contain a part that is never assigned (`000`), and mail hosts are
under the reserved domain `.example` (RFC 2606).
"""

from dataclasses import dataclass

from devstack.demo.accounts import GENEVA, ZURICH


@dataclass(frozen=True, slots=True)
class Place:
    """A town: postal code, state, language, area code if any, and the office in charge."""

    city: str
    postal_code: str
    country: str
    state: str
    language: str
    area: str
    office: str


PLACES = tuple(
    Place(*row)
    for row in (
        ("Zürich", "8001", "CH", "CH-ZH", "de", "44", ZURICH),
        ("Zürich", "8008", "CH", "CH-ZH", "de", "44", ZURICH),
        ("Zürich", "8032", "CH", "CH-ZH", "de", "44", ZURICH),
        ("Küsnacht", "8700", "CH", "CH-ZH", "de", "44", ZURICH),
        ("Wädenswil", "8820", "CH", "CH-ZH", "de", "44", ZURICH),
        ("Winterthur", "8400", "CH", "CH-ZH", "de", "52", ZURICH),
        ("Zug", "6300", "CH", "CH-ZG", "de", "41", ZURICH),
        ("Luzern", "6003", "CH", "CH-LU", "de", "41", ZURICH),
        ("Basel", "4051", "CH", "CH-BS", "de", "61", ZURICH),
        ("Bern", "3011", "CH", "CH-BE", "de", "31", ZURICH),
        ("St. Gallen", "9000", "CH", "CH-SG", "de", "71", ZURICH),
        ("Pfäffikon", "8808", "CH", "CH-SZ", "de", "55", ZURICH),
        ("Chur", "7000", "CH", "CH-GR", "de", "81", ZURICH),
        ("Lugano", "6900", "CH", "CH-TI", "it", "91", ZURICH),
        ("Locarno", "6600", "CH", "CH-TI", "it", "91", ZURICH),
        ("Vaduz", "9490", "LI", "LI-11", "de", "", ZURICH),
        ("Schaan", "9494", "LI", "LI-07", "de", "", ZURICH),
        ("München", "80333", "DE", "DE-BY", "de", "89", ZURICH),
        ("Konstanz", "78462", "DE", "DE-BW", "de", "7531", ZURICH),
        ("Freiburg im Breisgau", "79098", "DE", "DE-BW", "de", "761", ZURICH),
        ("Düsseldorf", "40212", "DE", "DE-NW", "de", "211", ZURICH),
        ("Bregenz", "6900", "AT", "AT-8", "de", "5574", ZURICH),
        ("Wien", "1010", "AT", "AT-9", "de", "1", ZURICH),
        ("Milano", "20121", "IT", "IT-MI", "it", "02", ZURICH),
        ("Como", "22100", "IT", "IT-CO", "it", "031", ZURICH),
        ("Genève", "1204", "CH", "CH-GE", "fr", "22", GENEVA),
        ("Genève", "1206", "CH", "CH-GE", "fr", "22", GENEVA),
        ("Carouge", "1227", "CH", "CH-GE", "fr", "22", GENEVA),
        ("Cologny", "1223", "CH", "CH-GE", "fr", "22", GENEVA),
        ("Nyon", "1260", "CH", "CH-VD", "fr", "22", GENEVA),
        ("Lausanne", "1003", "CH", "CH-VD", "fr", "21", GENEVA),
        ("Montreux", "1820", "CH", "CH-VD", "fr", "21", GENEVA),
        ("Neuchâtel", "2000", "CH", "CH-NE", "fr", "32", GENEVA),
        ("Fribourg", "1700", "CH", "CH-FR", "fr", "26", GENEVA),
        ("Sion", "1950", "CH", "CH-VS", "fr", "27", GENEVA),
        ("Delémont", "2800", "CH", "CH-JU", "fr", "32", GENEVA),
        ("Annecy", "74000", "FR", "FR-74", "fr", "40", GENEVA),
        ("Thonon-les-Bains", "74200", "FR", "FR-74", "fr", "40", GENEVA),
        ("Divonne-les-Bains", "01220", "FR", "FR-01", "fr", "40", GENEVA),
        ("Colmar", "68000", "FR", "FR-68", "fr", "30", GENEVA),
        ("Nice", "06000", "FR", "FR-06", "fr", "40", GENEVA),
        ("Torino", "10121", "IT", "IT-TO", "it", "011", GENEVA),
    )
)

DIALLING = {"CH": "41", "LI": "423", "DE": "49", "AT": "43", "FR": "33", "IT": "39"}
MOBILE_AREAS = {"CH": "79", "LI": "", "DE": "151", "AT": "664", "FR": "60", "IT": "335"}
# Formats of tax numbers; each # is a digit. Italy is missing: its numbers derive from the name.
TAX_NUMBERS = {
    "CH": "756.0000.####.##",
    "LI": "000######",
    "DE": "000########",
    "AT": "00-000/####",
    "FR": "000##########",
}

FIRST_NAMES = {
    ("de", "female"): (
        "Anneliese", "Bärbel", "Céline", "Daniela", "Elsbeth", "Franziska", "Heidi", "Jacqueline", "Käthi", "Lea",
        "Marlène", "Nadja", "Regula", "Sabine", "Ursula", "Verena",
    ),
    ("de", "male"): (
        "Andreas", "Beat", "Christoph", "Dominik", "Felix", "Götz", "Hansjörg", "Jürg", "Kaspar", "Lukas",
        "Matthias", "Niklaus", "Reto", "Stefan", "Thomas", "Urs",
    ),
    ("fr", "female"): (
        "Adèle", "Béatrice", "Chloé", "Danièle", "Élodie", "Françoise", "Geneviève", "Hélène", "Inès", "Joëlle",
        "Léa", "Maëlle", "Noémie", "Océane", "Régine", "Sylvie",
    ),
    ("fr", "male"): (
        "Aurélien", "Benoît", "Cédric", "Didier", "Étienne", "François", "Grégoire", "Hervé", "Jérôme", "Loïc",
        "Mathéo", "Noël", "Olivier", "Raphaël", "Sébastien", "Théo",
    ),
    ("it", "female"): (
        "Alessandra", "Beatrice", "Chiara", "Donatella", "Elisa", "Federica", "Giulia", "Ilaria", "Lucia", "Noemi",
    ),
    ("it", "male"): (
        "Alessio", "Bruno", "Carlo", "Davide", "Enrico", "Fabio", "Giorgio", "Luca", "Niccolò", "Tommaso",
    ),
}  # fmt: skip
LAST_NAMES = {
    "de": (
        "Ackermann", "Bär", "Brändli", "Bürgi", "Camenzind", "Dürrenmatt", "Egli", "Fässler", "Frey", "Gössi",
        "Häberli", "Hürlimann", "Iselin", "Jäggi", "Käser", "Kälin", "Lüthi", "Müller", "Nägeli", "Odermatt",
        "Pfister", "Rüegg", "Schäfer", "Strauß", "Tschümperlin", "Vögeli", "von Arx", "Wäfler", "Zgraggen", "Zürcher",
    ),
    "fr": (
        "Aubert", "Bérard", "Blanchet", "Chappuis", "Cornuz", "Décosterd", "Dubochet", "Évéquoz", "Favre", "Genoud",
        "Hébert", "Jaquier", "Küng", "L'Épée", "Maréchal", "Mézières", "Nicollier", "Oberson", "Péclard", "Pittet",
        "Rochat", "Rémy", "Savoy", "Thévoz", "Tâche", "Vuilleumier",
    ),
    "it": (
        "Albertolli", "Bernasconi", "Bianchi", "Cattaneo", "D'Angelo", "De Carli", "Ferrari", "Galli", "Lepori",
        "Martinoli", "Nessi", "Pedrazzini", "Quadri", "Rossi", "Solcà", "Tettamanti",
    ),
}  # fmt: skip
STREETS = {
    "de": (
        "Bahnhofstrasse", "Seestrasse", "Kirchgasse", "Mühlebachstrasse", "Schützengasse", "Rämistrasse", "Im Grüt",
        "Lindenweg", "Obere Zäune", "Hauptstrasse",
    ),
    "fr": (
        "Rue du Rhône", "Avenue de la Gare", "Chemin des Crêts", "Quai Gustave-Ador", "Rue de l'Hôpital",
        "Route de Florissant", "Chemin du Château", "Place du Marché", "Rue Étienne-Dumont", "Avenue Léman",
    ),
    "it": (
        "Via Nassa", "Via al Lago", "Piazza della Libertà", "Via San Gottardo", "Viale Cattaneo", "Corso Elvezia",
        "Via delle Scuole", "Contrada di Sassello",
    ),
}  # fmt: skip

# Firm, industry, occupations.
EMPLOYERS = (
    ("Brändli Präzision AG", "manufacturing"),
    ("Horlogerie du Léman SA", "manufacturing"),
    ("Rütli Rückversicherung AG", "financial-services"),
    ("Kanzlei Wäfler & Söhne", "professional-services"),
    ("Étude Décosterd & Associés", "professional-services"),
    ("Klinik Sonnenbühl", "health"),
    ("Laboratoires Aubépine SA", "health"),
    ("Säntis Software AG", "technology"),
    ("Cantina Sotto le Stelle Sagl", "hospitality"),
    ("Grand Hôtel des Mélèzes", "hospitality"),
    ("Immobiliare San Salvatore SA", "real-estate"),
    ("Gotthard Spedition AG", "transport"),
    ("École Internationale des Pâquis", "education"),
    ("Holzbau Tschümperlin GmbH", "construction"),
    ("Alpstrom Energie AG", "energy"),
    ("Maison Mézières Négoce SA", "trade"),
)
POSITIONS = (
    "Analyst", "Architect", "Chief executive", "Chief financial officer", "Consultant", "Director", "Head of sales",
    "Managing partner", "Notary", "Physician", "Project manager", "Software engineer",
)  # fmt: skip
TITLES = ("Dr.", "Dr. med.", "Prof.", "Dr. iur.", "Dipl. Ing.")
POLITICAL_FUNCTIONS = ("Member of parliament", "Cantonal judge", "Ambassador", "Head of a government agency")
MAIL_HOSTS = ("post.example", "mail.example", "courrier.example", "posta.example")
NOTES = (
    "Prefers meetings in the morning.",
    "Statements by post, quarterly.\nNo calls during school holidays.",
    "Interested in sustainable funds; second meeting planned.",
    "Succession planning under way, notary involved.",
    "Reads everything. Send documents a week ahead.",
)
