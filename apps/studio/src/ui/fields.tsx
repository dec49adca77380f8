// The controls of the panels: each a label with one native control, so that keyboard, touch and screen readers work as everywhere.
import type { ComponentChildren } from 'preact';
import { Icon, type IconName } from './icons.tsx';

export function Field({ label, hint, children }: { label: string; hint?: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the control is the child
    <label class="field">
      <span class="name">{label}</span>
      {children}
      {hint !== undefined && <span class="hint">{hint}</span>}
    </label>
  );
}

type Choice = readonly [value: string, text: string];

export function Select({
  label,
  value,
  choices,
  set,
}: {
  label: string;
  value: string;
  choices: readonly Choice[];
  set(value: string): void;
}) {
  return (
    <Field label={label}>
      <select value={value} onChange={(event) => set(event.currentTarget.value)}>
        {choices.map(([one, text]) => (
          <option key={one} value={one} selected={one === value}>
            {text}
          </option>
        ))}
      </select>
    </Field>
  );
}

interface RangeOptions {
  readonly label: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly text: string;
  readonly disabled?: boolean;
  set(value: number): void;
}

export function Range({ label, text, set, ...input }: RangeOptions) {
  return (
    <label class="field">
      <span class="name">
        {label} <output>{text}</output>
      </span>
      <input type="range" {...input} aria-valuetext={text} onInput={(event) => set(Number(event.currentTarget.value))} />
    </label>
  );
}

/** One of some, as a row of buttons: a group of radio buttons under the hood. */
export function Chips({
  label,
  value,
  choices,
  set,
}: {
  label: string;
  value: string;
  choices: readonly Choice[];
  set(value: string): void;
}) {
  return (
    <fieldset class="chips">
      <legend class="name">{label}</legend>
      {choices.map(([one, text]) => (
        <label key={one} class="chip">
          <input type="radio" name={label} checked={one === value} onChange={() => set(one)} />
          <span>{text}</span>
        </label>
      ))}
    </fieldset>
  );
}

interface ButtonOptions {
  readonly label: string;
  readonly icon?: IconName;
  /** Only the sign is shown, the label is said. */
  readonly bare?: boolean;
  readonly kind?: 'main' | 'danger';
  readonly disabled?: boolean;
  readonly pressed?: boolean;
  readonly shortcut?: string;
  press(): void;
}

export function Button({ label, icon, bare = false, kind, disabled = false, pressed, shortcut, press }: ButtonOptions) {
  return (
    <button
      type="button"
      class={`button ${kind ?? ''} ${bare ? 'bare' : ''}`}
      title={shortcut ? `${label} (${shortcut})` : label}
      aria-label={bare ? label : undefined}
      aria-pressed={pressed}
      aria-keyshortcuts={shortcut?.replace('Ctrl', 'Control')}
      disabled={disabled}
      onClick={press}
    >
      {icon && <Icon name={icon} />}
      {!bare && <span>{label}</span>}
    </button>
  );
}

/** A button that asks for files. */
export function FileButton({
  label,
  accept,
  several = false,
  take,
}: {
  label: string;
  accept: string;
  several?: boolean;
  take(files: File[]): void;
}) {
  return (
    <label class="button file">
      <Icon name="start" />
      <span>{label}</span>
      <input
        type="file"
        accept={accept}
        multiple={several}
        onChange={({ currentTarget }) => {
          take([...(currentTarget.files ?? [])]);
          currentTarget.value = '';
        }}
      />
    </label>
  );
}
