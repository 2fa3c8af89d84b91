"""What people put around a sentence: openings, asides, closings, and the habits of a voice."""

# ruff: noqa: E501 (a phrase stays on one line, to be read as one)
from __future__ import annotations

OPENINGS = {
    "plain": ("So,", "Well,", "Anyway,", "By the way,", "Update:", "Oh, and", "Right,", "Also,",
              "For the record,", "Before I forget:", "Finally some news.", "Quick one:",
              "Since you asked,", "Long day.", "Monday again.", "Where was I.", "Small update.",
              "Sunday thoughts:", "Been meaning to say,", "One more thing:"),
    "terse": ("News.", "Update.", "FYI.", "Done.", "OK.", "Noted:", "Short version:", "Busy day."),
    "chatty": ("Oh my days,", "You won't believe this but", "Guess what,", "Right, sit down:",
               "Okay so", "Honestly,", "I have to tell somebody:", "Tea first. Now:", "Listen,",
               "Never a dull moment.", "Hang on, the kettle. Where was I?", "Ha, so",
               "I'm typing this on the bus.", "It's been one of those weeks.", "Well well well,",
               "Don't laugh, but", "Deep breath.", "Promise you won't sigh:"),
    "formal": ("For completeness:", "As mentioned,", "To confirm,", "I should note that",
               "A brief update.", "Please note the following.", "With apologies for the delay:",
               "For your information,"),
    "slang": ("Yo,", "Mate,", "Lol okay", "Ngl,", "Right so", "Bruh,", "Not gonna lie,", "Oi,",
              "Swear down,", "Big news lads,", "Okay hear me out,"),
}  # fmt: skip
CLOSINGS = {
    "plain": ("Anyway.", "We'll see.", "There it is.", "Just so you know.", "Make of it what you will.",
              "I'll keep you posted.", "Not much else to tell.", "Back to the washing up.",
              "More when I know it.", "Rain again here, by the way.", "That's about it.",
              "Off to bed.", "Speak tomorrow.", "So that's that."),
    "terse": ("End of.", "That's all.", "More later.", "Moving on.", "Bye.", "Yep.", "Details another day.", "Can't complain.", "Onwards.", "It is what it is.", "Early night.", "Phone's at 4 %.", "Kettle on."),
    "chatty": ("I need a biscuit.", "I could write a book.", "Send chocolate.", "Anyway, how are you?",
               "The cat has no comment.", "I had to sit down.", "My tea's gone cold now.",
               "You couldn't make it up.", "I'm still shaking my head.", "Ring me!",
               "I told the bus driver and everything.", "Who needs television.",
               "The whole stairwell knows by now.", "I've been telling everyone."),
    "formal": ("I trust this is of use.", "Further details will follow.", "I remain at your disposal.",
               "No action is needed.", "Kindly keep this on file.", "I shall write again."),
    "slang": ("Lol.", "Wild.", "Can't even.", "Whatever tho.", "Big mood.", "Say no more.",
              "Anyway laters.", "Peak.", "I'm done."),
}  # fmt: skip
SUM_OPENINGS = (
    "", "", "", "", "It was noted that", "In this session it came up that", "Mentioned in passing:",
    "Worth remembering:", "From today's chat:", "During a talk about something else:",
    "Recorded at the user's request:", "In the course of the evening:", "Context for later:",
)  # fmt: skip
SUM_CLOSINGS = (
    "", "", "", "", "The tone was calm.", "No follow-up was asked for.", "The user seemed tired.",
    "The user laughed about it.", "A reminder was not wanted.", "The user moved on quickly.",
    "The user asked to keep this in mind.", "This came up between two other questions.",
    "The user typed this from a train.", "The user sounded relieved to be done talking.",
)  # fmt: skip
NOTE_TAILS = (
    "", "", "", "", "", "Check later.", "See folder.", "(written in a hurry)", "Ask again in a month.",
    "File under misc.", "[biro, back of envelope]", "Done 9pm.", "Underlined twice.", "Copy for drawer.",
)  # fmt: skip
SWAPS = {
    "formal": (("I've", "I have"), ("I'm", "I am"), ("didn't", "did not"), ("wasn't", "was not"),
               ("it's", "it is"), ("It's", "It is"), ("don't", "do not"), ("that's", "that is"),
               ("couldn't", "could not"), ("won't", "will not")),
    "slang": (("because", "cos"), ("really", "proper"), ("going to", "gonna"), ("friends", "mates"),
              ("very", "dead"), ("want to", "wanna"), ("got to", "gotta"), ("you", "ya")),
    "terse": (("really ", ""), ("just ", ""), ("in the end", "finally"), (" and that was that", "")),
}  # fmt: skip
LINKS_SAY = (
    "{R} {n} [is staying till Sunday|came for tea] and has [already|promptly] rearranged the [spice rack|fridge|books].",
    "Had {R} {n} on the phone for [an hour|ages], mostly about [pigeons|the new bins|next door's drum kit].",
    "{R} {n} [brought|dropped off] [a marrow|rhubarb|plum jam|half a cake] again. We have [four|three|six] now.",
    "Lunch with {R} {n}. [Same table|Same soup], same argument about the [heating|window].",
    "Told {n} [I'd|I would] put {them} down as next of kin on the form, because who else but {R}.",
    "{n} beat everybody at [cards|darts|Scrabble] again. Typical of {R}.",
    "People always ask how {n} and I know each other. {R}, that's how.",
    "It's {Rs} birthday on the [3rd|11th|19th|27th], must get {n} [socks|a voucher|that book].",
    "{n} stood in the rain for [forty minutes|an hour] to [lend|give] me a ladder. Only {R} would.",
    "{n} has the [loudest|strangest] laugh of anybody I know, and being {R} I've heard it all my life.",
    "Who fed the [fish|tomatoes|cat] while we were away? {R} {n}, and they've [doubled|never looked better].",
    "Postcard from {n}, [three|two] words on it. {R} was never a writer.",
    "{R} {n} thinks I should [get a hat|eat more soup|learn the ukulele].",
    "Spent [an hour|half the evening] teaching {n} to use the ticket app. {R}, not a robot.",
    "{n} and I had the same [coat|haircut] on at the station. {R} isn't speaking to me till Thursday.",
    "Photo from the fair: me, a goat, and {R} {n} holding the goat.",
)
LINKS_SUM = (
    "{n} is {R} and [visits often|rings most Sundays|lives ten minutes away].",
    "The user spoke [fondly|at length] about {R}, {n}.",
    "User bought [tickets|flowers|a scarf] for {R}; the name is {n}.",
    "When the user says {n}, {R} is meant.",
)
LINKS_NOTE = (
    "{n} = {r}. Spare key under the [frog|third pot|blue brick].",
    "Parcel for {r} {n}, [post Friday|shelf by the door].",
    "{r} ({n}): allergic to [kiwi|walnuts|lilies|penicillin].",
    "Ring {n} ({r}) about the [chairs|tent|photo album].",
)
ECHOES = (
    '{who} asked [outright|over lunch|at the bus stop], "{q}" I [changed the subject|said ask again next year|pretended to cough].',
    '"{q}" That was {who}, [first thing|by text, 7 am|in front of everybody]. No reply from me.',
    'Got "{q}" from {who} out of the blue. [Left it on read|Didn\'t bite|Shrugged].',
    '{who} [kept on|went on] about it at dinner: "{q}" [I passed the potatoes|Nobody answered].',
    'Why is {who} so [nosy|curious]? "{q}" As if I kept [a register|minutes].',
    'Dreamt that {who} stood there with a clipboard: "{q}"',
    'Card from {who}, and in it, in capitals, "{q}" [Charming|Bless|No].',
)
