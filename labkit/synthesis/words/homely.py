"""Plots of changing states at home and around it."""

# ruff: noqa: E501 (a phrase stays on one line, to be read as one)
from __future__ import annotations

from labkit.synthesis.plots import Plot, Words

HOME = Plot(
    name="home",
    shape="change",
    theme="home",
    topics=("the flat", "the home", "the address"),
    money=(420, 2350, 5),
    suffix=" a month",
    draws={
        "v": (
            "[a two-bed|a studio|the top floor|a basement flat|a maisonette|half a house] [on|in] {street}",
            "[a room|an attic|a loft|a granny annexe] [off|above a bakery on|behind the school on] {street}",
            "a [narrowboat|houseboat|converted chapel|terraced house|mill flat|cottage] [near|outside] {place}",
            "number {number} {street}",
            "[a new build|an ex-council flat|a shared house|a sublet] [by the station|near the tram depot|by the park] in {place}",
        ),
        "cause": (
            "the [landlady|landlord|owner] [was selling up|wanted it for a nephew|doubled the deposit]",
            "the [neighbours|people upstairs] [played the drums|had three terriers|moved furniture] till [two|three] every night",
            "the black mould [came back|had come through] a [third|fourth] time",
            "there was no [lift|bath|heating] and {their} knees [gave up|complained]",
            "the flatmate [stopped paying|brought in two more people|took up taxidermy]",
            "a nightclub opened [underneath|next door]",
            "the [stairs|ceilings] were [too low|a death trap] and nobody would [mend|see to] them",
            "{they} wanted a garden for [the dog|tomatoes|the bees]",
        ),
        "effect": (
            "{they} could finally [keep a cat|have people to stay|play the piano after eight]",
            "{they} had to sell the [sofa|wardrobe|piano|big table]",
            "{they} walked everywhere and let the bus pass lapse",
            "{they} met [a carpenter|a retired judge|a beekeeper] on the stairs and they became friends",
            "the asthma went away [within weeks|by itself]",
            "{they} got lost on the way back from the shops [twice|three times]",
            "{they} stopped needing earplugs",
        ),
        "drop": (
            "the survey found [subsidence|dry rot|a mine shaft]",
            "someone [offered cash|outbid everybody] [the same day|overnight]",
            "they didn't take [pets|pianos|freelancers]",
            "the agent wanted [six|nine] months up front",
            "the bedroom window looked straight into a [gym|kebab shop]",
            "the tenant before simply refused to leave",
        ),
        "detail": (
            "a [stained-glass|round|painted-shut] window on the landing",
            "a doorbell that plays [Greensleeves|the Marseillaise|a cuckoo]",
            "a [bath with feet|hatch to nowhere|cupboard full of jam jars]",
            "key number [114|82|367|B9|21C]",
            "a gas meter behind the [fake bookshelf|wardrobe]",
            "a note from the last tenant about the [seagull|toilet handle|loose tread]",
        ),
        "gist": (
            "boxes, boxes, boxes, but upwards each time",
            "a bit smaller and a bit dearer with every van hire",
            "never more than a year or so with the same doormat",
            "it took some doing, yet it feels like settling down",
            "every place had something wrong with it and something lovely",
        ),
    },
    beats={
        "price": Words(
            say=(
                "The rent at {Ss} new place is {a2}. [Could be worse|Bills not included|Ouch].",
                "{S} {am} paying {a2} for the new place.",
                "{a2} rent for {So} now, [heating included|due on the first].",
                "So {S} signed the new lease, {a2}.",
                "With the new flat it's {a2} for {So}, [which is okay|we'll manage].",
            ),
            sum=(
                "{Ss} rent at the new address is {a2}.",
                "{S} now pays {a2} in rent.",
                "Rent after the move: {a2} ({S}).",
            ),
            note=(
                "rent now {a2}",
                "new rent {a2}, due on the 1st",
                "{a2} (new place)",
            ),
        ),
        "begin": Words(
            say=(
                "{S} {am} all moved in: {v1}, {a1}. [Come and see|Still no curtains|The neighbours brought cake].",
                "New home for {So}, {v1}, for {a1}.",
                "We got the keys! Well, {S} did: {v1}, {a1}.",
                "{S} found somewhere to live, {v1}. The rent is {a1}, [fingers crossed|can't complain].",
                "{S} picked up the keys to {v1} {when}, {a1}.",
                "{S} moved into {v1}. {a1} and the [view|damp] comes free.",
                "So {S} lived out of boxes, {v1}, {a1}, [no curtains yet|kettle unpacked first].",
                "It's {v1} for {So}, at {a1}. [Small but dry|Sunny at least].",
                "{a1} for {v1}. {S} signed [before anyone else could|on the bonnet of the agent's car].",
            ),
            sum=(
                "{S} moved to {v1}; the rent is {a1}.",
                "{S} now lives in {v1}, paying {a1}.",
                "{S} signed the lease for {v1} at {a1}.",
            ),
            note=(
                "{v1}, {a1}. Meter readings done.",
                "Keys: {v1}. Rent {a1}.",
                "Lease {v1}, {a1}, deposit paid.",
            ),
        ),
        "change": Words(
            say=(
                "{S} moved house {when}. It's {v2} now.",
                "All {Ss} boxes are in {v2}. [My back|Pizza on the floor|Never again].",
                "{S} live{s} in {v2} now, [come for tea|the buses are great|it's so quiet].",
                "Moved! {So} and forty boxes, now in {v2}.",
                "Van's [returned|back], {S} {am} in {v2} now.",
                "{S} slept in {v2} for the first time {when}.",
                "New address for {So}: {v2}. [Housewarming when there are chairs|Send plants].",
                "{S} carried the last lamp into {v2} {when}.",
                "Post for {So} goes to {v2} from here on.",
            ),
            sum=(
                "{S} moved house and is now at {v2}.",
                "{S} has moved to {v2}.",
                "{S} changed address and lives in {v2}.",
                "The new address of {S} is {v2}.",
            ),
            note=("Moved: {v2}.", "{v2}, moved {when}. Tell the bank.", "Change of address, {v2}."),
        ),
        "again": Words(
            say=(
                "Yet another address for {So}: {v3}, {a3}.",
                "{S} moved again, {v3}, {a3} this time. [Phew|I've lost count].",
                "Boxes again. {v3} for {So} this time, {a3}.",
                "{S} upped sticks for {v3}, {a3}.",
                "{v3}, at {a3}, and {S} swore it's the last move.",
                "{S} found {v3} on a noticeboard. {a3}, moved in {when}.",
            ),
            sum=("{S} moved once more, to {v3} at {a3}.", "{S} now pays {a3} for {v3}."),
            note=("{v3} now, {a3}.", "Third set of keys: {v3}, {a3}."),
        ),
    },
    asks={
        "now": (
            "To which address do I send {Ss} Christmas parcel?",
            "Where {do} {S} lay {their} head these days?",
            "If the courier asks, where {do} {S} reside?",
        ),
        "asof": ("Where did {S} hang {their} hat {at}?", "What address was right for {So} {at}?"),
        "amount_now": (
            "What {do} {S} owe the landlord every month now?",
            "How much goes out on housing for {So} at present?",
        ),
        "why": (
            "What drove {So} out of the first home?",
            "Why pack up and leave that earlier address, in {Ss} case?",
        ),
        "before": ("Where did {S} live just before {v}?",),
        "howlong": ("How long did {S} stay at the first address?",),
        "which": ("Where {do} {S} live?", "What's {Ss} address?"),
    },
)

LESSONS = Plot(
    name="lessons",
    shape="change",
    theme="hobby",
    topics=("the music lessons", "the cello lessons", "the tuition"),
    money=(14, 88, 1),
    suffix=" an hour",
    draws={
        "v": (
            "[Mr|Mrs|Miss|Dr] {surname}",
            "{first} {surname}[| from {place}]",
            "the [conservatoire|music school|community centre] in {place}",
            "[a student|a retired soloist|an organist] called {first}",
            "{surname}'s [studio|academy|school of music]",
        ),
        "cause": (
            "it was scales, scales and nothing but scales",
            "the room was so cold {their} fingers went blue",
            "lessons were cancelled [four|five] weeks out of [seven|eight]",
            "the teacher [hummed|ate crisps|took calls] all the way through",
            "{they} learned the grip wrong and {their} wrist swelled up",
            "the bus there stopped running on [Thursdays|Tuesdays]",
            "they insisted on [an exam|a recital] every term",
            "the neighbour of the teacher kept banging on the wall",
        ),
        "effect": (
            "{they} dared to play at {their} [cousin's wedding|office party]",
            "{they} practised an hour every [dawn|night] without being told",
            "{they} had to relearn how to hold the bow",
            "the shoulder pain went",
            "{they} joined a [quartet|ceilidh band|church orchestra]",
            "{they} sold the old instrument and bought a [1920s|Czech|lighter] one",
        ),
        "drop": (
            "the waiting list was [two|three] years long",
            "they only took [children|beginners]",
            "the trial lesson was [a sermon|all about breathing]",
            "it would have meant [Sunday mornings|two trains each way]",
            "they didn't answer a single message after the first",
        ),
        "detail": (
            "a metronome shaped like [an owl|a lighthouse|a frog]",
            "a jar where every wrong note costs [10p|a button|a bean]",
            "a [parrot|whippet] that sings along in [D minor|thirds]",
            "pencil marks from [1974|1958|1981] in the borrowed score",
            "a chair with one leg sawn [short|off by a centimetre]",
        ),
        "gist": (
            "three teachers, one tune, still a pleasure",
            "slow progress and much laughter",
            "it gets dearer and better by turns",
            "more patience needed from the neighbours than from anybody",
            "never fame, but a decent Sunday evening",
        ),
    },
    beats={
        "price": Words(
            say=(
                "The new teacher takes {a2} from {So}.",
                "{S} now pays {a2} for lessons, [in cash|by transfer].",
                "Lessons are {a2} for {So} these days.",
                "Asked about the fee, it's {a2} for {So}.",
            ),
            sum=(
                "{S} pays the new teacher {a2}.",
                "The current fee for {Ss} lessons is {a2}.",
            ),
            note=(
                "lessons now {a2}",
                "new fee: {a2}",
            ),
        ),
        "begin": Words(
            say=(
                "{S} {am} learning the cello! With {v1}, {a1}.",
                "Lessons booked for {So}: {v1}, {a1}, [starting soon|wish us luck].",
                "{S} found a teacher, {v1}. {a1} [is all right|seems fair].",
                "{S} had a first lesson with {v1} {when}, {a1}.",
                "{S} signed up with {v1}, at {a1}. The cello [survived|groaned].",
                "It's {v1} who'll teach {So}. {a1}, [bring rosin|cash only].",
                "{v1}, {a1}, and {Ss} first open string sounded like a ferry.",
                "{a1} to be told off by {v1}. {S} loved it.",
            ),
            sum=(
                "{S} began cello lessons with {v1} at {a1}.",
                "{S} takes lessons with {v1}, which costs {a1}.",
                "{S} enrolled with {v1}, paying {a1}.",
            ),
            note=(
                "Cello: {v1}, {a1}.",
                "{v1}, first lesson {when}, {a1}.",
                "Lessons with {v1}. {a1} per.",
            ),
        ),
        "change": Words(
            say=(
                "{S} changed teachers, it's {v2} now.",
                "{S} {am} with {v2} now for lessons. [Much nicer|Very strict].",
                "First go with {v2} {when}, {S} came away humming.",
                "{S} played for {v2} {when}.",
                "New teacher for {So}: {v2}. [Kinder ears|Scarier eyebrows|Better biscuits].",
                "{S} took the cello to {v2} instead {when}.",
                "{v2} has taken {So} on.",
                "From now on it's {v2} who winces at {Ss} C sharp.",
            ),
            sum=(
                "{S} switched to {v2} for lessons.",
                "{S} is now taught by {v2}.",
                "{S} has changed teachers, to {v2}.",
            ),
            note=(
                "Teacher now {v2}.",
                "{v2}, first time {when}.",
                "Switch to {v2}, bring the blue book.",
            ),
        ),
        "again": Words(
            say=(
                "{S} {have} a new teacher again, {v3}, {a3}.",
                "And off again: {v3} is teaching {So} now, {a3}.",
                "{S} moved to {v3}, {a3}, third pair of ears.",
                "{v3} charges {So} {a3}, first lesson {when}.",
                "Last stop, {S} said: {v3}, {a3}.",
            ),
            sum=("{S} changed again and learns with {v3} for {a3}.", "{S} now pays {v3} {a3}."),
            note=("{v3}, {a3}.", "Now {v3}. {a3}, fortnightly."),
        ),
    },
    asks={
        "now": (
            "Who's in charge of {Ss} bowing these days?",
            "Whose door {do} {S} carry the instrument to at present?",
        ),
        "asof": ("Who was correcting {Ss} intonation {at}?", "Who heard {So} practise {at}?"),
        "amount_now": ("What {do} {S} pay for sixty minutes of instruction now?",),
        "why": (
            "What soured {So} on the first tutor?",
            "Why did {S} turn {their} back on the original maestro?",
        ),
        "which": ("Who teaches {So}?", "What's the name of {Ss} tutor?"),
    },
)

PROVIDER = Plot(
    name="internet",
    shape="change",
    theme="home",
    topics=("the broadband", "the internet", "the internet contract"),
    money=(12, 79, 1),
    suffix=" a month",
    draws={
        "v": (
            "[Zippy|Badger|Lark|Comet|Heron|Pebble|Otter|Falcon|Magpie|Rocket|Meadow|Bracken|Cobalt|Sherbet]"
            "[Net|Fibre|Talk|Link|Line|Wave|Com|tel|band| Mobile| Broadband]",
            "the [co-op|council|village|university] network[| in {place}]",
            "{surname} [Telecom|Cable|Communications]",
            "a [SIM|dongle|dish] from [Zebra|Plover|Gannet|Tern|Civet|Marten|Stoat] [Mobile|Connect|Sky]",
        ),
        "cause": (
            "it cut out [every evening at seven|whenever it rained|each time the microwave ran]",
            "they [slapped on|added] a [late|router|paper] fee for nothing",
            "{they} spent [three hours|an entire lunch break] in the queue listening to pan pipes",
            "the price [doubled|jumped] after the first year without a word",
            "video calls froze with {their} mouth open",
            "the engineer failed to show up [three|four] times",
            "there was no signal in the [bath|kitchen|back bedroom]",
        ),
        "effect": (
            "{they} could work from the [shed|attic|garden]",
            "{their} old email address stopped working",
            "{they} lost [eleven|nine|six] years of saved voicemails",
            "the [teenagers|visitors] stopped complaining",
            "{they} had to drill through the [hall|kitchen] wall",
            "film night came back on [Fridays|Sundays]",
        ),
        "drop": (
            "the line can't reach {their} street before [next spring|2027]",
            "the contract ran for [thirty-six|forty-eight] months",
            "the reviews were full of [tears|swearing]",
            "they wanted a credit check and a [utility bill|passport]",
            "the cable would have gone straight through the [rose bed|listed wall]",
        ),
        "detail": (
            "a password with [fourteen|sixteen] characters and a [hash|tilde] in it",
            "a router the [colour|size] of a [salmon|loaf|brick]",
            "a blinking [orange|violet] light nobody can explain",
            "an installer called {first} who [yodels|collects stamps|only drinks milk]",
            "customer number [77-3041|K2209|508816|90-441|X1173]",
        ),
        "gist": (
            "no provider has survived two winters",
            "faster every time and never quite as fast as promised",
            "a lot of hold music for a little bit of telly",
            "fine as long as nobody breathes on it",
            "in the end they are all the same with other logos",
        ),
    },
    beats={
        "price": Words(
            say=(
                "First bill from the new lot for {So}: {a2}.",
                "{S} pay{s} {a2} to the new provider. [Fixed for a year|No complaints].",
                "The new contract is {a2} for {So}, [router included|plus postage].",
            ),
            sum=(
                "{S} pays the new provider {a2}.",
                "The new contract costs {So} {a2}.",
            ),
            note=(
                "new contract {a2}",
                "{a2} new provider",
            ),
        ),
        "begin": Words(
            say=(
                "{S} {am} with {v1} for internet now, {a1}.",
                "Internet's finally working for {So}: {v1}, {a1}. [Hallelujah|Videos and all].",
                "{S} signed up with {v1} for {a1}.",
                "{S} went with {v1}, {a1}, box came {when}.",
                "{S} {have} got {v1} installed, {a1}. [So far so good|Works in the hall at least].",
                "{v1} it is for {So}, {a1} and a free [mug|pen|month].",
                "{a1} to {v1} every month, {S} signed for [two years|eighteen months].",
                "Connected at last, {v1}, {a1}, {S} streamed a whole opera.",
            ),
            sum=(
                "{S} subscribed to {v1} at {a1}.",
                "{S} uses {v1} as provider, paying {a1}.",
                "{S} took out a contract with {v1} for {a1}.",
            ),
            note=("{v1}, {a1}, 24 months.", "Provider {v1}. {a1}.", "Direct debit {v1} {a1}."),
        ),
        "change": Words(
            say=(
                "{S} changed internet provider, now {v2}.",
                "{S} {am} with {v2} now, [so much faster|we'll see how long].",
                "Bye bye old router. {v2} for {So}.",
                "{S} ditched the old box and plugged in {v2} {when}.",
                "{S} switched to {v2}. [Three bars everywhere|Fewer tears].",
                "It's {v2} on {Ss} direct debit now.",
                "{v2} took over {Ss} line {when}, number and all.",
            ),
            sum=(
                "{S} switched provider to {v2}.",
                "{S} is now a customer of {v2}.",
                "{S} has been connected by {v2}.",
            ),
            note=("Now {v2}.", "{v2} live {when}.", "Switched, {v2}. Return old box."),
        ),
        "again": Words(
            say=(
                "Another switch for {So}: {v3}, {a3}.",
                "{S} jumped again, {v3}, {a3}.",
                "{v3} made {So} an offer, {a3}, and that was it.",
                "Third logo on {Ss} bill: {v3}, {a3}.",
                "{S} {have} {v3} now, {a3}, don't ask about the other lot.",
            ),
            sum=("{S} changed again, to {v3} at {a3}.", "{S} now pays {v3} {a3}."),
            note=("{v3} {a3}.", "Provider: {v3}, {a3}."),
        ),
    },
    asks={
        "now": (
            "Whose logo is on {Ss} bill for getting online?",
            "Who gets {So} online at present?",
        ),
        "asof": ("Who carried {Ss} data {at}?", "Whose signal did {S} depend on {at}?"),
        "why": (
            "What finally made {So} cancel that first lot?",
            "Why did {S} fall out with the original company?",
        ),
        "which": ("Which company is it that connects {So}?",),
    },
)

CHILDCARE = Plot(
    name="dog sitter",
    shape="change",
    theme="animals",
    topics=("the dog sitter", "the dog walking", "the dog care"),
    money=(8, 46, 1),
    suffix=" a day",
    draws={
        "v": (
            "{first} [across the road|from the bakery|at number {number}|from {street}]",
            "[Waggy|Muddy|Happy|Lucky|Scruffy|Bouncy] [Paws|Tails|Boots|Noses] in {place}",
            "[the Robsons'|the widow's|the student's|the twins'] place on {street}",
            "{first} {surname}",
            "the kennels [near|outside|by the canal in] {place}",
        ),
        "cause": (
            "the dog came home [soaked|with burrs|limping] [twice|three times] running",
            "they let {their} dog off the lead by the [A-road|railway]",
            "the hours shrank to [two|three] a week",
            "the [sitter|woman] moved to {place}",
            "there was a fight with a [greyhound|Great Dane|spaniel] that nobody owned up to",
            "they fed [cheddar|sausages|crisps] against orders",
            "half the walks were just [the car park|round the bins]",
        ),
        "effect": (
            "the dog lost [two|three] kilos",
            "{they} could stay late at work without guilt",
            "the sofa stopped being eaten",
            "the dog refused to come home [on Mondays|at all]",
            "{they} had to buy a second [crate|lead|bed]",
            "{their} mornings started [an hour|forty minutes] later",
            "the barking at [bicycles|postmen] ended",
        ),
        "drop": (
            "they had no insurance",
            "the other dog there bit {their} [sleeve|hand]",
            "they wanted [a year|six months] in advance",
            "it turned out to be the man with the [ferrets|geese]",
            "they only had room on [Wednesdays|Tuesday mornings]",
        ),
        "detail": (
            "a report card with a [paw print|smiley|gold star]",
            "a whistle tuned to [E flat|a curlew]",
            "a raincoat in [size M|tartan|mustard yellow]",
            "a house rule about [no squeaky toys|wiping tails] before noon",
            "a photo of the dog in a [sidecar|canoe|wheelbarrow]",
        ),
        "gist": (
            "the dog has a busier diary than anyone",
            "good people, hard to keep",
            "it has cost nerves and biscuits",
            "somebody always moves away just when it works",
            "every one of them fell for those eyes",
        ),
    },
    beats={
        "price": Words(
            say=(
                "The new sitter costs {So} {a2}.",
                "{S} {am} paying {a2} for the dog now, [treats included|worth every penny].",
                "{a2}, that's what the new arrangement costs {So}.",
            ),
            sum=(
                "{S} pays {a2} for the new dog sitter.",
                "The new sitter charges {So} {a2}.",
            ),
            note=(
                "dog: {a2} now",
                "new sitter {a2}",
            ),
        ),
        "begin": Words(
            say=(
                "{S} found someone for the dog: {v1}, {a1}.",
                "The dog goes to {v1} from now on, {S} pay{s} {a1}.",
                "{v1} will have {Ss} dog, for {a1}. [Fingers crossed|They got on at once].",
                "{S} left the dog with {v1} {when}, {a1}.",
                "{v1} took {Ss} dog on, {a1}, [muddy paws included|two walks].",
                "{S} decided to trust {v1} with the dog. {a1}.",
                "First day at {v1} for {Ss} mutt, {a1}, [not a whimper|howled like a wolf].",
            ),
            sum=(
                "{S} arranged for {v1} to look after the dog at {a1}.",
                "{Ss} dog goes to {v1}, which costs {a1}.",
                "{S} found {v1} to mind the dog for {a1}.",
            ),
            note=(
                "Dog: {v1}, {a1}.",
                "{v1} has the spare lead. {a1}.",
                "Drop-off {v1} 8 am, {a1}.",
            ),
        ),
        "change": Words(
            say=(
                "{S} {have} a new dog sitter, {v2}.",
                "{Ss} dog is with {v2} now, [happy as anything|and loves it].",
                "From now on {v2} takes {Ss} dog.",
                "{v2} does {Ss} dog now.",
                "{S} swapped to {v2} {when}. [Tail says yes|Wet nose approves].",
                "{Ss} dog spends its days with {v2} now.",
                "{S} handed the lead to {v2} {when}.",
            ),
            sum=(
                "{S} now leaves the dog with {v2}.",
                "{Ss} dog is looked after by {v2}.",
                "{S} switched to {v2} for the dog.",
            ),
            note=("Dog now with {v2}.", "{v2}, started {when}. New key cut.", "Switch: {v2}."),
        ),
        "again": Words(
            say=(
                "New sitter again for {Ss} dog: {v3}, {a3}.",
                "It's {v3} for {Ss} dog these days, {a3}.",
                "{S} changed again. {v3}, {a3}.",
                "{v3} begged to have {Ss} dog, {a3}, [sold|done].",
            ),
            sum=("{S} moved the dog to {v3} for {a3}.", "{v3} now minds {Ss} dog at {a3}."),
            note=("{v3} {a3}.", "Dog: {v3} now, {a3}."),
        ),
    },
    asks={
        "now": (
            "Who's minding {Ss} four-legged friend at the moment?",
            "With whom does {Ss} hound spend weekdays?",
        ),
        "asof": ("Who had {Ss} pooch in the daytime {at}?",),
        "why": (
            "Why was the first minder of {Ss} hound sacked?",
            "What went wrong with the people who first took {Ss} pooch out?",
        ),
        "which": ("Who minds {Ss} hound?", "Who takes {Ss} pooch out?"),
    },
)
