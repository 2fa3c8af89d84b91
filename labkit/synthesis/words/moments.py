"""Chatter: small things that happen once, each of which somebody may yet ask about."""

# ruff: noqa: E501 (a phrase stays on one line, to be read as one)
# fmt: off
from __future__ import annotations

from labkit.synthesis.plots import Plot, Words


def _moment(
    name: str, theme: str, topics: tuple[str, ...], v1: tuple[str, ...], v2: tuple[str, ...],
    words: Words, what: tuple[str, ...], with_: tuple[str, ...],
) -> Plot:  # fmt: skip
    return Plot(name, "moment", theme, topics, {"v1": v1, "v2": v2}, {"moment": words}, {"what": what, "with": with_})


_WHO = ("{first}", "{first} from work", "{first} {surname}", "old {first}", "{first} next door", "the {surname}s", "{first} and the twins", "two of the {surname}s")

PLOTS: tuple[Plot, ...] = (
    _moment(
        "weather", "home", ("the storm", "the weather"),
        ("the neighbour's trampoline", "a whole chicken coop", "somebody's gazebo", "a paddling pool", "a wheelie bin marked {number}", "an entire washing line with shirts on it", "a garden gnome in a canoe"), _WHO,
        Words(
            say=("oh dear, the storm. {v1} in {Ss} garden, {v2} helped to get rid of it.", "Never seen wind like it. {S} found {v1} by the shed, and {v2} helped carry it off.", "Wind like a freight train last night, {v1} ended up in {Ss} hedge. {v2} helped fish it out.", "{S} woke up to {v1} on the lawn. {v2} and a ladder, an hour's work.", "After that storm {v2} and {S} carried {v1} back across two gardens.", "Gale force nine and {v1} flew past {Ss} window. {v2} filmed it."),
            sum=("{S} found {v1} in the garden after the storm and removed it with {v2}.", "The gale left {v1} in {Ss} garden; {v2} lent a hand."),
            note=("Storm: {v1} in hedge. Thank {v2}.", "{v1} (storm). {v2} came over."),
        ),
        ("What did the gale drop at {Ss} place?", "Which object came flying into {Ss} garden that night?"), ("Who lent {So} a hand after that wild night?", "Who was out there with {So} clearing up after the gale?"),
    ),
    _moment(
        "wildlife", "animals", ("the birds", "the garden visitors"),
        ("a heron", "two hedgehogs", "a muntjac", "an escaped peacock", "a fox with half a tail", "seven goldfinches", "a grass snake as long as a broom", "a badger with a biscuit"), _WHO,
        Words(
            say=("{S} saw {v1} in the garden and phoned {v2} [straight away|in a whisper].", "Visitor at {Ss} place this morning: {v1}! {v2} got the first photo.", "Six in the morning and there's {v1} by {Ss} back door. {v2} didn't believe it till the photo.", "{S} stood nose to nose with {v1} by the compost. Told {v2} at once.", "{v1}, in broad daylight, on {Ss} doorstep! {v2} dropped the cup.", "You know what {S} saw taking the bins out? {v1}. {v2} went green with envy."),
            sum=("{S} spotted {v1} near the house and told {v2}.", "{S} was delighted by {v1} and shared the sighting with {v2}."),
            note=("Seen: {v1}. Send photo to {v2}.", "{v1} by the back door, {v2} as witness."),
        ),
        ("What creature paid {So} a visit?", "Which animal did {S} run into at home?"), ("Who heard first of {Ss} encounter with nature?", "To whom did {S} report the sighting?"),
    ),
    _moment(
        "baking", "food", ("the baking", "the oven experiment"),
        ("a rhubarb tart that collapsed", "rye bread like a paving stone", "nineteen cardamom buns", "a lemon cake with salt for sugar", "macarons in army green", "a focaccia the size of a doormat", "plum dumplings"), _WHO,
        Words(
            say=("{S} baked. Well, tried: {v1}. {v2} [had some|asked for the recipe|laughed].", "Kitchen news from {So}: {v1}, and {v2} did the tasting.", "Result of {Ss} Sunday: {v1}. {v2} ate it anyway.", "{S} produced {v1}. Nobody but {v2} dared to try it.", "The kitchen looks bombed, but there's {v1}, {Ss} doing, and {v2} asked for seconds.", "{S} had a go in the kitchen. Outcome, {v1}. {v2} stayed polite about it."),
            sum=("{S} baked {v1}; {v2} tried it.", "{S} spent an afternoon at the oven and made {v1}, eaten by {v2}."),
            note=("Made {v1}. {v2} liked it?", "{v1}, recipe from {v2}'s aunt, {v2} ate most."),
        ),
        ("What came out of the oven that Sunday in {Ss} kitchen?", "What did {S} make in that kitchen fiasco?"), ("Who was {Ss} guinea pig at the table?", "Who swallowed {Ss} culinary effort?"),
    ),
    _moment(
        "match", "sport", ("the match", "the game"),
        ("{number} minutes of rain and a nil-nil", "an own goal in the last minute", "a streaker with a traffic cone", "penalties till it got dark", "a dog on the pitch twice", "a floodlight failure"), _WHO,
        Words(
            say=("{S} took {v2} to the match. {v1}, [what a day|we got soaked|never again].", "Saturday at the football for {So}, with {v2}: {v1}.", "{S} went to see the village team and got {v1}. {v2} brought the flask.", "{v1}. That was {Ss} Saturday at the ground with {v2}.", "{v2} and {S} in the stand, and what happens? {v1}.", "Football: {v1}. {S} laughed till it hurt, {v2} sulked."),
            sum=("{S} watched a local match with {v2}; it featured {v1}.", "{S} went to the ground with {v2} and reported {v1}."),
            note=("Match w/ {v2}: {v1}.", "{v1}. Next time scarf. Owe {v2} a pie."),
        ),
        ("What was memorable about that afternoon at the ground for {So}?", "What did {S} witness from the stands?"), ("Who stood on the terraces beside {So}?", "Whom did {S} cheer with?"),
    ),
    _moment(
        "market", "shopping", ("the flea market", "the find"),
        ("a brass diving helmet", "a box of {number} glass eyes", "a tapestry of {place}", "a barometer stuck on stormy", "a typewriter without an E", "a signed photo of a {place} tram driver", "a chess set with two queens missing"), _WHO,
        Words(
            say=("{S} bought {v1} at the flea market, don't ask. {v2} [haggled|carried it|groaned].", "Guess what {S} found at the car boot? {v1}! {v2} can confirm.", "{S} came home from the car boot with {v1}. {v2} said not a word.", "Couldn't leave it there: {v1}. {S} blame{s} {v2} for driving.", "Bargain of the year for {So}, {v1}, and {v2} had to carry it.", "{v1}! {S} haggled for twenty minutes while {v2} pretended not to know anyone."),
            sum=("{S} bought {v1} at a flea market, accompanied by {v2}.", "{S} could not resist {v1}; {v2} came too."),
            note=("Bought {v1}. Where to put it? Ask {v2}.", "Flea market with {v2}: {v1}."),
        ),
        ("What useless treasure did {S} drag home?", "Which second-hand bargain couldn't {S} resist?"), ("Who was with {So} on the bargain hunt?", "Who helped {So} lug the treasure?"),
    ),
    _moment(
        "lost", "travel", ("the lost property", "what went missing"),
        ("the good umbrella", "a glove, the left", "one hearing aid", "the spare car key", "the library copy of Middlemarch", "a bag with {number} satsumas", "the wedding ring, at the pool"), _WHO,
        Words(
            say=("{S} lost {v1} again. {v2} found it, [phew|of course|naturally].", "Panic at {Ss}: {v1}, gone. In the end it was {v2} who had it.", "{S} left {v1} on the tram. {v2} found it two stops on, would you believe.", "Turned the house upside down for {v1}. {v2} had it all along, as {S} found out later.", "{v1} is gone, and {S} suspected {v2}.", "Search party at {Ss} for {v1}, called off when {v2} sat on it."),
            sum=("{S} mislaid {v1}, which {v2} later found.", "{S} was looking for {v1}; {v2} turned out to have it."),
            note=("Lost: {v1}. Ask {v2}.", "{v1} back, thanks to {v2}."),
        ),
        ("What had {S} mislaid that time?", "Which belonging of {Ss} went astray?"), ("Who turned up the thing that {S} couldn't find?", "Whom must {S} thank for getting it back?"),
    ),
    _moment(
        "book", "hobby", ("the book club", "the reading"),
        ("a 900-page saga about herring", "a thriller set in {place}", "a cookbook nobody can cook from", "the memoirs of a {place} lighthouse keeper", "a novel in which nothing happens on a train", "poems by a {surname} nobody knew"), _WHO,
        Words(
            say=("{S} [read|got through] {v1} for the book club. It was {v2}'s choice.", "Book club was fun, {S} talked about {v1} and {v2} disagreed loudly.", "This month {S} had to read {v1}. {v2} cried, everyone else skimmed.", "{S} finished {v1} at last. {v2} picked it, obviously.", "Book group at {Ss} place: {v1}, and {v2} talked for an hour.", "{v1}, two chapters in and {S} wanted {v2}'s head."),
            sum=("{S} read {v1} for the book group on {v2}'s suggestion.", "{S} discussed {v1} with {v2} and others."),
            note=("Book group: {v1}. Picked by {v2}.", "{v1}, give back to {v2}."),
        ),
        ("What was on the reading list for {So}?", "Which volume did {S} slog through?"), ("Whose choice of literature did {S} suffer?", "Who had strong feelings at {Ss} reading circle?"),
    ),
    _moment(
        "sky", "nature", ("the night sky", "the eclipse"),
        ("a green fireball", "the aurora, faint but there", "half an eclipse and a lot of cloud", "{number} shooting stars", "the space station crossing the moon", "Saturn through a borrowed telescope"), _WHO,
        Words(
            say=("{S} saw {v1} last night! {v2} came along, wrapped in a duvet.", "Clear sky at last, and {S} got {v1}. With {v2}, two flasks and no gloves.", "Up at three, freezing, and {S} saw {v1}. {v2} brought soup.", "{v1} over the allotments! {S} stood there with {v2} and forgot to take a picture.", "{S} dragged {v2} onto the roof for {v1}.", "Neck hurts from looking up, but {S} caught {v1}, {v2} as witness."),
            sum=("{S} watched {v1} together with {v2}.", "{S} stayed up with {v2} and saw {v1}."),
            note=("Saw {v1} with {v2}.", "{v1}, 3 am, {v2} there too."),
        ),
        ("What did {S} get to see up there?", "For which heavenly sight did {S} give up sleep?"), ("Who kept {So} company through the cold hours?", "Who shared {Ss} stargazing?"),
    ),
    _moment(
        "queue", "admin", ("the town hall", "the paperwork"),
        ("form {number}B in triplicate", "a stamp that only {place} can give", "a photo without the smile", "the original of a birth certificate from {place}", "a number after {number} people", "a signature in blue ink"), _WHO,
        Words(
            say=("{S} spent the morning at the town hall. They wanted {v1}. Bumped into {v2} there.", "No luck for {So} at the counter without {v1}. {v2} kept {them} company in the queue.", "Two hours at the counter because they wanted {v1} from {So}. Met {v2} in the queue at least.", "{S} was sent away for {v1}. {v2} nearly wept in sympathy.", "Bureaucracy today: {v1}, or nothing happens, {S} was told. {v2} had sandwiches.", "{v1}. Seriously. {v2} and {S} got the giggles in the waiting room."),
            sum=("{S} was asked for {v1} at the town hall, and ran into {v2} there.", "The office required {v1}; {S} waited alongside {v2}."),
            note=("Town hall wants {v1}. {v2} came too.", "Bring {v1}. Lunch with {v2} after."),
        ),
        ("What did the officials insist on in {Ss} case?", "What was missing when {S} went to the authorities?"), ("Whom did {S} come across among the waiting crowd?", "Who was {Ss} companion in bureaucratic misery?"),
    ),
    _moment(
        "garden", "garden", ("the allotment", "the vegetable patch"),
        ("{number} courgettes", "a turnip with a face", "tomatoes with blight, all of them", "a potato in the shape of {place}", "the first asparagus in three years", "carrots with two legs"), _WHO,
        Words(
            say=("{S} picked {v1} and gave half to {v2}.", "It's harvest time: {v1}! {S} shared with {v2}.", "Harvest report from {So}: {v1}. Half went to {v2}.", "{S} dug up {v1} and {v2} took a bag of it home.", "{v1}, that's the whole summer's work for {So}. {v2} found it funny.", "On the plot {S} got {v1}, and advice from {v2} nobody asked for."),
            sum=("{S} harvested {v1} and gave some to {v2}.", "{Ss} patch yielded {v1}; {v2} got a share."),
            note=("Plot: {v1}. Bag for {v2}.", "{v1}, tell {v2}."),
        ),
        ("How did {Ss} digging pay off?", "What was the yield of {Ss} green efforts?"), ("With whom did {S} share what grew?", "Who went home with some of {Ss} crop?"),
    ),
    _moment(
        "concert", "music", ("the concert", "the gig"),
        ("a tuba quartet playing Abba", "a soprano with hiccups", "a drummer aged {number}", "three encores and a power cut", "bagpipes in a car park", "a choir from {place} in socks"), _WHO,
        Words(
            say=("{S} went to hear {v1} with {v2}. [Wonderful|Strange|Very loud].", "Concert last night for {So} and {v2}: {v1}, believe it or not.", "{S} went out for once, {v1}, worth every penny. {v2} hummed it all the way home.", "{v1}. {S} had tears running down, {v2} too.", "Free tickets, so {v2} and {S} got to hear {v1}.", "Culture! {v1}, and {S} lost {v2} in the interval."),
            sum=("{S} attended a performance of {v1} with {v2}.", "{S} heard {v1}; {v2} came along."),
            note=("Concert w/ {v2}: {v1}.", "{v1}. {v2} to pay half."),
        ),
        ("What did {S} hear that evening out?", "What sort of act was on when {S} had those free seats?"), ("Who had the seat beside {So} that evening?", "Who accompanied {So} to hear it?"),
    ),
    _moment(
        "neighbours", "home", ("the street party", "the neighbours"),
        ("a limbo contest", "a conga down to number {number}", "a raffle for half a pig", "a speech by the {surname} boy in rhyme", "a tug of war with a hosepipe", "a bouncy castle on a slope"), _WHO,
        Words(
            say=("Street party! {S} loved {v1} most, and {v2} stayed till the end as well.", "Our street did {v1} this year. {S} was on cake duty with {v2}.", "Our road closed for once, {v1}, and {S} stayed till the lamps came on. {v2} did the sausages.", "{v1}! On our road! {S} hadn't laughed so much since {v2}'s wedding.", "{S} took second prize at the do, there was {v1}, and was beaten by {v2}.", "Folding tables, bunting, {v1}. {S} danced with {v2}."),
            sum=("{S} enjoyed a street party with {v1}; {v2} came too.", "At the street party there was {v1}, which {v2} and {S} enjoyed."),
            note=("Street do: {v1}. Return chairs to {v2}.", "{v1}, photos from {v2}."),
        ),
        ("What was the main attraction when {Ss} road was closed?", "How were people entertained under the bunting?"), ("Who was about when {S} celebrated between the parked cars?", "Whom did {S} spend the bunting evening with?"),
    ),
)
