// Everyday captions of the base's domain, for prior preservation: what a Peel must leave as it is.
import type { Random } from '../../util/random.ts';

const NOUNS = [
  'a fox', 'a cat', 'a dog', 'a red car', 'a house', 'an apple', 'a blue bird', 'a green tree', 'a fish', 'a rocket', 'a yellow flower', 'a bicycle', 'a frog', 'a mushroom', 'a smiling face',
  'a penguin', 'a boat', 'a pizza', 'a rabbit', 'a butterfly', 'a purple balloon', 'a cup of tea', 'a guitar', 'an owl', 'a strawberry', 'a horse', 'a train', 'a star', 'an orange cat', 'a turtle',
  'two penguins', 'three strawberries', 'a dog next to a ball', 'a cat below a tree', 'a bee above a flower', 'a whale', 'a person', 'a castle', 'a robot', 'an elephant',
  'a bus', 'an ambulance', 'a pig', 'a bear', 'a duck', 'a shark', 'a snail', 'a bee', 'a spider', 'a banana', 'a carrot', 'a tomato', 'bread', 'a cake', 'a doughnut', 'a hamburger', 'a cactus', 'a cloud', 'the sun',
  'a snowman', 'a key', 'a lamp', 'a clock', 'a book', 'a phone', 'a camera', 'a gift', 'a hat', 'a shoe', 'a crown', 'an umbrella', 'a chair', 'a hammer', 'a drum', 'a ball', 'an airplane', 'a bank', 'a church', 'a tent',
  'a clown', 'a ghost', 'a skull', 'a teapot', 'a game controller', 'two cats', 'three apples', 'four stars', 'a red heart', 'a green car', 'a purple fish', 'an orange box', 'a grey elephant', 'a brown dog', 'a pink pig',
] as const;
const PLACES = ['', '', '', ' in the snow', ' on the beach', ' at night', ' under water', ' in a meadow', ' in space', ' in the desert', ' in front of a city', ' on a white background', ' with a white background',
  ' on a blue background', ' on an orange background', ' on a grey background', ' on a pink background', ', transparent background'] as const;

/** `count` captions, some in one of the styles that the base knows. */
export function priorCaptions(styles: readonly string[], rng: Random, count: number): string[] {
  return Array.from({ length: count }, () => {
    const style = styles.length > 0 && rng.uniform() < 0.7 ? `, ${rng.pick(styles)} style` : '';
    return `${rng.pick(NOUNS)}${rng.pick(PLACES)}${style}`;
  });
}
