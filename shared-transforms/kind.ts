/** What a message is about. Each kind has a bronze table and a silver table of its own. */
export const kinds = ['trade', 'quote', 'kline'] as const

export type Kind = (typeof kinds)[number]
