export const NODE_MIN: string
export function nodeVersionError(version: string): string | undefined
