// What every picture has: shape and size, style, background, steps, seed, guidance.
import { sizesOf, stepsOf } from '../state/able.ts';
import { anySeed, SEEDS, SHAPES } from '../state/wish.ts';
import { change, session, wish } from '../studio.ts';
import { n, t } from '../words/words.ts';
import { Button, Chips, Field, Range, Select } from './fields.tsx';
import { ModelField } from './model-field.tsx';

export function PicturePanel() {
  const now = wish.value;
  const model = session.model.value;
  const own = model?.defaultSteps ?? 0;
  return (
    <>
      <ModelField />
      <Chips
        label={t('shape')}
        value={now.aspect}
        choices={SHAPES.map((x) => [x, x])}
        set={(x) => change({ aspect: x as typeof now.aspect })}
      />
      <Select
        label={t('side')}
        value={String(now.side)}
        choices={sizesOf().map((x) => [String(x), String(x)])}
        set={(x) => change({ side: Number(x) })}
      />
      <Select
        label={t('style')}
        value={now.style}
        choices={[['', t('styleNone')], ...(model?.styles ?? []).map((x) => [x, x] as const)]}
        set={(style) => change({ style })}
      />
      <Select
        label={t('background')}
        value={now.background}
        choices={[
          ['', t('styleNone')],
          ['white', t('white')],
          ...(model?.abilities.includes('transparent') ? ([['transparent', t('transparent')]] as const) : []),
        ]}
        set={(x) => change({ background: x as typeof now.background })}
      />
      <Select
        label={t('steps')}
        value={String(now.steps)}
        choices={[['0', t('stepsOwn', { n: own })], ...stepsOf(model).map((x) => [String(x), String(x)] as const)]}
        set={(x) => change({ steps: Number(x) })}
      />
      <Seed />
      <Guidance />
    </>
  );
}

function Seed() {
  const { seed, locked } = wish.value;
  const set = (text: string) => /^\d{1,15}$/.test(text) && change({ seed: Number(text) }, 'seed');
  return (
    <div class="row">
      <Field label={t('seed')}>
        <input
          type="number"
          inputMode="numeric"
          min={0}
          max={SEEDS ** 2}
          step={1}
          value={seed}
          onInput={(event) => set(event.currentTarget.value)}
        />
      </Field>
      <Button icon={locked ? 'lock' : 'unlock'} bare label={t('lock')} pressed={locked} press={() => change({ locked: !locked })} />
      <Button icon="dice" label={t('newSeed')} press={() => change({ seed: anySeed() })} />
    </div>
  );
}

function Guidance() {
  const model = session.model.value;
  const { guidance = model?.guidance ?? 0 } = wish.value;
  if (!model?.abilities.includes('guidance')) return null;
  return (
    <div class="row">
      <Range
        label={t('guidance')}
        value={guidance}
        min={0}
        max={10}
        step={0.5}
        text={n(guidance, 1)}
        set={(x) => change({ guidance: x }, 'guidance')}
      />
      <Button
        icon="undo"
        bare
        label={t('reset')}
        disabled={wish.value.guidance === undefined}
        press={() => change({ guidance: undefined })}
      />
    </div>
  );
}
