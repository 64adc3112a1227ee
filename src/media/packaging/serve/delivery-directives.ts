import type { Segment } from '../store/segment-model.ts'

/** Delivery directives of a playlist request (RFC 8216bis, 6.2.5). */
export interface Directives {
  readonly msn: number | undefined
  readonly part: number | undefined
  readonly skip: boolean
}

export type ReadDirectives =
  | { readonly ok: true; readonly directives: Directives }
  /** Invalid value of `parameter`; `why` is a sentence. */
  | { readonly ok: false; readonly parameter: string; readonly why: string }

const NUMBER = /^\d{1,15}$/
/** Segments beyond the last one that may be waited for (RFC 8216bis, 6.2.5.2). */
const MAX_SEGMENTS_AHEAD = 2
/** RFC 8216bis, 6.2.5.2: Advance Part Limit, divided by the part target where that is below one second. */
const MAX_PARTS_AHEAD = 3

const NONE: ReadDirectives = {
  ok: true,
  directives: { msn: undefined, part: undefined, skip: false },
}

/** Reads the directives from a request's URL. */
export const readDirectives = (url: string): ReadDirectives => {
  const query = url.indexOf('?')
  if (query < 0 || !url.includes('_HLS_', query)) return NONE
  const parameters = new URLSearchParams(url.slice(query + 1))
  const read: Record<'_HLS_msn' | '_HLS_part', number | undefined> = {
    _HLS_msn: undefined,
    _HLS_part: undefined,
  }
  for (const parameter of ['_HLS_msn', '_HLS_part'] as const) {
    const text = parameters.get(parameter)
    if (text === null) continue
    if (!NUMBER.test(text)) return refusal(parameter, text, 'it must be a whole number')
    read[parameter] = Number(text)
  }
  const { _HLS_msn: msn, _HLS_part: part } = read
  if (part !== undefined && msn === undefined) {
    return refusal('_HLS_part', part, 'it needs _HLS_msn beside it')
  }
  const skip = parameters.get('_HLS_skip')
  return { ok: true, directives: { msn, part, skip: skip === 'YES' || skip === 'v2' } }
}

const refusal = (
  parameter: string,
  value: string | number,
  why: string,
): Extract<ReadDirectives, { ok: false }> => ({
  ok: false,
  parameter,
  why: `${parameter}=${String(value).slice(0, 40)}: ${why}`,
})

/** Reason why the directives are too far ahead to be waited for; undefined when they are not. */
export const tooFarAhead = (
  { msn, part }: Directives,
  segments: readonly Segment[],
  partTarget: number,
): Extract<ReadDirectives, { ok: false }> | undefined => {
  if (msn === undefined) return undefined
  const last = segments.at(-1)
  const whole = last === undefined ? -1 : last.state === 'open' ? last.number - 1 : last.number
  if (msn > whole + MAX_SEGMENTS_AHEAD) {
    return refusal(
      '_HLS_msn',
      msn,
      `the last segment is ${whole}: at most ${whole + MAX_SEGMENTS_AHEAD} is possible`,
    )
  }
  if (part === undefined) return undefined
  const listed = last?.number === msn ? last.parts.length - 1 : -1
  const limit = Math.ceil(partTarget < 1 ? MAX_PARTS_AHEAD / partTarget : MAX_PARTS_AHEAD)
  // Of a whole segment, any part above the last means the next segment.
  if (msn <= whole || part <= listed + limit) return undefined
  return refusal(
    '_HLS_part',
    part,
    `the last part of segment ${msn} is ${listed}: at most ${listed + limit} is possible`,
  )
}
