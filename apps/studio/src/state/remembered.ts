// A choice that this device remembers between visits: a signal, kept in localStorage. Where that is refused, it lasts as long as the page.
import { effect, signal, type Signal } from '@preact/signals';

export function remembered<T extends string>(name: string, first: T, isOne: (text: string) => boolean): Signal<T> {
  const key = `studio.${name}`;
  const found = read(key);
  const choice = signal<T>(found !== null && isOne(found) ? (found as T) : first);
  effect(() => write(key, choice.value));
  return choice;
}

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // it is remembered until the page is left
  }
}
