// What a layer is called.
import type { Placed } from '../state/layers.ts';
import { t } from './words.ts';

export const nameOf = ({ words, slot }: Pick<Placed, 'words' | 'slot'>): string =>
  words || (slot === 0 ? t('layerBack') : t('layer', { n: slot }));
