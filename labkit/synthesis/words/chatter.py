"""What a conversation is made of between the things that are remembered from it.

Nothing in here says a fact about anybody in a life, nor whether news is good or bad.
"""

# ruff: noqa: E501 (a phrase stays on one line, to be read as one)
from __future__ import annotations

ASSISTANT_GREETINGS = (
    "[Good morning|Good evening|Hello|Hello again]. What [is on your mind|can I do for you|shall we start with]?",
    "[Welcome back|Hello again]. [Shall we carry on|Do you want to pick up] where we left off?",
    "[Hi|Hello]. [Anything new|Anything to note] [today|since last time]?",
    "[Here|Ready] when you are. [A question, or just a chat|Something to look up, or just talking]?",
    "[Hi there|Good to see you]. Take your time, [I'm listening|there's no rush].",
)
PERSON_GREETINGS = (
    "[Hey|Hiya|Hello|Morning|Evening], [you about|got a minute|are you up|still awake]?",
    "[Are you there|You there]? [Kettle's on|Bored on the bus|On my break|Can't sleep].",
    "[Hey|Oi|Hello stranger], [how's things|what's the news|what are you up to]?",
    "[Only me|Me again]. [Can you talk|Got five minutes|Busy]?",
    "[Waiting for the tram|Stuck in a queue|In the launderette], so [entertain me|talk to me|tell me things].",
    "[Sorry I missed your call|Just saw your message|Phone was in the other room]. [All well|What's up|Go on]?",
)
ASSISTANT_REPLIES = (
    "[Noted|Understood|All right|Okay], [I'll remember that|I'll keep it in mind|that's saved].",
    "[Thank you for telling me|Thanks for the update]. [Shall I write it down|Do you want that kept]?",
    "[I see|Right]. [How do you feel about it|What do you make of it|Is there anything to be done]?",
    "[Okay|Got it]. [Would a reminder help|Should I bring it up again|Anything else about that]?",
    "[That's good to know|Useful to know], [I'll have it at hand|I can come back to it] [later|when you ask].",
    "[Mm|Ah], [and how did you hear|and when did you last think of that|go on if you like].",
    "[I've made a line of it|I put that with the rest|It's on the list of things you told me].",
    "[Understood|Clear]. [No need to explain|You needn't say more] [unless you'd like to|if you're tired].",
    "[Thanks|Right], [I'll not ask twice|I won't bring it up unasked|I'll leave it at that].",
    "That's [quite a sentence|a lot for one line|one for the book]. [Noted|Kept|Saved] [as you said it|word for word].",
    "[Okay|Fine]. Is that [something to follow up|for the record only|to stay between us]?",
    "[I hear you|I'm with you]. [Let me know if it changes|Tell me when there's more].",
)
PERSON_REPLIES = (
    "[Oh|Ah|Huh][, really?|, is that so?|, since when?|. Go on.]",
    "[Hm|Well|Okay], [you never said|first I hear of it|that's new to me].",
    "[Right|Okay], [tell me the rest when I see you|save the rest for Sunday|I want the long version later].",
    "[No way|Get away|You're kidding]. [And then|What did people say|Who else knows]?",
    "[Hang on|Wait], [let me put you on speaker|someone's at the door|I've got to turn the hob down]. [Okay, back|Carry on|Yes, go on].",
    "[I had to read that twice|Had to read that out loud to nobody]. [Okay|Right then|Well].",
    "[Ha|Hah|Heh], [typical|that's us all over|only in this family|only you].",
    "[Noted|Fair enough|Duly noted]. [I'd have said something else|I won't tell a soul|My lips are sealed].",
    "[Mm|Mmh|Yeah]. [I thought as much|I did wonder|I'd half guessed].",
    "[Blimey|Goodness|Crikey]. [Are you sitting down yourself|Have you eaten|Do you need anything]?",
    "[Say that again|Sorry, say again]? [The line's bad|The dog was barking|A lorry went by].",
    "[You could put that in a book|They should make a film of us|Somebody ought to write this down].",
    "[Okay okay|All right all right]. [I believe you|You don't have to shout|I'm taking notes].",
    "[Oh you|Oh dear|Oh my]. [We'll talk about it over soup|Let's have a walk about it|Ring me tonight].",
)
ASSISTANT_PROMPTS = (
    "[Was there anything else|Is there more|Anything else] [today|on your list|you'd like kept]?",
    "[And otherwise|And apart from that]? [I have time|I'm in no hurry].",
    "[You mentioned there were two things|You said there was more]. [What's the other|What was it]?",
    "[What else happened|What else is going on] [this week|around you|lately]?",
)
PERSON_PROMPTS = (
    "[And otherwise|And apart from that|And what else]? [Spill|Tell|I'm all ears].",
    "[Any news|What's the latest|So what's new] [on your side|at your end|round there]?",
    "[Go on then|Come on], [what is it|out with it|you've got that tone].",
    "[Enough about the weather|Enough about me]. [You|Your turn|What about you lot]?",
)
ASSISTANT_CHATTER = (
    ("How long do I boil [an egg|two eggs] for a [soft|runny] yolk?", "[Six|Six and a half] minutes from the boil, then [cold water|straight under the tap]."),
    ("What's a word for [somebody who hums|a smell after rain|the hole in a needle]?", "There's one, but [you'd have to look twice to believe it|nobody would thank you for using it]."),
    ("Is it [going to rain|too windy for washing] [tomorrow|this afternoon]?", "[I can't see the sky from here|I have no window], but [the forecast says take a coat|they say it clears by four]."),
    ("How many spoons in a cup of [flour|sugar|rice], [roughly|more or less]?", "[About sixteen|Sixteen level tablespoons], [give or take|if it's not packed]."),
    ("Can you [spell|say] [rhythm|diarrhoea|bureaucracy] for me?", "[Slowly|Letter by letter], and [nobody saw you ask|you're in good company]: it's one that most people look up."),
    ("[Tell me|Quick,] a joke, a [short|clean|bad] one.", "Two [antennas|aerials] got married. The reception was [excellent|lovely|the best part]."),
    ("What do I [write|put] in a card for [someone I hardly know|a leaving do]?", "[Keep it short|One line is plenty]: [all the best and a good rest|with warm wishes from all of us]."),
    ("Why do [cats|pigeons] [stare|sit] [at nothing|in the rain] like that?", "[Nobody is certain|Opinions differ]. [They may hear something|It may just be comfortable]."),
    ("[What's|Convert] 350 Fahrenheit [for me|in real units], [would you|please]?", "[Roughly|About] 177 degrees[, a moderate oven|. Is something in the oven already|]."),
    ("How far is nine miles in [kilometres|proper money]?", "[Roughly|About] fourteen and a half[. A long walk| kilometres|, a bit less]."),
    ("[Quick sum|Do me a sum]: [seventeen times six|a third of three hundred and six]?", "[A hundred and two|102][, unless I slipped|. Next one|]."),
    ("[Heads or tails|Pick a number|Red or blue]? [I can't decide|You choose|Be quick].", "[The first one|The second, then|Neither]. [Don't blame me|That was easy]."),
    ("Is [a tomato|rhubarb|a peanut] a fruit [or not|, yes or no]?", "[It depends on whom you ask|Botanists and cooks disagree]. [I side with the cooks|Both have a point]."),
    ("How do you [say|write] thank you in [Welsh|Finnish|Dutch]?", "[I can write it out|It's short]. [With how it sounds|Shall I spell it]?"),
    ("Give me [a crossword answer|a synonym], [seven|five] letters, [starts with B|ends in Y].", "[Could be several|That fits a dozen words]. What does the [clue|rest of the row] say?"),
    ("[How do I get|What gets] [candle wax|red wine|biro] out of [a tablecloth|a shirt]?", "[Patience first|Don't rub]. [Cold water and soap|Brown paper and a warm iron], then [wash as usual|see what's left]."),
    ("[Play|Put on] something [quiet|old|with trumpets].", "[I can't play music here|That's beyond me in this window], but I can [suggest a title|name three records]."),
    ("What [day|date] is the [second|last] [bank holiday|Monday] this month?", "[Let me see|One moment]. It's on the calendar you [shared|keep], [towards the end|in the last row]."),
    ("[Ugh|Argh], [what was I going to say|I've lost the thread]. [Typing with one thumb|The screen froze].", "[No matter|Take your time]. [It usually comes back|We can talk about something else first]."),
    ("Do you [ever get|get] [bored|tired] of [questions|me]?", "[Not so far|No], and [yours are seldom the same|I'd be the last to notice]."),
    ("[Recommend|Name] me a [film|book] for a [wet Sunday|long train ride].", "[Something slow with a lighthouse|An old one with a butler in it]? [Tell me the last one you finished|I'd need to know your mood]."),
)  # fmt: skip
PERSON_CHATTER = (
    ("[It's bucketing down|It's hailing|Fog again] [here|out there].", "[Same here|Here too|Dry as a bone here]. [The gutters are singing|The cat refuses to go out|I've the heating on]."),
    ("[Did you see|You see] [the match|that quiz|the programme about eels] [last night|yesterday]?", "[Fell asleep|Missed it|Only the end]. [Don't tell me.|Was it any good?|Did it end well?]"),
    ("[The bus|The train|The lift] was [late|packed|out of order] again.", "[When is it not|Of course it was|Shock]. [I've started walking|I take a book now]."),
    ("I've had [toast|soup|crisps] for [every meal|tea] [today|all week].", "[Living the dream|Could be worse|There's salad in the world, you know]."),
    ("[What are you having|What's for tea|What's cooking] [tonight|over there]?", "[Beans|Leftovers|Something beige]. [Don't judge|With an egg on, mind]."),
    ("There's a [pigeon|wasp|very large spider] in [my kitchen|the bathroom].", "[Give it a name|Open a window|Charge it rent]. [Is it looking at you|Do not send a photo]."),
    ("[Can't find|I've lost] my [glasses|keys|other glove] again.", "[On the windowsill|In the fridge|Down the sofa]? [It was last time|It usually is]."),
    ("[Some bloke|A lady|A lad] on the [bus|tram] was [singing|knitting|eating a whole cucumber].", "[Living their best life|Good for them|Takes all sorts]. [Did you join in|Any good]?"),
    ("My phone [keeps dying|is on four percent|has decided it's French].", "[Plug it in then|Turn it off and on|You drop it too much]."),
    ("[I've got|There's] a [song|tune|jingle] stuck in my head since [breakfast|Tuesday].", "[Don't say which|Keep it to yourself]. [Mine is the one from the carpet advert|I only just got rid of mine]."),
    ("[The clocks change|Bins go out|Shops shut early] this [weekend|week], [don't forget|apparently].", "[I always do|Who can keep up|Already on a sticky note]."),
    ("[Whose turn is it|Is it me] to [bring the biscuits|pick the film|ring the others]?", "[Yours|Mine, I think|Nobody's, we gave up]. [Nothing with nuts|Something short this time]."),
    ("[Sent you|I just sent you] [a photo of a dog|a video of a goose|a picture of a cake]. [You're welcome|No reason].", "[Made my day.|I've looked at it four times.|Why is it wearing a hat?]"),
    ("[My back|My knee|My elbow] [says it's going to snow|is a barometer these days].", "[We're getting old|Stretch|Tell it to wait till the weekend]."),
)  # fmt: skip
ASSISTANT_PARTINGS = (
    ("[Right|Okay], [that's me done|that's all for now|off I go].", "[Until next time|Good night|Speak soon]. [It's all kept|I'll be here]."),
    ("[Thanks|Ta|Cheers], [you've been a help|that'll do|I'm off to bed].", "[Any time|You're welcome|My pleasure]. [Sleep well|Take care|Mind how you go]."),
    ("[Got to go|Must run], [someone's at the door|the pan's boiling over|my stop].", "[Of course|Go|Run]. [We'll carry on later|The rest can wait]."),
    ("[Let's stop here|Enough for one day|I'll leave it there].", "[Gladly|As you like|Good]. [Nothing is lost|I have what you told me]."),
)  # fmt: skip
PERSON_PARTINGS = (
    ("[Right|Anyway], [I'm off|must dash|better go], [the pan's boiling over|it's my stop|battery's going].", "[Go go|Off you pop|Bye then]. [Speak soon|Love to all|Ring me Sunday]."),
    ("[Night|Night night|Bed]. [I can't keep my eyes open|Early start].", "[Night|Sleep tight|Sweet dreams]. [Don't let the radio on|Turn the lights out]."),
    ("[See you Thursday?|See you at the weekend?|See you when I see you, then.]", "[If I'm spared|Deal|Bring cake|Wouldn't miss it]. [Bye|Ta-ra|Laters]."),
    ("[Okay, work|Back to it|Boss is looking]. [Talk later|Later]?", "[Later|Sure|Course]. [Chin up|Keep your head down|Good luck]."),
)  # fmt: skip
