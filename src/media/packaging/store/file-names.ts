export type SegmentExtension = 'ts' | 'm4s'

/** Kind of a rendition's file, read from its name: no path from a client reaches the disk. */
export type FileName =
  | { readonly kind: 'segment'; readonly number: number; readonly extension: SegmentExtension }
  | { readonly kind: 'part'; readonly number: number; readonly part: number }
  | { readonly kind: 'init' }

/** 2^53 has 16 digits. */
const SEGMENT = /^(\d{1,15})\.(ts|m4s)$/
const PART = /^(\d{1,15})\.(\d{1,4})\.(?:ts|m4s)$/
const INIT = /^init-\d{1,15}\.mp4$/
const RENDITION = /^(?:stream|audio)_\d{1,3}$/

export const segmentFile = (number: number, extension: SegmentExtension): string =>
  `${number}.${extension}`

/** `58.m4s`, part 2: `58.2.m4s`. */
export const partFile = (segment: string, part: number): string => {
  const dot = segment.lastIndexOf('.')
  return `${segment.slice(0, dot)}.${part}${segment.slice(dot)}`
}

/** Named after the first segment that uses it, so that a name is never used twice. */
export const initFile = (number: number): string => `init-${number}.mp4`

export const readFileName = (name: string): FileName | undefined => {
  const segment = SEGMENT.exec(name)
  if (segment !== null) {
    return {
      kind: 'segment',
      number: Number(segment[1]),
      extension: segment[2] === 'ts' ? 'ts' : 'm4s',
    }
  }
  const part = PART.exec(name)
  if (part !== null) return { kind: 'part', number: Number(part[1]), part: Number(part[2]) }
  return INIT.test(name) ? { kind: 'init' } : undefined
}

export const isRenditionName = (name: string): boolean => RENDITION.test(name)
