// The picture as a file, on the clipboard, in the gallery.
import { signal } from '@preact/signals';
import { copy, fileOf, FORMATS, nameOf, save, type Format } from '../files/files.ts';
import { keep } from '../files/gallery.ts';
import { take } from '../files/taken.ts';
import { LAYER_FORMATS, layerFile, type LayerFormatName } from '../files/layer-files.ts';
import { finished, session, tell } from '../studio.ts';
import { t } from '../words/words.ts';
import { Button, FileButton } from './fields.tsx';

const busy = signal(false);

/** Does something with the last full picture; what goes wrong is told. */
async function withPicture(work: (frame: NonNullable<typeof finished.value>) => Promise<void>): Promise<void> {
  const frame = finished.value;
  if (!frame) return;
  busy.value = true;
  try {
    await work(frame);
  } catch (error) {
    session.fault.value = (error as Error).message;
  }
  busy.value = false;
}

const saveAs = (format: Format) =>
  withPicture(async ({ event, image, prompt }) =>
    save(await fileOf({ ...event, image }, format), `${nameOf(prompt, event.recipe.seed)}.${format}`),
  );

const saveLayers = (format: LayerFormatName) =>
  withPicture(async (picture) =>
    save(await layerFile(picture, format), `${nameOf(picture.prompt, picture.event.recipe.seed)}.${LAYER_FORMATS[format].end}`),
  );

const copied = () =>
  withPicture(async ({ event, image }) => {
    await copy(await fileOf({ ...event, image }, 'png'));
    tell(t('copied'));
  });

export function ExportPanel() {
  const none = !session.settled.value || busy.value;
  return (
    <>
      <div class="row">
        {(Object.keys(FORMATS) as Format[]).map((format) => (
          <Button key={format} icon="export" label={format.toUpperCase()} disabled={none} press={() => void saveAs(format)} />
        ))}
      </div>
      <p class="hint">{t('exportHint')}</p>
      <div class="row">
        {(Object.keys(LAYER_FORMATS) as LayerFormatName[]).map((format) => (
          <Button
            key={format}
            icon="layers"
            label={format === 'sprites' ? t('sprites') : format.toUpperCase()}
            disabled={none || (LAYER_FORMATS[format].layered && !session.settled.value?.event.layers)}
            press={() => void saveLayers(format)}
          />
        ))}
      </div>
      <p class="hint">{t('exportLayersHint')}</p>
      <div class="row">
        <Button icon="copy" label={t('copy')} disabled={none} press={() => void copied()} />
        <Button icon="keep" label={t('keep')} shortcut="Ctrl+S" disabled={none} press={() => void keep()} />
      </div>
      <h2>{t('recipe')}</h2>
      <p class="hint">{t('recipeHint')}</p>
      <FileButton label={t('openFile')} accept="image/*,.safetensors" take={(files) => files.forEach((file) => void take(file))} />
    </>
  );
}
