// Everyday captions of the base's domain, for prior preservation: what a Peel must leave as it is.
import type { Random } from '../util/random.ts';

const NOUNS = [
  'a fox', 'a cat', 'a dog', 'a red car', 'a house', 'an apple', 'a blue bird', 'a green tree', 'a fish', 'a rocket', 'a yellow flower', 'a bicycle', 'a frog', 'a mushroom', 'a smiling face',
  'a penguin', 'a boat', 'a pizza', 'a rabbit', 'a butterfly', 'a purple balloon', 'a cup of tea', 'a guitar', 'an owl', 'a strawberry', 'a horse', 'a train', 'a star', 'an orange cat', 'a turtle',
  'two penguins', 'three strawberries', 'a dog next to a ball', 'a cat below a tree', 'a bee above a flower', 'a whale', 'a person', 'a castle', 'a robot', 'an elephant',
] as const;
const PLACES = ['', '', '', ' in the snow', ' on the beach', ' at night', ' under water', ' in a meadow'] as const;

/** `count` captions, some in one of the styles that the base knows. */
export function priorCaptions(styles: readonly string[], rng: Random, count: number): string[] {
  return Array.from({ length: count }, () => {
    const style = styles.length > 0 && rng.uniform() < 0.7 ? `, ${rng.pick(styles)} style` : '';
    return `${rng.pick(NOUNS)}${rng.pick(PLACES)}${style}`;
  });
}
