// The core vocabulary: everyday things that can be drawn, written by hand, because no table knows which words a person
// types first, nor the gender and plural of their Dutch names. One line a concept, fields between semicolons:
//   CLDR label ; English noun (empty: the label) ; plural (empty: regular, "-" mass noun, "=" the noun is a plural) ;
//   synonyms, comma separated ; Dutch noun with its article ; Dutch plural.
// Sections carry the hypernym in both languages. Order within a section is importance; sections are interleaved.
// Deliberately not here: the other ~1,100 concepts. They get their words from Unicode's tables (tables/).

import { COLOUR_NAMES, type ColourName } from './colour.ts';

/** One hand-written noun. */
export interface CoreNoun {
  label: string;
  noun: string;
  /** Undefined for mass nouns and for nouns that are plural themselves: they are never counted. */
  plural?: string;
  /** How it stands without a count: with an article, or bare. */
  countable: boolean;
  synonyms: string[];
  /** The colour that the drawing has and the noun does not say: a "black cat" is a cat. */
  colour?: ColourName;
  hypernym: [en: string, nl: string, article: 'de' | 'het'];
  dutch: { noun: string; article: 'de' | 'het'; plural?: string };
}

const SECTIONS = `
# animal; het dier
fox;;;;de vos;vossen
cat;;;kitty;de kat;katten
dog;;;;de hond;honden
bear;;;;de beer;beren
rabbit;;;bunny;het konijn;konijnen
elephant;;;;de olifant;olifanten
lion;;;;de leeuw;leeuwen
horse;;;;het paard;paarden
frog;;;;de kikker;kikkers
cow;;;;de koe;koeien
pig;;;hog;het varken;varkens
penguin;;;;de pinguïn;pinguïns
fish;;fish;;de vis;vissen
owl;;;;de uil;uilen
tiger;;;;de tijger;tijgers
butterfly;;butterflies;;de vlinder;vlinders
turtle;;;tortoise;de schildpad;schildpadden
panda;;;panda bear;de panda;panda’s
mouse;;mice;;de muis;muizen
whale;;;;de walvis;walvissen
monkey;;;;de aap;apen
bird;;;;de vogel;vogels
duck;;;;de eend;eenden
honeybee;bee;;;de bij;bijen
snail;;;;de slak;slakken
octopus;;octopuses;;de octopus;octopussen
giraffe;;;;de giraf;giraffen
shark;;;;de haai;haaien
crab;;;;de krab;krabben
hedgehog;;;;de egel;egels
koala;;;koala bear;de koala;koala’s
wolf;;wolves;;de wolf;wolven
snake;;;serpent;de slang;slangen
rooster;;;;de haan;hanen
chicken;;;hen;de kip;kippen
ewe;sheep;sheep;ewe;het schaap;schapen
goat;;;;de geit;geiten
unicorn;;;;de eenhoorn;eenhoorns
dolphin;;;;de dolfijn;dolfijnen
lady beetle;ladybug;;ladybird,lady beetle;het lieveheersbeestje;lieveheersbeestjes
spider;;;;de spin;spinnen
eagle;;;;de arend;arenden
parrot;;;;de papegaai;papegaaien
swan;;;;de zwaan;zwanen
flamingo;;flamingos;;de flamingo;flamingo’s
camel;;;dromedary;de kameel;kamelen
zebra;;;;de zebra;zebra’s
kangaroo;;kangaroos;;de kangoeroe;kangoeroes
squid;;squid;;de inktvis;inktvissen
crocodile;;;alligator;de krokodil;krokodillen
dragon;;;;de draak;draken
T-Rex;;;tyrannosaurus rex;de t-rex;t-rexen
sauropod;dinosaur;;sauropod,brontosaurus;de dinosaurus;dinosaurussen
tropical fish;;tropical fish;;de tropische vis;tropische vissen
blowfish;pufferfish;pufferfish;blowfish;de kogelvis;kogelvissen
lobster;;;;de kreeft;kreeften
shrimp;;shrimp;prawn;de garnaal;garnalen
ant;;;;de mier;mieren
bat;;;;de vleermuis;vleermuizen
beaver;;;;de bever;bevers
deer;;deer;stag;het hert;herten
donkey;;;;de ezel;ezels
gorilla;;;;de gorilla;gorilla’s
hamster;;;;de hamster;hamsters
hippopotamus;hippo;hippos;hippopotamus;het nijlpaard;nijlpaarden
rhinoceros;rhino;rhinos;rhinoceros;de neushoorn;neushoorns
llama;;;;de lama;lama’s
lizard;;;gecko;de hagedis;hagedissen
otter;;;;de otter;otters
peacock;;;;de pauw;pauwen
polar bear;;;;de ijsbeer;ijsberen
raccoon;;;;de wasbeer;wasberen
sloth;;;;de luiaard;luiaards
spouting whale;;;;de spuitende walvis;spuitende walvissen
dove;;;pigeon;de duif;duiven
turkey;;;;de kalkoen;kalkoenen
chipmunk;squirrel;;chipmunk;de eekhoorn;eekhoorns
scorpion;;;;de schorpioen;schorpioenen
bug;caterpillar;;bug;de rups;rupsen
seal;;;;de zeehond;zeehonden
hatching chick;;;;het uitkomend kuiken;uitkomende kuikens
baby chick;chick;;baby chick;het kuiken;kuikens
cat face;;;head of a cat;de kattenkop;kattenkoppen
dog face;;;head of a dog;de hondenkop;hondenkoppen
cow face;;;head of a cow;de koeienkop;koeienkoppen
pig face;;;head of a pig;de varkenskop;varkenskoppen
rabbit face;;;head of a rabbit;de konijnenkop;konijnenkoppen
horse face;;;head of a horse;de paardenkop;paardenkoppen
mouse face;;;head of a mouse;de muizenkop;muizenkoppen
tiger face;;;head of a tiger;de tijgerkop;tijgerkoppen
monkey face;;;head of a monkey;de apenkop;apenkoppen
dragon face;;;head of a dragon;de drakenkop;drakenkoppen
black cat;cat;;;de kat;katten
jellyfish;;jellyfish;;de kwal;kwallen
moose;;moose;elk;de eland;elanden
skunk;;;;het stinkdier;stinkdieren
badger;;;;de das;dassen
orangutan;;;;de orang-oetan;orang-oetans
ram;;;;de ram;rammen
ox;;oxen;bull;de os;ossen
boar;;;wild boar;het everzwijn;everzwijnen
poodle;;;;de poedel;poedels
leopard;;;;de luipaard;luipaarden
mosquito;;mosquitoes;;de mug;muggen
beetle;;;;de kever;kevers
worm;;;earthworm;de worm;wormen
goose;;geese;;de gans;ganzen
# fruit; het stuk fruit
red apple;apple;;;de appel;appels
banana;;;;de banaan;bananen
strawberry;;strawberries;;de aardbei;aardbeien
lemon;;;;de citroen;citroenen
watermelon;;;slice of watermelon;de watermeloen;watermeloenen
pear;;;;de peer;peren
cherries;;=;;de kersen;=
grapes;;=;bunch of grapes;de druiven;=
pineapple;;;;de ananas;ananassen
tangerine;orange;;tangerine,mandarin;de sinaasappel;sinaasappels
green apple;apple;;;de appel;appels
peach;;peaches;;de perzik;perziken
mango;;mangoes;;de mango;mango’s
kiwi fruit;kiwi;;kiwi fruit;de kiwi;kiwi’s
coconut;;;;de kokosnoot;kokosnoten
melon;;;;de meloen;meloenen
blueberries;;=;;de bosbessen;=
avocado;;avocados;;de avocado;avocado’s
# vegetable; de groente
carrot;;;;de wortel;wortels
mushroom;;;toadstool;de paddenstoel;paddenstoelen
tomato;;tomatoes;;de tomaat;tomaten
hot pepper;chili pepper;;hot pepper;de chilipeper;chilipepers
eggplant;;;aubergine;de aubergine;aubergines
ear of corn;;ears of corn;corn cob,maize;de maïskolf;maïskolven
broccoli;;-;;de broccoli;
onion;;;;de ui;uien
cucumber;;;;de komkommer;komkommers
potato;;potatoes;;de aardappel;aardappels
garlic;;-;;de knoflook;
bell pepper;;;;de paprika;paprika’s
leafy green;lettuce;-;leafy green;de krop sla;kroppen sla
# food; het eten
pizza;;;slice of pizza;de pizza;pizza’s
hamburger;;;burger;de hamburger;hamburgers
birthday cake;cake;;birthday cake;de taart;taarten
ice cream;;;bowl of ice cream;het ijsje;ijsjes
doughnut;;;donut;de donut;donuts
bread;;-;loaf of bread;het brood;broden
egg;;;;het ei;eieren
cheese wedge;cheese;-;wedge of cheese;de kaas;kazen
cookie;;;biscuit;het koekje;koekjes
cupcake;;;muffin;de cupcake;cupcakes
soft ice cream;;;ice cream cone;het softijsje;softijsjes
french fries;;=;chips;de friet;
hot dog;;;;de hotdog;hotdogs
lollipop;;;;de lolly;lolly’s
croissant;;;;de croissant;croissants
taco;;tacos;;de taco;taco’s
candy;;candies;sweet;het snoepje;snoepjes
popcorn;;-;box of popcorn;de popcorn;
pretzel;;;;de krakeling;krakelingen
pancakes;;=;stack of pancakes;de pannenkoeken;=
sandwich;;sandwiches;;de sandwich;sandwiches
sushi;;-;;de sushi;
pie;;;slice of pie;het stuk taart;stukken taart
shortcake;strawberry cake;;shortcake;het aardbeientaartje;aardbeientaartjes
chocolate bar;;;chocolate;de chocoladereep;chocoladerepen
waffle;;;;de wafel;wafels
bacon;;-;;het spek;
poultry leg;chicken leg;;drumstick;de kippenpoot;kippenpoten
rice ball;;;onigiri;de rijstbal;rijstballen
honey pot;pot of honey;pots of honey;honey pot;de honingpot;honingpotten
custard;pudding;;custard;de pudding;puddingen
spaghetti;;-;pasta;de spaghetti;
bagel;;;;de bagel;bagels
# drink; het drankje
hot beverage;cup of coffee;cups of coffee;coffee,hot drink;het kopje koffie;kopjes koffie
beer mug;;;glass of beer;het bierglas;bierglazen
wine glass;;wine glasses;glass of wine;het wijnglas;wijnglazen
glass of milk;;glasses of milk;milk;het glas melk;glazen melk
cocktail glass;cocktail;;martini;de cocktail;cocktails
teapot;;;;de theepot;theepotten
tropical drink;;;;het tropisch drankje;tropische drankjes
cup with straw;;cups with straws;soda;de beker met rietje;bekers met rietje
bubble tea;;-;boba;de bubbelthee;
baby bottle;;;;de babyfles;babyflessen
bottle with popping cork;bottle of champagne;bottles of champagne;champagne;de fles champagne;flessen champagne
# plant; de plant
rose;;;;de roos;rozen
deciduous tree;tree;;leafy tree;de boom;bomen
sunflower;;;;de zonnebloem;zonnebloemen
cactus;;cacti;;de cactus;cactussen
tulip;;;;de tulp;tulpen
palm tree;;;;de palmboom;palmbomen
evergreen tree;pine tree;;fir tree,evergreen tree;de dennenboom;dennenbomen
four leaf clover;;;lucky clover;het klavertjevier;klavertjesvier
maple leaf;;maple leaves;autumn leaf;het esdoornblad;esdoornbladeren
blossom;flower;;blossom;de bloem;bloemen
cherry blossom;;;sakura;de kersenbloesem;kersenbloesems
seedling;;;sprout;het plantje;plantjes
potted plant;;;houseplant;de kamerplant;kamerplanten
hibiscus;;hibiscuses;;de hibiscus;hibiscussen
bouquet;;;bunch of flowers;het boeket;boeketten
lotus;;lotuses;water lily;de lotus;lotussen
Christmas tree;;;xmas tree;de kerstboom;kerstbomen
# vehicle; het voertuig
automobile;car;;automobile;de auto;auto’s
bicycle;;;bike;de fiets;fietsen
rocket;;;spaceship;de raket;raketten
airplane;;;plane,aeroplane;het vliegtuig;vliegtuigen
sailboat;;;sailing boat;de zeilboot;zeilboten
bus;;buses;;de bus;bussen
tractor;;;;de tractor;tractoren
helicopter;;;;de helikopter;helikopters
fire engine;;;fire truck;de brandweerwagen;brandweerwagens
locomotive;steam train;;locomotive;de locomotief;locomotieven
motorcycle;;;motorbike;de motor;motoren
police car;;;;de politieauto;politieauto’s
ambulance;;;;de ambulance;ambulances
taxi;;;cab;de taxi;taxi’s
ship;;;;het schip;schepen
delivery truck;truck;;delivery truck,lorry;de vrachtwagen;vrachtwagens
flying saucer;ufo;ufos;flying saucer;de ufo;ufo’s
motor scooter;scooter;;moped;de scooter;scooters
racing car;;;race car;de racewagen;racewagens
sport utility vehicle;SUV;;off-road car;de terreinwagen;terreinwagens
canoe;;;rowing boat;de kano;kano’s
skateboard;;;;het skateboard;skateboards
kick scooter;;;;de step;steppen
speedboat;;;;de speedboot;speedboten
satellite;;;;de satelliet;satellieten
pickup truck;;;;de pick-up;pick-ups
train;;;;de trein;treinen
tram;;;;de tram;trams
# building; het gebouw
house;;;home;het huis;huizen
castle;;;;het kasteel;kastelen
tent;;;;de tent;tenten
church;;churches;;de kerk;kerken
factory;;factories;;de fabriek;fabrieken
ferris wheel;;;;het reuzenrad;reuzenraden
school;;;;de school;scholen
hut;;;;de hut;hutten
bank;;;;de bank;banken
circus tent;;;;de circustent;circustenten
mosque;;;;de moskee;moskeeën
house with garden;;houses with gardens;;het huis met tuin;huizen met tuin
Japanese castle;;;;het Japans kasteel;Japanse kastelen
fountain;;;;de fontein;fonteinen
classical building;temple;;museum;de tempel;tempels
stadium;;;;het stadion;stadions
hospital;;;;het ziekenhuis;ziekenhuizen
# weather; het weer
sun;;;;de zon;zonnen
cloud;;;;de wolk;wolken
rainbow;;;;de regenboog;regenbogen
crescent moon;moon;;crescent moon;de maan;manen
star;;;;de ster;sterren
snowflake;;;;de sneeuwvlok;sneeuwvlokken
snowman;;snowmen;;de sneeuwpop;sneeuwpoppen
fire;;-;flame;het vuur;
umbrella;;;;de paraplu;paraplu’s
droplet;drop of water;drops of water;droplet;de druppel;druppels
cloud with rain;;;rain cloud;de regenwolk;regenwolken
high voltage;lightning bolt;;high voltage;de bliksemschicht;bliksemschichten
sun with face;;suns with faces;;de zon met gezicht;zonnen met gezicht
ringed planet;planet;;saturn;de planeet;planeten
water wave;wave;;;de golf;golven
full moon;;;;de volle maan;volle manen
tornado;;tornadoes;whirlwind;de tornado;tornado’s
comet;;;;de komeet;kometen
volcano;;volcanoes;;de vulkaan;vulkanen
snow-capped mountain;;;snowy mountain;de besneeuwde berg;besneeuwde bergen
mountain;;;;de berg;bergen
# face; het gezicht
grinning face;smiley;;grinning face;de smiley;smileys
smiling face with sunglasses;;;cool face;het gezicht met zonnebril;gezichten met zonnebril
crying face;;;;het huilend gezicht;huilende gezichten
angry face;;;;het boos gezicht;boze gezichten
robot;;;robot face;de robot;robots
ghost;;;;het spook;spoken
alien;;;;de alien;aliens
skull;;;;de schedel;schedels
sleeping face;;;;het slapend gezicht;slapende gezichten
smiling face with heart-eyes;;;face with heart eyes;het verliefd gezicht;verliefde gezichten
winking face;;;;het knipogend gezicht;knipogende gezichten
clown face;clown;;clown face;de clown;clowns
face with tears of joy;;;laughing face;het lachend gezicht met tranen;lachende gezichten met tranen
face with tongue;;;;het gezicht met tong;gezichten met tong
cowboy hat face;cowboy;;face with a cowboy hat;de cowboy;cowboys
thinking face;;;;het denkend gezicht;denkende gezichten
nerd face;;;face with glasses;de nerd;nerds
partying face;;;;het feestend gezicht;feestende gezichten
smiling face with halo;;;angel face;het gezicht met aureool;gezichten met aureool
frowning face;sad face;;frowning face;het verdrietig gezicht;verdrietige gezichten
face with open mouth;surprised face;;face with open mouth;het verbaasd gezicht;verbaasde gezichten
alien monster;;;space invader;het ruimtemonster;ruimtemonsters
ogre;;;;de boeman;boemannen
jack-o-lantern;pumpkin;;jack-o'-lantern;de pompoen;pompoenen
# person; de persoon
baby;;babies;;de baby;baby’s
boy;;;;de jongen;jongens
girl;;;;het meisje;meisjes
man;;men;;de man;mannen
woman;;women;;de vrouw;vrouwen
old man;;old men;grandfather;de oude man;oude mannen
old woman;;old women;grandmother;de oude vrouw;oude vrouwen
princess;;princesses;;de prinses;prinsessen
ninja;;;;de ninja;ninja’s
astronaut;;;;de astronaut;astronauten
police officer;;;;de politieagent;politieagenten
cook;;;chef;de kok;koks
farmer;;;;de boer;boeren
firefighter;;;;de brandweerman;brandweermannen
Santa Claus;Santa Claus;-;Father Christmas;de kerstman;
mermaid;;;;de zeemeermin;zeemeerminnen
fairy;;fairies;;de fee;feeën
mage;wizard;;mage;de tovenaar;tovenaars
superhero;;superheroes;;de superheld;superhelden
vampire;;;;de vampier;vampieren
genie;;;;de geest;geesten
# toy; het speelgoed
soccer ball;;;football;de voetbal;voetballen
balloon;;;;de ballon;ballonnen
teddy bear;;;;de teddybeer;teddyberen
wrapped gift;gift;;present,wrapped gift;het cadeau;cadeaus
basketball;;;;de basketbal;basketballen
kite;;;;de vlieger;vliegers
trophy;;trophies;cup;de beker;bekers
video game;game controller;;gamepad;de spelcontroller;spelcontrollers
bullseye;;;target;de schietschijf;schietschijven
yo-yo;;yo-yos;;de jojo;jojo’s
game die;;game dice;;de dobbelsteen;dobbelstenen
puzzle piece;;;;het puzzelstukje;puzzelstukjes
baseball;;;;de honkbal;honkballen
nesting dolls;;=;matryoshka dolls;de matroesjka’s;=
boxing glove;;;;de bokshandschoen;bokshandschoenen
crystal ball;;;;de glazen bol;glazen bollen
party popper;;;;de feestpopper;feestpoppers
firecracker;;;;het rotje;rotjes
artist palette;paint palette;;artist palette;het verfpalet;verfpaletten
sled;;;sledge;de slee;sleeën
ice skate;;;;de schaats;schaatsen
# clothing; het kledingstuk
t-shirt;;;shirt;het T-shirt;T-shirts
crown;;;;de kroon;kronen
dress;;dresses;;de jurk;jurken
glasses;;=;spectacles;de bril;brillen
top hat;;;;de hoge hoed;hoge hoeden
running shoe;sneaker;;running shoe;de sportschoen;sportschoenen
backpack;;;;de rugzak;rugzakken
jeans;;=;trousers;de spijkerbroek;spijkerbroeken
sunglasses;;=;;de zonnebril;zonnebrillen
scarf;;scarves;;de sjaal;sjaals
socks;;=;;de sokken;=
ring;;;;de ring;ringen
gem stone;diamond;;gem;de diamant;diamanten
handbag;;;;de handtas;handtassen
high-heeled shoe;;;high heel;de hoge hak;hoge hakken
gloves;;=;;de handschoenen;=
coat;;;jacket;de jas;jassen
woman’s hat;hat;;sun hat;de hoed;hoeden
billed cap;cap;;baseball cap;de pet;petten
hiking boot;boot;;hiking boot;de wandelschoen;wandelschoenen
necktie;tie;;necktie;de stropdas;stropdassen
lipstick;;;;de lippenstift;lippenstiften
kimono;;kimonos;;de kimono;kimono’s
graduation cap;;;;de afstudeerhoed;afstudeerhoeden
# musical instrument; het muziekinstrument
guitar;;;;de gitaar;gitaren
drum;;;;de trommel;trommels
violin;;;;de viool;violen
trumpet;;;;de trompet;trompetten
saxophone;;;;de saxofoon;saxofoons
bell;;;;de bel;bellen
microphone;;;;de microfoon;microfoons
headphone;headphones;=;;de koptelefoon;koptelefoons
musical note;;;;de muzieknoot;muzieknoten
accordion;;;;de accordeon;accordeons
# thing; het ding
red heart;heart;;love heart;het hart;harten
key;;;;de sleutel;sleutels
light bulb;;;;de gloeilamp;gloeilampen
camera;;;;de camera;camera’s
hammer;;;;de hamer;hamers
open book;book;;open book;het boek;boeken
alarm clock;;;;de wekker;wekkers
scissors;;=;pair of scissors;de schaar;scharen
chair;;;;de stoel;stoelen
candle;;;;de kaars;kaarsen
pencil;;;;het potlood;potloden
anchor;;;;het anker;ankers
laptop;;;notebook computer;de laptop;laptops
bed;;;;het bed;bedden
television;;;tv;de televisie;televisies
door;;;;de deur;deuren
magnet;;;;de magneet;magneten
mobile phone;phone;;mobile phone,smartphone;de telefoon;telefoons
blue heart;heart;;;het hart;harten
package;box;boxes;parcel,package;de doos;dozen
axe;;;ax;de bijl;bijlen
bomb;;;;de bom;bommen
shield;;;;het schild;schilden
toolbox;;toolboxes;;de gereedschapskist;gereedschapskisten
microscope;;;;de microscoop;microscopen
telescope;;;;de telescoop;telescopen
magnifying glass tilted left;magnifying glass;magnifying glasses;;het vergrootglas;vergrootglazen
envelope;;;letter;de envelop;enveloppen
gear;;;cogwheel;het tandwiel;tandwielen
locked;lock;;padlock;het slot;sloten
money bag;;;bag of money;de geldzak;geldzakken
coin;;;;de munt;munten
hourglass done;hourglass;hourglasses;;de zandloper;zandlopers
paintbrush;;paintbrushes;;de kwast;kwasten
crayon;;;;het waskrijtje;waskrijtjes
broom;;;;de bezem;bezems
basket;;;;de mand;manden
bucket;;;;de emmer;emmers
toilet;;;;de wc;wc’s
bathtub;;;bath;het bad;baden
ladder;;;;de ladder;ladders
broken heart;;;;het gebroken hart;gebroken harten
eye;;;;het oog;ogen
tooth;;teeth;;de tand;tanden
bone;;;;het bot;botten
brain;;;;het brein;breinen
feather;;;;de veer;veren
syringe;;;;de spuit;spuiten
pill;;;;de pil;pillen
spoon;;;;de lepel;lepels
kitchen knife;knife;knives;kitchen knife;het mes;messen
shopping cart;;;;de winkelwagen;winkelwagens
radio;;radios;;de radio;radio’s
desktop computer;computer;;desktop computer;de computer;computers
wastebasket;trash can;;wastebasket,bin;de prullenbak;prullenbakken
luggage;suitcase;;luggage;de koffer;koffers
briefcase;;;;de aktetas;aktetassen
spiral shell;seashell;;shell;de schelp;schelpen
world map;;;;de wereldkaart;wereldkaarten
compass;;compasses;;het kompas;kompassen
`;

function plural(noun: string): string {
  if (/(s|x|z|ch|sh)$/.test(noun)) return `${noun}es`;
  if (/[^aeiou]y$/.test(noun)) return `${noun.slice(0, -1)}ies`;
  return `${noun}s`;
}

function line(text: string, hypernym: CoreNoun['hypernym']): CoreNoun {
  const [label = '', noun = '', many = '', synonyms = '', dutch = '', dutchMany = ''] = text.split(';').map((s) => s.trim());
  const [article, ...rest] = dutch.split(' ');
  const word = noun || label;
  const countable = many !== '-' && many !== '=';
  const own = COLOUR_NAMES.find((c) => label.startsWith(`${c} `) && !word.startsWith(c));
  const name = { noun: rest.join(' '), article: article as 'de' | 'het' };
  return {
    label,
    noun: word,
    ...(countable && { plural: many || plural(word) }),
    countable,
    synonyms: synonyms ? synonyms.split(',') : [],
    ...(own !== undefined && { colour: own }),
    hypernym,
    dutch: dutchMany && dutchMany !== '=' ? { ...name, plural: dutchMany } : name,
  };
}

function parse(): CoreNoun[] {
  const ranked: { key: number; noun: CoreNoun }[] = [];
  for (const section of SECTIONS.split('\n# ').slice(1)) {
    const [head = '', ...lines] = section.trim().split('\n');
    const [en = '', nl = ''] = head.split(';').map((s) => s.trim());
    const [article, ...rest] = nl.split(' ');
    const hypernym: CoreNoun['hypernym'] = [en, rest.join(' '), article as 'de' | 'het'];
    // Half of each section's place is its position, half its share: small sections reach the first twenty as well.
    lines.forEach((text, i) => ranked.push({ key: (i + 0.5) / (lines.length + 12), noun: line(text, hypernym) }));
  }
  return ranked.sort((a, b) => a.key - b.key).map((r) => r.noun);
}

/** The core nouns, the most everyday first, sections interleaved. */
export const CORE_NOUNS: readonly CoreNoun[] = parse();
