// A place to try things: `npm run play -- "a blue cat"`. Change it as you like; nothing imports it.
import { openBanana } from './src/node/index.ts';

const prompt = process.argv[2] ?? 'a red fox in the snow, flat style';
const banana = await openBanana();
for await (const event of banana.generate({ prompt, seed: 7 }))
  if (event.type === 'step') console.log(`step ${event.step} of ${event.steps}`);

const picture = await banana.picture({ prompt, seed: 7, aspect: '16:9' });
await picture.save('play.png');
console.log('play.png', picture.recipe, picture.seconds);
await banana.close();
