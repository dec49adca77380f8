// The part of the page that trains: pictures dropped in with a caption each, progress with its curve, stop and go on, samples.
import type { TrainedPeel, TrainPeelEvent, WebBanana, WebPicture } from '../../src/web/index.ts';
import { at, paint, show } from './view.ts';

export interface TrainerOptions {
  readonly train: WebBanana['trainPeel'];
  /** Called before the engine is needed, and after. */
  begin(): void;
  end(): void;
  trained(peel: TrainedPeel): Promise<void>;
}

const BATCH_NAMED = /^(img|dsc|image|picture|photo|screenshot|untitled)?[\W\d_]*$/i;

/** "03-red_house.png" says "red house"; a camera's number says nothing. */
const captionOf = (name: string): string => {
  const words = name
    .replace(/\.\w+$/, '')
    .replace(/[-_.+\s]+/g, ' ')
    .trim();
  return BATCH_NAMED.test(words) ? '' : words.replace(/^(\d+\s)+|(\s\d+)+$/g, '');
};

/** Connects the drop zone and the buttons. */
export function trainer({ train, begin, end, trained }: TrainerOptions): void {
  const pictures: { file: File; caption: string }[] = [];
  const button = at<HTMLButtonElement>('train');
  const list = () => {
    at('pictures').replaceChildren(
      ...pictures.map((one) => {
        const row = document.createElement('li');
        const [image, caption] = [document.createElement('img'), document.createElement('input')];
        image.src = URL.createObjectURL(one.file);
        image.onload = () => URL.revokeObjectURL(image.src);
        image.title = 'Click to leave it out';
        image.onclick = () => (pictures.splice(pictures.indexOf(one), 1), list());
        Object.assign(caption, { type: 'text', value: one.caption, placeholder: 'what is it?', ariaLabel: 'Caption' });
        caption.oninput = () => (one.caption = caption.value);
        row.append(image, caption);
        return row;
      }),
    );
    button.disabled = pictures.length === 0;
  };
  const add = (files: Iterable<File>) => {
    for (const file of files) if (file.type.startsWith('image/')) pictures.push({ file, caption: captionOf(file.name) });
    list();
  };

  const drop = at('drop');
  const files = at<HTMLInputElement>('files');
  drop.onclick = () => files.click();
  drop.onkeydown = ({ key }) => void (key === 'Enter' && files.click());
  files.onchange = () => (add(files.files ?? []), (files.value = ''));
  drop.ondragover = (event) => (event.preventDefault(), drop.classList.add('over'));
  drop.ondragleave = () => drop.classList.remove('over');
  drop.ondrop = (event) => {
    event.preventDefault();
    drop.classList.remove('over');
    add(event.dataTransfer?.files ?? []);
  };

  button.onclick = async () => {
    const stop = new AbortController();
    const cancel = at('cancel');
    cancel.onclick = () => stop.abort();
    const busy = (yes: boolean) => {
      button.disabled = yes;
      for (const id of ['cancel', 'progress', 'curve']) at(id).hidden = !yes && id !== 'curve';
    };
    const name = at<HTMLInputElement>('name').value;
    const seconds = 60 * Number(at<HTMLInputElement>('minutes').value);
    const chosen = pictures.map(({ file, caption }): WebPicture => ({ image: file, caption }));
    begin();
    busy(true);
    at('samples').replaceChildren();
    try {
      const training = train(chosen, { name, seconds, signal: stop.signal, keep: 'browser' });
      const curve: Point[] = [];
      for (;;) {
        const { done, value } = await training.next();
        if (!done) tell(value, curve);
        else {
          show('told', `Trained in ${value.steps} steps; step ${value.keptStep} was the best. The file was saved, and is on.`);
          await trained(value);
          break;
        }
      }
    } catch (error) {
      show('told', stop.signal.aborted ? 'Stopped. Train again goes on from here.' : (error as Error).message);
    }
    busy(false);
    end();
  };
}

interface Point {
  readonly step: number;
  readonly loss: number;
  readonly held: boolean;
}

/** Shows one event. */
function tell(event: TrainPeelEvent, curve: Point[]): void {
  const progress = at<HTMLProgressElement>('progress');
  if (event.type === 'prepare') {
    show('told', `Looking at the pictures and the base: ${event.done} of ${event.total}`);
    progress.value = event.done / event.total;
  } else if (event.type === 'pictures') show('told', `${event.pictures} pictures to learn from, ${event.heldOut} held out`);
  else if (event.type === 'step') {
    curve.push({ step: event.step, loss: event.loss, held: false });
    progress.value = event.done;
    show('told', `Step ${event.step}, ${event.seconds.toFixed(0)} s, loss ${event.loss.toPrecision(3)}`);
  } else if (event.type === 'heldOut') curve.push({ step: event.step, loss: event.loss, held: true });
  else samples(event);
  plot(curve);
}

function samples({ samples: drawn }: Extract<TrainPeelEvent, { type: 'samples' }>): void {
  at('samples').append(
    ...drawn
      .filter((_, i) => i % 2 === 0)
      .map(({ image, stage, label }) => {
        const [figure, canvas, caption] = [
          document.createElement('figure'),
          document.createElement('canvas'),
          document.createElement('figcaption'),
        ];
        paint(canvas, image);
        caption.textContent = `${stage}: ${label}`;
        caption.title = label;
        figure.append(canvas, caption);
        return figure;
      }),
  );
}

/** The losses so far: grey for the pictures' own, yellow for those held out; each scaled to its own range. */
function plot(curve: readonly Point[]): void {
  const lines = [false, true].map((held) => {
    const points = curve.filter((p) => p.held === held);
    const last = Math.max(1, ...curve.map((p) => p.step));
    const [low, high] = [Math.min(...points.map((p) => p.loss)), Math.max(...points.map((p) => p.loss))];
    const line = document.createElementNS('http://www.w3.org/2000/svg', 'polyline');
    line.setAttribute('class', held ? 'held' : '');
    line.setAttribute('points', points.map((p) => `${(300 * p.step) / last},${75 - (70 * (p.loss - low)) / (high - low || 1)}`).join(' '));
    return line;
  });
  at('curve').replaceChildren(...lines);
}
