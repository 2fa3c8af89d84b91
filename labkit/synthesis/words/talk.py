"""What people put around a sentence: openings, asides, closings, and the habits of a voice."""

# ruff: noqa: E501 (a phrase stays on one line, to be read as one)
from __future__ import annotations

from collections.abc import Mapping

from labkit.synthesis.world import Voice

OPENS: Mapping[Voice, float] = {"plain": 0.2, "terse": 0.08, "chatty": 0.42, "formal": 0.12, "slang": 0.36}  # fmt: skip
"""How often a voice opens with a word of its own."""

CLOSES: Mapping[Voice, float] = {"plain": 0.12, "terse": 0.08, "chatty": 0.3, "formal": 0.06, "slang": 0.22}  # fmt: skip
"""How often it ends with an aside."""

OPENINGS: Mapping[Voice, tuple[str, ...]] = {
    "plain": (
        "So,", "Well,", "Anyway,", "By the way,", "[Quick update|Small update]:", "Oh, and", "[Right|OK],",
        "Also,", "Before I forget:", "[Finally some news|News at last].", "Quick one:", "[Since|As] you asked,",
        "[Long|Funny|Slow|Strange] day.", "Been meaning to [say|tell you],", "One more thing:", "Hmm,",
        "[Did I say|Have I said]?", "While I remember:", "[Just back|Just in]. So,", "Not that it matters, but",
        "[Sorry for the silence|Sorry, been busy].", "You asked [last time|the other day]:", "I think I told you, but",
    ),
    "terse": ("[News|Update].", "FYI.", "OK.", "Short version:", "Busy [day|week].", "[Quick|In brief]:", "So:", "btw,"),
    "chatty": (
        "Oh my days,", "You won't believe this but", "[Guess what|Right, guess what],", "[Right|OK], sit down:",
        "Okay so", "[Honestly|Seriously],", "I have to tell [somebody|you|someone]:", "[Tea|Coffee] first. Now:",
        "[Listen|Oh listen],", "Never a dull moment [here|round here|with us].",
        "[Hang on, the kettle|Sorry, the doorbell|Sorry, the dog]. [Where was I?|Anyway,|So,]", "Ha, so",
        "I'm typing this [on the bus|in the bath|under the dryer|in the car park].",
        "It's been [one of those weeks|quite a day|a day and a half].", "Well well well,", "Don't laugh, but",
        "Deep breath.", "Oh! [Nearly forgot|Before I forget|And this]:", "[Ooh|Oh], and",
        "You know [what|how it is]?", "[Wait till you hear this|You'll like this one]:", "Oh dear, oh dear.",
        "[So so so|So, big news]:", "I [meant|wanted] to ring you about this:", "Haha okay,", "Ugh,", "aww,",
        "Now [don't tell anyone|this stays between us], but", "Can I just say,", "You'll [never guess|love this]:",
    ),
    "formal": (
        "[As mentioned|As promised],", "To confirm,", "[I should add|I should mention]:", "[A brief|A short] update.",
        "For your information,", "In case it is [useful|of use]:", "[Following up|To follow up]:", "Incidentally,",
    ),
    "slang": (
        "yo,", "[mate|mate mate],", "[lol|lmao] okay", "ngl,", "right so", "bruh,", "not gonna lie,", "oi,",
        "[big|mad] news,", "okay hear me out,", "tbh", "omg", "btw", "ok so", "haha", "[nah|naah],", "wait,",
        "[erm|um],", "so yeah,", "idk if I said but", "honestly tho,", "[guys|guess what],",
    ),
}  # fmt: skip
CLOSINGS: Mapping[Voice, tuple[str, ...]] = {
    "plain": (
        "Anyway.", "We'll see.", "There it is.", "Just so you know.", "I'll keep you posted.",
        "[Not much else to tell|Nothing else to report].", "[Back to the washing up|Back to work|Back to the ironing].",
        "More when I know it.", "[Rain|Fog|Sun|Drizzle] again here, by the way.", "That's [about it|the news|all from me].",
        "[Off to bed|Off to the shops|Off to catch the bus].", "[Speak|Talk] [tomorrow|soon|later].", "So that's that.",
        "How are things with you?", "Tell me yours.", "[Hope|Trust] you're well.", "Don't ask me more than that.",
    ),
    "terse": ("That's all.", "More later.", "Moving on.", "Bye.", "Yep.", "Details another day.", "Onwards.",
              "Early night.", "Phone's [at 4 %|dying].", "Kettle on.", "Anyway.", "Ring me."),
    "chatty": (
        "I [need|want] a [biscuit|cuppa|lie-down|holiday].", "I could write a book.", "Send [chocolate|wine|help|cake].",
        "Anyway, how are you?", "[The cat|The dog|The budgie] has no comment.", "I had to sit down.",
        "My [tea|coffee|soup]'s gone cold now.", "You couldn't make it up.", "I'm still [shaking my head|not over it|grinning].",
        "Ring me!", "I told the [bus driver|postman|hairdresser] and everything.", "Who needs television.",
        "I've been telling everyone.", "haha.", "Anyway, [enough from me|rant over|your turn].", "What a [day|week|world].",
        "Is it just me?", "You know what I'm like.", "Right, [I must dash|dinner's burning|got to run].", "xx",
        "Oh well!", "Can you imagine?", "Bless.", "Honestly.", "I mean, come on.", "Thoughts?",
    ),
    "formal": ("I trust this [helps|is of use].", "Further details will follow.", "No action is needed.",
               "I shall write again.", "Do let me know if anything is unclear.", "[Kind|Best] regards."),
    "slang": (
        "lol.", "wild.", "can't even.", "whatever tho.", "[big mood|mood].", "say no more.", "anyway laters.",
        "[I'm done|I can't].", "haha.", "smh.", "idk.", "you know how it is.", "[so yeah|yeah].", "it is what it is.",
        "no cap.", "mad, innit.", "anyway.", "don't @ me.",
    ),
}  # fmt: skip
SUM_OPENINGS = (
    "[It was noted that|The user mentioned that|It came up that|We talked about this:]", "[In this session|Today|Earlier] it [came up|emerged] that",
    "[Mentioned in passing|Noted in passing|Also mentioned|By the by]:", "[Worth remembering|Useful for later|To keep|To remember]:",
    "From [today's|this] [chat|conversation|session]:", "[Summary|In short|Key point|Takeaway|Main point]:", "[For context|Context|Background]:",
    "New [information|detail|fact]:", "[Update|Profile update|Memory update|Memory saved]:", "According to [today's conversation|the chat],",
)  # fmt: skip
SUM_CLOSINGS = (
    "No [follow-up|action|reply] was [asked for|needed].", "The user [seemed|sounded] [tired|cheerful|relaxed|a bit flat|in a hurry].",
    "[Told|Said] with a laugh.", "[No reminder was wanted|A reminder was declined|No reminder set].",
    "The [conversation|chat|topic] moved on [quickly|to other things|from there].",
    "[I offered|The assistant offered] to [help|set a reminder|look something up].",
    "[May|Might] come up again.", "[Mentioned|Came up] [twice|once|briefly].", "[Sentiment|Mood]: [neutral|light|calm|mixed].",
    "[Typed|Written|Sent] from [a train|the office|a waiting room|a phone].",
)  # fmt: skip
NOTE_TAILS = (
    "Check later.", "See folder.", "(in a hurry)", "Ask again in [a month|spring|two weeks].", "ok",
    "[9pm|8.15|lunchtime].", "Copy [for drawer|in drawer|to email].", "(on the fridge)", "[tick|done].",
    "tell the others", "(see calendar)", "[Mon|Tues|Fri]", "(told on the phone)",
)  # fmt: skip
NOTE_SIGNS = (("and", "&"), ("with", "w/"), ("because", "b/c"), ("about", "re"), ("without", "w/o"))
"""What a jotter shortens."""

SWAPS: Mapping[Voice, tuple[tuple[str, str], ...]] = {
    "formal": (("I've", "I have"), ("I'm", "I am"), ("didn't", "did not"), ("wasn't", "was not"),
               ("it's", "it is"), ("It's", "It is"), ("don't", "do not"), ("that's", "that is"),
               ("couldn't", "could not"), ("won't", "will not"), ("isn't", "is not")),
    "slang": (("because", "cos"), ("really", "proper"), ("going to", "gonna"), ("friends", "mates"),
              ("very", "dead"), ("want to", "wanna"), ("got to", "gotta"), ("you", "u"), ("about", "abt"),
              ("people", "ppl"), ("though", "tho"), ("and", "n")),
    "terse": (("really ", ""), ("just ", ""), ("in the end", "finally"), (" and that was that", "")),
}  # fmt: skip
LINKS_SAY = (
    "{R} {n} [is staying till Sunday|came for tea] and has [already|promptly] rearranged the [spice rack|fridge|books].",
    "Had {R} {n} on the phone for [an hour|ages], mostly about [pigeons|the new bins|next door's drum kit].",
    "{R} {n} [brought|dropped off] [a marrow|rhubarb|plum jam|half a cake] again. We have [four|three|six] now.",
    "[Lunch|Supper|Breakfast] with {R} {n}. [Same table|Same soup|Nice for once], same argument about the [heating|window|bill].",
    "Put {n} down as next of kin on the form, because who else but {R}.",
    "{n} beat everybody at [cards|darts|Scrabble|pool] again. Typical of {R}.",
    "[People always ask|The new neighbour asked|Somebody asked] how {n} and I know each other. {R}, that's how.",
    "It's {Rs} birthday on the [3rd|11th|19th|27th], must get {n} [socks|a voucher|that book|something].",
    "{n} stood in the rain for [forty minutes|an hour] to lend me a ladder. Only {R} would.",
    "{n} has the [loudest|strangest|best] laugh of anybody I know, and being {R} I've heard it a lot.",
    "Who fed the [fish|tomatoes|cat] while we were away? {R} {n}, and they've [doubled|never looked better].",
    "Postcard from {n}, [three|two|five] words on it. {R} was never a writer.",
    "{R} {n} thinks I should [get a hat|eat more soup|learn the ukulele|cut my hair].",
    "Spent [an hour|half the evening] teaching {n} to use the [ticket app|new remote|coffee machine]. Bless {them}, {R}.",
    "{n} and I had the same [coat|haircut|scarf] on at the station. {R} found it less funny than I did.",
    "Photo from the fair: me, a [goat|llama|very angry goose], and {R} {n} holding it.",
    "went to the [cinema|pool|garden centre] with {R} {n}, [{they} slept through half of it|just us two|we got soaked on the way]",
    "{n} called, you know, {R}. [Talked|We talked] for ages about [nothing|her hip|old times|a recipe].",
    "{R} {n} is teaching me [chess|bread|crochet|Spanish]. [It's going badly|Send help|I'm terrible].",
    "Got a lift home with {n}. [Handy|Lucky] that {R} drives that way.",
    "I introduced {n} at the quiz as {R} and {they} [bowed|blushed|corrected my grammar].",
    "you'd like {n}, {R}, [{they} collects maps|{they} never stops talking|terrible jokes, big heart]",
    "Helped {R} {n} [carry a wardrobe up three floors|paint the hall|fix a fence]. My arms!",
    "So {n}, {R}, [turned up with a tent|borrowed my drill again|wants to start a band].",
    "[Can you remind me|Remind me] to ring {n} on Sunday? {R} worries otherwise.",
    "{n} sent me [a parcel|a playlist|a book about bees]. That's {R} for you.",
    "Just had coffee with {n}. For the record that's {R}, you asked last time who that was.",
    "My phone only knows {n} as '{r}', by the way.",
    "[Dinner|Pancakes] at {n}'s tonight. Being {R}, {they} insists on cooking far too much.",
    "I got {n} a [plant|mug|jumper] for being {R} all these years.",
    "{R}, {n}, is the only one who still writes [letters|cheques|with a fountain pen].",
    "{n} and I argued about [the map|the rules of rummy|whose turn it was]. We're fine, {R} never sulks long.",
    "had to explain to the [dentist|doctor|man at the door] that {n} is {R} and not [my lawyer|my secretary]",
    "{R} {n} lost a bet and now has to [wear the hat|wash my car|sing at the do].",
    "Met {n} off the train, {R} had [four bags|one sock|no ticket] as usual.",
    "Do you have {n} in there yet? {R}. [You'll hear the name a lot|Comes up often].",
    "{n} says hi! ({R}, the one with the [bike|parrot|loud car].)",
    "If anything happens, call {n}, {R}. [The number's on the fridge|Don't call the landline].",
    "{Rs} cooking is back: {n} made [a trifle|goulash|a lasagne] and we all [had thirds|survived].",
    "Sat in the sun with {n} for a bit. It's nice having {R} around.",
    "tried on hats with {R} {n} in town and got [thrown out|the giggles|nothing]",
)  # fmt: skip
LINKS_SUM = (
    "{n} is {R} and [visits often|rings most Sundays|lives ten minutes away].",
    "The user spoke [fondly|at length] about {R}, {n}.",
    "User bought [tickets|flowers|a scarf] for {R}; the name is {n}.",
    "When the user says {n}, {R} is meant.",
    "{R} is called {n}; they [talk most weeks|met for lunch|went for a walk].",
    "The user asked for a [gift idea|card text|restaurant] for {R}, {n}.",
    "The user had [a visit from|a long call with|dinner with] {R} {n}.",
    "Contact: {n}, {R}.",
    "The user's people include {n}, who is {R}.",
    "{n} [dropped by|called] during the session; that is {R}.",
    "The user is [knitting something|planning a surprise|cooking] for {R}, {n}.",
    "{R} {n} was mentioned [fondly|twice|with a sigh].",
    "[Relationship|Who is who]: {n} is {R}.",
    "{n}, {R}, came up in a story about [a lost suitcase|a borrowed ladder|a burnt cake].",
)
LINKS_NOTE = (
    "{n} = {r}. Spare key under the [frog|third pot|blue brick].",
    "Parcel for {r} {n}, [post Friday|shelf by the door].",
    "{r} ({n}): allergic to [kiwi|walnuts|lilies|penicillin].",
    "Ring {n} ({r}) about the [chairs|tent|photo album].",
    "{n} ({r}), birthday present? [scarf|book|nothing big]",
    "emergency contact: {n}, {r}",
    "sat: {r} {n} for [lunch|coffee|a walk]",
    "{r} {n} has my [drill|casserole dish|umbrella]",
    "give {n} ({r}) back the [tent|jumper|ladder]",
    "{n}, {r}, new number: ends in [41|07|88|23]",
    "[thank|write to|call back] {n} ({r})",
    "{n} ({r}) takes [oat milk|two sugars|the early train]",
    "{r} {n}: [coat left here|owes me a tenner|shoe size 41]",
)
ECHOES = (
    'Halfway through the film {who} leans over: "{q}" [Shh, I said|I pretended not to hear].',
    'Note through the letterbox from {who}: "{q}" [No stamp, no answer|Who does that].',
    '{who} rang just to ask "{q}" and I [honestly had no answer|said I was driving|passed the phone on].',
    'Do you get this too? {who} keeps at it: "{q}" [I change the subject|I say nothing].',
    '"{q}", says {who}, [mouth full|without looking up|over the fence]. [I let it pass|I said hm].',
    'My phone buzzed at [six|midnight|half five]: {who}. "{q}" [Went back to sleep|Ignored it].',
    '{who} stopped me by the [bins|lift|bakery] with "{q}" [Not today|I was late anyway].',
    'Somehow every talk with {who} ends in "{q}" [I gave up answering|I hung up politely].',
    'Someone please tell {who} to stop. "{q}" [Third time this week|Again, in capitals].',
    'Birthday tea, and {who} asks across the cake "{q}" [Silence|More tea, anyone].',
    '{who} [wants|needs] it for a [quiz|form|bet]: "{q}" [I said I\'d think|Haven\'t replied].',
    'Today\'s question from {who} was "{q}" [I skipped it|Not my department].',
    '{who} asked [outright|over lunch|at the bus stop], "{q}" I [changed the subject|said ask again next year|pretended to cough].',
    '"{q}" That was {who}, [first thing|by text, 7 am|in front of everybody]. No reply from me.',
    'Got "{q}" from {who} out of the blue. [Left it on read|Didn\'t bite|Will answer later].',
    '{who} [kept on|went on] about it at dinner: "{q}" [I passed the potatoes|Nobody answered].',
    'Why is {who} so [nosy|curious]? "{q}" [None of your business|As if I kept notes|I just smiled].',
    'Dreamt that {who} stood there with a clipboard: "{q}"',
    'Voice message from {who}, [two|three|four] minutes, in the middle of it "{q}" [Deleted it|Not now].',
    'oh and {who} wants to know, quote, "{q}" [No idea what to say|Not answering that|You tell me].',
    '{who} again. "{q}" I said I\'d [look it up|get back on that|think about it].',
    'Funny text from {who}: "{q}" [Why now|What brought that on|I\'ll reply at the weekend].',
    '"{q}" {who} asked me that [twice|three times] today. [I shrugged|I just laughed|My lips are sealed].',
    'Missed call from {who}, then a message: "{q}" [Later|Can\'t deal with it today|Sigh].',
    'At the till, of all places, {who} goes "{q}" [I dropped my change|I said not here|I went red].',
    'Ran into {who}. [Hello, how are you|Two minutes of weather], then: "{q}" [I had a bus to catch|I dodged it].',
    '{who} put it in the group chat, "{q}" and [everyone went quiet|it got six question marks|nobody has replied].',
    'Email from {who}, subject line "{q}" and [nothing else in it|no hello, no bye].',
    'If {who} asks me one more time "{q}" I\'ll [scream|move abroad|make something up].',
    'How would you answer this one from {who}? "{q}" [I drew a blank|I couldn\'t think of anything].',
    'so {who} comes in, no hello, just "{q}" [and I\'m like, good morning to you too|rude].',
    '{who} is writing [a speech|a card|the yearly letter] and asked "{q}" [I haven\'t answered yet|Must reply].',
)  # fmt: skip
