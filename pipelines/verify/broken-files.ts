/** What content checks must leave out, as it cannot be read. It grows while checks run. */
export interface BrokenFiles {
  /** Locations of data and delete files. */
  readonly locations: Set<string>
  /** Tables whose files cannot even be listed: nothing of their rows can be checked. */
  readonly tables: Set<string>
}

export function createBrokenFiles(): BrokenFiles {
  return { locations: new Set(), tables: new Set() }
}
