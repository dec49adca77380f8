// The curve of a training as an SVG: what was logged over the steps, on a logarithmic axis, and the state that was kept.
import { escapeXml } from '../util/xml.ts';

export interface Series {
  readonly label: string;
  readonly colour: string;
  readonly points: readonly (readonly [step: number, value: number])[];
}

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [720, 400, 64, 16, 40, 36];

/** A drawing of 720 x 400. Values must be above 0; `mark` is a step to point out. */
export function curveSvg(title: string, series: readonly Series[], { mark }: { mark?: number } = {}): string {
  const all = series.flatMap(({ points }) => points).filter(([, y]) => y > 0 && Number.isFinite(y));
  const steps = Math.max(1, ...all.map(([x]) => x));
  const logs = all.map(([, y]) => Math.log10(y));
  const [low, high] = all.length > 0 ? [Math.min(...logs) - 0.02, Math.max(...logs) + 0.02] : [-1, 0];
  const x = (step: number) => LEFT + ((WIDTH - LEFT - RIGHT) * step) / steps;
  const y = (value: number) => TOP + ((HEIGHT - TOP - BOTTOM) * (high - Math.log10(value))) / (high - low);
  const text = (at: number, down: number, words: string, anchor = 'middle') =>
    `<text x="${at.toFixed(1)}" y="${down.toFixed(1)}" text-anchor="${anchor}">${escapeXml(words)}</text>`;
  const line = (x1: number, y1: number, x2: number, y2: number, style: string) =>
    `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" ${style}/>`;
  const parts = [0, 0.25, 0.5, 0.75, 1].flatMap((share) => {
    const [step, value] = [Math.round(share * steps), 10 ** (low + share * (high - low))];
    return [
      text(x(step), HEIGHT - BOTTOM + 18, String(step)),
      text(LEFT - 6, y(value) + 4, value.toPrecision(3), 'end'),
      line(LEFT, y(value), WIDTH - RIGHT, y(value), 'stroke="#ddd"'),
    ];
  });
  if (mark !== undefined)
    parts.push(line(x(mark), TOP, x(mark), HEIGHT - BOTTOM, 'stroke="#888" stroke-dasharray="4 4"'), text(x(mark), TOP - 6, 'kept'));
  series.forEach(({ label, colour, points }, i) => {
    const path = points.filter(([, v]) => v > 0 && Number.isFinite(v)).map(([step, v]) => `${x(step).toFixed(1)},${y(v).toFixed(1)}`);
    parts.push(`<polyline points="${path.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`);
    parts.push(
      `<rect x="${LEFT + 150 * i + 130}" y="10" width="12" height="12" fill="${colour}"/>`,
      text(LEFT + 150 * i + 148, 20, label, 'start'),
    );
  });
  const font = 'font-family="sans-serif" font-size="12" fill="#333"';
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" ${font}><rect width="100%" height="100%" fill="#fff"/>${text(LEFT, 20, title, 'start')}${parts.join('')}</svg>`;
}
