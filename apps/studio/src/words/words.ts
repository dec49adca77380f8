// What the studio says in the language that was chosen: `t('undo')`. Remembered on this device; at first, that of the browser.
import { effect } from '@preact/signals';
import { remembered } from '../state/remembered.ts';
import { en, type Words } from './en.ts';
import { nl } from './nl.ts';

export const LANGUAGES = { en: 'English', nl: 'Nederlands' } as const;
export type Language = keyof typeof LANGUAGES;

const TABLES: Readonly<Record<Language, Words>> = { en, nl };

export const language = remembered<Language>('language', navigator.language.startsWith('nl') ? 'nl' : 'en', (x) => x in LANGUAGES);
effect(() => void (document.documentElement.lang = language.value));

/** The words of a key, with what stands in braces filled in. */
export function t(key: keyof Words, values: Readonly<Record<string, string | number>> = {}): string {
  return TABLES[language.value][key].replace(/\{(\w+)\}/g, (_, name: string) => String(values[name]));
}

/** A number as the language writes it. */
export const n = (value: number, digits = 0): string =>
  value.toLocaleString(language.value, { minimumFractionDigits: digits, maximumFractionDigits: digits });
