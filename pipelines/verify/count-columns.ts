/** The counts of sluice.cuts that add up, as its columns name them. */
export const countColumns = [
  'message_count',
  'decoded_count',
  'ignored_count',
  'rejected_count',
  'row_count',
  'silver_count',
  'duplicate_count',
  'refused_count',
] as const
