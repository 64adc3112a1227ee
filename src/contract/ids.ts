import type { Brand } from '../lib/brand.ts'

export type SourceId = Brand<string, 'SourceId'>
/** Identity of one take on one bus, unique within a channel's run. Two takes of the same source have different ones. */
export type Ticket = Brand<number, 'Ticket'>

export type OutputId = Brand<string, 'OutputId'>
export type ChannelId = Brand<string, 'ChannelId'>
/** A bus of a channel. Open: a channel may have further ones than these two. */
export type BusId = Brand<string, 'BusId'>

/** Text of a channel, bus, source or output id: it appears in URLs, metrics and file names. */
export const ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/

/** The id of the channel's own slate in takes and status. No source may have it. */
export const SLATE = 'slate' as SourceId

export const PROGRAM = 'program' as BusId
export const PREVIEW = 'preview' as BusId

export const sourceId = (text: string): SourceId => {
  if (!ID_PATTERN.test(text)) throw new RangeError(idProblem('source id', text))
  return text as SourceId
}

export const outputId = (text: string): OutputId => {
  if (!ID_PATTERN.test(text)) throw new RangeError(idProblem('output id', text))
  return text as OutputId
}

export const channelId = (text: string): ChannelId => {
  if (!ID_PATTERN.test(text)) throw new RangeError(idProblem('channel id', text))
  return text as ChannelId
}

const idProblem = (field: string, text: string): string =>
  `${field} ${JSON.stringify(text)} must be 1 to 64 letters, digits, "_", "." or "-", and start with a letter or digit`
