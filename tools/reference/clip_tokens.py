"""Writes the fixture of clip-tokenizer.test.ts: texts with the tokens that transformers' fast tokenizer gives them by CLIP's whole
vocabulary, and of that vocabulary what those texts come by - every merge that was possible at any step, in the list's own order, and the
true number of every symbol that was left. Merges that never come up change nothing, so the excerpt gives what the whole does.
Usage: python3 tools/reference/clip_tokens.py bpe_simple_vocab_16e6.txt.gz test/fixtures/open-weights/clip-tokens.json.gz
(transformers 4.57.6; the list is OpenAI's, MIT, from open_clip_torch 3.3.0)"""
import gzip
import json
import os
import re
import sys
import tempfile

from transformers import CLIPTokenizerFast

START, END, LENGTH = "<|startoftext|>", "<|endoftext|>", 77
MERGES = 49152 - 256 - 2

PROMPTS = """a photo of an astronaut riding a horse
portrait of a young woman, freckles, golden hour, 85mm f/1.4, bokeh, ultra-detailed skin, kodak portra 400
masterpiece, best quality, 1girl, solo, long hair, (blue eyes:1.2), looking at viewer, cherry blossoms
A majestic lion jumping from a big stone at night
cinematic film still, neon-lit street in tokyo, rain, reflections, blade runner style, octane render, 8k uhd
cute corgi wearing a tiny cowboy hat, studio ghibli, watercolor
product photography of a matte black wireless headphone on a marble table, softbox lighting
isometric low-poly floating island with waterfalls, trending on artstation
oil painting by van gogh of a starry night over paris, thick impasto
an elderly fisherman mending nets at dawn, national geographic, telephoto
lowres, bad anatomy, bad hands, text, error, missing fingers, extra digit, cropped, worst quality, jpeg artifacts
logo for a coffee shop called "Bean & Gone", flat vector, minimal
steampunk airship over victorian london :: volumetric fog :: --ar 16:9 --v 5
score_9, score_8_up, score_7_up, source_anime, rating_safe, BREAK, a knight
a cat holding a sign that says "hello world"
photo of TOK man, wearing a red t-shirt, <lora:add_detail:0.7>
hyperrealistic macro of a dew-covered spiderweb, f/2.8
architectural rendering, brutalist concrete museum, overcast sky
fantasy map of an archipelago, parchment, hand-drawn, compass rose
medieval tapestry of a unicorn hunt""".split("\n")

WORDS = """it's they're I've we'll he'd don't I'm
IT'S THEY'RE I'VE WE'LL HE'D DON'T I'M
rock'n'roll o'clock 'tis 'twas y'all'd've shouldn't've
'S 'T S's ''s '''s 's's
it\u2019s a \u2018curly\u2019 \u201cquote\u201d
l'\u00e9t\u00e9 d'\u00c9milie qu'il
don\u02bct
'' ' ''' \"'\"
antidisestablishmentarianism floccinaucinihilipilification pneumonoultramicroscopicsilicovolcanoconiosis
supercalifragilisticexpialidocious
camelCaseWord snake_case_word kebab-case-word SCREAMING_CASE
xX_DragonSlayer_Xx l33t h4x0r
aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
zzzzzzzzzzqqqqqqqqqqxxxxxxxxxx
qwertyuiopasdfghjklzxcvbnm
a b c d e f g h i j k l m n o p q r s t u v w x y z
the The THE tHe
photo photos photograph photographs photographic photorealistic
un-believ-able re-enter co-operate e-mail
McDonald's O'Neill's St. John's""".split("\n")

SIGNS = """3.14 and 2026, 100%
1234567890
1,000,000.00 $9.99 \u20ac5 \u00a3100 \u00a5500
2+2=4 a*b/c^d x<=y p!=q
\u00bd \u00b2 \u2167 \u0663 \u2460 \u3007
e=mc\u00b2 \u2248 \u221e \u222b \u2211 \u221a2
16:9 4:3 1920x1080 4k 8K 50mm f/1.8 ISO100
\u0967\u0968\u0969 \u0661\u0662\u0663 \u0e51\u0e52\u0e53 \uff11\uff12\uff13
2nd 3rd 4th 21st-century
#hashtag @mention $var %d &amp; &lt;b&gt;
a,b;c:d.e!f?g
!!!!!! ?????? ...... ,,,,,, ------ ______
((((word:1.3)))) [[[less]]] {{{more}}}
!!!??? ?!?! !.!.!.
under_score-and-dash (brackets) [more] {curly}
/path/to/file.txt C:\\\\Windows\\\\System32
https://example.com/a?b=c&d=e#f
user.name+tag@example.co.uk
<b>bold</b> <br/> <!-- no -->
for(int i=0;i<10;i++){a[i]=~b|c&d;}
~`!@#$%^&*()_+-={}[]|\\:;"'<>,.?/
\u2026 \u2014 \u2013 \u2022 \u2020 \u00a7 \u00b6 \u00a9 \u00ae \u2122
\u2190\u2191\u2192\u2193 \u25a0\u25cf\u25b2 \u2605\u2606
\u00bfqu\u00e9? \u00a1s\u00ed!
:) :-( ;P xD <3 ^_^ (\u256f\u00b0\u25a1\u00b0)\u256f \u253b\u2501\u253b
\u00af\\\\_(\u30c4)_/\u00af""".split("\n")

SCRIPTS = """caf\u00e9 na\u00efve \u00dcber \u00e5ngstr\u00f6m
cafe\u0301 decomposed A\u030angstro\u0308m
\u0130stanbul \u01c5 \u03a3\u03a3\u03a3 \u039f\u0394\u039f\u03a3
stra\u00dfe STRASSE \u1e9e
\u0132ssel \ufb01 \ufb03 \ufb00
\u732b\u3068\u72ac
\u98a8\u666f\u753b\u3001\u5bcc\u58eb\u5c71\u3001\u685c
\u4e00\u53ea\u732b\u5750\u5728\u684c\u5b50\u4e0a\uff0c\u9633\u5149
\u3053\u3093\u306b\u3061\u306f\u4e16\u754c \u30ab\u30bf\u30ab\u30ca \uff76\uff80\uff76\uff85
\uc548\ub155\ud558\uc138\uc694 \uace0\uc591\uc774
\u1100\u1161\u11a8 \u1112\u1161\u11ab\u1100\u1173\u11af
\u0414\u043e\u0431\u0440\u044b\u0439 \u0434\u0435\u043d\u044c
\u0429\u0435\u043d\u043e\u043a \u0401\u041b\u041a\u0410 \u0456\u0457\u0454\u0491
\u0627\u0644\u0639\u0631\u0628\u064a\u0629
\u0642\u0650\u0637\u064e\u0651\u0629\u064c
\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd
\u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd
\u0928\u092e\u0938\u094d\u0924\u0947 \u0926\u0941\u0928\u093f\u092f\u093e
\u0c24\u0c46\u0c32\u0c41\u0c17\u0c41 \u0ba4\u0bae\u0bbf\u0bb4\u0bcd \u0d2e\u0d32\u0d2f\u0d3e\u0d33\u0d02
\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e0a\u0e32\u0e27\u0e42\u0e25\u0e01
\u10d2\u10d0\u10db\u10d0\u10e0\u10ef\u10dd\u10d1\u10d0 \u1c92\u1c90
\u0540\u0561\u0575\u0565\u0580\u0565\u0576
\u1230\u120b\u121d
\u03ba\u03b1\u03bb\u03b7\u03bc\u03ad\u03c1\u03b1 \u03ba\u03cc\u03c3\u03bc\u03b5 \u1f08\u03b8\u1fc6\u03bd\u03b1\u03b9
\u0110\u1eb9p qu\u00e1 Vi\u1ec7t Nam \u1ea4 \u1eec
\u00c7a va \u015fi\u015fe \u011f\u0131\u0131
z\u0142oty \u017b\u00f3\u0142\u0107 \u0158\u011b\u0159icha
\u00de\u00f3r \u00e6\u00f0i \u00d8rsted
\U0001d4d0\U0001d4ee\U0001d4fc \uff21\uff22\uff23\uff41\uff42\uff43 \u24b6\u24b7
\U00020000\U0002a6d6 \U0001f1e9\U0001f1ea""".split("\n")

EMOJI = """\U0001f431\U0001f436 emoji \U0001f468\u200d\U0001f469\u200d\U0001f467
\U0001f600\U0001f602\U0001f923 \U0001f60d
\u2764\ufe0f \u2764 \U0001f494
\U0001f44b\U0001f3fd \U0001f44d\U0001f3ff
\U0001f3f3\ufe0f\u200d\U0001f308
1\ufe0f\u20e3 #\ufe0f\u20e3
\U0001f1fa\U0001f1f8\U0001f1ef\U0001f1f5
cat\U0001f431dog\U0001f436
\U0001f680 to the \U0001f315!!!
\U0001fae0\U0001f979 \U0001fa77
\u2600\ufe0f\u2601\ufe0f\u26a1\u2744\ufe0f
\u263a\ufe0e \u2122\ufe0f
\U0001f431\U0001f431\U0001f431\U0001f431\U0001f431\U0001f431\U0001f431\U0001f431""".split("\n")

SPACES = [
    "", " ", "\n", "\t\t", "A  Cat,\tsitting\n on the MAT!!", "  leading and trailing  ", "\u00a0no\u2003break\u3000spaces",
    "zero\u200bwidth\u200djoin\u2060er", "soft\u00adhyphen", "line\u2028separator\u2029para", "\ufeffbom", "tab\tnew\r\nline",
    "bell\x07back\x08null\x00del\x7f", "next\x85line\x0bvertical\x0cform", "\u180e\u200e\u200fmarks", "file\x1cgroup\x1drecord\x1eunit\x1f",
]

SPECIAL = [
    "<|endoftext|>", "<|endoftext|> in the <|startoftext|> text", "a<|endoftext|>b", "<|ENDOFTEXT|>", "<|endoftext|", "< |endoftext|>",
    "<|startoftext|><|startoftext|>", " <|endoftext|> ", "<|pad|>", "[CLS] [SEP] <s> </s> <unk>", "the</w> end</w>", "\u0120word \u0142",
]

LONG = [
    "word " * 100, "ab" * 90, "a photo of " * 30, "supercalifragilistic" * 20, "\u732b" * 100, "\U0001f431" * 60, "!" * 200, "1" * 100,
    "x, " * 80, "the quick brown fox jumps over the lazy dog " * 9, "a " * 75, "a " * 74 + "a", "a " * 76, "\u00e9" * 90, "-" * 77,
    ", ".join(PROMPTS), " ".join(WORDS), "it's " * 60, "0.5 " * 40, "Z" * 300,
]

ARTISTS = """Hokusai
M. C. Escher
Zdzis\u0142aw Beksi\u0144ski
greg rutkowski and alphonse mucha
H.R. Giger
Hayao Miyazaki
J.M.W. Turner, 1844
Salvador Dal\u00ed
Frida Kahlo & Diego Rivera
Yayoi Kusama's infinity-room""".split("\n")

THINGS = [f"{adjective} {thing}, {place}" for adjective, thing, place in zip(
    "tiny gigantic iridescent rusty translucent bioluminescent baroque cyberpunk knitted origami crystalline moss-covered".split(),
    "octopus locomotive hummingbird typewriter jellyfish mushroom cathedral samurai giraffe dragonfly chandelier golem".split(),
    "underwater;on Mars;in a snow globe;at 3 a.m.;f\u00eate foraine;caf\u00e9 terrace;Venice;Shinjuku;attic;zen garden;Versailles;ruins".split(";"),
)]
PAIRS = [f"{a}{b}" for a in ("\u00e9", "1", "'s", "!", "\u732b", "a") for b in ("\u00e9", "1", "'s", "!", "\u732b", "\U0001f431")][:27]
TEXTS = list(dict.fromkeys(PROMPTS + WORDS + SIGNS + SCRIPTS + EMOJI + SPACES + SPECIAL + LONG + ARTISTS + THINGS + PAIRS))


def letters():
    """Bytes as the list writes them, in the order of their numbers."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return [chr(b) for b in printable] + [chr(256 + i) for i in range(256 - len(printable))]


def tokenizer(merges, pad):
    signs = letters()
    words = signs + [sign + "</w>" for sign in signs] + [line.replace(" ", "") for line in merges] + [START, END]
    with tempfile.TemporaryDirectory() as folder:
        vocabulary, list_ = os.path.join(folder, "vocab.json"), os.path.join(folder, "merges.txt")
        json.dump({word: at for at, word in enumerate(words)}, open(vocabulary, "w"))
        open(list_, "w").write("#version: 0.2\n" + "\n".join(merges) + "\n")
        special = dict(bos_token=START, eos_token=END, unk_token=END, pad_token=pad)
        return CLIPTokenizerFast(vocabulary, list_, model_max_length=LENGTH, **special), words


def words_of(made, text):
    """The words of a text that are merged each by itself, by tokenizers of which special tokens part the text."""
    shown = made.backend_tokenizer.normalizer.normalize_str(text)
    for special in ((START, END), (START, END, "!")):
        for piece in re.split("|".join(map(re.escape, special)), shown):
            yield from (word for word, _ in made.backend_tokenizer.pre_tokenizer.pre_tokenize_str(piece))


def excerpt(made, merges, words, texts):
    """Merges that are possible at some step of some word, and symbols that are left, by replaying the merging."""
    ranks = {line: at for at, line in enumerate(merges)}
    possible, left = set(), {START, END, "!", "!</w>"}
    for text in texts:
        for word in words_of(made, text):
            parts = [*word[:-1], word[-1] + "</w>"]
            while True:
                pairs = {f"{a} {b}" for a, b in zip(parts, parts[1:])} & ranks.keys()
                possible |= pairs
                if not pairs:
                    break
                best = min(pairs, key=ranks.__getitem__).split(" ")
                at, joined = 0, []
                while at < len(parts):
                    both = parts[at : at + 2] == best
                    joined.append("".join(best) if both else parts[at])
                    at += 2 if both else 1
                parts = joined
            left |= set(parts)
    numbers = {word: at for at, word in enumerate(words)}
    return sorted(possible, key=ranks.__getitem__), {word: numbers[word] for word in sorted(left, key=numbers.__getitem__)}


if __name__ == "__main__":
    merges = gzip.open(sys.argv[1]).read().decode().split("\n")[1 : MERGES + 1]
    (clip, words), (open_clip, _) = tokenizer(merges, END), tokenizer(merges, "!")
    short = lambda made, text: made(text, max_length=LENGTH, truncation=True).input_ids
    rows = [[text, short(clip, text), *([short(open_clip, text)] if "!" in text else [])] for text in TEXTS]
    possible, vocabulary = excerpt(clip, merges, words, TEXTS)
    found = {"merges": possible, "vocabulary": vocabulary, "rows": rows}
    packed = gzip.compress(json.dumps(found, separators=(",", ":")).encode(), 9, mtime=0)
    open(sys.argv[2], "wb").write(packed)
    print(f"{len(rows)} texts, {len(possible)} merges, {len(vocabulary)} symbols, {len(packed)} bytes")
