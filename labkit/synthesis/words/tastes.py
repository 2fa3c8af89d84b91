"""What people like, what made them change, and situations in which it matters."""

# ruff: noqa: E501 (a phrase stays on one line, to be read as one)
# fmt: off
from __future__ import annotations

from labkit.synthesis.plots import Plot

ABOUT_ME: dict[str, tuple[str, ...]] = {
    "seat": (
        "They want me to pick a spot on the cabin plan. What's my usual?",
        "[Last row by the toilet or 14F|9D or 9F|3A or 3C]: which should I grab?",
        "Coach to {place}: where do I go and sit?",
        "The app offers me an upgrade of seat, [left|right] side by the pane. Is that me?",
    ),
    "drink": (
        "The [waiter|steward] is at my elbow. What do I order to go with the cake?",
        "Free refills at the [station|museum] café. Refills of what, for me?",
        "Would the barista course in {place} be my thing?",
        "What should I put on the hotel's breakfast card, under beverages?",
    ),
    "gifts": (
        "My birthday's coming and they ask for ideas. What do I tell them?",
        "Would I be pleased with a bronze heron from the antiques fair in {place}?",
        "The office has thirty to spend on me. On what sort of thing, shall I say?",
        "What do I write on my wish list?",
    ),
    "meetings": (
        "The accountant offers me 8.15 or 3.45. Which do I accept?",
        "A breakfast panel in {place}: shall I say yes?",
        "What slot do I give the plumber so that I'm not cross all day?",
        "When should I let them schedule the weekly call?",
    ),
    "heat": (
        "The Sichuan place has a table free on Saturday. Should I book?",
        "Vindaloo night in {place}: do I put my name down?",
        "The waiter asks: no, one, two or three little flames?",
        "Is a jar of harissa from {place} a good thing to bring home for me?",
    ),
    "phone": (
        "The garage in {place} asks how they should reach me. What do I say?",
        "Which box do I tick: letter, call, or message?",
        "They want a number they can ring at any hour. Do I give one?",
        "What's my line when somebody says 'let's have a quick chat'?",
    ),
    "crowds": (
        "There's a spare ticket for the stadium gig in {place}. Take it?",
        "New Year's Eve by the river with half of {place}: something for me?",
        "Street carnival or the little supper: which will I enjoy?",
        "Is the opening night with four hundred guests a good idea for me?",
    ),
    "pets at home": (
        "The shelter in {place} asks whether I'd foster a litter. What do I say?",
        "Somebody is giving away kittens. Do I want to know?",
        "The landlord would allow a hound now. Does that matter to me?",
        "My aunt's parrot needs a place. Volunteer?",
    ),
    "holidays": (
        "A hut-to-hut week near {place} is going cheap. Would I really want it?",
        "Where should I book for July?",
        "What scenery do I look for this time?",
        "They offer me boots or flip-flops as a thank-you. Which?",
    ),
    "films": (
        "The slasher double bill is on at midnight in {place}. Do I go?",
        "What shall I stream tonight?",
        "Which shelf of the video library is mine?",
        "The festival in {place} lets me tick one genre. Which?",
    ),
}
"""The same situations when the owner asks about the owner."""


def _taste(
    name: str, topics: tuple[str, ...], v1: tuple[str, ...], v2: tuple[str, ...], vh: tuple[str, ...],
    cause: tuple[str, ...], now: tuple[str, ...],
) -> Plot:  # fmt: skip
    draws = {"v1": v1, "v2": v2, "vh": vh, "cause": cause}
    return Plot(name, "taste", name, topics, draws, {}, {"now": now, "now_me": ABOUT_ME[name]})


PLOTS: tuple[Plot, ...] = (
    _taste(
        "seat", ("the seating question", "seats"),
        ("always the aisle, legs out, quick escape", "the aisle or not at all", "nothing but the gangway side", "[the gangway|an end seat], [somebody has to stretch|for the long shins|because of the bladder]", "[climbing over strangers is out|no climbing over strangers], so [the outside one|the corridor side]", "wherever {their} [left|right] leg can [stick out|live a little]", "[never|not once] boxed in by the wall"),
        ("by the glass now, head against it, asleep by take-off", "the window, to watch the wing", "pressed to the pane with a blanket", "[clouds|fields|the coast] going by and a wall to lean on, [bliss|nothing better]", "[tucked in|snug] by the wall with the [blind|curtain] half down", "{they} [wanted|asked] to see where the [wing|world] is going", "the [outermost|porthole] place, nose on the [pane|plastic]"),
        ("right at the front, next to the driver", "the middle, for the company", "facing backwards, always [facing backwards|the wrong way round]", "anywhere near the [buffet|toilets|exit]"),
        ("a trolley [broke|crushed] {their} toe", "someone climbed over {them} [five|six|nine] times on the way to {place}", "{they} saw the Alps once by chance"),
        ("Booking a flight for {So}: what do I tick on the little map of the cabin?", "The railway site wants to know {Ss} preferred spot in the carriage. Which?", "They've put {So} in the middle of a row of nine. Would {they} mind?",
         "Coach to {place}: where do I place {So} so that everyone's happy?"),
    ),
    _taste(
        "drink", ("hot drinks", "morning drinks"),
        ("coffee, black, by the bucket", "espresso before anybody is allowed to speak", "nothing happens before the second cafetiere", "[four|five|six] double shots before [ten|noon], [ask the machine|no sugar]", "[dark roast|mocha pot|filter], [strong enough to stand a spoon in|thick as paint]", "beans from [{place}|the corner], ground [by hand|at dawn]"),
        ("only rooibos, no caffeine after the heart flutters", "peppermint from the pot and nothing stronger", "barley stuff, tastes of hay, sleeps like a baby", "[chamomile|fennel|verbena] and [nothing else|an early night], [doctor's orders|by choice]", "[hot water with ginger|lemon and hot water], [as boring as it sounds|and feeling better for it]", "decaf at most, [and only on Sundays|with a sigh]"),
        ("hot chocolate with marshmallows", "Earl Grey with a slice of lemon", "[matcha|chai] with [oat|soya] milk", "[cocoa|malted milk] before [bed|everything]"),
        ("{they} lay awake till [four|five] before the [exam|hearing]", "the [doctor|cardiologist] drew a little graph", "the machine [exploded|scalded {their} hand]"),
        ("A barista competition is offering {So} a seat on the tasting jury. Good idea?", "What do I offer {So} when the meeting starts at nine?", "I'm filling a hamper for {So}. Beans, leaves or neither?",
         "What should stand ready in the thermos for {So}?"),
    ),
    _taste(
        "gifts", ("presents", "gifts"),
        ("vouchers are an insult, it has to be something odd from a flea market", "the older and dustier the better, as long as it has a story", "second-hand treasures beat anything in a box", "[rusty|chipped|crooked] things with a past, [from a junk shop|from a barn sale]", "a [broken clock|one-eyed bear|ship in a bottle] beats any gadget", "something [old|worn] that [somebody loved|tells a tale], [never new|never wrapped]"),
        ("no more objects, please, only tickets and outings", "nothing that needs a shelf, an evening out is plenty", "things are clutter, time together is the present", "[an evening at the theatre|a boat ride|a long lunch] instead of [stuff|things]", "[experiences|memories] over [parcels|knick-knacks], every [time|year]", "nothing to [dust|unwrap], just [a walk together|somebody's time]"),
        ("cash in an envelope and done", "anything with a plug on it", "[gadgets|gizmos] with [Bluetooth|batteries]", "[socks|slippers|pyjamas], [always|seriously]"),
        ("the shelf came off the wall with everything on it", "{they} cleared out a late aunt's house in {place}", "the moving men charged by the box"),
        ("We're collecting for {So}: a bronze heron from the antiques fair, or the opera?", "What would make {So} happy on the big day, from all of us?", "The office has thirty to spend on {So}. On what sort of thing?"),
    ),
    _taste(
        "meetings", ("meetings", "appointments"),
        ("mornings only, brain is mush after two", "early, eight if it must be, and then done with people", "get it over before the post arrives", "[first thing|before the coffee is cold], [then peace|then silence]", "[seven thirty|eight fifteen] sharp and [no small talk|standing up]", "all of them before [ten|half nine], [like pulling a plaster|to have it behind one]"),
        ("nothing before eleven, mornings are for the real work", "after lunch or never", "late afternoons, when everyone is too tired to argue", "[after four|past three], when [the head is empty anyway|the thinking is done]", "[mornings are holy|hands off the morning], so [afternoon|post-lunch] slots only", "[the later the better|towards evening], [with cake|in daylight if possible]"),
        ("only on Fridays, to ruin the weekend", "walking ones, whatever the weather", "[Sundays|bank holidays] [if need be|of all days]", "by [telephone|fax] [only|or not at all]"),
        ("the new baby turned day into night", "{they} started writing at dawn", "the train at seven was [axed|always packed]"),
        ("The accountant offers {So} 8.15 or 3.45. Which do I accept?", "What slot would {S} thank me for?", "They want {So} on a breakfast panel. Yes or no?"),
    ),
    _taste(
        "heat", ("spicy food", "chillies"),
        ("the hotter the better, tears are part of it", "no dinner without the bottle of scotch bonnet", "green, red, pickled, all of it and more of it", "[ghost peppers|bird's eyes|habaneros] [for breakfast|by the handful]", "if the [forehead|nose] isn't [dripping|running], it's [bland|baby food]", "[double|triple] the [chilli oil|cayenne], [thanks|please]"),
        ("not so much as a peppercorn any more", "mild, milder, mashed potato", "anything that bites back is off the menu", "[plain rice|clear broth|butter noodles], [no sting|no surprises]", "the stomach [says no|votes against] to anything [red|fiery]", "[paprika|ginger] is [already too much|the limit]"),
        ("vegan since the spring", "allergic to garlic", "[paleo|raw food] [now|all the way]", "[hates|can't stand] [coriander|cumin]"),
        ("an ulcer [put {them} in hospital|announced itself] in {place}", "the dare at {first}'s stag night went wrong", "the new tablets don't mix with it"),
        ("The Sichuan place has a table for {So} on Saturday. Book it?", "How should I season the stew if {S} comes?", "Vindaloo night at the club, shall I put {So} down?"),
    ),
    _taste(
        "phone", ("phone calls", "keeping in touch"),
        ("ring, don't write, a voice is a voice", "can't bear typing, just call", "texts get lost, a good long call never does", "[pick up and dial|just dial], [three minutes, done|who has time to type]", "a [ring|chat] at [any hour|midnight] is [fine|welcome]", "[thumbs too big|eyes too bad] for [those little keys|all that tapping]"),
        ("never ring unannounced, a message will do", "everything in writing, please, no calls", "the ringing thing stays in a drawer, letters and texts only", "[email|a text|a note under the door], [then there's a record|answered at leisure]", "the [bell|ringtone] is [off|dead] for good, [write|type]", "[silent mode|answerphone] day and night, so [letters|messages] it is"),
        ("voice messages of ten minutes and up", "postcards and nothing else", "[fax|telegram] [lover|fan]", "only [through the sister|via the neighbour]"),
        ("a scammer had {them} on the line for [two|three] hours", "the hearing in one ear went", "open-plan offices happened"),
        ("I have bad news for {So}. How do I deliver it so that {they} won't be cross?", "The garage needs to reach {So}. By what means?", "The surgery asks how {S} want{s} to be contacted."),
    ),
    _taste(
        "crowds", ("crowds", "going out"),
        ("the fuller the room the better", "front row, elbows and all", "a festival isn't one without mud and fifty thousand others", "[a thousand|ten thousand] strangers singing, [heaven|nothing like it]", "[carnival|stadium|market day], [right in the middle|shoulder to shoulder]", "[packed|heaving] is [good|home], [empty|quiet] is for [libraries|the dead]"),
        ("nothing over six people at one table", "quiet corners, no queues, home by ten", "anything with a wristband is out of the question", "[three|four] friends, one [lamp|table], [enough|perfect]", "anything with a [queue|turnstile|stage] [is over|can do without {them}]", "[the back room|the kitchen], [never|not] the dance floor"),
        ("only goes where there's dancing", "sports stadiums and nothing else", "[only with|not without] [earplugs|a mask]", "[weddings|funerals] [above all|only]"),
        ("{they} lost a shoe and a [friend|phone] in the crush in {place}", "the ears rang for [a week|nine days] after {place}", "the panic came on in a lift"),
        ("There's a spare ticket for the stadium gig. Ask {So}?", "New Year's Eve by the river with everybody: something for {So}?", "Which would {S} rather: the street carnival or the little supper?"),
    ),
    _taste(
        "pets at home", ("animals in the house", "having pets"),
        ("a home without fur on the cushions isn't one", "the more paws the merrier", "dogs on the bed, naturally", "[two|three|four] [cats|hounds|rabbits] minimum, [hair everywhere|so what]", "[something|somebody] with [whiskers|a tail] on every [chair|sill]", "[strays|foundlings] [welcome|come on in], [always|the more the better]"),
        ("no more creatures, the carpet has earned its rest", "animals are lovely, at other people's houses", "nothing that needs feeding at six", "[clean|quiet] floors and [no bowls|no leads], [at last|for good]", "[petting other people's|admiring from afar], [never again at home|not under this roof]", "the [basket|lead] went to [charity|the tip] and [stays there|that's that]"),
        ("terrified of birds", "about to get a python", "[allergic|scared] [to bits|as anything]", "breeding [newts|budgies|stick insects]"),
        ("old {pet} died and the crying lasted a [winter|year]", "the chimney of vet's bills never stopped", "{pet} ate a [passport|wedding dress]"),
        ("The shelter asks whether {S} would foster a litter. What do I say?", "Someone is giving away kittens. Mention it to {So}?", "{Ss} landlord would allow a hound now. Would that be news worth passing on?"),
    ),
    _taste(
        "holidays", ("time off", "summer holidays"),
        ("mountains, the steeper the better", "up a hill with a rucksack, every free day", "anything above the tree line", "[ridges|summits|glaciers], [crampons included|the higher the happier]", "[blisters|thin air] and a [hut|bunk] at [two|three] thousand metres", "[up, up, up|nothing below a thousand metres], [every year|every leave day]"),
        ("flat beaches and a paperback, feet up", "the sea, no slopes, no boots", "a deckchair with a view of the ferry and nothing to climb", "[sand|dunes|a quay] and [a hat|an ice cream], [not one step uphill|horizontal]", "[waves|salt|gulls] and [doing nothing|a stack of novels]", "[level ground|sea level], [deck shoes|bare feet], [naps|crosswords]"),
        ("city breaks with seven museums a day", "a cruise with a casino", "[golf|spa] [resorts|weeks] [only|all the way]", "[caravan|cycling] clubs in [{place}|the rain]"),
        ("the knee went on the way down to {place}", "a thunderstorm pinned them to a ridge near {place}", "{they} counted the blisters"),
        ("A hut-to-hut week is going cheap. Would {S} jump at it?", "Where should the July booking for {So} be?", "What scenery do I look for on {Ss} behalf?"),
    ),
    _taste(
        "films", ("films", "the cinema"),
        ("horror, alone, lights off", "if nobody screams it isn't a film", "blood and creaking doors, the cheaper the better", "[zombies|vampires|axes], [popcorn|curtains drawn], [lovely|the gorier the better]", "[slashers|ghosts] till [two|three] at night, [no cushion needed|eyes wide open]", "[jump scares|haunted lifts] and [cheap|plenty of] [ketchup|fog]"),
        ("musicals and old comedies, nothing with knives", "anything where they all dance at the end", "black-and-white, witty, no corpses", "[tap shoes|top hats|show tunes] and a [wedding|kiss] at the end", "[silly|gentle] [farces|romances], [nobody dies|no nightmares]", "[Fred and Ginger|screwball stuff|cartoons], [humming along|twice in a row]"),
        ("documentaries about concrete", "westerns only", "[subtitled|silent] [epics|tragedies]", "[war|submarine] [films|sagas] [only|all weekend]"),
        ("{they} slept with the light on for [two|three] weeks after the one in {place}", "the baby woke at every scream", "{they} found {first} crying behind the sofa"),
        ("The slasher double bill is on at midnight. One for {So}?", "What shall I put on when {S} comes round?", "Which shelf of the video library would {S} go to?"),
    ),
)
