// Scenes: a background and a few placed sprites as ONE SVG string, the exact truth of a picture at any size. Every sprite
// is its own nested <svg>, clipped, with its own ids, placed by the tight box of its art rather than by its view box.
// Which scene to draw is decided in dataset.ts; what it is called, in captions.ts.
import { InputError } from '../util/errors.ts';
import { drawBackground, isDark, sceneryOf, type Background } from './backgrounds.ts';
import { COLOURS, colourOf, recolour, type ColourName } from './colour.ts';
import { sprite, STYLES, type Sprite, type StyleKey } from './sprites.ts';

/** A sprite in a scene. */
export interface Placed {
  concept: string;
  style: StyleKey;
  colour?: ColourName;
  /** Centre of the visible art, in fractions of width and height. */
  x: number;
  y: number;
  /** Longer side of the visible art, as a fraction of the shorter side of the picture. */
  size: number;
  flip: boolean;
}

export interface Scene {
  /** Units of the view box; only the aspect ratio matters to the picture. */
  width: number;
  height: number;
  background: Background;
  objects: Placed[];
  /** Finished drawings (characters) instead of sprites. */
  art?: Art[];
}

/** A drawing that is not a sprite: inner SVG, view box, and where it goes in fractions of the picture. */
export interface Art {
  body: string;
  viewBox: string;
  box: [number, number, number, number];
  flip: boolean;
}

const round = (x: number) => Math.round(x * 1000) / 1000;

/** Makes the ids of an SVG fragment unique, with everything that refers to them. */
export function prefixIds(body: string, prefix: string): string {
  if (!body.includes('id="')) return body;
  return body
    .replace(/\bid="([^"]+)"/g, `id="${prefix}$1"`)
    .replace(/url\(#([^)]+)\)/g, `url(#${prefix}$1)`)
    .replace(/href="#([^"]+)"/g, `href="#${prefix}$1"`);
}

function nested(
  body: string,
  viewBox: string,
  [x, y, w, h]: readonly [number, number, number, number],
  flip: boolean,
  colour = '#222',
  clip = true,
): string {
  // A clip costs a layer, so only stray art gets one.
  const overflow = clip ? 'hidden' : 'visible';
  const inner = `<svg x="${round(x)}" y="${round(y)}" width="${round(w)}" height="${round(h)}" viewBox="${viewBox}" overflow="${overflow}" color="${colour}" preserveAspectRatio="none">${body}</svg>`;
  return flip ? `<g transform="translate(${round(2 * x + w)} 0) scale(-1 1)">${inner}</g>` : inner;
}

/** The box that a placed sprite covers, in fractions of the picture: x, y, width, height. */
export function boxOf(
  placed: Placed,
  scene: Pick<Scene, 'width' | 'height'>,
  found = sprite(placed.concept, placed.style),
): [number, number, number, number] {
  if (!found) throw new InputError('data.sprite', `no sprite of ${placed.concept} in style ${placed.style}`);
  const { scale, vw, vh } = fit(placed, scene, found);
  const [w, h] = [(found.box[2] * vw * scale) / scene.width, (found.box[3] * vh * scale) / scene.height];
  return [placed.x - w / 2, placed.y - h / 2, w, h].map((v) => Math.round(v * 1e4) / 1e4) as [number, number, number, number];
}

function fit(placed: Placed, scene: Pick<Scene, 'width' | 'height'>, found: Sprite) {
  const [, , vw = 1, vh = 1] = found.viewBox.split(' ').map(Number);
  const longer = Math.max(found.box[2] * vw, found.box[3] * vh);
  return { vw, vh, scale: (placed.size * Math.min(scene.width, scene.height)) / longer };
}

/** Can a caption's colour word be made true for this sprite? The cluster must be most of it, and not a white one. */
export function canRecolour(found: Sprite): boolean {
  if (STYLES[found.style].raster) return false;
  if (found.style === 'mono') return true;
  return found.share >= 0.45 && !(found.colour.c === 0 && (found.colour.l > 0.93 || found.colour.l < 0.25));
}

function drawSprite(placed: Placed, index: number, scene: Scene, dark: boolean): string {
  const found = sprite(placed.concept, placed.style);
  if (!found) throw new InputError('data.sprite', `no sprite of ${placed.concept} in style ${placed.style}`);
  const { scale, vw, vh } = fit(placed, scene, found);
  const [bx, by, bw, bh] = found.box;
  const mirrored = placed.flip ? 1 - bx - bw : bx;
  const x = placed.x * scene.width - (mirrored + bw / 2) * vw * scale;
  const y = placed.y * scene.height - (by + bh / 2) * vh * scale;
  const ink = placed.colour ? COLOURS[placed.colour].hex : dark ? COLOURS.white.hex : '#222226';
  const body = placed.colour && found.style !== 'mono' ? recolour(found.body, found.colour, colourOf(placed.colour)) : found.body;
  return nested(prefixIds(body, `s${index}-`), found.viewBox, [x, y, vw * scale, vh * scale], placed.flip, ink, found.stray);
}

function shadow(placed: Placed, scene: Scene): string {
  const [x, y, w, h] = boxOf(placed, scene);
  const s = Math.min(scene.width, scene.height);
  const rx = Math.max(w * scene.width * 0.42, 0.03 * s);
  return `<ellipse cx="${round((x + w / 2) * scene.width)}" cy="${round((y + h) * scene.height)}" rx="${round(rx)}" ry="${round(rx * 0.16)}" fill="#000" fill-opacity="0.16"/>`;
}

/** The scene as one SVG document, with `viewBox="0 0 width height"`. Objects later in the list are drawn on top. */
export function sceneSvg(scene: Scene): string {
  const { width, height, background } = scene;
  const scenery = sceneryOf(background);
  const parts = [drawBackground(background, width, height)];
  const grounded = (p: Placed) => scenery?.ground !== undefined && Math.abs(p.y + boxOf(p, scene)[3] / 2 - scenery.ground) < 0.08;
  for (const p of scene.objects) if (grounded(p)) parts.push(shadow(p, scene));
  scene.objects.forEach((p, i) => parts.push(drawSprite(p, i, scene, isDark(background))));
  scene.art?.forEach((a, i) => {
    const [x, y, w, h] = a.box;
    parts.push(nested(prefixIds(a.body, `a${i}-`), a.viewBox, [x * width, y * height, w * width, h * height], a.flip));
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">${parts.join('')}</svg>`;
}
