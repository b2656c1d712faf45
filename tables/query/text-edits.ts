/** A piece of a text that another one takes the place of. */
export interface TextEdit {
  readonly start: number
  /** Exclusive. */
  readonly end: number
  readonly text: string
}

export interface EditedText {
  readonly text: string
  /** The place in the text before of a place in the text now. */
  originalOf(offset: number): number
}

/** A text with edits that do not overlap, in the order of their places. */
export function editText(text: string, edits: readonly TextEdit[]): EditedText {
  let result = ''
  let copied = 0
  const places: { readonly from: number; readonly to: number; readonly original: number }[] = []
  for (const edit of edits) {
    result += text.slice(copied, edit.start)
    places.push({ from: result.length, to: result.length + edit.text.length, original: edit.end })
    result += edit.text
    copied = edit.end
  }
  const edited = result + text.slice(copied)
  return {
    text: edited,
    originalOf: (offset) => {
      const before = places.findLastIndex(({ from }) => from <= offset)
      const place = places[before]
      const edit = edits[before]
      if (place === undefined || edit === undefined) return offset
      return offset < place.to ? edit.start : place.original + (offset - place.to)
    },
  }
}

/** Line and column of a place, both from 1, as Trino counts them. */
export function lineAndColumn(text: string, offset: number): readonly [number, number] {
  const lines = text.slice(0, offset).split('\n')
  return [lines.length, (lines.at(-1)?.length ?? 0) + 1]
}

/** The place of a line and a column. */
export function offsetOf(text: string, line: number, column: number): number {
  const before = text.split('\n').slice(0, line - 1)
  return before.reduce((sum, each) => sum + each.length + 1, 0) + column - 1
}
