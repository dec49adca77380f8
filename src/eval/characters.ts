// What can be read off a character: one table of attributes that all makers share, each with its words. 'none' is a word
// like the others: a bald head has no hair colour, an avatar no hat.

/** The attributes, the last of which is not part of who somebody is. */
export const ATTRIBUTES = ['maker', 'hair', 'hairColour', 'skin', 'clothesColour', 'beard', 'glasses', 'hat', 'expression'] as const;
export type Attribute = (typeof ATTRIBUTES)[number];
