"""Given names that are one and the same person's: Köbi is Jakob, Hansruedi is Hans Rudolf.

Each line is a group, which an indented line continues; a name may be in several. Forms of a name in the languages of
Switzerland are in one group, since people give the one that is usual where they are.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from matching.words import folded

_GROUPS: Final = """
    Alexander Alex Alexandre Alessandro Sandro Xander Sascha Alec
    Alexandra Alexa Sandra Alessandra Sascha Alex
    Andreas Andi Andy Andres Res Resli Andrea André Andrew Drew
    Anna Anni Änni Anne Annette Anita Ännchen Annie Ann Nina
    Antoinette Toni Antonia Antonella Nella
    Anton Toni Tony Antoine Antonio Antony Anthony Tonio
    Barbara Babs Barbla Bärbel Barbe Babette Bobbie
    Beatrice Bea Beatrix Trix Trixi Béatrice
    Benjamin Beni Benny Ben Beniamino
    Bernhard Bernard Bernie Beni Bernardo Hardy
    Brigitte Gitte Brigitta Gitta Birgit Brigida
    Bruno Brünu
    Charles Karl Carlo Charly Charlie Chuck Kari Kalle Carl Carolus
    Charlotte Lotte Lotti Carlotta Lotta
    Christian Chris Christen Christiano Cristiano Chrigu Chrigi
    Christina Christine Christa Tina Christiane Chris Cristina Kristina Kristin
    Christoph Christof Chris Stoffel Christophe Cristoforo Christopher Kit Chrigel
    Claudia Claude Claudine Claudi
    Daniel Dani Dan Danny Daniele Danilo
    Daniela Dani Danielle
    David Dave Davide Dävu
    Dominik Dominic Dominique Domi Domenico Mingo
    Dorothea Dora Doris Thea Dorothee Dorli Dorothy Dot
    Eduard Edi Edy Edouard Edoardo Edward Eddie Ed Ted
    Elisabeth Lisa Lisbeth Elsbeth Bethli Betty Beth Elise Elisabetta Lise Sissi Elsa Else Lisi Liz Lizzie
        Elizabeth Bettina
    Emanuel Manuel Mani Manu Emanuele
    Emil Emile Milo Emilio
    Ernst Aschi Ernest Ernesto Ernie
    Eugen Eugène Geni Eugenio Eugene Gene
    Felix Félix Felice Fix
    Ferdinand Ferdi Fernando Nando
    Florian Flo Florin Floriano
    Franziska Franzi Fränzi Franca Francesca Françoise Frances Fran
    Franz Fränzu Franco Francesco François Francis Frank Francois Cesco
    Friedrich Fritz Fredi Frederic Frédéric Federico Frederick Fred
    Gabriel Gabi Gabriele Gabe
    Gabriela Gabi Gaby Gabriele Gabrielle Gabriella
    Georg Schorsch Jörg Jürg Georges Giorgio George Jürgen Jöri
    Gerhard Geri Gerd Gérard Gerardo Gerard Hardy
    Giovanni Gianni Gian Johannes Johann Jean Hans John Jon Vanni Jean Hansli Housi
    Gottfried Göpf Godi Geoffroy Godfrey
    Gregor Greg Grégoire Gregorio Gregory
    Guido Guy Vito
    Hans Johannes Johann Hannes Hansi Hausi Housi Jean Giovanni John Johnny Jack
    Hansjörg Hansjürg Hajo
    Hanspeter Hampi HP Hampe
    Hansruedi Hansrudolf Hansrüedi
    Heidi Adelheid Heidy Adelaide
    Heinrich Heinz Heiri Henri Enrico Henry Harry Hank Hene
    Helena Helene Leni Lena Hélène Elena Helen Nelly
    Hermann Hermi Armando Armand Herman
    Hubert Hubi Huberto Uberto
    Ignaz Ignazio Ignace
    Irene Reni Irène
    Jakob Köbi Jakobus Jacques Giacomo Jacob James Jim Jimmy Jake Jack Kobi Jaques
    Joachim Jochen Jo Achim Gioacchino
    Johanna Hanna Hanni Hannah Jeanne Giovanna Joan Jane Jana
    Jonathan Jon Joni Jonas
    Josef Joseph Sepp Seppi Beppe Giuseppe Pino José Joe Jupp Josy Peppino Joey
    Josefine Josy Josephine Giuseppina Josefina Fina Pina Finny
    Julia Julie Giulia Juliette Giulietta Juliane
    Julius Jules Giulio
    Karin Karen Katarina Carine
    Karl Charles Carlo Kari Charly Carl
    Katharina Käthi Kathrin Katrin Kathi Trine Catherine Caterina Käthe Kate Katie Kathy Katherine Cathérine Rina
        Cathy Kati
    Klaus Niklaus Nikolaus Claus Chlaus Klaas Nicolas Nicola Nick Nico Chlöis Niggi Nicolò Nicholas Niklas Niki Claude
    Konrad Koni Conrad Corrado Conny Kurt
    Kornelia Cornelia Conny Nelly Corni
    Laura Lara Laurence
    Leonhard Leo Leon Léonard Leonardo Lienhard Hardy Leonard Lenny
    Lorenz Lenz Laurent Lorenzo Laurenz Lawrence Larry Renzo Lori
    Ludwig Louis Luigi Lutz Luis Lewis Gigi Lou
    Lukas Luca Luc Luke Lüku Lucas
    Magdalena Magda Leni Lena Madeleine Maddalena Madlen Madeline Lene
    Manfred Fredi Mani Manfredo
    Margaretha Margrit Margareta Grit Gritli Gretli Greta Rita Marguerite Margherita Margret Margrith Meg Maggie
        Peggy Margaret Gretel Margot Margarethe
    Maria Marie Mia Mariechen Mary Maja Miriam Ria Marianne Mitzi Mizzi Marija
    Markus Märk Märku Mark Marc Marco Marcus Küsu
    Martin Tinu Martino Märti Marty
    Martha Marta Marthe Marthy
    Matthias Mathias Thias Hias Matthieu Matteo Mattia Matthäus Matt Matthew Matti Mätthu Tis
    Maximilian Max Massimo Maxime Massimiliano Mäxu
    Michael Michi Mike Michel Michele Mick Mitch Mischa Michele Michu
    Michaela Michi Michelle Michèle Michela
    Monika Moni Monique Monica
    Moritz Maurice Maurizio Mauritius Mouriz
    Nathalie Natalie Natalia Nati
    Oliver Oli Olivier Oliviero Ollie
    Oskar Oscar Ossi Oski
    Patrick Patrik Päde Pädu Patrizio Pat Paddy
    Patrizia Patricia Pat Patty Trish
    Paul Päuli Paolo Pauli Pablo
    Peter Pesche Peti Pierre Pietro Piero Pete Pit Pitsch Pèire
    Philipp Philippe Filippo Phil Lipp Philip Pippo
    Raphael Raffael Rafael Rafi Raffaele Raphaël
    Rebekka Rebecca Becky Beckie Becca
    Regula Regi Regina Régine Regi
    Reinhard Renato Reini Reinhold Hardy
    Renate Renata Renée Rena
    Richard Richi Riccardo Rick Dick Ricky Rico
    Robert Röbi Robi Roberto Bob Bobby Rob Bert Röbu
    Roland Roli Rolando Orlando Rölu Roly
    Rosa Rösli Rosmarie Rose Rosina Rosi Rosy Rosita Rosemarie Rosalie
    Rudolf Ruedi Rüedu Rudi Rodolphe Rodolfo Rudolph Rudy Rolf Ralph Ruedy
    Samuel Sämi Sam Sami Samuele Sämu Sammy
    Sebastian Sebi Basti Sébastien Sebastiano Bastian Bascho Wastl Seb
    Silvia Sylvia Silvie Sylvie Silvana
    Simon Simi Simone Simu Simeon
    Sophie Sofie Sofia Sophia Sopherl
    Stefan Stephan Steff Stefu Stéphane Stefano Steven Steve Stephen Steffen Etienne Stef
    Stefanie Stephanie Steffi Stefania Stéphanie Steph
    Susanna Susanne Susi Suzanne Sanna Susan Sue Susy Susette Sus
    Theodor Theo Theodore Teodoro Ted Théodore Dori Dorus
    Theresia Theres Resi Thérèse Teresa Theresa Terry Tess Tessa Resli Rösi
    Thomas Tom Thömu Tomaso Tommaso Tommy Thömi Tomas Dumeng
    Tobias Tobi Toby Tobia
    Ulrich Ueli Uli Ulrico Ulric Ulli Urech Ully
    Ursula Ursi Uschi Orsola Ursle Ursina Ursulina Ursel
    Valentin Vali Valentino Fältin
    Verena Vreni Vroni Vre Verene Vreneli Verona
    Veronika Vroni Véronique Veronica Ronnie
    Victor Viktor Vittorio Vic Vik
    Viktoria Victoria Vicky Vittoria Vicki Viki
    Vinzenz Vincent Vincenzo Zenz Vince Enzo
    Walter Walti Wale Gualtiero Gauthier Wälti Walt Wally
    Werner Wernu Werni Guarniero
    Wilhelm Willi Willy Guillaume Guglielmo William Bill Billy Will Helmi Liam Wim
    Wolfgang Wolf Wolfi Wolfango
    Yvonne Ivonne Yvette Ivette
"""


_CONTINUED: Final = re.compile(r"\n {8,}")


def _by_name() -> Mapping[str, frozenset[int]]:
    found: dict[str, set[int]] = defaultdict(set)
    for number, line in enumerate(_CONTINUED.sub(" ", _GROUPS).strip().splitlines()):
        for name in line.split():
            found[folded(name)].add(number)
    return {name: frozenset(numbers) for name, numbers in found.items()}


_NUMBERS: Final = _by_name()
_NONE: Final[frozenset[int]] = frozenset()


def groups_of(name: str) -> frozenset[int]:
    """Return the numbers of the groups of a folded given name; none for a name that has no other forms here."""
    return _NUMBERS.get(name, _NONE)


def is_same_person_s(one: str, other: str) -> bool:
    """Return whether two folded given names are forms of one name."""
    return not groups_of(one).isdisjoint(groups_of(other))
