"""Pools of names. Wide, so that two lives rarely share one."""

# ruff: noqa: E501 (a phrase stays on one line, to be read as one)
# fmt: off
from __future__ import annotations

WOMEN = tuple(
    ["Ana", "Priya", "Dana", "Joan", "Mette", "Ines", "Yuki", "Fatima", "Chloe", "Greta", "Nadia", "Rosa", "Sadia", "Ingrid", "Leila", "Maeve", "Tamsin", "Wanjiru", "Xiomara", "Zofia", "Abena", "Beatriz", "Carys", "Delphine", "Esra", "Farah", "Gwen", "Hana", "Ilse", "Jasmine", "Keiko", "Lucia", "Mirela", "Noor", "Oksana", "Paloma", "Rhiannon", "Siobhan", "Thandi", "Ursula", "Vera", "Wen", "Yasmin", "Zainab", "Agnes", "Bridget", "Chiara", "Divya", "Elif", "Freya", "Gabriela", "Helga", "Imani", "Jolanta", "Kirsten", "Larisa", "Margit", "Nokuthula", "Odile", "Petra", "Ruth", "Sunita", "Tova", "Valentina", "Winifred", "Anouk", "Bronwyn", "Camila", "Dorothea", "Edith", "Flora", "Grace", "Heidi", "Isolde", "Jutta", "Katya", "Lorna", "Milena", "Nell", "Orla", "Philippa", "Renata", "Sanna", "Tuuli", "Una", "Vesna", "Willa", "Yara", "Aisling", "Bettina", "Constance", "Danuta", "Elsa", "Fleur", "Giulia", "Hilde", "Ivy", "Josefina", "Kamala", "Linnea", "Marisol", "Naomi", "Opal", "Pilar", "Roisin", "Selma", "Tilda", "Viola"]
)
MEN = tuple(
    ["Marcus", "Theo", "Rahul", "Kwame", "Mateus", "Ollie", "Tomasz", "Dieter", "Hamish", "Idris", "Jonas", "Kenji", "Luca", "Malik", "Niall", "Oscar", "Pavel", "Quentin", "Ravi", "Stefan", "Tariq", "Uwe", "Viktor", "Wim", "Yusuf", "Zoran", "Alasdair", "Bao", "Cormac", "Diego", "Emre", "Femi", "Gareth", "Hugo", "Ivan", "Joaquin", "Kofi", "Lars", "Mihai", "Nnamdi", "Otto", "Piotr", "Rashid", "Sanjay", "Teemu", "Umar", "Vito", "Winston", "Xavier", "Youssef", "Anders", "Bilal", "Callum", "Dmitri", "Elias", "Finn", "Goran", "Hector", "Ismail", "Jarek", "Klaus", "Levi", "Magnus", "Noel", "Owain", "Pascal", "Ruben", "Silas", "Tobias", "Ulrich", "Vaughn", "Walter", "Andrei", "Bram", "Cedric", "Duncan", "Edgar", "Florian", "Gus", "Henk", "Ignacio", "Jerome", "Karim", "Leopold", "Milo", "Nils", "Oleg", "Percy", "Rory", "Sven", "Thabo", "Vikram", "Wesley", "Alonso", "Basil", "Clive", "Desmond", "Ewan", "Fergus", "Gilles", "Harvey"]
)
SURNAMES = tuple(
    ["Whitlock", "Fairclough", "Adeyemi", "Hollis", "Okafor", "Lindqvist", "Marchetti", "Tran", "Vasquez", "Novak", "Brandt", "Osei", "Petrov", "Kaur", "Mwangi", "Sorensen", "Delgado", "Hartley", "Nakamura", "Quigley", "Rahman", "Szabo", "Tierney", "Ueda", "Varga", "Winter", "Yildiz", "Zeller", "Abbott", "Bianchi", "Cardoso", "Dunmore", "Eriksen", "Fontaine", "Gallagher", "Haddad", "Ivers", "Jankowski", "Kessler", "Lovelace", "Mbeki", "Nyberg", "Oyelaran", "Pereira", "Rossi", "Sato", "Thorne", "Underhill", "Vance", "Wexford", "Yeo", "Zielinski", "Ashdown", "Beaumont", "Chaudhry", "Drummond", "Ellery", "Fielding", "Grimaldi", "Hemsley", "Ishikawa", "Jardine", "Kowalczyk", "Larkin", "Mendez", "Nowell", "Ostrander", "Pickering", "Ravenscroft", "Sandoval", "Tolliver", "Urquhart", "Villiers", "Wainwright", "Ayres", "Bellamy", "Crosby", "Dhillon", "Esposito", "Farrow", "Goddard", "Halloran", "Iqbal", "Jessop", "Kirkbride", "Lachance", "Moreau", "Nunez", "Orlov", "Prescott", "Redfern", "Saldanha", "Trevino", "Vermeer", "Wickham", "Albrecht", "Boateng", "Castellano", "Devereux", "Engstrom", "Fitzroy", "Gupta", "Hargreaves"]
)
PLACES = tuple(
    ["Leeds", "Porto", "Tampere", "Calgary", "Brisbane", "Ghent", "Bilbao", "Cork", "Malmo", "Trieste", "Lyon", "Utrecht", "Basel", "Halifax", "Dunedin", "Galway", "Bergen", "Graz", "Nantes", "Aarhus", "Swansea", "Perth", "Hobart", "Windhoek", "Accra", "Mombasa", "Pune", "Kochi", "Penang", "Fukuoka", "Valdivia", "Rosario", "Oaxaca", "Tucson", "Asheville", "Duluth", "Savannah", "Portland", "Guelph", "Kelowna", "Inverness", "Whitby", "Falmouth", "Hexham", "Ludlow", "Matlock", "Oban", "Penrith", "Rye", "Settle", "Totnes", "Wells", "Bath", "Chorlton", "Hebden", "Otley", "Sligo", "Kilkenny", "Bray", "Dundee", "Arbroath", "Ullapool", "Conwy", "Tenby", "Mumbles", "Padstow", "Looe", "Whitstable", "Margate", "Deal", "Lewes", "Hove", "Bruges", "Leiden", "Delft", "Kiel", "Lubeck", "Bremen", "Bonn", "Trier", "Colmar", "Annecy", "Arles", "Biarritz", "Cadiz", "Ronda", "Evora", "Sintra", "Lucca", "Matera", "Lecce", "Split", "Zadar", "Kotor", "Ohrid", "Plovdiv", "Sibiu", "Brno", "Olomouc", "Gdansk", "Torun", "Tartu", "Kuldiga", "Turku", "Kiruna", "Tromso", "Visby", "Odense"]
)
ROADS = tuple(
    ["Palatine", "Mill", "Chapel", "Quarry", "Orchard", "Station", "Harbour", "Foundry", "Abbey", "Tanner", "Weaver", "Canal", "Priory", "Lantern", "Cooper", "Baker", "Kiln", "Garden", "Meadow", "Bridge", "Castle", "Ferry", "Larch", "Rowan", "Elm", "Hazel", "Juniper", "Magpie", "Heron", "Swan", "Otter", "Badger", "Victoria", "Albert", "Nelson", "Wellington", "Cromwell", "Almond", "Cinder", "Rope", "Tinker", "Saddler", "Fuller", "Mercer", "Glover", "Candle", "Salt", "Pepper", "Ginger", "Barley", "Hop", "Malt"]
)
ROAD_KINDS = ("Road", "Street", "Lane", "Terrace", "Avenue", "Row", "Close", "Hill")
PET_NAMES = tuple(
    ["Biscuit", "Mango", "Olive", "Pickle", "Waffles", "Juno", "Bramble", "Tofu", "Pepper", "Miso", "Gizmo", "Clementine", "Rolo", "Nettle", "Figaro", "Bingo", "Toffee", "Hazel", "Merlin", "Domino", "Sprout", "Marble", "Otis", "Poppy", "Rocket", "Saffron", "Thistle", "Ziggy", "Barnaby", "Crumpet", "Dumpling", "Fidget", "Gherkin", "Huckle", "Iggy", "Jasper", "Kipper", "Lentil", "Mochi", "Noodle", "Pudding", "Quill", "Rusty", "Sesame", "Truffle", "Ulysses", "Velcro", "Whisper", "Yoyo", "Bagel", "Cosmo", "Dobby", "Echo"]
)
RELATIONS_F = (
    "sister", "aunt", "cousin", "flatmate", "neighbour", "boss", "mother-in-law", "niece",
    "old schoolfriend", "running partner", "stepmother", "god-daughter", "landlady", "best friend",
)  # fmt: skip
RELATIONS_M = (
    "brother", "uncle", "cousin", "flatmate", "neighbour", "boss", "father-in-law", "nephew",
    "old schoolfriend", "cycling mate", "stepfather", "godson", "landlord", "best friend",
)  # fmt: skip
