"""Plots of plans that are put back and called off."""

# ruff: noqa: E501 (a phrase stays on one line, to be read as one)
from __future__ import annotations

from labkit.synthesis.plots import Plot

TRIP = Plot(
    name="trip",
    shape="plan",
    theme="travel",
    topics=("the trip", "the holiday", "the getaway", "the journey"),
    money=(110, 2400, 5),
    draws={
        "v": (
            "[a week|ten days|four nights|a long weekend] in {place}",
            "[cycling|walking|paddling|hitching] from {place} to {place}",
            "a [cottage|cabin|lighthouse|caravan|yurt] near {place}",
            "the night train to {place}",
            "island-hopping out of {place}",
            "a [cooking|painting|sailing|birdwatching] course in {place}",
            "[two|three] days at [{first}'s|{surname}'s] in {place}",
        ),
        "cause": (
            "the ferry company went on strike",
            "{their} passport had [run out|been chewed by the dog]",
            "the [boss|head teacher] refused the days off",
            "a [christening|court date|hospital appointment] landed on that very week",
            "the person with the driving licence [broke a wrist|got shingles]",
            "the whole place was booked out by a [yoga|chess|bagpipe] congress",
            "the volcano was at it again",
        ),
        "drop": (
            "the airline [went bust|cancelled the route]",
            "{their} [tooth|appendix|ankle] had other ideas",
            "the savings went into the [roof|car|vet]",
            "the others [fell out|dropped out one by one]",
            "a flood had taken the [road|bridge|campsite]",
            "nobody could face [another airport|that heat]",
        ),
        "effect": (
            "{they} spent the refund on a [bread oven|hammock|bike]",
            "the travel guide ended up under a wobbly table leg",
            "{they} and {their} friends didn't speak till [autumn|Easter]",
            "{they} had a fortnight of leave to burn",
            "{they} took up [Italian|Danish|Portuguese] out of spite",
        ),
        "detail": (
            "[two|three] pairs of binoculars",
            "an inflatable [globe|flamingo|bath pillow]",
            "seats [14A and B|on the left-hand side|facing forward]",
            "a stop at the [snail|pencil|umbrella] museum",
            "earplugs, the [wax|orange] ones",
            "the phrasebook from [1962|school]",
        ),
        "gist": (
            "the looking forward was the best part",
            "next year, without any planning at all",
            "never again with more than two people",
            "refunds are a full-time job",
            "you can get a tan on a balcony as well",
        ),
    },
    beats={},
    asks={
        "where": ("Where were {Ss} suitcases meant to go?",),
        "instead": ("How did {S} spend the free days when nobody got on a plane?",),
        "drop": ("Why did {S} stay home in the end, suitcase and all?",),
    },
)

PARTY = Plot(
    name="party",
    shape="plan",
    theme="family",
    topics=("the party", "the celebration", "the do"),
    money=(40, 1500, 5),
    draws={
        "v": (
            "a [barn|garden|boat|skittles|fancy-dress|paella] party for [forty|sixty|thirty|eighty]",
            "a [brunch|ball|picnic|cream tea|barbecue] at {surname}'s",
            "karaoke above the [pub|chip shop] on {street}",
            "a surprise do in the [scout hut|church hall|boathouse] in {place}",
            "[fondue|oysters|dumplings] for [twelve|fifteen|twenty] at home",
            "a [murder mystery|pub quiz|ceilidh] in {place}",
        ),
        "cause": (
            "the hall was double-booked with a [wake|karate grading]",
            "the guest of honour had [chickenpox|jury duty|a night shift]",
            "half the family was down with [flu|a stomach bug]",
            "the band could only do another weekend",
            "the marquee people lost the poles",
            "a rail strike was called for that day",
        ),
        "drop": (
            "the licence for the [bonfire|bar|band] was refused",
            "the two sides of the family [fell out|weren't speaking]",
            "the cook ran off with [the deposit|a waiter]",
            "the roof of the place blew off",
            "the birthday child [hated|found out about] it and begged for peace",
            "there'd been a death in the [family|street]",
        ),
        "effect": (
            "the freezer was full of [sausage rolls|vol-au-vents|curry] till [spring|summer]",
            "{they} donated [ninety|sixty] balloons to the nursery",
            "an old quarrel [came out|was settled]",
            "{they} ended up with [three|four] identical vases",
            "{they} never offered to organise anything again",
        ),
        "detail": (
            "a cake in the shape of [a tractor|Wales|a grand piano]",
            "paper lanterns, [forty|sixty] of them",
            "no [coriander|speeches|bagpipes]",
            "a playlist without a single [ballad|saxophone]",
            "name tags with [fake|childhood] names",
            "a chair for [Grandad|the accordion]",
        ),
        "gist": (
            "more phone calls than fun",
            "people only want cake and a chair",
            "start small and stay small",
            "it's the thought that costs",
            "never let relatives near a guest list",
        ),
    },
    beats={},
    asks={
        "where": ("What kind of bash did {S} dream up?",),
        "drop": ("Why did the guests stay away from {Ss} bash?",),
        "instead": ("How was the occasion marked by {So}, with no bash?",),
    },
)

RACE = Plot(
    name="race",
    shape="plan",
    theme="sport",
    topics=("the race", "the challenge", "the big race"),
    money=(15, 480, 1),
    draws={
        "v": (
            "the {place} [half marathon|10k|triathlon|fell race|mud run]",
            "swimming [across the lake|to the lighthouse] at {place}",
            "[sixty|ninety|a hundred] miles on a bike round {place}",
            "the [coast path|three peaks|castle stairs] at {place} in a day",
            "a relay with {first} and {first}",
        ),
        "cause": (
            "a [stress fracture|chest cold|pulled calf] stopped the training",
            "the organisers found [algae|unexploded shells] on the course",
            "entry closed while {they} looked for {their} glasses",
            "it clashed with {their} [thesis|night shifts|niece's wedding]",
            "the river was in flood",
        ),
        "drop": (
            "the doctor said [not with that knee|absolutely not]",
            "the sponsor pulled out",
            "{they} simply [hated|couldn't bear] the early mornings",
            "the safety boat sank at its moorings",
            "the whole event moved to [Qatar|a Tuesday]",
        ),
        "effect": (
            "{they} gave the [shoes|wetsuit|number] to a neighbour",
            "the charity money went to the [hospice|donkeys] all the same",
            "{they} slept till nine on Sundays again",
            "{they} joined a [walking|knitting|darts] group",
            "{their} resting pulse went back up to [seventy|eighty]",
        ),
        "detail": (
            "start number [417|88|1203|56|779]",
            "[salted|peanut butter] sandwiches at mile [nine|six]",
            "socks without seams",
            "a whistle in case of [fog|bulls]",
            "a playlist at [160|172] beats",
            "goggles with [mirrored|pink] lenses",
        ),
        "gist": (
            "the shower afterwards was the point all along",
            "training is for people with calendars",
            "pride comes before a pulled muscle",
            "good fun until somebody keeps time",
            "the T-shirt would have been ugly anyway",
        ),
    },
    beats={},
    asks={
        "where": ("What feat {was} {S} in training for?",),
        "drop": ("Why did {S} never stand at the start line?",),
        "instead": ("What sort of exertion did {S} go in for once that was scrapped?",),
    },
)
