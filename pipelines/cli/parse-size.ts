import { InvalidArgumentError } from 'commander'

const unitsBytes: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
}

/** Bytes from text such as `128MB`, `64MiB`, `1.5GB`; the parser of a command's option. */
export function sizeOption(text: string): number {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)([kMG]?B|[KMG]iB)$/.exec(text.trim())
  const unit = unitsBytes[match?.[2] ?? '']
  if (match !== null && unit !== undefined) return Math.round(Number(match[1]) * unit)
  throw new InvalidArgumentError(
    `'${text}' is no size. Give a number and a unit (B, kB, MB, GB, KiB, MiB, GiB), as in 128MB.`,
  )
}
