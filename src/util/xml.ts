// Text inside XML, and back.
const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** A text as an element has it; characters that XML cannot hold are left out. */
export const escapeXml = (text: string): string =>
  text.replace(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|\p{Surrogate}/gu, '').replace(/[&<>]/g, (c) => ENTITIES[c]!);

/** A text as an attribute in double quotes has it. */
export const escapeAttribute = (text: string): string => escapeXml(text).replaceAll('"', '&quot;');

/** The text of an element. */
export const unescapeXml = (xml: string): string =>
  Object.entries(ENTITIES)
    .reverse() // & is the last, or it would begin entities
    .reduce((text, [c, entity]) => text.replaceAll(entity, c), xml);
