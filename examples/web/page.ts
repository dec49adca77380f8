// A page that draws while one types, with Peels put on and trained in it: all of banana-sdk/web in one module. The model is in a
// worker; `live` draws what is typed, and rests while a Peel is trained. Pictures that are dropped here stay here.
import { openBananaWorker, pngOf, type Background, type Live, type LiveFrame, type WebBanana } from '../../src/web/index.ts';
import { trainer } from './training.ts';
import { at, paint, show } from './view.ts';

const STEPS = 4;
const SHAPES = ['1:1', '4:3', '3:4', '16:9', '9:16', '21:9'] as const;

interface PeelOn {
  readonly name: string;
  weight: number;
}

const status = at('status');
const prompt = at<HTMLInputElement>('prompt');
const peels: PeelOn[] = [];
let aspect: (typeof SHAPES)[number] = '1:1';
let live: Live | undefined;
let last: LiveFrame | undefined;

const say = (text: string, error = false) => {
  status.textContent = text;
  status.parentElement!.classList.toggle('error', error);
};

/** The model's bytes, with progress. Its address is this site's own. */
async function download(path: string): Promise<Uint8Array> {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`the model cannot be loaded: ${path} answers ${response.status}`);
  const total = Number(response.headers.get('content-length')) || 1;
  const bytes = new Uint8Array(total);
  let done = 0;
  for (const reader = response.body!.getReader(); ; ) {
    const { value, done: ended } = await reader.read();
    if (ended) return bytes;
    bytes.set(value, done);
    done += value.length;
    say(`Loading the model: ${(done / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB`);
  }
}

/** What the page asks for now. */
function request() {
  const text = <W extends string>(id: string) => (at<HTMLSelectElement>(id).value || undefined) as W | undefined;
  const [w, h] = aspect.split(':').map(Number) as [number, number];
  const side = Number(at<HTMLSelectElement>('side').value);
  return {
    prompt: prompt.value,
    seed: Number(at<HTMLInputElement>('seed').value) || 0,
    steps: STEPS,
    aspect,
    width: w < h ? undefined : side,
    height: w < h ? side : undefined,
    style: text('style'),
    background: text<Background>('background'),
    peels: peels.filter((p) => p.weight !== 0),
  };
}

function changed(): void {
  try {
    live?.update(request());
    say(model);
  } catch (error) {
    say((error as Error).message, true);
  }
}

/** Draws what is typed until `live` is closed. */
async function draw(banana: WebBanana): Promise<void> {
  live = banana.live({ ...request(), refused: (error) => say(error.message, true) });
  for await (const frame of live.frames) {
    last = frame;
    at('hint').hidden = true;
    at('frame').classList.toggle('clear', frame.event.recipe.background === 'transparent');
    paint(at<HTMLCanvasElement>('picture'), frame.image);
    const { width, height } = frame.image;
    show('speed', `${frame.kind === 'preview' ? 'preview' : 'picture'} ${width} × ${height}, ${(frame.seconds * 1000).toFixed(0)} ms`);
  }
}

function listPeels(banana: WebBanana): void {
  const list = at('peels');
  list.replaceChildren(
    ...peels.map((peel) => {
      const row = document.createElement('li');
      const [name, value, remove, slider] = [
        document.createElement('span'),
        document.createElement('span'),
        document.createElement('button'),
        document.createElement('input'),
      ];
      Object.assign(slider, {
        type: 'range',
        min: '-1',
        max: '2',
        step: '0.1',
        value: String(peel.weight),
        ariaLabel: `Weight of ${peel.name}`,
      });
      const tell = () => (value.textContent = peel.weight.toFixed(1));
      slider.oninput = () => ((peel.weight = Number(slider.value)), tell(), changed());
      remove.textContent = 'Remove';
      remove.onclick = async () => {
        peels.splice(peels.indexOf(peel), 1);
        listPeels(banana);
        changed();
      };
      name.textContent = peel.name;
      tell();
      row.append(name, value, remove, slider);
      return row;
    }),
  );
}

/** Puts a Peel's file on; one of the same name is replaced. */
async function addPeel(banana: WebBanana, file: Uint8Array | readonly Uint8Array[]): Promise<void> {
  const { name } = await banana.addPeel(file);
  const old = peels.find((p) => p.name === name);
  if (!old) peels.push({ name, weight: 1 });
  listPeels(banana);
  changed();
}

function save(bytes: readonly Uint8Array<ArrayBuffer>[], name: string, type: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([...bytes], { type }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

/** Buttons, boxes and lists. */
function connect(banana: WebBanana): void {
  const chips = at('aspects');
  const press = (chosen: typeof aspect) => {
    aspect = chosen;
    for (const chip of chips.children) chip.ariaChecked = String(chip.textContent === chosen);
    changed();
  };
  for (const name of SHAPES) {
    const chip = document.createElement('button');
    Object.assign(chip, { textContent: name, role: 'radio', onclick: () => press(name) });
    chips.append(chip);
  }
  press('1:1');
  at('style').append(...banana.model.styles.map((name) => new Option(name)));
  for (const id of ['prompt', 'side', 'style', 'background', 'seed']) at(id).addEventListener('input', changed);
  at('another').onclick = () => {
    at<HTMLInputElement>('seed').value = String(Math.floor(Math.random() * 1e6));
    changed();
  };
  at('save').onclick = async () => {
    if (last) save([await pngOf(last.event)], 'banana.png', 'image/png');
  };
  at<HTMLInputElement>('add').onchange = async ({ target }) => {
    const input = target as HTMLInputElement;
    for (const file of input.files ?? [])
      await addPeel(banana, new Uint8Array(await file.arrayBuffer())).catch((error: Error) => say(error.message, true));
    input.value = '';
  };
  trainer({
    train: (pictures, options) => banana.trainPeel(pictures, options),
    begin: () => live?.close(),
    end: () => void draw(banana),
    async trained({ chunks, info }) {
      await addPeel(banana, chunks);
      save(chunks as Uint8Array<ArrayBuffer>[], `${info.name}.safetensors`, 'application/octet-stream');
    },
  });
}

let model = '';
try {
  const bytes = await download('/model.safetensors');
  say('Starting the engine…');
  const worker = new Worker('/worker.js', { type: 'module' });
  const banana = await openBananaWorker(worker, { model: bytes, assets: new URL('/ort/', location.origin).href });
  model = `${banana.model.name} ${banana.model.version} on ${banana.model.runtime}`;
  say(model);
  connect(banana);
  prompt.disabled = false;
  prompt.focus();
  await draw(banana);
} catch (error) {
  say((error as Error).message, true);
}
