"""Words that fit every plot of a shape. A plot's own words are added to these.

``{topic}`` is "the boiler", ``{thing}`` is "boiler".
"""

# ruff: noqa: E501 (a phrase stays on one line, to be read as one)
from __future__ import annotations

from collections.abc import Mapping

from labkit.synthesis.plots import Shape, Words

CHANGE: Mapping[str, Words] = {
    "rumour": Words(
        say=(
            "{who} [swears|insists|is telling people] it's {vh} for {So} [now|next].",
            "[Heard|Got it] from {who} that {vh} is what {S} [went|had gone] for. [News to me|Who knows|Hm].",
            "{who} has it that {vh} [was|had been] settled for {So}. [Somebody at the hairdresser's said so|No idea where that comes from].",
            "Apparently {vh}, for {So}. {who} heard it from a [colleague|cousin] of a [colleague|cousin].",
            "If you believe {who}, {S} {have} {vh} already.",
            "There's a story doing the rounds, {who} started it: {S} and {vh}.",
        ),
        sum=(
            "{who} believes that it will be {vh} for {So}; this has not been confirmed.",
            "{who} told others that {S} had chosen {vh}.",
            "According to {who}, {vh} is already arranged for {So}.",
        ),
        note=(
            "{who} says {vh}??",
            "Gossip via {who}: {vh}.",
            "{vh}, says {who}. Not from the horse's mouth.",
        ),
    ),
    "intend": Words(
        say=(
            "{S} had as good as decided for {vp}, [after the summer|come spring|once the old thing runs out].",
            "If all goes [well|to plan] it'll be {vp} for {So} by the [end of the quarter|new year|holidays].",
            "[Next|The idea] for {So} would be {vp}. [Fingers crossed|Watch this space|Nothing signed].",
            "{S} [went to look at|looked into] {vp} and wanted it [then and there|badly]. Soon, hopefully.",
            "As {Ss} {thing} goes, {vp} would [suit|fit] {So} [down to the ground|like a glove]. [Next week|After the holidays|When there's time], then.",
            "{S} pencilled in {vp}.",
        ),
        sum=(
            "{S} intends to go for {vp} and is waiting for confirmation.",
            "{S} hopes to have {vp} sorted out soon.",
            "The next step {S} has in mind is {vp}.",
        ),
        note=(
            "Plan: {vp}. Not signed.",
            "{vp}? Decide by [Friday|the 15th|month end].",
            "Next: {vp}, if it works out.",
        ),
    ),
    "drop": Words(
        say=(
            "{vp} [is off|came to nothing] for {So}: {drop}.",
            "{S} let {vp} go in the end. {drop}, [so no|what can you do].",
            "Well, {drop}. So it won't be {vp} for {So}.",
            "{drop}. {S} told them [where to go|thanks but no thanks], and that was the end of {vp}.",
            "Scrap {vp}. {drop}, and {S} lost [heart|patience].",
            "It was going to be {vp}, only {drop}.",
        ),
        sum=(
            "{S} did not go ahead with {vp} because {drop}.",
            "The idea of {vp} fell through for {So}: {drop}.",
            "{S} gave up on {vp} once it emerged that {drop}.",
        ),
        note=("{vp}: no. {drop}.", "Not {vp}, {drop}.", "Cross out {vp} ({drop})."),
    ),
    "why": Words(
        say=(
            "{S} [only|really] gave up the first one because {cause}.",
            "Nobody believes it, but {cause}, and that's why {S} [went|moved on].",
            "{cause}. [Final straw|That did it] for {So}, hence the change.",
            "[Truth is|Thing is], {cause}, and {S} wasn't going to [put up with|sit through] another year of it.",
            "I'd have done the same: {cause}, so of course the old one had to go for {So}.",
            "What tipped it for {So}? {cause}.",
        ),
        sum=(
            "{S} explained the change: {cause}.",
            "{Ss} reason for leaving the previous one was that {cause}.",
            "{S} gave up the old arrangement since {cause}.",
        ),
        note=(
            "Why: {cause}.",
            "Reason for leaving: {cause}.",
            "For the record, {cause}. Hence the switch.",
        ),
    ),
    "price": Words(
        say=(
            "{S} [looked|peeked] at the first statement from the new lot: {a2}.",
            "{a2}, that's what {S} [settled for|shook hands on].",
            "{S} haggled a bit and it came out as {a2}.",
            "After [the trial|all the back and forth] the figure for {So} is {a2}.",
            "They [put|have put] {So} down for {a2}.",
            "{a2} it says on {Ss} paperwork. [Could be worse|Fair|Hm].",
        ),
        sum=(
            "The figure at the new one is {a2} for {So}.",
            "{S} settled on {a2}.",
            "{S} confirmed the amount: {a2}.",
        ),
        note=("{a2} from now on.", "Figure: {a2}.", "{a2}, reviewed in [April|October|a year]."),
    ),
    "effect": Words(
        say=(
            "Since the switch {effect}.",
            "Funny what a change does: {effect}.",
            "[Knock-on|Side effect] for {So}: {effect}.",
            "{effect}, and that's purely down to the change.",
            "Nobody warned {So}, but ever since the move {effect}.",
            "You notice it in small things with {So}. {effect}, for one.",
        ),
        sum=(
            "As a consequence of the change, {effect}.",
            "After switching, {effect}, according to {So}.",
            "{S} noticed a result of the change: {effect}.",
        ),
        note=(
            "Result of the switch: {effect}.",
            "Since the change: {effect}.",
            "Noticed: {effect}.",
        ),
    ),
    "detail": Words(
        say=(
            "{S} got {detail}. [It's the little things|Make of that what you will].",
            "[What|The thing] {S} will remember from week one: {detail}.",
            "Small print of {Ss} new life: {detail}.",
            "And then there's {detail}. {S} couldn't get over it.",
            "{detail}, of all things. {S} sent a photo.",
        ),
        sum=(
            "{S} mentioned {detail}.",
            "A detail that struck {So}: {detail}.",
            "{S} described {detail}.",
        ),
        note=("{detail}.", "From the first visit: {detail}.", "Remember {detail}."),
    ),
    "vague": Words(
        say=(
            "With {So} and {topic}, {gist}.",
            "{gist}, if you ask how it's going with {Ss} {thing}.",
            "Looking back at {Ss} {thing}: {gist}.",
            "{S} would say {gist}. About {topic}, I mean.",
            "All in all, as far as {Ss} {thing} goes, {gist}.",
        ),
        sum=(
            "On {topic} in general, {S} said: {gist}.",
            "{S} summed up {topic}: {gist}.",
            "Overall, where {topic} is concerned, {gist}, according to {So}.",
        ),
        note=(
            "{topic} in general: {gist}.",
            "{topic} so far, {gist}.",
            "In short ({topic}): {gist}.",
        ),
    ),
}

INCIDENT: Mapping[str, Words] = {
    "broke": Words(
        say=(
            "{p1}. {Ss} {thing}, of all things, and {when} of all days.",
            "Trouble with {Ss} {thing}: {p1}.",
            "{S} noticed it {when}: {p1}.",
            "Of course, the week {S} had visitors, {p1}.",
            "{p1}, and {S} stood there [in slippers|with a torch|speechless].",
            "It's {Ss} {thing}. {p1}.",
        ),
        sum=(
            "{S} reported a problem with {topic}: {p1}.",
            "{S} first noticed that something was wrong {when}: {p1}.",
            "{topic} gave {So} trouble; {p1}.",
        ),
        note=(
            "{topic}: {p1}. First seen {when}.",
            "{p1}. Log it.",
            "{p1}, get someone to look at {topic}.",
        ),
    ),
    "guess": Words(
        say=(
            "{who} is [sure|certain|convinced] it's because {guess}.",
            "{who} took one look and said {guess}. [Doctor of everything, that one|Ta for that].",
            "Theory of the day, by {who}: {guess}, hence the trouble with {Ss} {thing}.",
            '"{guess}," says {who}. [As if|Hm|Could be]. About {Ss} {thing}, that was.',
            "If it were up to {who}, {guess} and that would be the whole story of {Ss} {thing}.",
            "{who} [won't hear otherwise|has no doubt]: {guess}, and so {Ss} {thing} [suffered|gave up].",
        ),
        sum=(
            "{who} suspects that {guess}; nobody has checked.",
            "{who} put forward the theory that {guess} in the matter of {Ss} {thing}.",
            "In {who}'s opinion, {guess}.",
        ),
        note=(
            "{who} thinks {guess}. Unproven.",
            "Theory ({who}): {guess}.",
            "{who} blames this: {guess}.",
        ),
    ),
    "quote": Words(
        say=(
            "{f1} came, hummed, and reckoned on {a1}.",
            "Estimate from {f1} for {Ss} {thing}: {a1}. [Ouch|Not cheap|Sitting down helped].",
            "{f1} would want {a1} from {So}. [Getting a second opinion|Not so fast].",
            "{S} had {f1} in, who'd do it for {a1}, [give or take|plus a smile].",
            "{a1}, {f1} said down the phone, sight unseen, for {Ss} {thing}.",
            "{S} got a number out of {f1} at last: {a1}, [valid till month end|no promises].",
        ),
        sum=(
            "{S} received an estimate of {a1} from {f1}.",
            "{f1} quoted {a1} for {topic}; nothing has been agreed.",
            "{S} is considering an offer by {f1} at {a1}.",
        ),
        note=(
            "Quote {f1}: {a1}.",
            "{f1} would do it, {a1}. Compare.",
            "{a1} ({f1}, estimate only).",
        ),
    ),
    "found": Words(
        say=(
            "Mystery solved: {cause}. So that was {Ss} {thing}.",
            "[Turns out|It turned out] that {cause}. All that fuss about {Ss} {thing}.",
            "They took it apart, and there it was: {cause}. {S} [laughed|groaned|just nodded].",
            "Now {S} {have} it in [black and white|writing]: {cause}.",
            "{cause}, nothing else. {S} could've kicked [the wall|a bucket].",
            "The expert's verdict on {Ss} {thing}? {cause}.",
        ),
        sum=(
            "It was established that {cause}; that explained the trouble with {Ss} {thing}.",
            "{S} learned what was behind it: {cause}.",
            "After an inspection it was clear that {cause}.",
        ),
        note=("Cause: {cause}. Confirmed.", "Checked properly: {cause}.", "Report says {cause}."),
    ),
    "fix": Words(
        say=(
            "{f2} put {Ss} {thing} right [in under an hour|in an afternoon|over two days].",
            "All sorted by {f2}, and {S} [made|poured] them a coffee.",
            "{S} went with {f2} in the end. [Neat work|Job done|No complaints].",
            "It was {f2} who got {Ss} {thing} going again.",
            "{f2} turned up {when}, whistled, and that was it. {S} couldn't believe it.",
            "Hats off to {f2}, {Ss} {thing} [is as good as new|is back to normal].",
        ),
        sum=(
            "{f2} resolved the problem with {Ss} {thing}.",
            "{S} had the matter dealt with by {f2}.",
            "In the end {f2} took care of it for {So}.",
        ),
        note=(
            "Sorted by {f2}.",
            "{f2} did it. [Keep the card|Good].",
            "Done, {f2}. Receipt in drawer.",
        ),
    ),
    "bill": Words(
        say=(
            "The invoice [came|landed] for {So}: {a2}.",
            "{a2} all in, {S} paid it [on the spot|by card|with a long face].",
            "{S} transferred {a2} for the whole [business|saga].",
            "Final damage for {Ss} {thing}: {a2}.",
            "{a2} poorer, {S} {am}. That's {topic} for you.",
            "So {Ss} {thing} swallowed {a2}. [There goes the weekend|Beans on toast till payday].",
        ),
        sum=(
            "{S} paid {a2} in total for {topic}.",
            "The final invoice came to {a2}, which {S} has settled.",
            "{S} settled the bill of {a2}.",
        ),
        note=(
            "Paid {a2}, {topic}.",
            "Invoice {a2}. Settled.",
            "{a2} out of the account ({topic}).",
        ),
    ),
    "effect": Words(
        say=(
            "Because of all that, {effect}.",
            "The upshot of {Ss} {thing} drama: {effect}.",
            "And what did it lead to? {effect}.",
            "{effect}, all on account of {Ss} {thing}.",
            "Thanks to {Ss} {thing}, {effect}. [Marvellous|Great|Not how anyone saw it coming].",
            "One thing follows another with {So}: {effect}.",
        ),
        sum=(
            "As a result of the trouble, {effect}.",
            "The matter had a consequence for {So}: {effect}.",
            "Owing to {topic}, {effect}.",
        ),
        note=("Consequence: {effect}.", "So {effect}.", "Because of {topic}, {effect}."),
    ),
    "detail": Words(
        say=(
            "In the middle of it all, {S} found {detail}.",
            "Best bit: {detail}. {S} kept it.",
            "{S} came across {detail} [behind|under] it. [Explain that|I ask you].",
            "Nobody mentions {detail}, but {S} {have} the photo.",
            "And there, right by {Ss} {thing}, {detail}.",
        ),
        sum=(
            "{S} came across {detail} during the work.",
            "{S} described finding {detail}.",
            "In passing {S} mentioned {detail}.",
        ),
        note=("Found: {detail}.", "{detail}, keep.", "Odd: {detail}."),
    ),
    "relapse": Words(
        say=(
            "Here we go again with {So}: {p2}.",
            "I spoke too soon. {p2}, {when}. {S} swore out loud.",
            "{p2}. Round two for {Ss} {thing}.",
            "New season, new trouble: {p2}. {S} [groaned|sighed].",
            "{S} woke up to it: {p2}.",
            "Guess who's back on the phone to the experts, {S}. {p2}.",
        ),
        sum=(
            "{S} has trouble with {topic} once more: {p2}.",
            "A new problem appeared: {p2}.",
            "{S} reported that this time {p2}.",
        ),
        note=("Again, {topic}. {p2}.", "{p2}. Second time.", "{p2}, call someone."),
    ),
    "vague": Words(
        say=(
            "{S} put it like this at the bus stop: {gist}. [Meaning {topic}|About {topic}].",
            "You want {Ss} view on {topic}? {gist}.",
            "{gist}, that's {Ss} {thing} in a nutshell.",
            "If you ask me about {Ss} {thing}: {gist}.",
            "All in all with {Ss} {thing}, {gist}.",
            "{S} only laughed by now. {gist}, when it comes to {topic}.",
            "The long and short of {Ss} {thing}: {gist}.",
        ),
        sum=(
            "{S} said of {topic} as a whole: {gist}.",
            "{S} summed it up: {gist}.",
            "Overall, {topic} for {So}: {gist}.",
        ),
        note=("{topic}, overall: {gist}.", "In sum: {gist}.", "{topic} this year, {gist}."),
    ),
}

PLAN: Mapping[str, Words] = {
    "announce": Words(
        say=(
            "It's settled: {v1}, {d1}. {S} {have} it on the calendar.",
            "{S} [booked|fixed] {v1} for {d1}. [So excited|About time|No going back].",
            "Keep {d1} free, will you? {S} {am} planning {v1}.",
            "{S} told [everybody|the whole table]: {d1}, {v1}.",
            "{d1} is the day. {v1}, {Ss} idea, and for once nobody objected.",
            "Big plans for {So}, {v1} on {d1} if [the weather|everyone] plays along.",
        ),
        sum=(
            "{S} plans {v1} on {d1}.",
            "{S} has set {d1} for {topic}: {v1}.",
            "The plan is {v1}; {S} named {d1} as the date.",
        ),
        note=("{d1}: {v1}.", "Save the date, {d1}. {v1}.", "{v1}, {d1}, tell the others."),
    ),
    "rumour": Words(
        say=(
            "{who} [is telling|has told] people it's {dh}, {Ss} {thing}. [No idea why|Where from].",
            "Somehow {who} got hold of {dh} for {Ss} {thing}.",
            "{dh}? That's {who} talking, about {Ss} {thing}.",
            "{who} [swears|insists] on {dh} where {Ss} {thing} is concerned.",
            "On the grapevine, or rather from {who}: {dh}, {Ss} {thing}.",
        ),
        sum=(
            "{who} has been giving {dh} as the date, which {S} never said.",
            "{who} claims that it takes place on {dh}.",
            "{who} passed on {dh} as the day of {Ss} {thing}, unconfirmed.",
        ),
        note=("{who} says {dh}?", "{dh} according to {who}. Check.", "Rumour ({who}): {dh}."),
    ),
    "moved": Words(
        say=(
            "Change of plan, {Ss} {thing} is [now|put back to] {d2}.",
            "{S} had to shift it to {d2}. [Everybody's got to rebook|Pencils out].",
            "Not then after all. {d2}, is what {S} said.",
            "New day for {Ss} {thing}: {d2}. [Tell the others|Please nobody argue].",
            "{S} crossed it out and wrote {d2} instead.",
            "{d2} it is, later than {S} wanted.",
        ),
        sum=(
            "{S} has moved {topic} to {d2}.",
            "The new date is {d2}, {S} said.",
            "{S} postponed; {d2} now stands.",
        ),
        note=("Now {d2}.", "{topic} moved, {d2}.", "New date {d2}, tell everyone."),
    ),
    "why": Words(
        say=(
            "{S} wouldn't have touched the date, only {cause}.",
            "Everyone wants to know what happened with the original day. {cause}, that's what.",
            "{cause}. So {S} had no choice but to put it back.",
            "Don't blame {So} for the delay: {cause}.",
            "The first date was never going to work once {cause}, {S} said.",
            "It's simple, {cause}, and the calendar had to give for {So}.",
        ),
        sum=(
            "The delay came about because {cause}, {S} explained.",
            "{S} put the date back since {cause}.",
            "{Ss} reason for rescheduling: {cause}.",
        ),
        note=("Put back because {cause}.", "Why later: {cause}.", "{cause}, hence the new day."),
    ),
    "price": Words(
        say=(
            "{S} put down {a1} for it, [deposit and all|the lot|non-refundable].",
            "{a1}, and that's {Ss} share alone.",
            "Paid {when}: {a1}. {S} [winced|whistled|closed the app quickly].",
            "Who knew {topic} could eat {a1} of {Ss} money.",
            "{S} did the sums twice. {a1}.",
        ),
        sum=(
            "{S} has paid {a1} towards {topic}.",
            "The cost to {So} is {a1}.",
            "{S} spent {a1} on {topic}.",
        ),
        note=("{a1} paid.", "Cost: {a1} ({topic}).", "{a1}, keep the receipt."),
    ),
    "detail": Words(
        say=(
            "{S} won't budge on {detail}, [not for money|no matter what].",
            "[Half|Most] of {Ss} planning went into {detail}.",
            "{S} insisted on {detail}. Fine.",
            "Packing list, item one: {detail}. {S} meant business.",
            "And who got {detail} in specially? {So}.",
            "{S} spent an entire evening on {detail}.",
            "The one thing {S} cared about was {detail}.",
        ),
        sum=(
            "{S} mentioned {detail} as important.",
            "{S} took care of {detail}.",
            "Among the preparations, {S} named {detail}.",
        ),
        note=("Don't forget {detail}.", "{detail}, still to do.", "{topic}: {detail}."),
    ),
    "off": Words(
        say=(
            "It's off. {drop}. {S} took it [well|badly|like a lamb].",
            "So much for {Ss} {thing}: {drop}.",
            "{S} pulled the plug, since {drop}.",
            "{drop}, and with that {Ss} {thing} was history.",
            "No {thing} for {So}. {drop}.",
            "I'd bought the card already. {drop}, so {S} called the whole thing off.",
        ),
        sum=(
            "{S} called off {topic} because {drop}.",
            "{topic} will not take place: {drop}.",
            "{S} abandoned the plan when it turned out that {drop}.",
        ),
        note=("Off. {drop}.", "{topic} cancelled, {drop}.", "Scrapped: {drop}."),
    ),
    "instead": Words(
        say=(
            "{S} went for {v2} instead, and it was [lovely|fine|better than expected].",
            "Made the best of it: {v2}. {S} [beamed|fell asleep by nine].",
            "As a consolation there was {v2} for {So}.",
            "It turned into {v2} in the end. {S} didn't mind [at all|one bit].",
            "Plan B for {So}, {v2}, [no regrets|ten out of ten].",
        ),
        sum=(
            "In place of the original idea {S} had {v2}.",
            "{S} ended up with {v2}.",
            "What actually took place was {v2}.",
        ),
        note=("Plan B: {v2}.", "Did {v2}. [Good|Nice].", "{v2} in the end."),
    ),
    "effect": Words(
        say=(
            "Because it was all scrapped, {effect}, and {S} told it [as a joke|with a sigh].",
            "{S} [hardly|never] mentioned the {thing} after that, but {effect}.",
            "What came of calling it off? {effect}.",
            "After all that, {effect}.",
            "Silver lining, or not: {effect}, since it never happened.",
            "{effect}, just because {Ss} {thing} fell through.",
            "{S} hadn't thought of that part: {effect}.",
        ),
        sum=(
            "As a consequence of the cancellation, {effect}.",
            "Following this, {effect}, {S} said.",
            "{S} mentioned what followed: {effect}.",
        ),
        note=("Fallout: {effect}.", "Result: {effect}.", "After it was off, {effect}."),
    ),
    "vague": Words(
        say=(
            "{S} [sighed|grinned] and said {gist}. Meaning {topic}.",
            "Give {So} a drink and it's all about {topic}: {gist}.",
            "{gist}, that was {Ss} {thing} in a nutshell.",
            "Ask {So} about {topic} and you'll hear: {gist}.",
            "On the whole, {gist}, as far as {Ss} {thing} goes.",
            "Lesson from {topic}: {gist}. So said {S}.",
        ),
        sum=(
            "{S} summed up {topic}: {gist}.",
            "In general, {S} said of {topic}: {gist}.",
            "Overall verdict by {So}: {gist}.",
        ),
        note=("{topic}: {gist}.", "Moral: {gist}.", "All told, {gist}."),
    ),
}

TASTE: Mapping[str, Words] = {
    "like": Words(
        say=(
            "{S} {have} always been like that: {v1}.",
            "Put it on {Ss} tombstone: {v1}.",
            "{v1}, that's {So} all over.",
            "Just so everybody knows, with {So} it's {v1}.",
            "{S} said it again at dinner, {v1}.",
            "You can set your watch by it: {v1}, that's how it is with {So}.",
        ),
        sum=(
            "{S} expressed a clear preference: {v1}.",
            "{S} said: {v1}.",
            "Keep in mind for {So}: {v1}.",
        ),
        note=("{v1}.", "Taste: {v1}.", "Remember: {v1}."),
    ),
    "turn": Words(
        say=(
            "{S} [swore off|did away with] the old ways: {v2}.",
            "[Mark this day|Sit down]: {S} said {v2}.",
            "Never thought I'd see the day, but for {So} it's {v2} now.",
            "New rule with {So}: {v2}.",
            "{S} {have} changed tune completely, {v2}.",
            "Times change. {v2}, for {So} at least.",
            "Scratch everything I said. With {So} it's {v2} these days.",
            "{v2}. Yes, {S}. No, really.",
        ),
        sum=(
            "{S} has had a change of heart: {v2}.",
            "Contrary to earlier, {v2}, {S} said.",
            "{Ss} taste has changed; {v2}.",
        ),
        note=("New: {v2}.", "Changed: {v2}.", "Update, {v2}."),
    ),
    "why": Words(
        say=(
            "[Ask|Never ask] {So} how it started. {cause}.",
            "{S} dates it to the time when {cause}.",
            "It's since {cause}, {S} won't go back.",
            "What did it? {cause}.",
            "{cause}. After that {S} was cured of the old habit.",
            "Blame it on one evening: {cause}, and {S} switched for good.",
            "{S} only turned because {cause}.",
        ),
        sum=(
            "The change came about because {cause}.",
            "{S} explained the change of heart: {cause}.",
            "It began when {cause}, {S} recalled.",
        ),
        note=("Because {cause}.", "What changed it: {cause}.", "Reason: {cause}."),
    ),
    "rumour": Words(
        say=(
            "{who} still thinks that for {So} it's {vh}. [Bless|Wrong drawer|No comment].",
            "According to {who}, {vh}, where {So} is concerned.",
            "{who} told the whole table about {So}: {vh}.",
            "No idea who told {who}, but the word is {vh}, about {So}.",
            "{who} bought {So} a present on the theory of {vh}.",
        ),
        sum=(
            "{who} assumes about {So}: {vh}.",
            "{who} has the idea that for {So} it is {vh}.",
            "{who} told others, of {So}: {vh}.",
        ),
        note=("{who} thinks {vh}.", '{who}: "{vh}". Not from source.', "{vh}? says {who}."),
    ),
}

MOMENT: Mapping[str, Words] = {}

BEATS: Mapping[Shape, Mapping[str, Words]] = {
    "change": CHANGE, "incident": INCIDENT, "plan": PLAN, "taste": TASTE, "moment": MOMENT,
}  # fmt: skip
