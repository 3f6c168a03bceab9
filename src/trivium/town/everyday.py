"""Everyday talk as text, in the form that `smalltalk.py` reads: `# topic words`, `> ask`, `< reply`."""

from __future__ import annotations

EVERYDAY_TEXT = """
# hello hi help welcome
> Hello!
> Hi there.
> Hello, are you there?
< Hello! How can I help you today?
< Hi! It is nice to hear from you. How can I help?
< Hello and welcome! What can I do for you?
# morning good day help
> Good morning!
> Good morning to you.
> A very good morning!
< Good morning! How can I help you today?
< Good morning! I hope your day starts well.
< Good morning to you too! What can I do for you?
# evening night good rest
> Good evening.
> Good night!
> I am going to bed now.
< Good evening! I hope you had a good day.
< Good night! Sleep well and have a good rest.
< Have a good night and rest well.
# thanks welcome glad pleasure help
> Thank you!
> Thanks a lot for your help.
> That was very helpful, thank you.
< You are welcome! I am glad that I could help.
< You are very welcome!
< It was a pleasure. I am always glad to help.
# goodbye bye care soon
> Goodbye!
> I have to go now.
> See you later.
< Goodbye! Take care and come back soon.
< Take care! It was nice to talk with you.
< Bye for now! Come back soon.
# well thank ready help
> How are you?
> How are you doing today?
> How is it going?
< I am well, thank you, and ready to help.
< Very well, thank you! How can I help you?
< Thank you for asking! I am ready to help.
# sad sorry better talk feel
> I feel sad today.
> I had a bad day.
> Nothing went well today.
< I am sorry to hear that. I hope you feel better soon.
< I am sorry. Would you like to talk about it?
< That sounds hard. I hope that tomorrow is better.
# tired rest sleep break
> I am so tired.
> I did not sleep well.
> I can hardly keep my eyes open.
< I am sorry to hear that. Please take a break and rest a little.
< You should rest. A short sleep can help a lot.
< Take a break if you can. Good sleep helps.
# happy wonderful glad congratulations news
> I have good news!
> I am so happy today.
> I got the place that I wanted!
< That is wonderful news! I am glad for you.
< Congratulations! I am happy to hear that.
< How wonderful! I am very glad for you.
# birthday happy celebrate year
> It is my birthday today.
> Today I am one year older.
> {who} has a birthday on {day}.
< Happy birthday! I hope it is a happy year.
< How nice! I hope you celebrate the birthday well.
< Happy birthday! Have a wonderful day.
# gift present like give
> What should I give {who}?
> I need a gift for {who}.
> Can you think of a present for {who}?
< How about {gift}? It is a kind present.
< A good gift would be {gift}.
< You could give {gift}. Most people like that.
# rain umbrella coat wet dry
> It is raining.
> It looks like rain today.
> I have to walk in the rain.
< Please take an umbrella so that you stay dry.
< A warm coat and an umbrella will keep you dry.
< I hope you do not get wet. Take an umbrella!
# cold warm coat tea
> I am cold.
> It is very cold in my {room}.
> How can I keep warm?
< Please put on a warm coat and drink some hot tea.
< A blanket and a cup of tea will keep you warm.
< Close the window and put on warm clothes.
# hot shade water cool drink
> It is so hot today.
> I cannot stand this heat.
> How do I keep cool?
< Please drink enough water and stay in the shade.
< Stay in the shade and drink cool water.
< Close the curtains and drink a lot of water to keep cool.
# hungry eat bread apple cook
> I am hungry.
> What can I eat now?
> I have no idea what to cook.
< How about some bread and an apple? That is quick to eat.
< You could cook some eggs. Enjoy!
< Some bread with cheese is quick and good to eat.
# thirsty drink water glass
> I am thirsty.
> What should I drink?
> Is {drink} good for me?
< A glass of water is always a good drink.
< How about a glass of cold water?
< Enjoy it, and drink enough water too.
# book read story library
> Which book should I read?
> I want to read something new.
> I like to read at night.
< You could read a good story. The library has many.
< Ask at the library for a book that you will enjoy.
< Reading is a fine idea. Enjoy your book!
# music listen song play
> I like music.
> Should I listen to some music?
> Do you have a favourite song?
< Music is a lovely thing. Enjoy every song!
< I cannot hear songs, but I am glad that you like music.
< Please do! A good song can make the day better.
# walk fresh air enjoy
> I am going for a walk.
> Should I go out or stay in?
> I want to go to {place}.
< Enjoy your walk! Fresh air does good.
< A walk in the fresh air is a fine idea.
< That sounds lovely. Enjoy the fresh air!
# weekend plan free enjoy
> I have no plan for the weekend.
> What can I do on {day}?
> I am free on {day}.
< You could plan a walk to {place}. Enjoy your free time!
< How about a trip to {place} with a friend?
< Take some free time for yourself and enjoy it.
# travel trip pack safe journey
> I am going on a trip.
> I have to pack my bags.
> I travel on {day}.
< Have a safe journey! Pack warm clothes and a book.
< Enjoy your trip, and travel safely.
< I wish you a safe journey. Do not forget your ticket!
# lost look find keys
> I cannot find my keys.
> I lost my bag.
> Where did I leave my glasses?
< I am sorry. Look in the {room} first; things often turn up there.
< Where did you see it last? Please look there first.
< Look again in the {room}. I hope you find it soon.
# late hurry time call
> I am late!
> I will miss my bus.
> I overslept this morning.
< Please do not worry. Call them and say that you are late.
< Take a breath, then hurry a little. There is still time.
< It happens. A short call to say sorry will help.
# clean tidy room start
> My {room} is a mess.
> I have to clean the {room}.
> I do not want to tidy up.
< Start with one corner, and the room will soon be clean.
< You could tidy for ten minutes and then take a break.
< Start small: one table, then the floor. You can do it!
# learn practice little every
> How do I learn {subject}?
> I want to get better at {subject}.
> {subject} is hard for me.
< Practice a little every day and you will get better.
< Please be patient. A little practice every day helps.
< You can learn it! Start with easy tasks and go on slowly.
# exam nervous calm ready luck
> I am nervous about my {job}.
> I have my {job} on {day}.
> What if my {job} goes wrong?
< Stay calm; you will do well. Good luck!
< I wish you good luck! Sleep well the night before.
< Take a slow breath. You are more ready than you think.
# write letter begin thank
> Can you help me write a letter to {who}?
> How do I begin a letter?
> I want to write to {who}.
< Of course! Begin with a greeting and a word of thanks.
< Gladly. You could begin with: I hope you are well.
< Begin with a kind greeting, then say why you write.
# sorry apologise friend kind
> I was rude to {who}.
> How do I say sorry?
> {who} is angry with me.
< You could say: I am sorry, and I will be more kind.
< Please apologise soon and listen. A friend will understand.
< Say that you are sorry and mean it. That helps.
# friend meet talk lonely
> I feel lonely.
> How do I find a friend?
> I do not know many people here.
< I am sorry. You could join a club and meet new people.
< You can always talk with me. A club is a good place to meet a friend.
< Say hello to your neighbours. Many people would like to talk.
# ill rest better water
> I feel ill.
> My head hurts.
> I have a cold.
< I am sorry. Please rest, drink water and ask for medicine if it gets worse.
< I hope you get better soon. Rest and drink warm tea.
< Please rest today, and tell someone if it does not get better.
# money save little plan
> How can I save money?
> I spend too much.
> I want to buy {gift}.
< Make a plan and save a little every week.
< You could write down what you spend. That helps to save.
< Save a little each week, and you can buy it soon.
# joke laugh funny
> Tell me a joke.
> Make me laugh.
> Do you know something funny?
< Why did the clock go to school? It wanted to be on time! I hope you laugh.
< What has hands but cannot clap? A clock! I hope that was funny.
< Here is a funny one: what gets wet while it dries? A towel!
# story once little end
> Tell me a story.
> Can you tell a short story?
> I would like a story for {who}.
< Once a little star lost its light. The moon shared some, and both shone. The end.
< Once a little boat feared the sea. The wind was kind and took it home. The end.
< Once a little seed slept all winter. In spring it was a tree. The end.
# advice choose think list
> I cannot decide.
> Should I say yes or no?
> How do I make a choice?
< Make a list of what is good and bad, then choose.
< Think about it for a night. Then choose what feels right.
< You could ask a friend for advice and then choose.
# garden plant water sun
> How do I care for a plant?
> My plant looks sad.
> I want to grow some flowers.
< Give it water and sun, but not too much.
< A plant needs light and a little water. Good luck!
< Put it near a window in the sun and water it gently.
# bored try game puzzle
> I am bored.
> There is nothing to do.
> What can I do in my {room}?
< You could try a puzzle or a game.
< How about a game with {who}?
< Try something new: draw a picture or do a puzzle.
# angry calm breath count
> I am angry.
> {who} makes me angry.
> How do I stay calm?
< Take a slow breath and count to ten. It helps to stay calm.
< I am sorry. Walk a little and you will be calm again.
< Count to ten first, then talk about it calmly.
# house move new home box
> I move to a new house on {day}.
> I have a new home.
> Moving is hard work.
< How exciting! I hope you like your new home.
< Write on each box what is in it. That makes it easier in the new house.
< I wish you much luck in your new home!
# school teacher class ask
> School starts on {day}.
> I do not understand my {subject} class.
> My teacher is strict.
< You could ask your teacher. Asking in class is a good thing.
< Please ask when something is not clear. A teacher is glad to help.
< I wish you a good start at school!
# work busy break done
> I have too much work.
> I am very busy on {day}.
> My {job} is not done yet.
< Do one thing at a time, and take a short break now and then.
< Start with the most important work. You will get it done.
< I see that you are busy. Make a list and take one break.
# please help gladly course
> Can you help me?
> I need some help, please.
> Would you do something for me?
< Of course! What do you need help with?
< Gladly! Please tell me more.
< Yes, of course. What can I help you with?
# sorry mistake fine problem
> I made a mistake.
> Sorry, I wrote the wrong thing.
> Sorry for asking so much.
< That is fine! Anyone can make a mistake.
< No problem at all. Please go on.
< Do not worry, it is fine. How can I help?
# great thank kind glad
> You are great!
> I like talking with you.
> You did that well.
< Thank you! That is very kind of you.
< How kind! I am glad to hear that.
< Thank you, I am glad that I could help.
# wrong sorry again try
> That was wrong.
> Your answer is not right.
> You made a mistake.
< I am sorry about that. Please let me try again.
< Sorry! Thank you for telling me. I will try again.
< I am sorry for the mistake. Shall I try again?
# time clock know look
> What time is it?
> Is it late already?
> How late is it now?
< I am sorry, I have no clock. Please look at yours.
< I cannot see a clock, sorry. A look at your phone will tell.
< I do not know the time, because I have no clock.
# weather window outside look
> What is the weather like?
> Will it be sunny on {day}?
> Is it warm outside?
< I cannot look outside, sorry. Please check the weather report.
< I have no window to look through. The weather report will tell you.
< I am sorry, I do not know the weather. Please look outside.
# star sky moon night
> I can see the moon.
> The sky is full of stars.
> I like to look at the night sky.
< How lovely! A clear night sky is a fine sight.
< That sounds lovely. Enjoy the stars and the moon.
< The moon and the stars are worth a long look. Enjoy!
# colour like bright room
> Which colour should my {room} have?
> I want to paint my {room}.
> Is white a good colour for a {room}?
< A bright colour makes a room look larger.
< You could take a warm white. It is bright and calm.
< I would choose a light colour, but it is your room.
# early habit morning alarm
> I want to get up early.
> How do I wake up on time?
> I always sleep too long.
< Set an alarm and go to bed early. It soon becomes a habit.
< Put the alarm far from your bed. Good luck in the morning!
< Go to bed early, and the morning will be easier.
# child game draw play
> What can I do with a small child?
> My child is bored.
> {who} has two children and needs ideas.
< You could draw together or play a simple game.
< Children like to draw, build and play outside.
< How about a game with a ball? A child can play that for hours.
"""
