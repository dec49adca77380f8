// What a worker tells the page of a drawing: pixels as copies of themselves, handed over. A view takes its whole buffer along when it
// crosses to another thread (https://html.spec.whatwg.org/multipage/structured-data.html), so sixteen strips of a picture would be
// sixteen pictures. Not here: leaving out what the page can put together (withoutPixels and assembled in sdk/banana.ts).
import type { GenerateEvent } from '../draw/events.ts';
import type { Image } from '../image/image.ts';
import { handedOver } from '../runtime/engine.ts';

/** The same events; the pixels of each are its own and go with it. */
export async function* crossing(events: AsyncGenerator<GenerateEvent, void, void>): AsyncGenerator<GenerateEvent, void, void> {
  for await (const event of events) yield withPixels(event);
}

function withPixels(event: GenerateEvent): GenerateEvent {
  if (event.type === 'render' && event.rows) {
    const image = own(event.rows.image);
    return handedOver({ ...event, rows: { ...event.rows, image } }, [image.data.buffer]);
  }
  if (event.type !== 'image' && event.type !== 'preview') return event;
  const image = own(event.image);
  return handedOver({ ...event, image }, [image.data.buffer]);
}

/** An image whose buffer holds its pixels and nothing else. */
function own(image: Image) {
  const data = new Uint8ClampedArray(image.data);
  return { ...image, data };
}
