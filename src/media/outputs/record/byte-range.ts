export interface ByteRange {
  readonly from: number
  /** Inclusive. */
  readonly to: number
}

/**
 * RFC 9110, 14.1.2: one range of bytes. Undefined where no range must be honoured (other units, several ranges): then
 * the whole file is sent.
 */
export const byteRange = (
  header: string | undefined,
  size: number,
): ByteRange | 'not_satisfiable' | undefined => {
  const match = /^bytes=\s*(\d*)-(\d*)\s*$/i.exec(header ?? '')
  if (match === null || (match[1] === '' && match[2] === '')) return undefined
  const [first, last] = [match[1]!, match[2]!]
  if (first === '') {
    const length = Math.min(size, Number(last))
    return length === 0 ? 'not_satisfiable' : { from: size - length, to: size - 1 }
  }
  const from = Number(first)
  if (last !== '' && Number(last) < from) return undefined
  if (from >= size) return 'not_satisfiable'
  return { from, to: last === '' ? size - 1 : Math.min(size - 1, Number(last)) }
}
