// The camera as the picture to start from: each frame is drawn from the newest look, at the pace at which frames come. Nothing of it is kept
// until it is taken.
import { signal } from '@preact/signals';
import type { Image } from 'banana-sdk/web';

/** What the camera sees, while it is on. */
export const seen = signal<Image>();
/** The camera while it is on. */
export const camera = signal<MediaStream>();

/** Longer side of a look, in pixels. */
const SIDE = 256;
/** Milliseconds after which one looks again although nothing was drawn. */
const PATIENCE = 2000;

/** Turns the camera on. `drawn` resolves when a picture of the last look was shown. Throws what the browser throws, such as a refusal. */
export async function startCamera(drawn: () => Promise<unknown>): Promise<void> {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 2 * SIDE }, facingMode: 'user' }, audio: false });
  const video = document.createElement('video');
  Object.assign(video, { srcObject: stream, muted: true, playsInline: true });
  await video.play();
  camera.value = stream;
  while (camera.value === stream) {
    seen.value = look(video);
    await Promise.race([drawn(), new Promise((resolve) => setTimeout(resolve, PATIENCE))]);
  }
}

export function stopCamera(): void {
  for (const track of camera.value?.getTracks() ?? []) track.stop();
  [camera.value, seen.value] = [undefined, undefined];
}

/** The square in the middle of what the camera sees. */
function look(video: HTMLVideoElement): Image {
  const { videoWidth: width, videoHeight: height } = video;
  const side = Math.min(width, height);
  const context = new OffscreenCanvas(SIDE, SIDE).getContext('2d', { willReadFrequently: true })!;
  context.drawImage(video, (width - side) / 2, (height - side) / 2, side, side, 0, 0, SIDE, SIDE);
  return { width: SIDE, height: SIDE, data: context.getImageData(0, 0, SIDE, SIDE).data };
}
