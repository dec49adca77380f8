// The words of the browser's built-in AI (sdk/lifecycle.ts) in Node: a model that is named org/name and is not on this disk yet is
// downloaded from the hub, as `banana pull` does. Everything else opens as it lies.
import { licenceText } from '../hub/licence.ts';
import { modelName } from '../hub/name.ts';
import { placeOf } from '../hub/place.ts';
import { generatorOf, type Download } from '../sdk/lifecycle.ts';
import { InputError } from '../util/errors.ts';
import { openBanana } from './banana.ts';
import { modelPath } from './models.ts';
import { checkedOpening, type OpenBananaOptions } from './options.ts';

export interface ImageGeneratorOptions extends Omit<OpenBananaOptions, 'signal'> {
  /** You have read the model's licence and accept it, where that needs somebody to. */
  readonly agree?: boolean;
}

/** `availability()`, `create({ monitor, signal })`, then `generate`, `generateStreaming` and `destroy`. */
export const ImageGenerator = generatorOf({
  async missing({ agree = false, ...options }: ImageGeneratorOptions): Promise<Download | undefined> {
    const { model } = checkedOpening(options);
    try {
      modelPath(model);
      return undefined;
    } catch (error) {
      if (model === undefined || !modelName(model) || placeOf().offline) throw error;
      return { key: model, download: (tell, signal) => pulled(model, agree, tell, signal) };
    }
  },
  open: ({ agree: _, ...options }: ImageGeneratorOptions, signal) => openBanana({ ...options, ...(signal && { signal }) }),
});

async function pulled(model: string, agree: boolean, tell: (share: number) => void, signal?: AbortSignal): Promise<void> {
  const { planPull, pull } = await import('../hub/pull.ts');
  const stop = signal ? { signal } : {};
  const plan = await planPull(model, stop);
  if (plan.consent && !agree) {
    const why = `${plan.id} has a licence that somebody has to agree to: ${licenceText(plan.repository.licence)}`;
    throw new InputError('hub.consent', `${why}; agree: true says that you have read and accept it`);
  }
  for await (const event of pull(plan, stop)) if (event.type === 'progress') tell(event.done / event.total);
}
