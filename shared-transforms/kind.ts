/**
 * What a message is about. Each kind has a bronze table and a silver table of its own, which are
 * named after it. Which kinds there are says the model of a lake; these are the built-in ones.
 */
export type Kind = string

export const kinds: readonly Kind[] = ['trade', 'quote', 'kline']
