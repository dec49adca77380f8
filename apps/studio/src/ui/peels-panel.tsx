// Peels: which are on and how much of each; the training of one is below.
import { addPeelFile, forgetPeel, ownPeels, peels, savePeel, switchPeel } from '../files/peels.ts';
import { change, session, wish } from '../studio.ts';
import { n, t } from '../words/words.ts';
import { Button, FileButton, Range } from './fields.tsx';
import { Training } from './training.tsx';

/** Adds files; what is none is told. */
async function add(files: readonly File[]): Promise<void> {
  try {
    for (const file of files) await addPeelFile(new Uint8Array(await file.arrayBuffer()));
  } catch (error) {
    session.fault.value = (error as Error).message;
  }
}

const turn = (name: string, on: boolean) => switchPeel(name, on).catch((error: Error) => (session.fault.value = error.message));

export function PeelsPanel() {
  return (
    <>
      <p class="hint">{t('peelsHint')}</p>
      <ul class="list">
        {peels.value.map((name) => (
          <PeelRow key={name} name={name} />
        ))}
      </ul>
      {session.opened.value?.tab ? (
        <>
          <FileButton label={t('addPeel')} accept=".safetensors" take={(files) => void add(files)} />
          <Training />
        </>
      ) : (
        <p class="hint">
          {t('peelsHere')} <a href="?host=tab">{t('openInTab')}</a>
        </p>
      )}
    </>
  );
}

function PeelRow({ name }: { name: string }) {
  const on = wish.value.peels.find((one) => one.name === name);
  const weigh = (weight: number) =>
    change({ peels: wish.value.peels.map((one) => (one.name === name ? { name, weight } : one)) }, `weight ${name}`);
  return (
    <li>
      <div class="row">
        <label class="check">
          <input type="checkbox" checked={!!on} onChange={(event) => void turn(name, event.currentTarget.checked)} />
          <span>{name}</span>
        </label>
        {session.opened.value?.tab && <Button icon="export" bare label={`${t('save')}: ${name}`} press={() => void savePeel(name)} />}
        {ownPeels.value.includes(name) && <Button icon="bin" bare label={`${t('delete')}: ${name}`} press={() => void forgetPeel(name)} />}
      </div>
      {on && <Range label={t('weight')} value={on.weight} min={-1} max={2} step={0.1} text={n(on.weight, 1)} set={weigh} />}
    </li>
  );
}
