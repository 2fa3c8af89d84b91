"""Words of questions that are not tied to one plot: contexts, instructions, frames around them."""

# ruff: noqa: E501 (a phrase stays on one line, to be read as one)
from __future__ import annotations

QUERY_OPENINGS = (
    "Remind me:", "Quick check:", "Sorry, blank again:", "My head's a sieve.", "Help me out here.",
    "While I think of it:", "Just so I get it right:", "Hey,", "Quick question:", "One thing:", "Sorry to ask again:",
    "Do you remember?", "OK so", "Before I forget,", "Erm,", "btw,",
)  # fmt: skip
QUERY_CLOSINGS = (
    "I forget.", "Do you know?", "It's on the tip of my tongue.", "Roughly will do.", "Thanks!",
    "The short answer, please.", "Can't find it.", "Sorry if I asked already.",
)  # fmt: skip
CONTEXT_MEET = (
    "[Bumped into|Ran into|Saw] {S} [outside the chemist|at the market|by the lifts|on the ferry|in the queue for stamps].",
    "{S} [rang|called|phoned] [earlier|just now|out of nowhere].",
    "I'm [writing|doing] {Ss} birthday card.",
    "{S} is coming [for supper|round|to stay] on [Friday|Saturday|Sunday].",
    "[Had|Just had] a long walk with {S}.",
    "There's a voice message from {S}, [nine|six|eleven] minutes long.",
    "I owe {S} [a call|an email|an apology].",
    "{S} [sat next to me|was] at the [school concert|funeral|quiz].",
    "I'm [meeting|seeing] {S} [tonight|tomorrow|in an hour].",
    "[Got|Had] a text from {S} [this morning|earlier].",
    "{S} is [downstairs|at the door|on the other line].",
    "On my way to {Ss}.",
    "[Thinking of|Writing to] {S}, it's been a while.",
    "{S} just [left|popped in].",
    "I promised {S} [I'd call back|an answer by tonight].",
    "We're all at {Ss} on [Sunday|Saturday].",
)
CONTEXT_REPLY = (
    "How [did {they} seem|was {they}]?", "Oh nice, anything new?", "What did you two talk about?",
    "[Lovely|Good]. What do you need from me?", "Is this about the usual thing?", "Go on.",
    "I'm listening.", "How did that go?", "Do you want me to note it down?", "Nice. How are things there?",
    "Okay. What's it about?", "Sounds good. Anything I should know?", "How can I help with that?",
    "All well with {them}?", "Ah. What came up?",
)  # fmt: skip
CONTEXT_TOPIC = (
    "Fine. We got on to {topic}, of course.", "[Mostly|Only] {topic}, you know {them}.",
    "{topic} came up again.", "The usual, and then {topic}.",
    "Good. I wanted to ask about {topic} and bottled it.", "Tired. It's {topic}, I think.",
    "I nodded along about {topic} without remembering a thing.",
    "I'd like to sound informed about {topic} next time.", "It'll be about {topic}, I bet.",
    "Good, good. But {topic}, I've lost track.", "We mostly talked about {topic}.",
    "I should know more about {topic} before I call back.", "It's about {topic} again, I'm afraid.",
    "Then {topic} came up and I had nothing.",
)  # fmt: skip
CONTEXT_DECOY = (
    "{O} was there as well, but [left early|hardly spoke|only waved].",
    "Not {O}, for once.", "{O} sends regards, by the way.",
    "First I thought it was {O}, same coat.", "{O} I'll ring tomorrow.",
)  # fmt: skip
CONTEXT_SMALL = (
    (
        "[Filling in|Sorting out] [a form|the folder|the spreadsheet] about {topic}.",
        "What's missing?",
    ),
    ("I keep mixing up everything to do with {topic}.", "Ask away, I'll look."),
    ("Someone brought up {topic} at [lunch|the bus stop|the club].", "And you couldn't say?"),
    (
        "[Writing|Drafting] the yearly letter, I've reached {topic}.",
        "[Go ahead.|What do you need?]",
    ),
    (
        "I was [asked|quizzed] about {topic} [at work|just now] and my mind went blank.",
        "[What did they want to know?|Shall I look?]",
    ),
    (
        "[Tidying up|Going through] my notes on {topic}.",
        "[Tell me if I can help.|Anything unclear?]",
    ),
    ("[Hi|Hello], me again, it's about {topic}.", "[Hi! Go on.|Sure, what about it?]"),
    ("Can we talk about {topic} for a second?", "[Of course.|Sure.|Yes, go ahead.]"),
    (
        "[Ugh|Oof], {topic}. I can never keep it straight.",
        "[Let's see.|What would you like to know?]",
    ),
    ("[Can't sleep|Wide awake], thinking about {topic}.", "Anything I can look up?"),
)
ASPECTS = {
    "cause": ("[Only|Just] the reason [behind it|it came about], [nothing on money|not what followed]",
              "Look for what brought it about, not the [costs|consequences]",
              "[Find|Give] the cause that was [proved|stated], [no guesses|not the rumours]",
              "Intent: understand why it [happened|came to that]"),
    "amount": ("Only memories that [state|give] [a price|an amount|a figure] that really applied",
               "Intent: [the money|the figures], [not the reasons|nothing else]",
               "Focus on what was [actually|really] paid or charged, leave out [estimates|guesses]"),
    "effect": ("[Only|Just] what came of it afterwards, not why",
               "Focus on the [consequences|aftermath], not the [cause|reasons]",
               "Intent: see what [changed|followed] as a result"),
    "drop": ("Only why the [plan|idea] [came to nothing|was abandoned]",
             "Focus on what [stopped|killed] the plan", "Intent: learn why it did not go ahead"),
    "state": ("Only [where things stand|the situation] now", "Focus on what is [true|valid] today, skip the history",
              "Intent: the present state, not how it came about"),
    "detail": ("Only the small [odd|telling] detail, not the outline", "Intent: find the trivia"),
    "gist": ("[Only|Just] the overall [verdict|impression], no particulars", "Intent: the big picture in a line"),
    "problem": ("Only what went wrong [in the first place|to begin with]", "Focus on the fault itself, not the bill or the cause"),
    "fixer": ("Only who put it right", "Focus on the person or firm that did the repair"),
    "date": ("Only the date that [counts|holds] now", "Focus on when it is meant to take place as things stand"),
    "claim": ("Only what other people [claimed|were saying], true or not", "Focus on the hearsay, to correct it"),
    "stance": ("Only what [holds|applies] these days", "Focus on the taste as it is now"),
}  # fmt: skip
ENTITIES = (
    "[Only|Just] [memories|what is] about {full}, the {relation}", "Focus on {full} ({relation}), not the other {first}",
    "Entity: {full}, the user's {relation}",
    "By {first} the user means {full}, the {relation}", "Keep to {full}; ignore {otherfull}",
    "Keyword: {full}", "The {relation} is meant, {full}",
)  # fmt: skip
TIMES_NOW = (
    "Only what [holds|applies] today", "Constraint: the present, not the past", "Restrict to the current state of affairs",
    "Time: now. Leave out what has been replaced",
)  # fmt: skip
TIMES_THEN = (
    "Only what held in {month}", "Constraint: the situation as it was in {month}", "Restrict to {month}; later changes do not count",
    "Time: {month}. Leave out everything that came about afterwards",
)  # fmt: skip
TIMES_FIRST = (
    "Only how it was at the very start", "Constraint: the earliest state, before any change",
    "Restrict to the beginning; later changes do not count",
)  # fmt: skip
HINTS = {
    "numerical": ("Only memories that state an amount", "Look for a figure, not an impression"),
    "causal": ("Find the reason or result asked for, not a guess", "Mind the direction: cause before effect"),
    "temporal": ("Check the date of each memory", "The order of events matters here"),
    "update": ("Only the latest valid state", "Ignore plans and what has been replaced"),
    "entity": ("Find the person or firm asked for", "A name is wanted"),
    "single_hop": ("One memory should suffice", "Find the memory that says it outright"),
    "granularity": ("Match the level of detail of the question", "Neither broader nor finer than asked"),
    "preference": ("Look for tastes and dislikes that still hold", "What would please the user"),
    "multi_hop": ("Several memories may be needed together", "Find each piece of the chain"),
    "abstain": ("Only if it is really said somewhere", "Better nothing than a guess"),
    "coreference": ("Use the conversation to see who is meant", "Resolve the pronoun first"),
}  # fmt: skip
