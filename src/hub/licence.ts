// The licence of a model as its card says it, and whether a person has to agree before it is taken: those that let anybody use it for
// anything lawful need no question; non-commercial ones, terms of a company's own, and gates do. Pure.

export interface Licence {
  /** As the hub calls it ("openrail++"), or the name of terms that it does not know; undefined where nothing is said. */
  readonly name: string | undefined;
  /** Where it can be read. */
  readonly link?: string | undefined;
}

/** Licences without a bar to any lawful use or user; the use-based clauses of the RAIL ones are of the law's own kind. */
const OPEN =
  /^(mit|apache-2\.0|bsd(-[\w-]+)?|isc|unlicense|wtfpl|cc0-1\.0|cc-by-(sa-)?[34]\.0|[al]?gpl-[\d.]+|mpl-2\.0|zlib|.*openrail.*)$/i;

/** Whether a person has to say yes first. */
export const needsConsent = ({ name }: Licence, gated: boolean): boolean => gated || name === undefined || !OPEN.test(name);

/** "openrail++", "stability-ai-community (https://...)". */
export const licenceText = ({ name, link }: Licence): string => `${name ?? 'none stated'}${link ? ` (${link})` : ''}`;

/** The licence in a card's data. */
export function licenceOf(card: Readonly<Record<string, unknown>> = {}): Licence {
  const text = (key: string) => (typeof card[key] === 'string' ? (card[key] as string).replace(/\p{C}/gu, '?').slice(0, 200) : undefined);
  const listed = Array.isArray(card.license) && typeof card.license[0] === 'string' ? card.license[0] : undefined;
  const name = text('license') ?? listed;
  return { name: name === 'other' ? (text('license_name') ?? name) : name, link: text('license_link') };
}

/** The licence in a README.md: the few lines of YAML at its top that say it. */
export function licenceInCard(markdown: string): Licence {
  const [, head = ''] = /^\uFEFF?---\r?\n([\s\S]*?)\r?\n---/.exec(markdown) ?? [];
  const lines = [...head.matchAll(/^(license(?:_name|_link)?):[ \t]*(?:\r?\n[ \t]*- )?["']?([^"'\r\n]+?)["']?[ \t]*$/gm)];
  return licenceOf(Object.fromEntries(lines.map(([, key, value]) => [key, value])));
}
