"""The words of the letter tasks: everyday English, three to ten letters, none of them a name or a fact of the town."""

from __future__ import annotations

WORDS: tuple[str, ...] = tuple(dict.fromkeys("""
act add air all ant arm art ask bag bed big bit box boy bus car cup cut day dry ear eat egg end eye far fun gas get
hat hot ice ink jar job key kid law leg let lip low man map mix mud net new nut oak oil old one out pan pen pin pot
put red rib row rug run sad sea see sit six sky sun tap tea ten tie tin toe top toy two use van way web wet win yes zoo
able acid arch army atom baby back ball band bank barn bath bean bell belt bird blue boat body bone book boot bowl bulb
cage cake calm camp card cave cent city clay club coal coat coin cold corn cost crop dark date deal deep desk dish door
down draw dust east edge face fact farm fast film fire fish flag flat food foot fork four free full game gate gift girl
glad glue gold good gray grip hair half hall hand hard head heat help hero hill hole home hook hope hour idea inch iron
item join joke jump keep kind king kiss kite knee knot lake lamp land leaf left lens life lift line list lock long look
loop loud luck mail main mark meal meat milk mind mint moon moss name neck need nest news nine noon nose note open oven
page pain pair palm park part past path pear pipe plan play plum pond pool post quiz rain rare read rest rice ring road
roof room root rope rose safe sail salt sand seat seed seven ship shoe shop show silk size skin sleep slow snow soap
sock soft soil song soon star stem step stop swim tail talk tall tape task team tent test time tool tree trip true tune
turn vase very view wait walk wall warm wash wave week well wide wild wind wing wire wolf wood wool word work yard year
apple angle april arrow beach berry black blade blank bloom board brain brave bread brick bring broom brown brush build
cabin candy chain chair chalk cheek cheese chest child clean clear climb clock cloth cloud coast comet cream crowd crown
daily dance dream dress drink drive early earth eight empty enjoy equal event fence field fifty first flame floor flour
fresh front fruit ghost glass glove grass green group guess happy heart heavy honey horse hotel house human image juice
kneel knife label large laugh layer lemon level light lunch magic maple march metal model money month mouth music needle
never night noise north novel ocean offer olive onion order other paint panel paper party peach pearl penny phone photo
piece place plain plane plant plate point pound power press price prize proud queen quick quiet radio ready reply right
river robin round royal salad scale scarf scene school score seven shade shape sharp sheep sheet shelf shell shine shirt
short sight silver skill smile smoke snail space spare spoon sport stage stair steam steel stick still stone storm story
straw sugar sweet table taste thank three thumb tiger title toast today tooth tower train treat truck trust under uncle
until upper valley value video visit voice wagon watch water wheel white whole woman world worry write yellow young
afraid almost anchor animal answer arrive august autumn banana basket battle beauty bottle bottom branch breeze bridge
bright bucket butter button candle carpet carrot castle center cherry circle coffee collar copper corner cotton county
danger decide desert dinner dollar double drawer eleven engine evening family father finger flower forest forget frozen
future galaxy garage garden ginger golden grapes ground guitar hammer handle harbor hidden hollow island jacket jungle
kettle kitten ladder lesson letter listen little magnet marble market meadow middle minute mirror monkey mother
narrow nature number orange packet pencil pepper person picnic pillow planet pocket potato prince puzzle rabbit rattle
reason ribbon rocket saddle season second secret shadow signal simple sister spider spring square street strong summer
sunset supper temple thirty thread ticket tomato travel tunnel twelve twenty velvet violet walnut window winter wisdom
address against airport another balance balloon bedroom bicycle blanket blossom brother cabbage captain ceiling century
chapter charity chicken chimney citizen compass country cricket crystal curtain diamond drawing evening example explain
feather finally forever freedom gallery general giraffe goodbye gravity harvest healthy history holiday husband hundred
journey justice kitchen lantern leather letters library machine measure message mineral morning nothing outside package
partner passage pattern penguin perfect picture popcorn present problem promise pumpkin quarter question rainbow receipt
science servant shelter sixteen soldier station stomach success sunrise support teacup thunder tobacco traffic treasure
unicorn vanilla village volcano weather welcome whisper whistle written aardvark accident activity airplane alphabet
answered backpack baseball birthday building butterfly calendar chemical children chocolate computer cupboard daughter
dinosaur distance elephant envelope exercise festival football fountain hospital hundreds industry kangaroo keyboard
language lemonade magazine marathon medicine midnight mountain mushroom neighbor notebook original painting paragraph
platform possible practice princess railroad sandwich scissors sentence shoulder skeleton squirrel strawberry sunlight
surprise swimming sympathy together tomorrow triangle umbrella universe vacation vegetable wardrobe wonderful yesterday
adventure afternoon ambulance beautiful blueberry breakfast broccoli carefully character classroom crocodile delicious
different education excellent fireplace furniture happiness important invention jellyfish knowledge newspaper
nightmare orchestra pineapple professor raspberry restaurant saturday satellite secretary spaghetti telephone
telescope television temperature thousand toothbrush wednesday watermelon
""".split()))
"""About a thousand different words; a word's split in each task is decided by its question's hash."""
