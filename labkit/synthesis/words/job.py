"""Changing jobs."""

# ruff: noqa: E501 (a phrase stays on one line, to be read as one)
from __future__ import annotations

from labkit.synthesis.plots import Plot, Words

PLOT = Plot(
    name="job",
    shape="change",
    theme="work",
    topics=("the job", "the day job", "the workplace"),
    money=(19000, 61000, 500),
    suffix=" a year",
    draws={
        "v": (
            "{surname} [Joinery|Dental|Logistics|Optics|Brewing|Interiors|Tiles|Freight|Catering]",
            "{surname} [and Sons|& Co|Group|Partners|Brothers]",
            "the [library|council offices|leisure centre|hospital|brewery|ferry terminal] in {place}",
            "{road} [Bakery|Surgery|Nursery|Garage|Printworks|Books|Pharmacy|Kitchens]",
            "a [bike shop|law firm|garden centre|bank branch|museum|call centre] in {place}",
            "[Bluebird|Tallow|Northlight|Copperfield|Saltmarsh|Driftwood|Halcyon|Ironwood] "
            "[Travel|Insurance|Studios|Foods|Energy|Media|Care|Labs]",
        ),
        "cause": (
            "the manager kept changing {their} [shifts|days] at [a day's|no] notice",
            "the [whole|entire] [team|floor] was being moved to {place}",
            "{they} hadn't had a [rise|raise|pay rise] in [three|four|five] years",
            "the [commute|drive|train] had eaten [two|three] hours of {their} day",
            "a promised promotion went to the [owner's|director's] [nephew|son-in-law|daughter]",
            "they stopped paying [overtime|for weekends] without telling anyone",
            "{they} [couldn't stand|was sick of|had had enough of] the [open-plan noise|sales targets]",
            "the firm lost its [biggest|main|oldest] [client|contract] and was cutting heads",
            "they wanted {them} back on [nights|Saturdays|early shifts]",
            "the new [supervisor|director] [shouted at|timed] people in [the toilet|meetings]",
            "the chemicals [gave|were giving] {them} [headaches|rashes]",
        ),
        "effect": (
            "{they} finally got {their} [evenings|weekends|Sundays] back",
            "{they} lost the [company car|staff discount|free parking]",
            "{they} had to buy [a suit|steel-toed boots|a second-hand scooter|a train pass]",
            "{they} started sleeping [properly|through] for the first time in [months|ages]",
            "{they} missed {their} [old desk mate|old gang|Friday lunches] [badly|terribly]",
            "{they} could walk the [kids|dog] [to school|round the lake] before nine",
            "{their} blood pressure came [right|all the way] down",
            "the [choir|football|pottery] evenings had to go because of the hours",
            "{they} put on [half a stone|five kilos] from the canteen [puddings|pastries]",
        ),
        "drop": (
            "the [offer|contract] never came in writing",
            "they cut the [salary|hours] at the last minute",
            "the [references|background check] took [nine|ten|eleven] weeks",
            "they wanted {them} to move to {place}",
            "the interviewer [forgot {their} name|got {their} name wrong] [twice|three times]",
            "it turned out to be [commission only|a six-month contract|zero hours]",
            "a hiring freeze came in [the same week|the day before]",
        ),
        "detail": (
            "the [desk|locker|bench] by the [fire door|boiler|fish tank]",
            "a [lanyard|badge] with {their} name spelt [wrong|in lower case]",
            "the code for the back door, [4471|2908|7316|5520|1189|6043]",
            "the [coffee machine|kettle] that only [Brenda|Colin|Mo|Agnieszka] may touch",
            "a parking [space|bay] between the [skips|bins] and the [bike rack|generator]",
            "a mug with a [heron|tractor|walrus|lighthouse] on it",
        ),
        "gist": (
            "three lots of new colleagues in no time",
            "more leaving cards than birthdays lately",
            "it has been all change and a bit more money each time",
            "the CV has had more updates than the phone",
            "in and out of places, never quite settled",
        ),
    },
    beats={
        "begin": Words(
            say=(
                "{S} got the job at {v1}! {a1}. [Celebrating with chips|Mum cried|Can't believe it].",
                "New job for {So}: {v1}, pays {a1}, [ten minutes from home|the boss seems all right|starts at eight].",
                "{S} {am} working for {v1} now. {a1} to start with.",
                "Day one at {v1} for {So}. {a1}, [free tea|no dress code|a lot of names to learn].",
                "{v1} hired {So} {when}, {a1}.",
                "First [day|morning] at {v1} [done|survived]. {a1}, and {they} [got|came home with] a [fleece|tote bag|lanyard].",
                "{S} [started|began] at {v1} {when}, on {a1}. [Nice enough lot|Everyone's called Steve|Seems friendly].",
                "So {v1} it is for {S}. They're paying {a1}, which is [what it is|fine|not bad].",
                "{S} {am} at {v1} now, week one, salary {a1}, and [nobody|no one] has shown {them} the [loo|fire exit|kitchen].",
                "It's {v1} for {So} now. {a1}, [four|five] weeks' holiday and a [dodgy|temperamental] chair.",
            ),
            sum=(
                "{S} started a job at {v1} with a salary of {a1}.",
                "New employer for {So}: {v1}, {a1}.",
                "{S} joined {v1} on a salary of {a1}.",
                "{S} began a new position with {v1}; the agreed pay is {a1}.",
                "{S} now works for {v1}, earning {a1}, and finds the first days [tiring|pleasant|long].",
            ),
            note=(
                "job = {v1}, {a1}",
                "{v1} ({a1}), first day {when}",
                "New job: {v1}, {a1}. [Bring passport|Bank details to HR|Induction Monday].",
                "{v1}, start {when}. {a1} gross.",
                "Contract {v1} signed, {a1}.",
            ),
        ),
        "rumour": Words(
            say=(
                "{who} [swears|insists|is telling people] {S} [was|is] off to {vh}.",
                "According to {who}, {vh} [had|have] already [hired|taken on] {So}. [News to me|Who knows].",
                "[Heard|Got it] from {who} that {vh} has {So} on the books.",
                "{who} [reckons|has it] that it's {vh} next for {So}, [heard it at the hairdresser's|don't ask me].",
            ),
            sum=(
                "{who} believes that {S} [is moving|has moved] to {vh}; this has not been confirmed.",
                "{who} told others that {S} had been hired by {vh}.",
            ),
            note=("{who} says {vh} took {So} on??", "Gossip from {who}: {vh}."),
        ),
        "intend": Words(
            say=(
                "{S} {have} as good as decided: {vp}, [after the summer|come spring|once the notice is in].",
                "If all goes [well|to plan] {S} will be at {vp} by the [end of the quarter|new year|holidays].",
                "Verbal yes from {vp}, so that's where {S} want{s} to go next.",
                "{S} want{s} to hand in the notice and go to {vp}. [Fingers crossed|Watch this space].",
                "[Second|Third] interview at {vp} went like a dream for {So}, start date pencilled in.",
            ),
            sum=(
                "{S} intends to move to {vp} and is waiting for the paperwork.",
                "{S} plans to leave for {vp}, having had a verbal offer.",
            ),
            note=("Plan: {vp}. Offer by phone.", "{vp} said yes verbally, wait for letter."),
        ),
        "drop": Words(
            say=(
                "{vp} [is off|came to nothing] for {So}: {drop}.",
                "{S} turned {vp} down in the end. {drop}, [so no|and that was that].",
                "Well, {drop}. So it won't be {vp} for {So}.",
                "{drop}. {S} told {vp} [where to go|thanks but no thanks].",
            ),
            sum=(
                "{S} did not go to {vp} because {drop}.",
                "The move to {vp} fell through for {So}: {drop}.",
            ),
            note=("{vp}: no. {drop}.", "Not going to {vp}, {drop}."),
        ),
        "change": Words(
            say=(
                "{S} changed jobs, it's {v2} now.",
                "{S} [started|began] at {v2} {when}. [So far so good|Everyone's very young|Lunch is free].",
                "New lanyard for {So}: {v2}.",
                "{v2} it is from now on for {So}, [bye bye old job|new desk and everything].",
                "{S} [swapped|switched] over to {v2} {when}. [Cake on the first day|Nobody cried].",
                "It's {v2} on the [payslip|lanyard|email signature] now for {So}.",
                "[New|Fresh] start for {So} at {v2} {when}, [nerves and all|with shiny shoes].",
                "{S} handed the old pass back and walked into {v2} {when}.",
                "They [wanted|needed] someone quickly at {v2}, and {S} said yes [on the spot|over the phone].",
            ),
            sum=(
                "{S} has a new job, at {v2}.",
                "{S} left the previous employer for {v2}.",
                "{S} changed employers and is now with {v2}.",
                "{S} has moved to {v2}.",
                "{S} took up a post at {v2}.",
            ),
            note=(
                "new employer: {v2}",
                "started at {v2}, {when}",
                "Now at {v2}.",
                "{v2}, started {when}, [old badge returned|P45 in drawer].",
            ),
        ),
        "why": Words(
            say=(
                "{S} [only|really] left the old place because {cause}.",
                "Nobody believes it, but {cause}, that's why {S} went.",
                "{cause}. [Final straw|That did it] for {So}.",
                "[Truth is|Thing is], {cause}, and {S} wasn't going to [put up with|sit through] another year of it.",
            ),
            sum=(
                "{S} explained the resignation: {cause}.",
                "{Ss} reason for leaving the previous employer was that {cause}.",
            ),
            note=("Why gone: {cause}.", "Reason on leaving form: {cause}."),
        ),
        "price": Words(
            say=(
                "{S} [looked|peeked] at the first [payslip|statement] from there: works out at {a2}.",
                "They put {So} on {a2} [after the trial|from the start|in the end].",
                "{a2}, that's what {S} [landed on|settled for], [before tax|gross].",
                "{S} haggled a bit and it came out as {a2}.",
            ),
            sum=(
                "{Ss} pay at the new place is {a2}.",
                "{S} settled on {a2} with the new employer.",
            ),
            note=("Pay: {a2}.", "{a2}, reviewed in [April|October|a year]."),
        ),
        "effect": Words(
            say=(
                "Since the switch {effect}.",
                "Funny what moving on does: {effect}.",
                "[Knock-on|Side effect] of the new place: {effect}.",
                "{effect}, and that's purely down to having moved on.",
            ),
            sum=(
                "As a consequence of the move, {effect}.",
                "After changing, {effect}, according to {So}.",
            ),
            note=("Result of the switch: {effect}.", "Since moving: {effect}."),
        ),
        "detail": Words(
            say=(
                "{S} got {detail}. [It's the little things|Make of that what you will].",
                "They gave {So} {detail}.",
                "[What|The thing] {S} will remember from week one: {detail}.",
            ),
            sum=("{S} mentioned {detail}.", "{S} was assigned {detail}."),
            note=("{detail}.", "From the tour: {detail}."),
        ),
        "again": Words(
            say=(
                "Another job for {So}: {v3}, {a3}.",
                "{S} went over to {v3} for {a3}. [Hopefully that's it now|Crazy year].",
                "{S} [moved on|jumped ship] again, {v3} this time, {a3}.",
                "Third time lucky for {So}: {v3}, and {a3}.",
                "{v3} rang, {S} went, {a3}. [Don't unpack the mug|No looking back].",
                "{S} [shook hands|signed] with {v3} {when}. They offered {a3}.",
            ),
            sum=(
                "{S} has changed once more and is with {v3} at {a3}.",
                "{S} accepted {a3} from {v3} and started there.",
            ),
            note=("{v3} now. {a3}.", "Started {v3}, {a3}."),
        ),
        "vague": Words(
            say=(
                "With {So} and work, {gist}.",
                "{gist}, if you ask how {Ss} career is [going|getting on].",
                "Looking back at {Ss} working life: {gist}.",
            ),
            sum=("Of {Ss} working life in general: {gist}.", "{S} summed up the career: {gist}."),
            note=("Work in general: {gist}.", "Career so far, {gist}."),
        ),
    },
    asks={
        "now": (
            "[Where|At what place] {do} {S} earn a living these days?",
            "Who signs {Ss} [payslips|cheques] at present?",
            "Which [outfit|company|employer] [currently has|is] {So} [on its books|turning up every morning]?",
            "If someone wants to reach {So} during office hours, whom should they ring?",
            "I need to fill in the employer box for {So}. What goes in it?",
        ),
        "first": (
            "Which [employer|workplace] did {S} have [at the outset|to begin with|originally]?",
            "Before any of the moves, whose books {was} {S} on?",
            "Where did all of this start for {So}, professionally?",
        ),
        "asof": (
            "{at}, who was {Ss} boss company?",
            "{at}, where {was} {S} clocking in?",
            "Who would have given {So} a reference {at}?",
        ),
        "before": (
            "Who did {S} work for just before {v}?",
            "What was on {Ss} CV right ahead of {v}?",
        ),
        "amount_now": (
            "What {do} {S} [make|bring home|take home] [nowadays|at the moment], before tax?",
            "What's {Ss} current salary, for the mortgage form?",
            "How much is {Ss} work worth to them at present?",
        ),
        "amount_first": (
            "What {was} {S} paid in the beginning?",
            "How much did {Ss} original contract say?",
        ),
        "amount_diff": (
            "By how much has {Ss} income grown or shrunk since the very first contract?",
            "How far apart are {Ss} first and latest wage?",
        ),
        "why": (
            "What drove {So} out of the [previous|earlier] place?",
            "What made {So} [quit|pack it in|hand in the notice]?",
            "How come {S} walked out on that first lot?",
        ),
        "effect": (
            "What was different in {Ss} life once {they} had new colleagues?",
            "What did changing employers [do to|bring] {So}?",
        ),
        "plan": (
            "Where had {S} been meaning to go, before that came apart?",
            "Which [offer|opportunity] {was} {S} counting on that never materialised?",
        ),
        "drop": (
            "Why did {Ss} dream move collapse?",
            "What put {So} off the employer {they} had set {their} heart on?",
        ),
        "claim": (
            "What [tale|story] was going round about {Ss} next employer?",
            "Which company did the gossip have {So} at?",
        ),
        "howlong": (
            "How long did {S} last in the first post before moving on?",
            "How many months did {S} stick it out at the original employer?",
        ),
        "overview": (
            "In broad strokes, what has {Ss} working life looked like?",
            "Give me {Ss} employment history, no anecdotes.",
        ),
        "detail": (
            "Which odd little thing came with {Ss} new position?",
            "What bit of trivia stuck with {So} from settling in at work?",
        ),
        "gist": (
            "How would {S} sum up {their} career as a whole?",
            "What's the general verdict on {Ss} professional ups and downs?",
        ),
        "whole": (
            "What's the story with {Ss} work?",
            "Tell me about {Ss} career move.",
        ),
    },
)
